"""What a peer can reach: the link's routes and nothing else, its own paths and nobody else's (protocol D1).

The table names every route of the listener. A route that is not in it fails the build, so whoever adds one
has to say here what a stranger, another peer and the right peer with the wrong wish are answered.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from detente.node.lines import LineBoard
from detente.node.link import server
from detente.node.link.hub import Hub
from detente.node.link.incoming import Incoming
from detente.node.link.probes import Probes
from detente.node.link.reception import Reception
from detente.node.link.tls import client_context, server_context
from detente.record.sync import Notice, Probe, encode_ahead, encode_notice, encode_probe, encode_push
from node_link.fakes import RememberingRecord
from node_link.memory import MemoryShelf, log_of
from node_link.pki import Party

Parties = Mapping[str, Party]
NOW: Final = 1_795_000_000
ME: Final = "s2"
STRANGE: Final = "00" * 32


def log_hash(party: str) -> str:
    return hashlib.sha256(log_of(party).encode()).hexdigest()


@dataclass(frozen=True)
class Wish:
    """A request by the right peer: what it asks, and the status and code that it gets."""

    why: str
    path: str
    body: str = ""
    status: int = 200
    code: str = ""


#: (method, route) → wishes of peer S1 at S2's listener for it. GET routes answer HEAD too.
TABLE: Final[Mapping[tuple[str, str], tuple[Wish, ...]]] = {
    ("POST", "/push"): (
        Wish("its own log", "/push", "push-s1"),
        Wish("another party's log, though the head is true", "/push", "push-g1", 404, "unknown-log"),
    ),
    ("POST", "/ahead"): (
        Wish("its own log", "/ahead", "ahead-s1"),
        Wish("another party's log", "/ahead", "ahead-g1", 404, "unknown-log"),
    ),
    ("POST", "/heads"): (Wish("heads of any log: relay is the ordinary path", "/heads", "heads-g1"),),
    ("POST", "/probe"): (Wish("a probe", "/probe", "probe"),),
    ("POST", "/wait"): (Wish("a probe that waits", "/wait", "probe"),),
    ("GET", "/logs/{log}/checkpoint"): (
        Wish("any log's head: headers go to all", f"/logs/{log_hash('s2')}/checkpoint"),
        Wish("a log of no party", f"/logs/{STRANGE}/checkpoint", "", 404, "unknown-log"),
    ),
    ("POST", "/certificate"): (
        Wish("bytes that certify nothing", "/certificate", "probe", 400, "malformed"),
    ),
    ("GET", "/logs/{log}/certificate"): (
        Wish("a first log has none", f"/logs/{log_hash('s2')}/certificate", "", 404, "not-here"),
        Wish("a log of no party", f"/logs/{STRANGE}/certificate", "", 404, "unknown-log"),
    ),
    ("GET", "/logs/{log}/{tile}"): (
        Wish("any log's headers", f"/logs/{log_hash('s2')}/tile/entries/000.p/2"),
        Wish("a log of no party", f"/logs/{STRANGE}/tile/entries/000.p/2", "", 404, "unknown-log"),
        Wish("a path out of the tree", f"/logs/{log_hash('s2')}/tile/..%2f..%2fkeys", "", 400, "malformed"),
        Wish("a tile that is no tile", f"/logs/{log_hash('s2')}/tile/0/../../x", "", 400, "malformed"),
    ),
    ("GET", "/parts/{sha256}"): (
        Wish("a part that it may keep", "/parts/PART-S1"),
        Wish("a part for the other party alone", "/parts/PART-G1", "", 404, "not-here"),
        Wish("a part that is not there, alike", f"/parts/{STRANGE}", "", 404, "not-here"),
        Wish("a file's name", "/parts/..%2f..%2fkeys%2flog%2f1.json", "", 404, "not-here"),
    ),
    ("GET", "/start/{log}"): (
        Wish("what we hold of its own log", f"/start/{log_hash('s1')}"),
        Wish("what we hold of another's log", f"/start/{log_hash('g1')}", "", 404, "not-here"),
        Wish("our own log", f"/start/{log_hash('s2')}", "", 404, "not-here"),
    ),
}  # fmt: skip

#: Paths of the other listeners of a node, and of none.
ELSEWHERE: Final = (
    "/", "/v1/status", "/v1/entries", "/v1/send", "/v1/openapi.json", "/metrics", "/static/x.js", "/enrol/x/",
    "/events", "/link/v1", "/link/v1/", "/link/v2/push", "/link/v1/../../v1/status", "/link/v1/%2e%2e/keys",
    "//link/v1/push", "/link/v1/logs", f"/link/v1/logs/{log_hash('s2')}", "/link/v1/parts/",
)  # fmt: skip


class World:
    """S2's listener for S1 over a record with entries of all three parties."""

    def __init__(self) -> None:
        self._place = tempfile.TemporaryDirectory()
        shelves = {party: MemoryShelf(party, lambda: NOW) for party in ("s1", "s2", "g1")}
        shelves["s2"].append(part=b"for both", keep=("g1", "s1"))
        shelves["s2"].append(part=b"for the guarantor alone", keep=("g1",))
        self.shelf = shelves["s2"]
        self.parts = {
            "PART-S1": hashlib.sha256(b"for both").hexdigest(),
            "PART-G1": hashlib.sha256(b"for the guarantor alone").hexdigest(),
        }
        for party in ("s1", "g1"):
            shelves[party].append()
        self._shelves = shelves
        self.bodies: dict[str, bytes] = {}

    async def app(self) -> aiohttp.web.Application:
        for party in ("s1", "g1"):
            push = await self._shelves[party].push_body(log_of(party), 0, 1, ME)
            ahead = await self._shelves[party].ahead_of(log_of(party), 0, ME)
            assert push is not None
            assert ahead is not None
            self.bodies |= {f"push-{party}": encode_push(push), f"ahead-{party}": encode_ahead(ahead)}
            self.bodies[f"heads-{party}"] = encode_notice(Notice((push.head,)))
        self.bodies["probe"] = encode_probe(Probe(NOW, True))
        hub = Hub(ME, self.shelf, Incoming(Path(self._place.name), self.shelf.lacked, lambda _more: None))
        hub.news.add()
        return server.build_app(
            "s1", Reception(hub, Probes(self.shelf, LineBoard(), lambda: NOW, lambda: True))
        )


Ask = Callable[[str, str, bytes], Awaitable[tuple[int, bytes]]]


def asked(parties: Parties, scene: Callable[[World, Ask], Awaitable[None]]) -> None:
    """Run `scene` with S1's certificate at S2's listener for S1."""

    async def inner() -> None:
        world = World()
        context = server_context(parties[ME].identity, parties["s1"].ca)
        runner = await server.listen(await world.app(), "127.0.0.1", 0, context)
        port = runner.addresses[0][1]
        caller = client_context(parties["s1"].identity, parties[ME].ca)
        connector = aiohttp.TCPConnector(ssl=caller)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def ask(method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
                from yarl import URL

                url = URL(f"https://127.0.0.1:{port}{path}", encoded=True)
                async with session.request(method, url, data=body or None) as answer:
                    return answer.status, await answer.read()

            await scene(world, ask)
        await runner.cleanup()

    asyncio.run(asyncio.wait_for(inner(), 60))


def served() -> Iterator[tuple[str, str]]:
    """(method, route below the prefix) of all that the listener serves."""
    for route in server.build_app("s1", RememberingRecord()).router.routes():
        assert route.resource is not None
        path = route.resource.canonical
        assert path.startswith(server.PREFIX)
        yield route.method, path.removeprefix(server.PREFIX)


class TestTable:
    """Nothing is served that the table does not name."""

    def test_every_route_is_in_the_table_and_no_other(self) -> None:
        named = set(TABLE) | {("HEAD", path) for method, path in TABLE if method == "GET"}
        assert set(served()) == named


class TestTheRightPeer:
    """A valid certificate opens the peer's own paths only."""

    @pytest.mark.parametrize(
        ("method", "wish"),
        [(method, wish) for (method, _), wishes in TABLE.items() for wish in wishes],
        ids=lambda one: one.why.replace(" ", "-") if isinstance(one, Wish) else one,
    )
    def test_gets_what_the_table_says(self, parties: Parties, method: str, wish: Wish) -> None:
        async def scene(world: World, ask: Ask) -> None:
            path = wish.path
            for word, sha256 in world.parts.items():
                path = path.replace(word, sha256)
            status, answer = await ask(method, server.PREFIX + path, world.bodies.get(wish.body, b""))
            assert status == wish.status, answer
            if wish.code:
                assert f'"error":"{wish.code}"'.encode() in answer
                assert b"for the guarantor alone" not in answer

        asked(parties, scene)

    def test_no_other_method_does_anything(self, parties: Parties) -> None:
        async def scene(world: World, ask: Ask) -> None:
            calls = len(world.shelf.calls)
            for (method, _), wishes in TABLE.items():
                for other in {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"} - {method}:
                    body = world.bodies.get(wishes[0].body, b"")
                    status, _ = await ask(other, server.PREFIX + wishes[0].path, body)
                    assert status == 404, (other, wishes[0].path)
            assert len(world.shelf.calls) == calls

        asked(parties, scene)

    def test_no_path_of_another_listener_is_here(self, parties: Parties) -> None:
        async def scene(_world: World, ask: Ask) -> None:
            for path in ELSEWHERE:
                for method in ("GET", "POST"):
                    status, answer = await ask(method, path, b"")
                    assert (status, b"not-here" in answer) == (404, True), (method, path)

        asked(parties, scene)


class TestStrangers:
    """Who is not the listener's peer reaches no route at all."""

    @pytest.mark.parametrize("caller", [None, "g1", "s2"], ids=["nobody", "the-other-peer", "ourselves"])
    def test_no_route_answers(self, parties: Parties, caller: str | None) -> None:
        async def inner() -> None:
            record = RememberingRecord()
            context = server_context(parties[ME].identity, parties["s1"].ca)
            runner = await server.listen(server.build_app("s1", record), "127.0.0.1", 0, context)
            identity = parties[caller or "s1"].identity
            calling = client_context(identity, parties[ME].ca)
            if caller is None:
                import ssl

                calling = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                calling.load_verify_locations(cadata=parties[ME].ca.decode())
            base = f"https://127.0.0.1:{runner.addresses[0][1]}{server.PREFIX}"
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=calling)) as session:
                for (method, _), wishes in TABLE.items():
                    with pytest.raises(aiohttp.ClientError):
                        async with session.request(method, base + wishes[0].path, data=b"x") as answer:
                            await answer.read()
            assert record.calls == []
            await runner.cleanup()

        asyncio.run(asyncio.wait_for(inner(), 60))
