"""The pairing card: what a party gives the others so that they can pair with it. Nothing in it is secret.

1. One file, strict JSON: keys, CA, addresses, RP ID. Nobody signs it: it is trusted when two engineers
   who know each other's voice have read its words aloud.
2. Its fingerprint is SHA-256 over the file's bytes with domain separation. The words carry eight bits each:
   finding a second card with the same words is out of reach, reading SPOKEN_WORDS of them is not.
3. A charter takes its keys from cards; after accession the charter wins and the card only says where to dial.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from detente.charter.spoken import WORDS
from detente.record import strictjson
from detente.record.approvals import Credential
from detente.record.encoding import encode_base64, parse_base64, parse_hex
from detente.record.errors import Malformed
from detente.record.keys import LogKeys, MirrorKeys, parse_vkey
from detente.record.names import is_cell, is_party, mirror_name, origin

CARD_LIMIT: Final = 65_536  # two logs' worth of ML-DSA keys and a CA leave most of it free
SPOKEN_WORDS: Final = 12  # eight bits a word: 96 bits
_DOMAIN: Final = b"detente/card/v1\n"
_KEYS: Final = {
    "v", "cell", "party", "log", "mirrors", "receiving", "recovery", "admins", "ca", "addresses", "rp_id",
    "desk_origin",
}  # fmt: skip
_ADDRESS: Final = re.compile(r"https://[A-Za-z0-9.\-\[\]:]{1,250}:[0-9]{1,5}", re.ASCII)
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
_ADMINS: Final = 2


@dataclass(frozen=True)
class PeerCard:
    """One party's card. `recovery` and `thin` are raw Ed25519 public keys, `ca` a PEM certificate.

    `thin` is empty on a card of a version that had no thin form.
    """

    cell: str
    party: str
    log: LogKeys
    mirrors: Mapping[str, MirrorKeys]
    receiving: str
    recovery: bytes
    thin: bytes
    admins: tuple[Credential, ...]
    ca: str
    addresses: Mapping[str, str]
    rp_id: str
    desk_origin: str


def encode_card(card: PeerCard) -> bytes:
    """The card's file; `parse_card` gives the same value back."""
    thin = {"thin": card.thin.hex()} if card.thin else {}
    return strictjson.encode({
        "v": 1,
        "cell": card.cell,
        "party": card.party,
        "log": {"ed25519": card.log.ed25519.encode(), "mldsa44": card.log.mldsa44.encode()},
        "mirrors": {
            watched: {"ed25519": keys.ed25519.encode(), "mldsa44": keys.mldsa44.encode()}
            for watched, keys in card.mirrors.items()
        },
        "receiving": card.receiving,
        "recovery": card.recovery.hex(),
        **thin,
        "admins": [_credential_json(one) for one in card.admins],
        "ca": card.ca,
        "addresses": dict(card.addresses),
        "rp_id": card.rp_id,
        "desk_origin": card.desk_origin,
    }) + b"\n"  # fmt: skip


def parse_card(data: bytes) -> PeerCard:
    """The card in a file. Raises Malformed."""
    found = strictjson.parse(data, limit=CARD_LIMIT)
    strictjson.expect_keys(found, "card", _KEYS, ("thin",))
    if found["v"] != 1:
        raise Malformed("card version", found["v"])
    cell, party = _text(found, "cell"), _text(found, "party")
    if not is_cell(cell) or not is_party(party):
        raise Malformed("card", f"{cell[:80]}/{party[:20]}")
    name = origin(cell, party)
    log = LogKeys(name, *(parse_vkey(key) for key in _pair(found["log"], "card log")))
    return PeerCard(
        cell, party, log, _mirrors(found["mirrors"], cell, party), _receiving(found),
        parse_hex(_text(found, "recovery"), "recovery key", size=32),
        parse_hex(_text(found, "thin"), "thin key", size=32) if "thin" in found else b"",
        _admins(found["admins"]),
        _text(found, "ca", limit=16_384), _addresses(found["addresses"], party),
        _host(found, "rp_id"), _text(found, "desk_origin"),
    )  # fmt: skip


def fingerprint(card: bytes) -> bytes:
    """SHA-256 that names a card's bytes."""
    return hashlib.sha256(_DOMAIN + card).digest()


def fingerprint_words(card: bytes) -> tuple[str, ...]:
    """The words two engineers read to each other; one word a byte of the fingerprint."""
    return tuple(WORDS[byte] for byte in fingerprint(card)[:SPOKEN_WORDS])


def _credential_json(credential: Credential) -> dict[str, Any]:
    return {
        "post": credential.post,
        "kind": credential.kind,
        "public": encode_base64(credential.public),
        "credential_id": encode_base64(credential.credential_id),
        "rp_id": credential.rp_id,
        "origins": list(credential.origins),
    }


def _admins(value: Any) -> tuple[Credential, ...]:
    rows = strictjson.expect_list(value, "card admins", limit=_ADMINS)
    if len(rows) != _ADMINS:
        raise Malformed("card admins", len(rows))
    return tuple(_credential(row) for row in rows)


def _credential(row: Any) -> Credential:
    strictjson.expect_keys(row, "admin", {"post", "kind", "public", "credential_id", "rp_id", "origins"})
    if row["kind"] not in ("ed25519", "webauthn"):
        raise Malformed("admin kind", row["kind"])
    origins = strictjson.expect_list(row["origins"], "origins", limit=8)
    return Credential(
        post=_text(row, "post"), kind=row["kind"],
        public=parse_base64(_text(row, "public"), "admin key"),
        credential_id=parse_base64(_text(row, "credential_id"), "credential id"),
        rp_id=_text(row, "rp_id"),
        origins=tuple(strictjson.expect_text(one, "origin", limit=300) for one in origins),
    )  # fmt: skip


def _pair(value: Any, what: str) -> tuple[str, str]:
    strictjson.expect_keys(value, what, {"ed25519", "mldsa44"})
    return _text(value, "ed25519"), _text(value, "mldsa44")


def _mirrors(value: Any, cell: str, party: str) -> dict[str, MirrorKeys]:
    if not isinstance(value, dict) or not 0 < len(value) <= 16:
        raise Malformed("card mirrors")
    made = {}
    for watched in sorted(value):
        ed25519, mldsa44 = _pair(value[watched], "card mirror")
        name = mirror_name(cell, party, watched)
        made[watched] = MirrorKeys(name, parse_vkey(ed25519), parse_vkey(mldsa44))
    return made


def _addresses(value: Any, party: str) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > 16:
        raise Malformed("card addresses")
    for peer, address in value.items():
        if not is_party(peer) or peer == party:
            raise Malformed("card address", peer[:40])
        if not isinstance(address, str) or not (address == "" or _ADDRESS.fullmatch(address)):
            raise Malformed("card address", str(address)[:100])
    return dict(sorted(value.items()))


def _receiving(found: dict[str, Any]) -> str:
    text = _text(found, "receiving")
    if not text.startswith("age1pq1"):
        raise Malformed("receiving key", text[:20])
    return text


def _host(found: dict[str, Any], key: str) -> str:
    text = _text(found, key)
    if not _HOST.fullmatch(text):
        raise Malformed(key, text[:100])
    return text


def _text(found: dict[str, Any], key: str, *, limit: int = 4096) -> str:
    return strictjson.expect_text(found[key], key, limit=limit)
