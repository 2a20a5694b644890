"""The link's listener, from raw bytes of a connection: no failure of ours, no trace of what was refused."""

from __future__ import annotations

from collections.abc import Iterator

from detente.record.sync import encode_push
from fuzz.endpoint import PEER, Endpoint, judge, log_hash, log_of, request

PARSERS = ("detente.node.link.server.build_app",)

_ENDPOINT = Endpoint()


def seeds() -> Iterator[bytes]:
    shelf = _ENDPOINT.shelf()
    push = _ENDPOINT.loop.run_until_complete(shelf.push_body(log_of(PEER), 0, 2, "s2"))
    assert push is not None
    yield request("push", encode_push(push))
    yield request("push", b"")
    for route in ("checkpoint", "tile/0/000", "tile/entries/000.p/2"):
        yield request(f"logs/{log_hash(PEER)}/{route}", b"", "GET")
    yield request(f"start/{log_hash(PEER)}", b"", "GET")
    yield request(f"parts/{'00' * 32}", b"", "GET").replace(b"\r\n\r\n", b"\r\nRange: bytes=0-5\r\n\r\n")
    yield (
        request("probe", b"{}")
        .replace(b"Content-Length: 2", b"Transfer-Encoding: chunked")
        .replace(b"{}", b"2\r\n{}\r\n0\r\n\r\n")
    )


def one(data: bytes) -> None:
    judge(*_ENDPOINT.send(data))
