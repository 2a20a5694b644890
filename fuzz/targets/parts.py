"""Sealed parts: the padding inside the age file is canonical, or nothing is opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.age import recipient_of
from detente.record.errors import DetenteError
from detente.record.parts import open_sealed, open_with_file_key, pad, seal, unpad
from fuzz.seeds import vectors

PARSERS = (
    "detente.record.parts.open_sealed",
    "detente.record.parts.open_with_file_key",
)


def seeds() -> Iterator[bytes]:
    yield from vectors("entries-1/part")
    yield seal(b"text", [recipient_of(bytes(32))], file_key=bytes(16), nonce=bytes(16))
    yield pad(b"text")


def one(data: bytes) -> None:
    with suppress(DetenteError):
        open_sealed(data, bytes(32))
    with suppress(DetenteError):
        open_with_file_key(data, bytes(16))
    with suppress(DetenteError):
        assert pad(unpad(data)) == data
