"""Cores and contents: strict, salted, and read back alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from cases.cell import started
from detente.cases.core import encode_content, encode_core, parse_content, parse_core
from detente.record.errors import DetenteError

PARSERS = (
    "detente.cases.core.parse_core",
    "detente.cases.core.parse_content",
)


def seeds() -> Iterator[bytes]:
    cell = started()
    yield from sorted(set(cell.opened.values()), key=len)[:40]


def one(data: bytes) -> None:
    with suppress(DetenteError):
        core = parse_core(data)
        assert parse_core(encode_core(core)) == core
    with suppress(DetenteError):
        content = parse_content(data)
        assert parse_content(encode_content(content)) == content
