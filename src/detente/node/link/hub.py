"""What this node's talks share: one reading of the record, told to all of them.

1. Whoever stored something calls `wake` (any thread). One task then reads what is new and tells every talk,
   so that a receipt that came from one peer goes on to the other without anybody knowing of both.
2. Growth of the own log is told in turn: who hears first changes with every entry. SPEC: protocol D6
3. A cosignature is verified once: the same bytes again only note that this peer has them.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Coroutine, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from detente.node import logs
from detente.node.link.incoming import Incoming
from detente.node.link.news import News
from detente.node.link.ports import Shelf
from detente.record.errors import DetenteError
from detente.record.names import party_of
from detente.record.sync import CosignatureKnown, Event, Holds, Tick, push_order

if TYPE_CHECKING:
    from detente.node.link.pump import Pump

REMEMBERED: Final = 4096  # cosignatures known by their bytes; a cell makes a few a minute


class Hub:
    """Tells events to the pumps. Lives in one event loop; only `wake` may be called from elsewhere."""

    def __init__(self, me: str, shelf: Shelf, incoming: Incoming) -> None:
        self.me, self.shelf, self.incoming, self.news = me, shelf, incoming, News()
        self.pumps: dict[str, Pump] = {}
        self._loop = asyncio.get_running_loop()
        self._dirty = asyncio.Event()
        self._reading = asyncio.Lock()  # readings are told in the order in which they were made
        self._tasks: set[asyncio.Task[Any]] = set()
        # Digest of a cosignature note → peers that have it.
        self._notes: OrderedDict[bytes, set[str]] = OrderedDict()

    def wake(self) -> None:
        """Something was stored; any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._dirty.set)

    async def run(self) -> None:
        """Read what is new and tell it, until cancelled. The first reading tells the pumps everything."""
        self._dirty.set()
        for pump in self.pumps.values():
            pump.tell(Tick())  # the first probe
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            try:
                await self.read()
            except Exception as error:
                logs.failure("link-read-failed", error)
                await asyncio.sleep(0.5)  # e.g. a locked database: try again, never spin
                self._dirty.set()

    async def read(self) -> None:
        """One reading of what is new."""
        async with self._reading:
            events = await self.shelf.changes()
            for event in events:
                self._tell(event)
        if events:
            self.news.add()

    def _tell(self, event: Event) -> None:
        if isinstance(event, Holds) and party_of(event.log) == self.me:
            order: Iterable[str] = push_order(self.pumps, event.size)
        else:
            order = tuple(self.pumps)
        for peer in order:
            told = event
            if isinstance(event, CosignatureKnown):
                told = replace(event, told=peer in self._who_has(event.note))
            self.pumps[peer].tell(told)

    # Cosignatures.

    def has(self, peer: str, note: bytes) -> None:
        """Note that `peer` has this cosignature: it made it, sent it, or was just given it."""
        if note:
            self._who_has(note).add(peer)

    def learn(self, notes: Iterable[bytes], peer: str) -> None:
        """Take cosignatures that `peer` sent; those known by their bytes cost nothing more."""
        fresh = []
        for note in notes:
            if not note:
                continue
            digest = hashlib.sha256(note).digest()
            if digest not in self._notes:
                fresh.append(note)
            self.has(peer, note)
        if fresh:
            self.spawn(self._take(tuple(fresh), peer))

    async def _take(self, notes: tuple[bytes, ...], peer: str) -> None:
        for note in notes:
            try:
                await self.shelf.take_cosignature(note)
            except DetenteError as error:
                # One bad line blocks nothing; the sender may have it from a third party.
                self._notes.pop(hashlib.sha256(note).digest(), None)
                logs.line("cosignature-refused", peer=peer, code=error.code)
        self._dirty.set()

    # Heads.

    def keep_heads(self, notes: tuple[bytes, ...], peer: str) -> None:
        """Keep verified heads that `peer` showed, behind the answer: nobody waits for it."""
        if notes:
            self.spawn(self._keep_heads(notes, peer))

    async def _keep_heads(self, notes: tuple[bytes, ...], peer: str) -> None:
        for note in notes:
            try:
                await self.shelf.take_head(note)
            except DetenteError as error:
                logs.line("head-refused", peer=peer, code=error.code)
        self._dirty.set()

    def _who_has(self, note: bytes) -> set[str]:
        digest = hashlib.sha256(note).digest()
        found = self._notes.setdefault(digest, set())
        self._notes.move_to_end(digest)
        while len(self._notes) > REMEMBERED:
            self._notes.popitem(last=False)
        return found

    # Tasks.

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` beside the caller; its failure is logged, never raised."""
        task = self._loop.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:
            logs.failure("link-task-failed", error)

    async def close(self) -> None:
        """End all that runs."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
