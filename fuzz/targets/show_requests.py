"""Requests to be shown a part for one view, as another party signs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.errors import DetenteError
from detente.record.showing import encode_body, encode_request, parse_body, parse_request

PARSERS = ("detente.record.showing.parse_request", "detente.record.showing.parse_body")


def seeds() -> Iterator[bytes]:
    yield b'{"v":1}'
    yield encode_body(b'{"v":1}', bytes(64))


def one(data: bytes) -> None:
    with suppress(DetenteError):
        found = parse_request(data)
        assert parse_request(encode_request(found)) == found
    with suppress(DetenteError):
        request, signature = parse_body(data)
        assert parse_body(encode_body(request, signature)) == (request, signature)
