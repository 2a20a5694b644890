"""Two-histories files: what convicts under the vectors' keys is a vector itself, never a mutation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.errors import DetenteError
from detente.record.evidence import encode_two_histories, parse_two_histories, verify_two_histories
from fuzz.seeds import vectors
from record.vector_files import KEYS

PARSERS = ("detente.record.evidence.parse_two_histories",)


def seeds() -> Iterator[bytes]:
    yield from vectors("formats-1/two-histories")


def one(data: bytes) -> None:
    with suppress(DetenteError):
        found = parse_two_histories(data)
        assert parse_two_histories(encode_two_histories(found)) == found
        verify_two_histories(found, KEYS)
