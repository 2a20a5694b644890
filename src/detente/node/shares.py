"""The recovery key in two hands: two shares, both needed, as words on paper (protocol C3).

1. Share 1 is random, share 2 is the key XOR share 1: each alone says nothing at all about the key.
2. 32 bytes are 32 words of the list that fingerprints use, eight lines of four, and two check words: the
   first two bytes of SHA-256 over domain, cell and party, number and bytes. A word read wrongly is found.
3. Two shares of different ceremonies give a wrong key; its fingerprint, which the charter names, tells.

Nothing here touches a disk; randomness comes from the caller.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from detente.charter.spoken import WORDS
from detente.record.errors import Malformed, Refused, declare
from detente.record.keys import SEED_SIZE

SHARE_WRONG: Final = declare(
    "share-wrong", "the share's holder", "a word of this share is misread, or it is of another party"
)
SHARES_DIFFER: Final = declare(
    "shares-do-not-fit", "the share holders", "these two shares do not make the key that the charter names"
)

SHARES: Final = 2
_LINE: Final = 4  # words
_CHECKS: Final = 2
_SPOKEN: Final = 8  # words of a recovery key's fingerprint, eight bits each
_TITLE: Final = "Detente recovery key"
_HEAD: Final = re.compile(r"share ([12]) of 2, ([a-z0-9.-]{1,63})/([a-z][a-z0-9]{0,15})", re.IGNORECASE)
_NUMBER: Final = re.compile(r"^\s*(?:[0-9]{1,2}[.:]?|check:?)\s+", re.IGNORECASE)


@dataclass(frozen=True)
class Share:
    """One of two shares. `owner`: `<cell>/<party>`."""

    owner: str
    number: int
    data: bytes = field(repr=False)


def split(seed: bytes, owner: str, random: bytes) -> tuple[Share, Share]:
    """The two shares of a 32-byte key; `random`: 32 fresh random bytes (rule 1)."""
    other = bytes(a ^ b for a, b in zip(seed, random, strict=True))
    return Share(owner, 1, random), Share(owner, 2, other)


def join(one: Share, two: Share) -> bytes:
    """The key. Raises Refused `shares-do-not-fit` if they are not one party's two shares."""
    if one.owner != two.owner or {one.number, two.number} != {1, SHARES}:
        raise Refused(
            SHARES_DIFFER, first=f"{one.number} of {one.owner}", second=f"{two.number} of {two.owner}"
        )
    return bytes(a ^ b for a, b in zip(one.data, two.data, strict=True))


def page(share: Share, public: bytes) -> str:
    """What is written on the holder's page: the words in numbered lines, and what to compare."""
    words = [WORDS[byte] for byte in share.data]
    lines = [f"{_TITLE}: share {share.number} of {SHARES}, {share.owner}", ""]
    lines += [f"{n // _LINE + 1}  {'  '.join(words[n : n + _LINE])}" for n in range(0, SEED_SIZE, _LINE)]
    lines += [f"check  {'  '.join(_checks(share))}", "", f"The key it belongs to: {' '.join(spoken(public))}"]
    return "\n".join(lines) + "\n"


def read(text: str) -> Share:
    """The share of a page. Raises Malformed, or Refused `share-wrong` when the check words do not fit."""
    head = _HEAD.search(text)
    if head is None:
        raise Malformed("share", "no line 'share N of 2, cell/party'")
    words: list[str] = []
    for line in text[head.end() :].splitlines():
        found = _NUMBER.match(line)
        if found:
            words += line[found.end() :].lower().split()
    if len(words) != SEED_SIZE + _CHECKS:
        raise Malformed("share", f"{len(words)} words, not {SEED_SIZE + _CHECKS}")
    if unknown := sorted({word for word in words if word not in _INDEX}):
        raise Malformed("share", f"not in the list: {', '.join(unknown)[:100]}")
    owner = f"{head[2].lower()}/{head[3].lower()}"
    share = Share(owner, int(head[1]), bytes(_INDEX[word] for word in words[:SEED_SIZE]))
    if tuple(words[SEED_SIZE:]) != _checks(share):
        raise Refused(SHARE_WRONG, share=f"{share.number} of {owner}")
    return share


def public_of(seed: bytes) -> bytes:
    """Public half of the recovery key."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def spoken(public: bytes) -> tuple[str, ...]:
    """The words by which people compare a recovery key aloud."""
    digest = hashlib.sha256(b"detente/recovery/v1\n" + public).digest()
    return tuple(WORDS[byte] for byte in digest[:_SPOKEN])


def _checks(share: Share) -> tuple[str, ...]:
    text = f"detente/share/v1\n{share.owner}\n{share.number}\n".encode()
    return tuple(WORDS[byte] for byte in hashlib.sha256(text + share.data).digest()[:_CHECKS])


_INDEX: Final = {word: n for n, word in enumerate(WORDS)}
