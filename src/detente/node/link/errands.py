"""Carries out the actions of one talk: reads from the shelf, asks the peer, takes what it answers.

One method an action. Each gives the `Answered` for it or raises a DetenteError; nothing is decided here.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from detente.node import logs
from detente.node.lines import LineBoard
from detente.node.link.client import PeerClient
from detente.node.link.errors import NOT_FOUND
from detente.node.link.hub import Hub
from detente.node.link.news import WAIT_S
from detente.node.link.probes import Probes
from detente.record.errors import Malformed, Refused, Unreachable, Unverified
from detente.record.messages import MAX_NOTICE_BODY, MAX_PROBE_BODY
from detente.record.note import MAX_NOTE
from detente.record.sync import (
    Action,
    Answered,
    Notice,
    PeerSync,
    Pull,
    PullPart,
    Push,
    PushAnswer,
    SendAhead,
    SendHeads,
    SendProbe,
    SendPush,
    Wait,
    cosigned_head,
    encode_ahead,
    encode_notice,
    encode_push,
    parse_notice,
    parse_push_answer,
)
from detente.record.tiles import MAX_BUNDLE, TILE_WIDTH, bundle_path, parse_bundle

TURN_S: Final = 10.0  # for which one part is brought before others of its kind have their turn
PIECE_WAITS_S: Final = 4.0
PULL_LIMIT: Final = 64 << 20  # bytes of entries taken in one pull; more wait for the author's own pushes


class Errands:
    """What a pump asks to be done with its peer."""

    def __init__(
        self, hub: Hub, sync: PeerSync, client: PeerClient, probes: Probes, lines: LineBoard
    ) -> None:
        self.client = client
        self._hub, self._shelf, self._sync, self._probes, self._lines = hub, hub.shelf, sync, probes, lines
        self._peer = sync.peer

    async def carry_out(self, action: Action) -> Answered:
        """Do it. Raises DetenteError."""
        match action:
            case SendPush():
                return await self._push(action)
            case SendHeads():
                return await self._heads(action)
            case SendAhead():
                return await self._ahead(action)
            case Pull():
                return await self._pull(action)
            case PullPart():
                return await self._part(action)
            case SendProbe():
                return await self._probe(action, "probe", 0.0)
            case Wait():
                return await self._probe(action, "wait", WAIT_S)

    async def _push(self, action: SendPush) -> Answered:
        push = await self._shelf.push_body(
            action.log, action.start, action.size, self._peer, self.client.pace.room()
        )
        if push is None:
            raise Refused(NOT_FOUND, log=action.log)
        parts = await self._shelf.parts(action.parts, self._peer) if action.parts else ()
        push = replace(push, parts=(*push.parts, *parts), cosignatures=action.cosignatures)
        answered = await self.client.post("push", encode_push(push), limit=MAX_NOTICE_BODY)
        answer = parse_push_answer(answered)
        for note in action.cosignatures:
            self._hub.has(self._peer, note)
        self._hub.learn((answer.cosignature, *answer.cosignatures), self._peer)
        return Answered(action, {action.log: answer.size}, answer.wants)

    async def _heads(self, action: SendHeads) -> Answered:
        notes = await self._shelf.head_notes(action.heads)
        body = encode_notice(Notice(notes, action.cosignatures, self._sync.wants()))
        notice = parse_notice(await self.client.post("heads", body, limit=MAX_NOTICE_BODY))
        for note in action.cosignatures:
            self._hub.has(self._peer, note)
        fresh = await self._shelf.unknown_heads(known_of(notice, self._shelf.knows))
        self._hub.learn(notice.cosignatures, self._peer)
        self._hub.keep_heads(fresh, self._peer)
        return Answered(action, sizes_of(notice, self._shelf.knows), notice.wants)

    async def _ahead(self, action: SendAhead) -> Answered:
        ahead = await self._shelf.ahead_of(action.log, action.index, self._peer)
        if ahead is None:
            raise Refused(NOT_FOUND, log=action.log, index=action.index)
        await self.client.post("ahead", encode_ahead(ahead), limit=0)
        return Answered(action)

    async def _pull(self, action: Pull) -> Answered:
        place = f"logs/{hashlib.sha256(action.log.encode()).hexdigest()}"
        note = await self.client.get(f"{place}/checkpoint", limit=MAX_NOTE)
        head = cosigned_head(note)
        if head.origin != action.log or head.size < action.start:
            raise Malformed("checkpoint", "another log's, or smaller than before")
        entries = await self._entries(place, action.start, head.size)
        push = Push(action.log, action.start, entries, note)
        if action.own:
            await self._shelf.take_own(push)
        else:
            answer = await self._take(push, place)
            if answer.cosignature:
                self._hub.news.add()
        await self._hub.read()  # PeerSync is told `Holds` before the answer
        return Answered(action, {action.log: head.size})

    async def _take(self, push: Push, place: str) -> PushAnswer:
        try:
            return await self._shelf.take_push(push, self._peer)
        except Unverified:
            if not push.start:
                raise
        # A head of the log's own keys over another past than ours: with that past the two can be compared,
        # and either convict (C4) or show the peer's entries to be wrong.
        past = await self._entries(place, 0, push.start)
        return await self._shelf.take_push(replace(push, start=0, entries=past + push.entries), self._peer)

    async def _entries(self, place: str, start: int, size: int) -> tuple[bytes, ...]:
        entries: list[bytes] = []
        total = 0
        for n in range(start // TILE_WIDTH, -(-size // TILE_WIDTH)):
            width = min(TILE_WIDTH, size - n * TILE_WIDTH)
            data = await self.client.get(f"{place}/{bundle_path(n, width)}", limit=MAX_BUNDLE)
            bundle = parse_bundle(data, count=width)
            entries += bundle[max(0, start - n * TILE_WIDTH) :]
            total += len(data)
            if total > PULL_LIMIT:
                raise Malformed("pull", f"more than {PULL_LIMIT} bytes of entries")
        return tuple(entries)

    async def _part(self, action: PullPart) -> Answered:
        """Bring a part, or go on with it, for one turn (protocol D2); the others of its kind are next."""
        sha256, incoming = action.sha256, self._hub.incoming
        if not incoming.may(sha256, self._peer, asyncio.get_running_loop().time()):
            return Answered(action)
        try:
            if (data := await self._bring(sha256)) is not None:
                await self._shelf.take_part(data)
                await incoming.drop(sha256)
                await self._hub.read()
        finally:
            incoming.release(sha256, self._peer)
        return Answered(action)

    async def _bring(self, sha256: bytes) -> bytes | None:
        """The whole part; None if some of it is still to come, or nobody wants it."""
        incoming, loop = self._hub.incoming, asyncio.get_running_loop()
        size, held = await incoming.size_of(sha256), await incoming.held(sha256)
        if size is None:
            await incoming.drop(sha256)
            return None
        turn_ends = loop.time() + TURN_S
        while held < size:
            # A small part is whole with its first piece: both peers may be asked for it at once, and it never
            # touches the disk as a piece.
            if held and not (loop.time() < turn_ends and incoming.claim(sha256, self._peer, loop.time())):
                return None
            length = min(self.client.pace.piece, size - held)
            if await incoming.size_of(sha256, more=length) is None:
                return None  # it came from elsewhere meanwhile
            piece = await self._piece(sha256, held, length, size)
            if len(piece) == size and hashlib.sha256(piece).digest() == sha256:
                return piece
            held = await incoming.add(sha256, self._peer, held, piece)
        return await self._whole(sha256)

    async def _whole(self, sha256: bytes) -> bytes | None:
        """The part whose last piece has come; None if another has taken it already. Raises Malformed."""
        if not await self._hub.incoming.held(sha256):
            return None
        data = await self._hub.incoming.whole(sha256)
        if data is None:
            alone = self._hub.incoming.broken(sha256, self._peer, asyncio.get_running_loop().time())
            logs.line("part-broken", peer=self._peer, kind="alone" if alone else "of several")
            raise Malformed("part", "hash")
        return data

    async def _piece(self, sha256: bytes, held: int, length: int, size: int) -> bytes:
        """The next bytes of a part of that size."""
        pace, loop = self.client.pace, asyncio.get_running_loop()
        began = loop.time()
        try:
            # Between two pieces others go first, and on a slow line a piece may wait for them.
            wait_s = PIECE_WAITS_S if held else 0.0
            piece = await self.client.get_range(f"parts/{sha256.hex()}", held, length, wait_s=wait_s)
        except Unreachable:
            pace.broke()
            raise
        if piece.total != size or len(piece.body) != length:
            self._hub.incoming.broken(sha256, self._peer, loop.time())
            raise Malformed("part", "not of the size that its header names")
        pace.brought(length, loop.time() - began)
        return piece.body

    async def _probe(self, action: SendProbe | Wait, route: str, wait_s: float) -> Answered:
        try:
            asked = self._probes.now()
            body = await self.client.post(route, self._probes.own(), limit=MAX_PROBE_BODY, wait_s=wait_s)
        except Unreachable as error:
            self._lines.failed(self._peer, error=error.code)
            raise
        # While a `wait` was held open the clock went on: its middle says nothing about the other clock.
        return Answered(action, self._probes.heard(self._peer, body, asked if wait_s == 0.0 else None))


def known_of(notice: Notice, knows: Callable[[str], bool]) -> tuple[bytes, ...]:
    """A notice's heads of those logs whose keys are known here."""
    return tuple(note for note in notice.heads if knows(cosigned_head(note).origin))


def sizes_of(notice: Notice, knows: Callable[[str], bool]) -> Mapping[str, int]:
    """Sizes that a notice's heads claim, by log; logs whose keys are not known here are left out."""
    claimed: dict[str, int] = {}
    for note in notice.heads:
        head = cosigned_head(note)
        if knows(head.origin):
            claimed[head.origin] = max(head.size, claimed.get(head.origin, 0))
    return claimed
