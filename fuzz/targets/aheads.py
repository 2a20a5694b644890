"""Floor entries ahead of their log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.errors import Malformed
from detente.record.messages import encode_ahead, parse_ahead
from fuzz.seeds import vectors

PARSERS = ("detente.record.messages.parse_ahead",)


def seeds() -> Iterator[bytes]:
    yield from vectors("entries-1/ahead")


def one(data: bytes) -> None:
    with suppress(Malformed):
        found = parse_ahead(data)
        assert encode_ahead(found) == data
