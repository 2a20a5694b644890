"""charter.toml over the shipped kind files, and the template without keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from charter.harbour import charter_text, kind_files, template
from detente.charter.load import load_charter, read_template
from detente.record.errors import DetenteError

PARSERS = (
    "detente.charter.load.load_charter",
    "detente.charter.load.read_template",
    "detente.charter.load.read_cell",
    "detente.charter.load.read_languages",
    "detente.charter.load.read_parties",
    "detente.charter.keysets.read_keys",
    "detente.charter.strict.parse_toml",
)

_KINDS = kind_files()


def seeds() -> Iterator[bytes]:
    yield charter_text()
    yield template()


def one(data: bytes) -> None:
    with suppress(DetenteError):
        load_charter(data, _KINDS)
    with suppress(DetenteError):
        read_template(data)
