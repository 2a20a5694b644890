"""Answers to a push: receipts, missing lists, wants."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.errors import Malformed
from detente.record.messages import encode_push_answer, parse_push_answer
from fuzz.seeds import vectors

PARSERS = ("detente.record.messages.parse_push_answer",)


def seeds() -> Iterator[bytes]:
    yield from vectors("entries-1/push-answer")


def one(data: bytes) -> None:
    with suppress(Malformed):
        found = parse_push_answer(data)
        assert parse_push_answer(encode_push_answer(found)) == found
