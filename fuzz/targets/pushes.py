"""Pushes of a peer: frames in order, bounded, and nothing behind them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.errors import Malformed
from detente.record.messages import encode_push, parse_push
from fuzz.seeds import vectors

PARSERS = (
    "detente.record.messages.parse_push",
    "detente.record.wire.parse_frames",
)


def seeds() -> Iterator[bytes]:
    yield from vectors("entries-1/push")


def one(data: bytes) -> None:
    with suppress(Malformed):
        found = parse_push(data)
        assert encode_push(found) == data
