"""The manifest of a backup, as an operator's medium gives it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.node.backup import Manifest, encode_manifest, parse_manifest
from detente.record.errors import DetenteError

PARSERS = ("detente.node.backup.parse_manifest",)


def seeds() -> Iterator[bytes]:
    logs, files = {"harbour.exercise/s1/1": 3}, {"node.toml": (200, "00" * 32)}
    yield encode_manifest(Manifest("harbour.exercise", "s1", 1_795_000_000, "1.0", ("0001",), logs, files))


def one(data: bytes) -> None:
    with suppress(DetenteError):
        found = parse_manifest(data)
        assert parse_manifest(encode_manifest(found)) == found
