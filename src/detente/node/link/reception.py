"""What a peer's calls come to: messages are parsed, taken to the shelf, and told to that peer's pump.

1. A push carries its sender's own log; anybody's log may be pulled, nobody else's is pushed.
2. What a peer says of its sizes is believed of it, never as a receipt: receipts are cosignatures.
3. An answer carries what the peer could not fetch from us by itself: our cosignature, what we lack.
"""

from __future__ import annotations

from dataclasses import replace

from detente.node.link.errands import known_of, sizes_of
from detente.node.link.errors import NOT_FOUND, UNKNOWN_LOG
from detente.node.link.hub import Hub
from detente.node.link.probes import Probes
from detente.node.link.work import in_thread_if_large
from detente.record.errors import Refused
from detente.record.names import party_of
from detente.record.sync import (
    Event,
    Holds,
    Notice,
    PeerSaid,
    cosigned_head,
    encode_notice,
    encode_push_answer,
    parse_ahead,
    parse_notice,
    parse_push,
)


class Reception:
    """RecordPort over a shelf and the pumps of a hub."""

    def __init__(self, hub: Hub, probes: Probes) -> None:
        self._hub, self._shelf, self._probes = hub, hub.shelf, probes

    async def push(self, peer: str, body: bytes) -> bytes:
        """SPEC: protocol D2"""
        push = await in_thread_if_large(parse_push, body)
        if push.certificate:
            await self._shelf.take_certificate(push.certificate)
        self._check_log(push.log, peer)
        claimed = cosigned_head(push.head).size
        answer = await self._shelf.take_push(push, peer)
        # Told in this order: a size that the peer has and we lack would be pulled at once.
        self._say(peer, Holds(push.log, answer.size))
        self._say(peer, PeerSaid({push.log: claimed}))
        for note in (answer.cosignature, *push.cosignatures):  # the shelf has taken those of the push
            self._hub.has(peer, note)
        pump = self._hub.pumps.get(peer)
        return encode_push_answer(replace(answer, wants=pump.sync.wants() if pump else ()))

    async def heads(self, peer: str, body: bytes) -> bytes:
        """SPEC: protocol D2, relay"""
        notice = parse_notice(body)
        sizes = sizes_of(notice, self._shelf.knows)
        fresh = await self._shelf.unknown_heads(known_of(notice, self._shelf.knows))
        self._hub.learn(notice.cosignatures, peer)
        self._say(peer, PeerSaid(sizes, notice.wants))
        self._hub.keep_heads(fresh, peer)
        pump = self._hub.pumps.get(peer)
        if pump is None:
            return encode_notice(Notice())
        ours = pump.sync.answer_notice()
        notes = await self._shelf.head_notes(ours.heads)
        return encode_notice(Notice(notes, ours.cosignatures, pump.sync.wants()))

    async def ahead(self, peer: str, body: bytes) -> bytes:
        """SPEC: protocol D3"""
        ahead = await in_thread_if_large(parse_ahead, body)
        self._check_log(ahead.log, peer)
        await self._shelf.take_ahead(ahead, peer)
        return b""

    async def probe(self, peer: str, body: bytes) -> bytes:
        """SPEC: protocol D4"""
        self._say(peer, PeerSaid(self._probes.heard(peer, body)))
        return self._probes.own()

    async def wait(self, peer: str, body: bytes) -> bytes:
        """SPEC: protocol D4"""
        self._say(peer, PeerSaid(self._probes.heard(peer, body)))
        await self._hub.news.wait(peer)
        return self._probes.own()

    async def checkpoint(self, peer: str, log: bytes) -> bytes:
        return _found(await self._shelf.checkpoint(await self._origin(log)))

    async def certificate(self, peer: str, log: bytes) -> bytes:
        """SPEC: protocol C3"""
        return _found(await self._shelf.certificate(await self._origin(log)))

    async def take_certificate(self, peer: str, body: bytes) -> bytes:
        """SPEC: protocol C3"""
        await self._shelf.take_certificate(body)
        return b""

    async def tile(self, peer: str, log: bytes, path: str) -> bytes:
        return _found(await self._shelf.tile(await self._origin(log), path))

    async def part(self, peer: str, sha256: bytes) -> bytes:
        """SPEC: protocol D1: not-here for what is not there and for what is not the peer's alike."""
        return _found(await self._shelf.part(sha256, peer))

    async def start(self, peer: str, log: bytes) -> bytes:
        """SPEC: protocol C2"""
        origin = await self._origin(log)
        if party_of(origin) != peer:
            raise Refused(NOT_FOUND)
        return await self._shelf.start_answer(origin)

    def _check_log(self, log: str, peer: str) -> None:
        if not self._shelf.knows(log) or party_of(log) != peer:
            raise Refused(UNKNOWN_LOG, log=log)

    def _say(self, peer: str, event: Event) -> None:
        if pump := self._hub.pumps.get(peer):
            pump.tell(event)

    async def _origin(self, log: bytes) -> str:
        origin = await self._shelf.origin_of(log)
        if origin is None:
            raise Refused(UNKNOWN_LOG)
        return origin


def _found(data: bytes | None) -> bytes:
    if data is None:
        raise Refused(NOT_FOUND)
    return data
