"""Origins, mirror names and printed entry ids: one spelling each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.errors import DetenteError
from detente.record.names import mirror_name, origin, parse_id, parse_mirror, parse_origin, print_id
from detente.record.references import parse_log
from fuzz.seeds import vectors

PARSERS = (
    "detente.record.names.parse_origin",
    "detente.record.names.parse_mirror",
    "detente.record.names.parse_id",
    "detente.record.references.parse_log",
)


def seeds() -> Iterator[bytes]:
    yield from vectors("formats-1/origin", "formats-1/mirror", "formats-1/entry-id")


def one(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    with suppress(DetenteError):
        assert origin(*parse_origin(text)) == text
        assert parse_log(text) == text
    with suppress(DetenteError):
        assert mirror_name(*parse_mirror(text)) == text
    for cell in ("harbour", "harbour.exercise"):
        with suppress(DetenteError):
            assert print_id(parse_id(text, cell)) == text
