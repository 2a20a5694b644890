"""Typed times: only what says UTC, and it prints back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.cases.instants import parse_instant, print_group, print_instant
from detente.record.errors import DetenteError

PARSERS = ("detente.cases.instants.parse_instant",)


def seeds() -> Iterator[bytes]:
    yield from (
        b"2026-01-06T10:00Z",
        b"2026-01-06T10:00:59Z",
        b"061000ZJAN26",
        b"061000Z JAN 26",
        b"9999-12-31T23:59Z",
    )


def one(data: bytes) -> None:
    with suppress(DetenteError):
        at = parse_instant(data.decode("utf-8", "replace"))
        assert parse_instant(print_instant(at)) == at
        if at >= 946_684_800 and at < 4_102_444_800:
            assert parse_instant(print_group(at)) == at - at % 60
