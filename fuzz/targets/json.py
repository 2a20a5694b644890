"""Strict JSON: what is read is written and read again alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record import strictjson
from detente.record.errors import Malformed
from fuzz.seeds import vectors

PARSERS = ("detente.record.strictjson.parse",)


def seeds() -> Iterator[bytes]:
    yield from vectors("formats-1/json")


def one(data: bytes) -> None:
    with suppress(Malformed):
        found = strictjson.parse(data, limit=1 << 16)
        written = strictjson.encode(found)
        assert strictjson.encode(strictjson.parse(written, limit=1 << 20)) == written
