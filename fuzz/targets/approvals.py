"""Approvals of officers and sessions, and the assertions inside; verified under a known credential."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

from detente.record import strictjson
from detente.record.approvals import approval_json, parse_approval, verify_approval
from detente.record.assertions import Credential, parse_assertion, parse_bytes
from detente.record.errors import DetenteError
from fuzz.json_value import each
from fuzz.seeds import vectors

PARSERS = (
    "detente.record.approvals.parse_approval",
    "detente.record.assertions.parse_assertion",
    "detente.record.assertions.parse_bytes",
)

_KNOWN = Credential("WATCH", "ed25519", bytes(32), b"", "", ())


def seeds() -> Iterator[bytes]:
    for data in vectors("entries-1/approval"):
        yield json.dumps(json.loads(data)["approval"]).encode()


def one(data: bytes) -> None:
    each(data, parse_assertion, lambda value: parse_bytes(value, "bytes", low=1, high=80))
    with suppress(DetenteError):
        found = parse_approval(strictjson.parse(data, limit=1 << 16))
        assert parse_approval(approval_json(found)) == found
        verify_approval(
            found, cell="harbour.exercise", party="s1", core=bytes(32), credentials=[_KNOWN], at=1
        )
