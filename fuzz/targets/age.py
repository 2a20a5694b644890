"""Age files: headers, stanzas, payloads; opened with an identity, and with a file key alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.age import (
    check_recipient,
    decrypt,
    decrypt_with_file_key,
    encrypt,
    open_file_key,
    recipient_of,
    recipients_in,
)
from detente.record.errors import DetenteError
from fuzz.seeds import vectors

PARSERS = (
    "detente.record.age.decrypt",
    "detente.record.age.decrypt_with_file_key",
    "detente.record.age.open_file_key",
    "detente.record.bech32.decode",
)

_SEED = bytes(32)


def _opened(data: bytes) -> None:
    key = open_file_key(data, _SEED)
    assert decrypt(data, _SEED) == decrypt_with_file_key(data, key)


def _by_key(data: bytes) -> None:
    decrypt_with_file_key(data, bytes(16))


def seeds() -> Iterator[bytes]:
    yield from vectors("entries-1/part", "entries-1/recipient")
    yield encrypt(b"text", [recipient_of(_SEED)], file_key=bytes(16), nonce=bytes(16))


def one(data: bytes) -> None:
    for read in (_opened, _by_key, recipients_in):
        with suppress(DetenteError):
            read(data)
    with suppress(DetenteError):
        check_recipient(data.decode("utf-8", "replace"))
