"""The manifest of a bundle that a stick carries: bounded paths, sizes and hashes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

from detente.record.bundle import encode_manifest, parse_manifest
from detente.record.errors import Malformed

PARSERS = ("detente.record.bundle.parse_manifest",)


def seeds() -> Iterator[bytes]:
    row = ["harbour.exercise/s1/1", 0, 3]
    file = ["logs/s1.1/checkpoint", 900, "00" * 32]
    said = {"v": 1, "cell": "harbour.exercise", "from": "s1", "for": "s2", "made_at": 1}
    said |= {"logs": [row], "files": [file]}
    yield json.dumps(said).encode()
    yield json.dumps(said | {"files": [["parts/" + "11" * 32, 1000, "11" * 32]]}).encode()


def one(data: bytes) -> None:
    with suppress(Malformed):
        found = parse_manifest(data)
        assert parse_manifest(encode_manifest(found)) == found
