"""Takes a bundle in: the stick's files become what a peer would have sent (protocol B1, D2, D3, E2).

1. Everything goes to the same receiver as from the line, in steps of the line's size: verified, stored,
   cosigned. A step that is done stays done; begun again, an import goes on where it stopped.
2. Floor first: entries ahead of their logs, then the logs with least to read, then receipts, then parts.
3. What is broken is named and left out; everything else is taken all the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from detente.node.stick import Stick
from detente.record.bundle import Carried, log_place
from detente.record.errors import DetenteError, Malformed, Unreachable
from detente.record.header import parse_header
from detente.record.messages import MAX_PARTS, Push, cosigned_head, parse_ahead
from detente.record.names import party_of
from detente.record.tiles import TILE_WIDTH, bundle_path, parse_bundle

#: Parts that go with their entries in one step; the others follow one by one.
PARTS_ALONG: Final = 4 << 20
#: What ends an import at once: going on would say the same of every file.
_FINAL: Final = frozenset({"disk-full", "unreachable", "node-not-running", "signer-busy", "unauthorised"})

#: Told of each file that was worked off: its path and its bytes.
Told = Callable[[str, int], None]


class Taker(Protocol):
    """The node that takes. Each method raises a DetenteError (of the receiver or of the way to it)."""

    def sizes(self) -> Mapping[str, int]:
        """Size of every log held."""

    def push(self, peer: str, push: Push) -> int:
        """Take entries; the size held then."""

    def ahead(self, peer: str, data: bytes) -> bool:
        """Take a floor entry ahead of its log; False if it was known."""

    def part(self, data: bytes) -> bool:
        """Take a part; False if it is not wanted."""

    def cosignature(self, note: bytes) -> bool:
        """Take a receipt; False if it was known."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file or log that was not taken, and why."""

    what: str
    code: str
    who: str
    values: Mapping[str, object]


@dataclass
class TakenIn:
    """What an import changed here. `before` and `after`: size of each log of the bundle."""

    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    ahead: int = 0
    parts: int = 0
    receipts: int = 0
    refused: list[Refusal] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether anything is here now that was not."""
        return self.before != self.after or bool(self.ahead or self.parts or self.receipts)


class CarryIn:
    """One import."""

    def __init__(self, stick: Stick, taker: Taker, me: str, told: Told) -> None:
        self._stick, self._taker, self._me, self._told = stick, taker, me, told
        self._author = stick.manifest.author
        self._done = TakenIn()
        self._along: set[str] = set()  # parts that went with their entries

    def take(self) -> TakenIn:
        """Take all of it. Raises the DetenteError that makes going on senseless, e.g. `disk-full`."""
        held = self._taker.sizes()
        logs = self._stick.manifest.logs
        for log in logs:
            self._done.before[log.origin] = self._done.after[log.origin] = held.get(log.origin, 0)
        for log in logs:
            self._aheads(log)
        for log in sorted(logs, key=lambda one: (one.size - held.get(one.origin, 0), one.origin)):
            self._guarded(log.origin, lambda log=log: self._log(log))  # type: ignore[misc]
        for log in logs:
            for path in self._stick.paths(log_place(log.origin) + "receipts/"):
                self._guarded(path, lambda path=path: self._receipt(path))  # type: ignore[misc]
        parts = [self._stick.find(path) for path in self._stick.paths("parts/")]
        for part in sorted((one for one in parts if one), key=lambda one: (one.size, one.path)):
            if part.path not in self._along:
                self._guarded(part.path, lambda path=part.path: self._part(path))  # type: ignore[misc]
        return self._done

    def _guarded(self, what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except DetenteError as error:
            if error.code in _FINAL or isinstance(error, Unreachable):
                raise
            self._done.refused.append(Refusal(what, error.code, error.who, error.values))

    def _read(self, path: str) -> bytes:
        data = self._stick.read(path)
        self._told(path, len(data))
        return data

    # ---- logs

    def _aheads(self, log: Carried) -> None:
        """Floor entries of a long bundle, the newest first. SPEC: protocol D3"""
        place = log_place(log.origin) + "ahead/"
        found = [path for path in self._stick.paths(place) if party_of(log.origin) != self._me]
        for path in sorted(found, key=lambda one: -int(one.rpartition("/")[2])):
            self._guarded(path, lambda path=path: self._ahead(log, path))  # type: ignore[misc]

    def _ahead(self, log: Carried, path: str) -> None:
        data = self._read(path)
        ahead = parse_ahead(data)
        if ahead.log != log.origin:
            raise Malformed("ahead", "of another log than its folder")
        if ahead.index >= self._done.before[log.origin]:
            self._done.ahead += self._taker.ahead(self._author, data)

    def _log(self, log: Carried) -> None:
        place = log_place(log.origin)
        last = self._read(place + "checkpoint")
        if cosigned_head(last) != replace(cosigned_head(last), origin=log.origin, size=log.size):
            raise Malformed("checkpoint", "not of the log and size that the manifest names")
        held = self._done.before[log.origin]
        if party_of(log.origin) == self._me or log.size <= held:
            self._push(log, Push(log.origin, log.size, (), last))  # an old head: nothing, or a fork (C4)
            return
        for head in [*self._steps(log, held), last]:
            self._step(log, self._done.after[log.origin], head)

    def _steps(self, log: Carried, held: int) -> Iterator[bytes]:
        place = log_place(log.origin) + "heads/"
        sizes = sorted(int(path.rpartition("/")[2]) for path in self._stick.paths(place))
        for size in sizes:
            if held < size < log.size:
                note = self._read(f"{place}{size}")
                if cosigned_head(note).size != size:
                    raise Malformed("head", f"{place}{size}")
                yield note

    def _step(self, log: Carried, held: int, head: bytes) -> None:
        size = cosigned_head(head).size
        if held < log.start:
            raise Malformed("bundle log", f"begins at {log.start}, held {held}: ask for one from there")
        entries = self._entries(log, held, size)
        push = Push(log.origin, held, entries, head, self._parts_of(entries), (), self._certificate(log))
        try:
            self._push(log, push)
        except DetenteError as error:
            if error.code != "unverified" or held == log.start:
                raise
            # With what the two have in common in hand, the receiver can tell a fork from wrong entries (C4).
            past = self._entries(log, log.start, held)
            self._push(log, replace(push, start=log.start, entries=past + entries, parts=()))

    def _push(self, log: Carried, push: Push) -> None:
        if party_of(log.origin) == self._me:
            return  # our own log grows by our signer alone; its receipts are taken below
        self._done.after[log.origin] = max(self._taker.push(self._author, push), self._done.after[log.origin])

    def _entries(self, log: Carried, start: int, size: int) -> tuple[bytes, ...]:
        found: list[bytes] = []
        for n in range(start // TILE_WIDTH, -(-size // TILE_WIDTH)):
            # The bundle was cut at the log's end, not at this step's.
            width = min(TILE_WIDTH, log.size - n * TILE_WIDTH)
            entries = parse_bundle(self._read(log_place(log.origin) + bundle_path(n, width)), count=width)
            found += entries[max(0, start - n * TILE_WIDTH) : size - n * TILE_WIDTH]
        return tuple(found)

    def _certificate(self, log: Carried) -> bytes:
        path = log_place(log.origin) + "certificate"
        return self._read(path) if self._stick.find(path) else b""

    def _parts_of(self, entries: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Parts of floor entries that go along; a broken one is named when its turn comes."""
        found: list[bytes] = []
        room = PARTS_ALONG
        for path in _floor_parts(entries):
            said = self._stick.find(path)
            if said is None or said.size > room or len(found) == MAX_PARTS or path in self._along:
                continue
            try:
                found.append(self._read(path))
            except DetenteError:
                continue
            room -= said.size
            self._along.add(path)
        self._done.parts += len(found)
        return tuple(found)

    # ---- the rest

    def _receipt(self, path: str) -> None:
        self._done.receipts += self._taker.cosignature(self._read(path))

    def _part(self, path: str) -> None:
        data = self._read(path)
        if f"parts/{hashlib.sha256(data).hexdigest()}" != path:
            raise Malformed("part", path)
        self._done.parts += self._taker.part(data)


def _floor_parts(entries: tuple[bytes, ...]) -> Iterator[str]:
    for entry in entries:
        try:
            header = parse_header(entry)
        except Malformed:
            continue
        if header.floor:
            yield from (f"parts/{one.sha256.hex()}" for one in header.parts)
