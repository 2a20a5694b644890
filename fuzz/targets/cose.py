"""COSE keys of passkeys: a key of the two algorithms, or malformed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.cose import parse_cose_key
from detente.record.errors import Malformed
from fuzz.seeds import vectors

PARSERS = ("detente.record.cose.parse_cose_key",)


def seeds() -> Iterator[bytes]:
    yield from vectors("entries-1/cose-key")


def one(data: bytes) -> None:
    with suppress(Malformed):
        parse_cose_key(data)
