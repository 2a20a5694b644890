"""Thin messages as they are taken down from radio or paper, letters and bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.errors import DetenteError
from detente.record.letters import join_lines, read_line, write_lines
from detente.record.thin import Thin, parse_thin, sign_thin, verify_thin

PARSERS = (
    "detente.record.thin.parse_thin",
    "detente.record.letters.read_line",
)

_CELL = "harbour.exercise"


def seeds() -> Iterator[bytes]:
    thin = Thin(bytes(3), 0, 1, 2, 1, 0, 1_795_000_000, bytes(3), None, bytes(9))
    made = sign_thin(thin, _CELL, bytes(32))
    yield made
    yield from (line.encode() for line in write_lines(made, "latin"))


def one(data: bytes) -> None:
    with suppress(DetenteError):
        parse_thin(data, _CELL)
    with suppress(DetenteError):
        verify_thin(data, _CELL, bytes(32))
    lines = {}
    for number, text in enumerate(data.decode("utf-8", "replace").splitlines()[:40], 1):
        heard = read_line(text, number)
        if heard is not None and heard.data is not None:
            lines[heard.line or number] = heard.data
    with suppress(DetenteError):
        join_lines(lines, len(data) % 128)
