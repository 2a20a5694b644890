"""Probes: small strict JSON outside the record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.errors import Malformed
from detente.record.messages import encode_probe, parse_probe
from fuzz.seeds import vectors

PARSERS = ("detente.record.messages.parse_probe",)


def seeds() -> Iterator[bytes]:
    yield from vectors("entries-1/probe")


def one(data: bytes) -> None:
    with suppress(Malformed):
        found = parse_probe(data)
        assert parse_probe(encode_probe(found)) == found
