"""Three link ends in one event loop, joined by real mutual TLS over cables that a test can cut."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from detente.node.lines import LineBoard
from detente.node.link import server
from detente.node.link.client import PeerClient
from detente.node.link.errands import Errands
from detente.node.link.hub import Hub
from detente.node.link.incoming import Incoming
from detente.node.link.probes import Probes
from detente.node.link.pump import Pump
from detente.node.link.reception import Reception
from detente.node.link.tls import client_context, server_context
from detente.record.sync import PeerSync
from node_link.cable import Cable
from node_link.memory import PARTIES, MemoryShelf
from node_link.pki import Party


class End:
    """One party's link over a memory shelf."""

    def __init__(self, me: str) -> None:
        self.me = me
        self.shelf = MemoryShelf(me, lambda: int(time.time()))
        self.lines = LineBoard()
        self.armed = False
        self.place = tempfile.TemporaryDirectory()
        self.incoming = Incoming(Path(self.place.name), self.shelf.lacked, lambda _more: None)
        self.hub = Hub(me, self.shelf, self.incoming)
        self.probes = Probes(self.shelf, self.lines, time.time, lambda: self.armed)
        self.shelf.on_change = self.hub.wake

    def line(self, peer: str) -> str:
        return self.lines.states(at=int(time.time()))[peer].line


class Simulator:
    """`async with Simulator(parties) as cell`: `cell.ends`, and `cell.cable(a, b)` carries a's calls to b."""

    def __init__(self, parties: Mapping[str, Party], *, hidden: frozenset[str] = frozenset()) -> None:
        self._parties, self._hidden = parties, hidden
        self.ends: dict[str, End] = {}
        self._cables: dict[tuple[str, str], Cable] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Simulator:
        self.ends = {one: End(one) for one in PARTIES}
        for end in self.ends.values():
            for peer in PARTIES:
                if peer != end.me:
                    await self._listen(end, peer)
        for end in self.ends.values():
            for peer in PARTIES:
                if peer != end.me:
                    self._join(end, peer)
        for end in self.ends.values():
            task = asyncio.get_running_loop().create_task(end.hub.run())
            self._stack.push_async_callback(_end, task)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        for end in self.ends.values():
            for pump in end.hub.pumps.values():
                await pump.close()
            await end.hub.close()
            end.incoming.close()
            end.place.cleanup()
        await self._stack.aclose()

    def cable(self, caller: str, called: str) -> Cable:
        return self._cables[(caller, called)]

    def cut(self, one: str, other: str, mode: str = "refuse") -> None:
        for pair in ((one, other), (other, one)):
            self._cables[pair].cut(mode)  # type: ignore[arg-type]

    def mend(self, one: str, other: str) -> None:
        for pair in ((one, other), (other, one)):
            self._cables[pair].mend()

    async def until(self, true: Callable[[], bool], seconds: float = 5.0) -> float:
        """Seconds until `true()`; AssertionError when it does not come."""
        started = time.monotonic()
        while not true():
            assert time.monotonic() - started < seconds, "did not come"
            await asyncio.sleep(0.005)
        return time.monotonic() - started

    async def _listen(self, end: End, peer: str) -> None:
        if end.me in self._hidden:
            return
        context = server_context(self._parties[end.me].identity, self._parties[peer].ca)
        app = server.build_app(peer, Reception(end.hub, end.probes))
        runner = await server.listen(app, "127.0.0.1", 0, context)
        self._stack.push_async_callback(runner.cleanup)
        cable = await self._stack.enter_async_context(Cable("127.0.0.1", runner.addresses[0][1]))
        self._cables[(peer, end.me)] = cable

    def _join(self, end: End, peer: str) -> None:
        dials, reachable = peer not in self._hidden, end.me not in self._hidden
        sync = PeerSync(end.me, peer, dials=dials, reachable=reachable)
        end.lines.expect(peer, at=int(time.time()))
        errands = None
        if dials:
            context = client_context(self._parties[end.me].identity, self._parties[peer].ca)
            client = PeerClient(peer, f"https://127.0.0.1:{self._cables[(end.me, peer)].port}", context)
            errands = Errands(end.hub, sync, client, end.probes, end.lines)
        end.hub.pumps[peer] = Pump(sync, errands)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
