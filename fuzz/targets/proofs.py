"""The tlog-proofs that an arbiter is given, under the policy of the vectors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.errors import DetenteError
from detente.record.policy import parse_policy
from detente.record.proof import encode_proof, parse_proof, verify_proof
from fuzz.seeds import VECTORS, vectors

PARSERS = ("detente.record.proof.parse_proof",)

_POLICY = parse_policy((VECTORS / "formats-1" / "keys" / "cell.policy").read_bytes())


def seeds() -> Iterator[bytes]:
    yield from vectors("formats-1/proof")


def one(data: bytes) -> None:
    with suppress(DetenteError):
        found = parse_proof(data)
        assert encode_proof(found) == data
        assert verify_proof(found, b"third", _POLICY).head.size > found.index
