"""Entry bundles of tiles: lengths add up to the byte."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.errors import Malformed
from detente.record.tiles import encode_bundle, parse_bundle
from fuzz.seeds import vectors

PARSERS = ("detente.record.tiles.parse_bundle",)


def seeds() -> Iterator[bytes]:
    yield from vectors("formats-1/bundle")


def one(data: bytes) -> None:
    with suppress(Malformed):
        assert encode_bundle(parse_bundle(data)) == data
    with suppress(Malformed):
        assert len(parse_bundle(data, count=3)) == 3
