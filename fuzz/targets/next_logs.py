"""Certificates of next logs, with the vectors' recovery key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.errors import DetenteError
from detente.record.nextlog import open_next_log, read_next_log
from fuzz.seeds import vectors
from record.vector_files import RECOVERY

PARSERS = (
    "detente.record.nextlog.open_next_log",
    "detente.record.nextlog.read_next_log",
)


def seeds() -> Iterator[bytes]:
    yield from vectors("formats-1/next-log")


def one(data: bytes) -> None:
    with suppress(DetenteError):
        found = read_next_log(data)
        assert data.startswith(found.text())
    with suppress(DetenteError):
        open_next_log(data, RECOVERY.public)
