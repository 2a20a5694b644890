"""Opens parts sealed to this party, and keeps their file keys wrapped under the storage key (protocol E1)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from detente.record.age import open_file_key
from detente.record.errors import DetenteError, Unverified
from detente.record.header import Header
from detente.record.parts import open_with_file_key

_NONCE: Final = 12
#: Bytes of one storage key. While a new one is brought in, both stand one behind the other, newest last.
KEY: Final = 32


@dataclass(frozen=True, slots=True)
class OpenedPart:
    """A part after trying to open it: plaintext and wrapped file key, or the reason why not."""

    index: int
    position: int
    role: str
    plaintext: bytes | None
    file_key: bytes | None
    failure: str = ""


class Opener:
    """Opens with this party's receiving keys. Safe in any thread."""

    def __init__(self, party: str, seeds: Iterable[bytes], storage_key: bytes) -> None:
        """`seeds`: receiving keys, the newest first."""
        self._party, self._seeds, self._storage = party, tuple(seeds), storage_key

    def renew(self, seeds: Iterable[bytes]) -> None:
        """Open with these receiving keys from now on, the newest first."""
        self._seeds = tuple(seeds)

    def is_reader(self, author: str, to: Iterable[str]) -> bool:
        """Whether a part of `author`'s is sealed to this party; the author's own always is (A6)."""
        return author == self._party or self._party in to

    def open_all(
        self, author: str, index: int, header: Header, held: Mapping[bytes, bytes]
    ) -> list[OpenedPart]:
        """Every part of the entry that is sealed to us and among `held` (SHA-256 → bytes).

        `author` is the party of the log it stands in, whatever its header says.
        """
        return [
            self.open(index, position, part.role, held[part.sha256])
            for position, part in enumerate(header.parts)
            if part.sha256 in held and self.is_reader(author, part.to)
        ]

    def open(self, index: int, position: int, role: str, data: bytes) -> OpenedPart:
        """One part. What does not open is a result too: an entry R06 will say so."""
        failure = "no-key"
        for seed in self._seeds:
            try:
                file_key = open_file_key(data, seed)
            except DetenteError:
                continue
            try:
                plaintext = open_with_file_key(data, file_key)
            except DetenteError as error:
                failure = error.code
                break
            return OpenedPart(index, position, role, plaintext, self.wrap(file_key))
        return OpenedPart(index, position, role, None, None, failure)

    def reopen(self, data: bytes, wrapped: bytes) -> bytes:
        """The plaintext of a part that was opened before, by its wrapped file key.

        No receiving key is needed: those may be destroyed (protocol E1). Raises Malformed or Unverified.
        """
        return open_with_file_key(data, unwrap(self._storage, wrapped))

    def wrap(self, secret: bytes) -> bytes:
        """A secret under the storage key."""
        return wrap(self._storage, secret)


def wrap(storage_key: bytes, secret: bytes) -> bytes:
    """Nonce and ciphertext of a secret under the newest storage key; `unwrap` gives it back."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + ChaCha20Poly1305(storage_key[-KEY:]).encrypt(nonce, secret, None)


def unwrap(storage_key: bytes, wrapped: bytes) -> bytes:
    """The secret. Raises Unverified if it was wrapped under another key or changed."""
    for end in range(len(storage_key), 0, -KEY):
        try:
            key = ChaCha20Poly1305(storage_key[end - KEY : end])
            return key.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], None)
        except InvalidTag:
            continue
    raise Unverified("wrapped secret", sha256=hashlib.sha256(wrapped).hexdigest())
