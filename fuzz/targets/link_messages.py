"""The link's routes, from bodies: the first byte chooses the route, the rest is what the peer says."""

from __future__ import annotations

from collections.abc import Iterator

from detente.record.sync import Notice, Probe, encode_ahead, encode_notice, encode_probe, encode_push
from fuzz.endpoint import NOW, PEER, Endpoint, judge, log_hash, log_of, request
from fuzz.seeds import vectors

PARSERS = ("detente.node.link.reception.Reception",)
ROUTES = (
    "push",
    "heads",
    "ahead",
    "probe",
    "wait",
    "logs/LOG/checkpoint",
    "logs/LOG/tile/",
    "parts/",
    "start/",
)

_ENDPOINT = Endpoint()


def seeds() -> Iterator[bytes]:
    shelf = _ENDPOINT.shelf()
    push = _ENDPOINT.loop.run_until_complete(shelf.push_body(log_of(PEER), 0, 2, "s2"))
    ahead = _ENDPOINT.loop.run_until_complete(shelf.ahead_of(log_of(PEER), 1, "s2"))
    assert push is not None
    assert ahead is not None
    yield b"\0" + encode_push(push)
    yield b"\1" + encode_notice(Notice((push.head,)))
    yield b"\2" + encode_ahead(ahead)
    for route in (b"\3", b"\4"):
        yield route + encode_probe(Probe(NOW, True, {log_of(PEER): 3}, {"g1": 2}))
    yield b"\6entries/000.p/2"
    for n, folder in enumerate(("push", "notice", "ahead", "probe")):
        yield from (bytes([n]) + one_ for one_ in vectors(f"entries-1/{folder}"))


def one(data: bytes) -> None:
    route = ROUTES[data[0] % len(ROUTES)] if data else ROUTES[0]
    body = data[1:]
    if route in ROUTES[:5]:
        sent = request(route, body)
    else:
        path = route.replace("LOG", log_hash(PEER)) + body.decode("ascii", "ignore").replace(
            "\n", ""
        ).replace("\r", "")
        sent = request(path, b"", "GET")
    judge(*_ENDPOINT.send(sent))
