"""Entry headers: hashed as they came, read strictly; what is read is written and read again alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.errors import Malformed
from detente.record.header import encode_header, parse_header, parse_ranges
from fuzz.json_value import each
from fuzz.seeds import as_json, vectors

PARSERS = (
    "detente.record.header.parse_header",
    "detente.record.header.parse_ranges",
    "detente.node.store.parse_or_none",
)


def seeds() -> Iterator[bytes]:
    yield from vectors("entries-1/header")
    yield from as_json([[0, 3, ["content"]]], [[0, 3, ["content"]], [5, 5, ["attachment", "core"]]], [])


def one(data: bytes) -> None:
    with suppress(Malformed):
        found = parse_header(data)
        assert parse_header(encode_header(found)) == found
    each(data, lambda value: parse_ranges(value, 1000))
