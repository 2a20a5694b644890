"""Policies and the public keys in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.errors import DetenteError
from detente.record.keys import parse_vkey
from detente.record.policy import encode_policy, parse_policy
from fuzz.seeds import vectors

PARSERS = (
    "detente.record.policy.parse_policy",
    "detente.record.keys.parse_vkey",
)


def seeds() -> Iterator[bytes]:
    yield from vectors("formats-1/policy", "formats-1/vkey", "formats-1/quorum")


def one(data: bytes) -> None:
    with suppress(DetenteError):
        found = parse_policy(data)
        assert parse_policy(encode_policy(found)) == found
    with suppress(DetenteError):
        text = data.decode("utf-8", "replace")
        assert parse_vkey(text).encode() == text
