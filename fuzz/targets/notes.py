"""Signed notes: lines and whole notes; what is accepted prints back byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.errors import Malformed
from detente.record.note import encode_note, parse_lines, parse_note
from fuzz.seeds import vectors

PARSERS = (
    "detente.record.note.parse_note",
    "detente.record.note.parse_lines",
)


def seeds() -> Iterator[bytes]:
    yield from vectors("formats-1/note", "formats-1/head", "formats-1/cosignature")


def one(data: bytes) -> None:
    with suppress(Malformed):
        found = parse_note(data)
        assert encode_note(found.text, found.signatures) == data
    with suppress(Malformed):
        lines = parse_lines(data)
        assert b"".join(line.encode() for line in lines) == data
