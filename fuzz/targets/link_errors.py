"""What a peer answers instead of 200: an error of ours for any status and bytes."""

from __future__ import annotations

from collections.abc import Iterator

from detente.node.link.errors import SIZE_TYPE, decode_error, encode_error
from detente.record.errors import Conflict, DetenteError, Malformed, Refused

PARSERS = ("detente.node.link.errors.decode_error",)


def seeds() -> Iterator[bytes]:
    for error in (Conflict(5), Malformed("head", "line 2"), Refused("not-here")):
        status, kind, body = encode_error(error)
        yield bytes([status % 256, kind == SIZE_TYPE]) + body


def one(data: bytes) -> None:
    status = 300 + int.from_bytes(data[:1], "big")
    kind = (SIZE_TYPE, "application/json", "text/html")[int.from_bytes(data[1:2], "big") % 3]
    assert isinstance(decode_error(status, kind, data[2:]), DetenteError)
