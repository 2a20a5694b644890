"""References to entries inside a core."""

from __future__ import annotations

from collections.abc import Iterator

from detente.record.references import parse_reference, reference_json
from fuzz.json_value import each
from fuzz.seeds import as_json

PARSERS = ("detente.record.references.parse_reference",)


def _again(value: object) -> None:
    found = parse_reference(value)
    assert parse_reference(reference_json(found)) == found


def seeds() -> Iterator[bytes]:
    yield from as_json(
        {"log": "harbour.exercise/s1/1", "index": 3, "core": "00" * 32},
        {"log": "harbour.exercise/s1/1", "core": "11" * 32},
    )  # fmt: skip


def one(data: bytes) -> None:
    each(data, _again)
