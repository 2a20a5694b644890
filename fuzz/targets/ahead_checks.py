"""A floor entry ahead of its log is covered by a head of that log's own keys, or refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.errors import DetenteError
from detente.record.messages import parse_ahead
from detente.record.mirror import check_ahead
from fuzz.seeds import vectors
from record.vector_files import ENTRIES, KEYS

PARSERS = ("detente.record.mirror.check_ahead",)


def seeds() -> Iterator[bytes]:
    yield from vectors("entries-1/ahead")


def one(data: bytes) -> None:
    with suppress(DetenteError):
        found = parse_ahead(data)
        check_ahead(found, KEYS)
        assert found.entry == ENTRIES[found.index]
