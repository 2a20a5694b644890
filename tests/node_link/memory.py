"""A whole record in memory: what a node's shelf promises, with pure functions only and real signatures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from detente.record.errors import Conflict, Malformed, Unverified
from detente.record.head import Head, cosign, open_head, sign_head
from detente.record.header import Header, PartInfo, encode_header, parse_header
from detente.record.keys import KeyPair, LogKeys, MirrorKeys
from detente.record.names import mirror_name, origin, party_of
from detente.record.nextlog import read_next_log
from detente.record.note import add_lines
from detente.record.sync import (
    Ahead,
    CosignatureKnown,
    Event,
    FloorAdded,
    Holds,
    Mirror,
    PartHeld,
    PartLacked,
    Push,
    PushAnswer,
    check_ahead,
    cosignature_note,
    cosigned_head,
    open_cosignature_note,
)
from detente.record.tiles import TILE_WIDTH, encode_bundle, parse_path
from detente.record.tree import EMPTY_ROOT, Frontier, Tree, leaf_hash

CELL = "test.exercise"
PARTIES = ("g1", "s1", "s2")


def pair(*words: str) -> KeyPair:
    seeds = [hashlib.sha256("/".join((kind, *words)).encode()).digest() for kind in ("a", "b")]
    return KeyPair(seeds[0], seeds[1])


def log_of(party: str) -> str:
    return origin(CELL, party)


def log_keys(party: str) -> LogKeys:
    return pair("log", party).log_keys(log_of(party))


def mirror_keys(mirror: str, watched: str) -> MirrorKeys:
    return pair("mirror", mirror, watched).mirror_keys(mirror_name(CELL, mirror, watched))


@dataclass
class _Log:
    entries: list[bytes] = field(default_factory=list)
    tree: Tree = field(default_factory=Tree)
    notes: dict[int, bytes] = field(default_factory=dict)


class MemoryShelf:
    """One party's record. `refuse(push)` may raise, to play a full disk; `calls` remembers what was taken."""

    def __init__(self, me: str, clock: Callable[[], int]) -> None:
        self.me, self.clock = me, clock
        self.logs = {log_of(party): _Log() for party in PARTIES}
        self.cosignatures: dict[tuple[str, str], CosignatureKnown] = {}
        self.part_bytes: dict[bytes, bytes] = {}
        self.wanted: dict[bytes, PartLacked] = {}
        self.readers: dict[bytes, set[str]] = {}
        self.ahead_held: dict[tuple[str, int], bytes] = {}
        self.calls: list[str] = []
        self.taken_at: dict[tuple[str, int], float] = {}
        self.refuse: Callable[[Push], None] = lambda _push: None
        self.on_change: Callable[[], None] = lambda: None
        self._news: list[Event] = []

    # For the tests.

    def append(self, *, floor: bool = True, part: bytes = b"", keep: tuple[str, ...] | None = None) -> int:
        """Write one own entry with one part; its index."""
        log = log_of(self.me)
        state = self.logs[log]
        others = tuple(one for one in PARTIES if one != self.me)
        data = part or b"part %d of %s" % (len(state.entries), self.me.encode())
        kept = others if keep is None else keep
        info = PartInfo("core", hashlib.sha256(data).digest(), len(data), kept, kept)
        header = Header(1, CELL, log, floor, self.clock(), bytes(32), others, (info,), (), bytes(32), ())
        self.part_bytes[info.sha256] = data
        self.readers[info.sha256] = {*kept}
        entry = encode_header(header)
        state.entries.append(entry)
        state.tree.append(leaf_hash(entry))
        head = Head(log, state.tree.size, state.tree.root())
        state.notes[head.size] = sign_head(head, pair("log", self.me), self.clock())
        if floor:
            self._news.append(FloorAdded(log, head.size - 1))
        self._news.append(Holds(log, head.size))
        self.on_change()
        return head.size - 1

    def held(self, party: str) -> int:
        return len(self.logs[log_of(party)].entries)

    def receipt(self, mirror: str, party: str) -> int:
        """Size up to which `mirror` has confirmed `party`'s log, as far as known here."""
        known = self.cosignatures.get((mirror_name(CELL, mirror, party), log_of(party)))
        return known.size if known else 0

    # Reads.

    async def changes(self) -> tuple[Event, ...]:
        news, self._news = tuple(self._news), []
        return news

    def holds(self) -> Mapping[str, int]:
        return {log: len(state.entries) for log, state in self.logs.items()}

    def knows(self, log: str) -> bool:
        return log in self.logs

    async def push_body(
        self, log: str, start: int, size: int, peer: str, room: int | None = None
    ) -> Push | None:
        state = self.logs[log]
        if size not in state.notes:
            return None
        entries = tuple(state.entries[start:size])
        parts = [
            part.sha256 for one in entries if (header := parse_header(one)).floor for part in header.parts
        ]
        return Push(log, start, entries, state.notes[size], await self.parts(tuple(parts), peer))

    async def parts(self, hashes: tuple[bytes, ...], peer: str) -> tuple[bytes, ...]:
        found = [await self.part(one, peer) for one in hashes]
        return tuple(one for one in found if one is not None)

    async def head_notes(self, heads: tuple[tuple[str, int], ...]) -> tuple[bytes, ...]:
        return tuple(self._newest(log) for log, _ in heads)

    async def ahead_of(self, log: str, index: int, peer: str) -> Ahead | None:
        state = self.logs[log]
        entry = state.entries[index]
        parts = await self.parts(tuple(part.sha256 for part in parse_header(entry).parts), peer)
        proof = state.tree.inclusion_proof(index)
        return Ahead(log, index, entry, self._newest(log), proof, parts)

    async def origin_of(self, log: bytes) -> str | None:
        return next((one for one in self.logs if hashlib.sha256(one.encode()).digest() == log), None)

    async def checkpoint(self, log: str) -> bytes | None:
        if not self.logs[log].notes:
            return None
        note = self._newest(log)
        size = cosigned_head(note).size
        for one in self.cosignatures.values():
            if (one.log, one.size) == (log, size):
                note = add_lines(note, one.note[len(cosigned_head(one.note).body()) + 1 :])
        return note

    async def certificate(self, log: str) -> bytes | None:
        return None  # only first logs here

    async def take_certificate(self, note: bytes) -> bool:
        read_next_log(note)
        raise Unverified("certificate")

    async def tile(self, log: str, path: str) -> bytes | None:
        name = parse_path(path)
        entries = self.logs[log].entries[name.n * TILE_WIDTH :][: name.width]
        return encode_bundle(entries) if name.level is None and len(entries) == name.width else None

    async def part(self, sha256: bytes, peer: str) -> bytes | None:
        return self.part_bytes.get(sha256) if peer in self.readers.get(sha256, ()) else None

    def _newest(self, log: str) -> bytes:
        notes = self.logs[log].notes
        return notes[max(notes)]

    def lacked(self, sha256: bytes) -> tuple[int, bool] | None:
        """As the link's `Incoming` asks: size by the header; None if it is not wanted."""
        if sha256 not in self.wanted:
            return None
        headers = (parse_header(one) for log in self.logs.values() for one in log.entries)
        return next((part.size, True) for header in headers for part in header.parts if part.sha256 == sha256)

    # Takings.

    async def take_push(self, push: Push, peer: str) -> PushAnswer:
        self.calls.append(f"push {push.log} {push.start}+{len(push.entries)} from {peer}")
        self.refuse(push)
        state = self.logs[push.log]
        past = state.tree.frontier
        mirror = Mirror(
            push.log, log_keys(party_of(push.log)), Frontier(len(state.entries), past().hashes), past=past
        )
        accepted = mirror.accept(push)
        for entry in accepted.entries:
            self._store(push.log, entry)
        size = accepted.head.head.size
        state.notes.setdefault(size, push.head)
        for data in push.parts:
            await self.take_part(data)
        for note in push.cosignatures:
            with suppress(Malformed, Unverified):
                await self.take_cosignature(note)
        self._news.append(Holds(push.log, len(state.entries)))
        note = self._cosign(push.log)
        self.on_change()
        return PushAnswer(len(state.entries), note)

    def _store(self, log: str, entry: bytes) -> None:
        state = self.logs[log]
        state.entries.append(entry)
        state.tree.append(leaf_hash(entry))
        self.taken_at[(log, len(state.entries) - 1)] = self.clock()
        header = parse_header(entry)
        for part in header.parts:
            self.readers[part.sha256] = {*part.keep, header.party}
            if self.me in part.keep and part.sha256 not in self.part_bytes:
                self.wanted[part.sha256] = PartLacked(log, part.sha256)
                self._news.append(self.wanted[part.sha256])

    def _cosign(self, log: str) -> bytes:
        head = Head(log, len(self.logs[log].entries), self.logs[log].tree.root())
        name = mirror_name(CELL, self.me, party_of(log))
        cosignature = cosign(head, name, pair("mirror", self.me, party_of(log)), self.clock())
        note = cosignature_note(cosignature)
        self._keep(CosignatureKnown(name, log, head.size, cosignature.time, note))
        return note

    def _keep(self, known: CosignatureKnown) -> None:
        old = self.cosignatures.get((known.mirror, known.log))
        if old is None or (old.size, old.time) < (known.size, known.time):
            self.cosignatures[(known.mirror, known.log)] = known
            self._news.append(known)

    async def take_own(self, push: Push) -> None:
        await self.take_push(push, self.me)

    async def take_ahead(self, ahead: Ahead, peer: str) -> None:
        check_ahead(ahead, log_keys(party_of(ahead.log)))
        self.calls.append(f"ahead {ahead.log} {ahead.index}")
        self.ahead_held[(ahead.log, ahead.index)] = ahead.entry

    async def take_part(self, data: bytes) -> bool:
        sha256 = hashlib.sha256(data).digest()
        if self.wanted.pop(sha256, None) is None:
            return False
        self.part_bytes[sha256] = data
        self._news.append(PartHeld(sha256))
        return True

    async def unknown_heads(self, notes: tuple[bytes, ...]) -> tuple[bytes, ...]:
        for note in notes:
            open_head(note, log_keys(party_of(cosigned_head(note).origin)))
        return ()

    async def take_head(self, note: bytes) -> None:
        raise AssertionError("no head is unknown here")

    async def take_cosignature(self, note: bytes) -> bool:
        head = cosigned_head(note)
        watched = party_of(head.origin)
        for mirror in PARTIES:
            try:
                found = (
                    open_cosignature_note(note, mirror_keys(mirror, watched)) if mirror != watched else None
                )
            except Unverified:
                continue
            if found is not None:
                self._keep(CosignatureKnown(found.mirror, head.origin, head.size, found.time, note))
                return True
        raise Unverified("cosignature")

    async def start_answer(self, log: str) -> bytes:
        state = self.logs[log]
        head = Head(log, len(state.entries), state.tree.root() if state.entries else EMPTY_ROOT)
        name = mirror_name(CELL, self.me, party_of(log))
        return cosignature_note(cosign(head, name, pair("mirror", self.me, party_of(log)), self.clock()))


__all__ = ["Conflict", "MemoryShelf", "log_of"]
