"""Heads and cosignatures, with the keys of the vectors: malformed, unverified, or signed by them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.errors import Malformed, Unverified
from detente.record.head import open_cosignature, open_head, parse_body
from detente.record.messages import cosigned_head, open_cosignature_note
from fuzz.seeds import vectors
from record.vector_files import HEAD, KEYS, MIRRORS

PARSERS = (
    "detente.record.head.parse_body",
    "detente.record.head.open_head",
    "detente.record.head.open_cosignature",
    "detente.record.messages.cosigned_head",
    "detente.record.messages.open_cosignature_note",
)


def seeds() -> Iterator[bytes]:
    yield from vectors("formats-1/head", "formats-1/cosignature", "formats-1/note")


def one(data: bytes) -> None:
    with suppress(Malformed):
        assert parse_body(data).body() == data
    with suppress(Malformed, Unverified):
        assert open_head(data, KEYS).head.origin == KEYS.origin
    with suppress(Malformed, Unverified):
        open_cosignature(data, HEAD, MIRRORS[0])
    with suppress(Malformed, Unverified):
        cosigned_head(data)
    with suppress(Malformed, Unverified):
        open_cosignature_note(data, MIRRORS[0])
