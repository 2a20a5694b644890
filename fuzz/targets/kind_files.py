"""Kind files and the lists that they share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.charter.kindfile import parse_common, parse_kind
from detente.record.errors import DetenteError
from fuzz.seeds import KINDS

PARSERS = (
    "detente.charter.kindfile.parse_kind",
    "detente.charter.kindfile.parse_common",
)

_COMMON = parse_common((KINDS / "common.toml").read_bytes())


def seeds() -> Iterator[bytes]:
    yield from (path.read_bytes() for path in sorted(KINDS.glob("*.toml")))


def one(data: bytes) -> None:
    with suppress(DetenteError):
        parse_common(data)
    with suppress(DetenteError):
        parse_kind("D02.toml", data, _COMMON)
