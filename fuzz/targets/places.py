"""Places: shape, points, grid and precision that agree, or malformed."""

from __future__ import annotations

from collections.abc import Iterator

from detente.cases.places import Point, parse_place, place_at, place_json
from fuzz.json_value import each
from fuzz.seeds import as_json

PARSERS = ("detente.cases.places.parse_place",)


def _again(value: object) -> None:
    found = parse_place(value)
    assert parse_place(place_json(found)) == found


def seeds() -> Iterator[bytes]:
    made = place_at([Point(38_500_000, -28_600_000)], precision_m=1000, basis="MAP")
    yield from as_json(place_json(made))


def one(data: bytes) -> None:
    each(data, _again)
