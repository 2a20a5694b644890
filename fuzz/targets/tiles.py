"""Tile paths as a stranger asks for them; what is accepted prints back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.errors import DetenteError
from detente.record.tiles import TileName, bundle_path, parse_path, read_entries, read_tile, tile_path
from fuzz.seeds import vectors

PARSERS = (
    "detente.record.tiles.parse_path",
    "detente.record.tiles.read_tile",
    "detente.record.tiles.read_entries",
    "detente.record.verify.read_leaves",
)


def seeds() -> Iterator[bytes]:
    yield from vectors("formats-1/tile-path")


def one(data: bytes) -> None:
    with suppress(DetenteError):
        path = data.decode("ascii", "replace")
        name = parse_path(path)
        printed = (
            bundle_path(name.n, name.width)
            if name.level is None
            else tile_path(name.level, name.n, name.width)
        )
        assert printed == path
    with suppress(DetenteError):
        read_tile(lambda _path: data, TileName(0, 0, 3))
    with suppress(DetenteError):
        list(read_entries(lambda _path: data, 3))
