"""Notices of heads, and the answers to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.errors import Malformed
from detente.record.messages import encode_notice, parse_notice
from fuzz.seeds import vectors

PARSERS = ("detente.record.messages.parse_notice",)


def seeds() -> Iterator[bytes]:
    yield from vectors("entries-1/notice")


def one(data: bytes) -> None:
    with suppress(Malformed):
        found = parse_notice(data)
        assert encode_notice(found) == data
