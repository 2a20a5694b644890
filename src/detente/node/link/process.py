"""Wires one node's link: context, shelf, hub, a pump and a listener a peer. Django is set up before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, suppress
from typing import Any, Final

from detente.node import api, logs, pairing, selectors
from detente.node.api.services import Services
from detente.node.charter_keys import watched_logs
from detente.node.context import NodeContext
from detente.node.disk import Reserve
from detente.node.folder import NodeFolder, write_private
from detente.node.keeper import open_keeper
from detente.node.link import server
from detente.node.link.client import PeerClient
from detente.node.link.errands import Errands
from detente.node.link.histories import Histories
from detente.node.link.hub import Hub
from detente.node.link.incoming import Incoming, lacked
from detente.node.link.lineset import Line, lines_of
from detente.node.link.mirrors import MirrorQuestion
from detente.node.link.probes import Probes
from detente.node.link.pump import Pump
from detente.node.link.reception import Reception
from detente.node.link.selftest import check_listener
from detente.node.link.shelf import KeptShelf
from detente.node.link.start import StartQuestion
from detente.node.link.successors import Successors
from detente.node.link.tls import Identity, client_context, server_context
from detente.node.reader import Reader
from detente.node.signer import journal_path, restored_mark
from detente.node.signer_client import SignerClient
from detente.node.writer import Writer
from detente.record.errors import Refused, Unreachable, declare
from detente.record.keys import LogKeys
from detente.record.sync import PeerSync

CANNOT_LISTEN: Final = declare("cannot-listen", "operator", "the address of a listener is taken or not ours")
#: Between two looks at whether the held-back part of the disk's reserve is whole: one `statvfs`.
RESERVE_S: Final = 3.0
SHOW_S: Final = 2.0  # the author's node logs a view before it seals it
STOP_S: Final = 4.0  # for what waits in the writer; the supervisor kills after five


class LinkProcess:
    """Everything that runs in the link process of one node."""

    def __init__(self, folder: NodeFolder, clock: Callable[[], float]) -> None:
        charter = pairing.node_charter(folder)
        self._folder, self._charter = folder, charter
        self._lines = lines_of(folder, charter)
        self._identity = Identity(folder.link_keys / "leaf.pem", folder.link_keys / "leaf.key")
        writer, signer = Writer(), SignerClient(folder)
        keeper = open_keeper(folder, charter, writer, signer, lambda: int(clock()))
        self.context = NodeContext(folder, charter, folder.party, writer, signer, keeper, clock=clock)

    async def open(self, stack: AsyncExitStack) -> None:
        """Start everything; the stack ends it in reverse. Raises Refused by name."""
        context, me = self.context, self._folder.party
        context.writer.after_each(context.grew)
        context.writer.start()
        stack.push_async_callback(asyncio.to_thread, context.writer.stop, STOP_S)
        running = await api.start(context)
        stack.push_async_callback(running.stop)
        shelf = KeptShelf(me, self._charter, context.keeper, context.now)
        stack.push_async_callback(asyncio.to_thread, shelf.close)
        incoming = Incoming(self._folder.path, lacked, context.keeper.reserve.require)
        stack.push_async_callback(asyncio.to_thread, incoming.close)
        await incoming.sweep()
        hub = Hub(me, shelf, incoming)
        stack.push_async_callback(hub.close)
        context.on_grown(hub.wake)
        probes = Probes(shelf, context.lines, context.clock, lambda: bool(context.armed()))
        clients = {line.peer: self._join(hub, line, probes, stack) for line in self._lines}
        context.ask_peer = _asking(clients)
        services = running.services
        for line in self._lines:
            await self._listen(hub, line, probes, stack, _showing(services))
        _run(stack, hub.run())
        _run(stack, _hold_reserve(context.keeper.reserve))
        dialled = {peer: client for peer, client in clients.items() if client is not None}
        asking = StartQuestion(self._folder.origin, SignerClient(self._folder), context.keeper, dialled)
        _run(stack, asking.run())
        _run(stack, (await self._mirror_question(dialled)).run())
        _run(stack, Successors(shelf, dialled).run())
        reader = Reader(1)
        stack.push_async_callback(asyncio.to_thread, reader.stop)
        _run(stack, Histories(context.keeper, reader, dialled).run())

    async def _mirror_question(self, dialled: Mapping[str, PeerClient]) -> MirrorQuestion:
        """For a restored node; one whose journal of a mirror is gone is taken for one."""
        folder, charter, submit = self._folder, self._charter, self.context.writer.submit
        mark = restored_mark(folder)

        def watched() -> Mapping[str, LogKeys]:
            found: Mapping[str, LogKeys] = submit(lambda: watched_logs(charter, folder.party)).result(10)
            return found

        held = await asyncio.wrap_future(submit(selectors.logs))
        others = [log.origin for log in held if log.party != folder.party and log.size]
        if any(not journal_path(folder, one).exists() for one in others):
            write_private(mark, b"", replace=True)
        return MirrorQuestion(mark, SignerClient(folder), watched, dialled)

    def _join(self, hub: Hub, line: Line, probes: Probes, stack: AsyncExitStack) -> PeerClient | None:
        """A pump for the peer; its dialling end, if it can be dialled."""
        sync = PeerSync(
            self._folder.party, line.peer, dials=bool(line.dial), reachable=line.listen is not None
        )
        self.context.lines.expect(line.peer, at=self.context.now())
        client = errands = None
        if line.dial:
            context = client_context(self._identity, line.ca, pin=line.pin)
            client = PeerClient(line.peer, line.dial, context, host=line.host)
            errands = Errands(hub, sync, client, probes, self.context.lines)
        pump = hub.pumps[line.peer] = Pump(sync, errands)
        stack.push_async_callback(pump.close)
        return client

    async def _listen(
        self, hub: Hub, line: Line, probes: Probes, stack: AsyncExitStack, show: server.Show
    ) -> None:
        if line.listen is None:
            return
        host, port = line.listen
        context = server_context(self._identity, line.ca, pin=line.pin)
        gate = asyncio.Event()
        app = server.build_app(line.peer, Reception(hub, probes), gate, show)
        try:
            runner = await server.listen(app, host, port, context)
        except OSError as error:
            raise Refused(CANNOT_LISTEN, peer=line.peer, port=port) from error
        stack.push_async_callback(runner.cleanup)
        bound = runner.addresses[0][1]
        await check_listener(_local(host), bound, self._identity, context, line.ca)
        gate.set()


def _showing(services: Services) -> server.Show:
    """Answers one view in a working thread. SPEC: protocol A11"""

    async def show(peer: str, certificate: bytes, body: bytes) -> bytes:
        services.need_ready()
        return await services.act(services.shows.answer, peer, certificate, body)

    return show


def _asking(clients: Mapping[str, PeerClient | None]) -> Callable[[str, bytes, int], Awaitable[bytes]]:
    """Asks a peer for one view over the line of the two, if this node dials it."""

    async def ask(party: str, body: bytes, limit: int) -> bytes:
        client = clients.get(party)
        if client is None:
            raise Unreachable(party, why="not-dialled")
        return await client.post("show", body, limit=limit, wait_s=SHOW_S)

    return ask


async def _hold_reserve(reserve: Reserve) -> None:
    """Hold disk back for floor kinds at the start, and again whenever there is room. SPEC: protocol D5"""
    while True:
        try:
            await asyncio.to_thread(reserve.take_back)
        except OSError as error:  # the next round tries again; floor kinds go on with what is free
            logs.failure("reserve-not-held", error)
        await asyncio.sleep(RESERVE_S)


def _local(host: str) -> str:
    """Where this machine itself reaches a listener on `host`."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared only


def _run(stack: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.get_running_loop().create_task(work)

    async def end() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end)
