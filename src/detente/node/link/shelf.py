"""The node's own record as the link's shelf: reads in reader threads, takings through the writer.

Nothing here runs crypto or a query in the event loop; it only awaits the futures of those who do.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, ParamSpec, TypeVar

from detente.charter.model import Charter
from detente.node import nextlogs
from detente.node.keeper import Keeper
from detente.node.link import outgoing
from detente.node.link.feed import Feed
from detente.node.link.histories import unknown_heads
from detente.node.quotas import Quotas
from detente.node.reader import Reader
from detente.node.selectors import part_for
from detente.record.errors import Malformed
from detente.record.names import generation_of, parse_origin, party_of
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
        self._certified = False
        self._strangers: set[str] = set()

    def close(self) -> None:
        """End the reader threads."""
        self._reader.stop()

    async def _read(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        return await asyncio.wrap_future(self._reader.run(function, *args, **kwargs))

    # Reads.

    async def changes(self) -> tuple[Event, ...]:
        if not self._certified:
            await self.read_certificates()
        return await self._read(self._feed.read)

    async def push_body(
        self, log: str, start: int, size: int, peer: str, room: int | None = None
    ) -> Push | None:
        push = await self._read(self._outgoing.push_body, log, start, size, peer, room)
        if push is None or start or generation_of(log) == 1:
            return push
        return replace(push, certificate=await self.certificate(log) or b"")

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

    async def certificate(self, log: str) -> bytes | None:
        return await self._read(nextlogs.certificate, log)

    async def read_certificates(self) -> dict[str, bytes]:
        """All certificates held; the logs that they name are known from here on."""
        found = await self._read(nextlogs.certificates)
        self._origins |= found.keys()
        self._named |= {hashlib.sha256(one.encode()).digest(): one for one in found}
        self._strangers -= self._origins
        self._certified = True
        return found

    def strangers(self) -> tuple[str, ...]:
        """Logs that peers spoke of and that only a certificate could make known."""
        return tuple(self._strangers)

    async def tile(self, log: str, path: str) -> bytes | None:
        return await self._read(self._outgoing.tile, log, path)

    async def part(self, sha256: bytes, peer: str) -> bytes | None:
        return await self._read(part_for, sha256, peer)

    def knows(self, log: str) -> bool:
        if log in self._origins:
            return True
        if len(self._strangers) < _FEW and self._may_follow(log):
            self._strangers.add(log)
        return False

    def _may_follow(self, log: str) -> bool:
        try:
            cell, party, generation = parse_origin(log)
        except Malformed:
            return False
        return cell == self._charter.cell and party in self._charter.parties and generation > 1

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

    async def take_certificate(self, note: bytes) -> bool:
        new: bool = await asyncio.wrap_future(
            self._keeper.submit(self._keeper.receiver.take_certificate, note, floor=True)
        )
        if new:
            await self.read_certificates()
        return new

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
