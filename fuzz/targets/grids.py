"""Typed grids: one spelling, and every grid read leads back to its own square."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.cases.grids import grid_centre, grid_of, print_grid
from detente.record.errors import DetenteError

PARSERS = ("detente.cases.grids.grid_centre",)


def seeds() -> Iterator[bytes]:
    yield from (b"26SMH1234", b"36s yb 79 66", b"31UDQ4825111932", b"60XWT0000000000", b"32VKM12")


def one(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    print_grid(text)
    with suppress(DetenteError):
        lat, lon, edge, spelt = grid_centre(text)
        assert grid_centre(spelt)[3] == spelt
        grid_of(lat, lon, edge)
