"""The node's own record as the link's shelf: reads in reader threads, takings through the writer.

Nothing here runs crypto or a query in the event loop; it only awaits the futures of those who do.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from typing import Final, ParamSpec, TypeVar

from detente.charter.model import Charter
from detente.node.keeper import Keeper
from detente.node.link import outgoing
from detente.node.link.feed import Feed
from detente.node.link.histories import unknown_heads
from detente.node.link.quotas import Quotas
from detente.node.reader import Reader
from detente.node.selectors import part_for
from detente.record.names import party_of
from detente.record.sync import Ahead, Event, Push, PushAnswer

_P = ParamSpec("_P")
_R = TypeVar("_R")
#: A hint only, for the writer's order: our own spelling of a floor header.
_FLOOR: Final = b'"floor":true'
_FEW: Final = 64


class KeptShelf:
    """Shelf over the keeper of one node."""

    def __init__(self, me: str, charter: Charter, keeper: Keeper, now: Callable[[], int]) -> None:
        self._me, self._keeper, self._charter = me, keeper, charter
        self._reader = Reader(2)
        self._feed = Feed(me)
        self._outgoing = outgoing.Outgoing()
        self._quotas = Quotas(charter, now)
        self._origins = {party.log.origin for party in charter.parties.values()}
        self._named = {hashlib.sha256(one.encode()).digest(): one for one in self._origins}

    def close(self) -> None:
        """End the reader threads."""
        self._reader.stop()

    async def _read(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        return await asyncio.wrap_future(self._reader.run(function, *args, **kwargs))

    # Reads.

    async def changes(self) -> tuple[Event, ...]:
        return await self._read(self._feed.read)

    async def push_body(self, log: str, start: int, size: int, peer: str) -> Push | None:
        return await self._read(self._outgoing.push_body, log, start, size, peer)

    async def parts(self, hashes: tuple[bytes, ...], peer: str) -> tuple[bytes, ...]:
        return await self._read(outgoing.parts, hashes, peer)

    async def head_notes(self, heads: tuple[tuple[str, int], ...]) -> tuple[bytes, ...]:
        return await self._read(outgoing.head_notes, heads) if heads else ()

    async def ahead_of(self, log: str, index: int, peer: str) -> Ahead | None:
        return await self._read(self._outgoing.ahead, log, index, peer)

    async def origin_of(self, log: bytes) -> str | None:
        return self._named.get(log)

    async def checkpoint(self, log: str) -> bytes | None:
        return await self._read(outgoing.checkpoint, log)

    async def tile(self, log: str, path: str) -> bytes | None:
        return await self._read(self._outgoing.tile, log, path)

    async def part(self, sha256: bytes, peer: str) -> bytes | None:
        return await self._read(part_for, sha256, peer)

    def knows(self, log: str) -> bool:
        return log in self._origins

    def holds(self) -> Mapping[str, int]:
        return self._feed.sizes

    # Takings.

    async def take_push(self, push: Push, peer: str) -> PushAnswer:
        if party_of(push.log) != self._me:
            await self._read(self._quotas.check, push)
        floor = len(push.entries) <= _FEW and any(_FLOOR in one for one in push.entries)
        job = self._keeper.submit(self._keeper.receiver.take_push, peer, push, floor=floor)
        answer: PushAnswer = await asyncio.wrap_future(job)
        return answer

    async def take_own(self, push: Push) -> None:
        await asyncio.wrap_future(self._keeper.submit(self._keeper.receiver.take_own, push, floor=True))

    async def take_ahead(self, ahead: Ahead, peer: str) -> None:
        job = self._keeper.submit(self._keeper.receiver.take_ahead, peer, ahead, floor=True)
        await asyncio.wrap_future(job)

    async def take_part(self, data: bytes) -> bool:
        floor = len(data) <= outgoing.SMALL_PART
        return bool(
            await asyncio.wrap_future(self._keeper.submit(self._keeper.receiver.take_part, data, floor=floor))
        )

    async def unknown_heads(self, notes: tuple[bytes, ...]) -> tuple[bytes, ...]:
        return await self._read(unknown_heads, self._charter, notes) if notes else ()

    async def take_head(self, note: bytes) -> None:
        await asyncio.wrap_future(self._keeper.submit(self._keeper.receiver.take_head, note))

    async def take_cosignature(self, note: bytes) -> bool:
        return bool(
            await asyncio.wrap_future(self._keeper.submit(self._keeper.receiver.take_cosignature, note))
        )

    async def start_answer(self, log: str) -> bytes:
        sha256 = hashlib.sha256(log.encode()).digest()
        answer: bytes = await asyncio.wrap_future(
            self._keeper.submit(self._keeper.receiver.start_answer, sha256, floor=True)
        )
        return answer
