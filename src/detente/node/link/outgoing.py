"""What goes out to a peer, read from the record: pushes with the parts that go along, tiles, checkpoints.

1. A push ends at a head that was signed. Parts of floor entries go along (protocol D2); so do other small
   parts while there is room, because a second round trip costs more than their bytes.
2. A part goes only to who is in its `keep`. SPEC: protocol D1
3. All functions are run in reader threads.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from detente.node import models as tables
from detente.node import selectors
from detente.record.errors import Malformed
from detente.record.messages import MAX_PARTS, MAX_PUSH_BYTES
from detente.record.names import EntryId
from detente.record.note import add_lines
from detente.record.sync import Ahead, Push
from detente.record.tiles import TileName, encode_bundle, parse_path, tile_of
from detente.record.tree import Tree

SMALL_PART: Final = 64 << 10
SMALL_PARTS: Final = 1 << 20


@dataclass(frozen=True)
class _Base:
    """What both addressees of a push are sent alike."""

    entries: tuple[bytes, ...]
    head: bytes
    parts: tuple[_Along, ...]


@dataclass(frozen=True)
class _Along:
    """A part that may go along; `data` only if it is small or of a floor entry."""

    floor: bool
    keep: frozenset[str]
    data: bytes


def parts(hashes: Iterable[bytes], peer: str) -> tuple[bytes, ...]:
    """Those parts that are here and that `peer` may have, as many as fit."""
    found: list[bytes] = []
    room = MAX_PUSH_BYTES - (1 << 20)
    for sha256 in hashes:
        data = selectors.part_for(sha256, peer)
        if data is not None and len(data) <= room and len(found) < MAX_PARTS:
            found.append(data)
            room -= len(data)
    return tuple(found)


def checkpoint(origin: str) -> bytes | None:
    """The largest head under which every entry is held, with the cosignatures known of it."""
    log = selectors.log(origin)
    head = selectors.largest_head(origin, within=log.size) if log else None
    if head is None:
        return None
    note = head.note
    for row in selectors.cosignatures(origin, head.size):
        try:
            note = add_lines(note, row.lines)
        except Malformed:  # more lines than a note takes
            break
    return note


def head_notes(heads: Iterable[tuple[str, int]]) -> tuple[bytes, ...]:
    """The newest note of each log."""
    found = (selectors.largest_head(origin, within=size) for origin, size in heads)
    return tuple(head.note for head in found if head is not None)


class Outgoing:
    """Pushes, and hash trees of the logs held, grown as the logs grow. `_lock` guards both memories."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._trees: dict[str, Tree] = {}
        self._last: tuple[tuple[str, int, int, int | None], _Base] | None = None

    def push_body(
        self, origin: str, start: int, size: int, peer: str, room: int | None = None
    ) -> Push | None:
        """Entries from `start` to the largest head of at most `size` that fits into one push.

        `room`: bytes that a slow line should carry at once; one head's entries stay together all the same.
        """
        if start == size:
            head = selectors.head_at(origin, size)
            return Push(origin, start, (), head.note) if head else None
        with self._lock:
            # Both peers are told of an entry in the same moment: the second push costs no reading. Entries
            # and heads never change.
            asked = (origin, start, size, room)
            if self._last is None or self._last[0] != asked:
                base = _base(origin, start, size, room)
                self._last = (asked, base) if base else None
            base = self._last[1] if self._last else None
        if base is None:
            return None
        used = sum(map(len, base.entries))
        small = SMALL_PARTS if room is None else max(0, room - used)
        chosen = _parts_along(base.parts, peer, MAX_PUSH_BYTES - used, small)
        return Push(origin, start, base.entries, base.head, chosen)

    def tile(self, origin: str, path: str) -> bytes | None:
        """A tile of hashes or a bundle of entries; None if the log is not that long. Raises Malformed."""
        name = parse_path(path)
        if name.level is not None:
            return self._hashes(origin, name)
        start = name.n * 256
        entries = selectors.entries(origin, start, start + name.width)
        return encode_bundle(entries) if len(entries) == name.width else None

    def ahead(self, origin: str, index: int, peer: str) -> Ahead | None:
        """A floor entry with what proves that it is in the log. SPEC: protocol D3"""
        log = selectors.log(origin)
        head = selectors.largest_head(origin, within=log.size) if log else None
        entry = selectors.entry(EntryId(origin, index))
        if head is None or entry is None or index >= head.size:
            return None
        with self._lock:
            proof = self._grown(origin, head.size).inclusion_proof(index, head.size)
        found = _along(origin, index, index + 1)
        along = _parts_along(found, peer, MAX_PUSH_BYTES - len(entry), SMALL_PARTS)
        return Ahead(origin, index, entry, head.note, proof, along)

    def _hashes(self, origin: str, name: TileName) -> bytes | None:
        log = selectors.log(origin)
        if log is None:
            return None
        with self._lock:
            found = tile_of(self._grown(origin, log.size), name)
        return found if len(found) == 32 * name.width else None

    def _grown(self, origin: str, size: int) -> Tree:
        tree = self._trees.setdefault(origin, Tree())
        if tree.size < size:
            for leaf in selectors.leaves(origin, tree.size, size):
                tree.append(leaf)
        return tree


def _fitting(entries: tuple[bytes, ...], room: int) -> int:
    """How many of the entries fit."""
    for n, entry in enumerate(entries):
        room -= len(entry)
        if room < 0:
            return n
    return len(entries)


def _base(origin: str, start: int, size: int, room: int | None) -> _Base | None:
    head = selectors.head_for_push(origin, start, size - start)
    if head is None:
        return None
    entries = selectors.entries(origin, start, head.size)
    fits = _fitting(entries, min(MAX_PUSH_BYTES, room or MAX_PUSH_BYTES))
    if fits < len(entries):
        # The largest head within what fits, else the smallest at all: a head's entries go together.
        head = selectors.head_for_push(origin, start, fits)
        if head is None or _fitting(entries[: head.size - start], MAX_PUSH_BYTES) < head.size - start:
            return None
        entries = entries[: head.size - start]
    return _Base(entries, head.note, _along(origin, start, head.size))


def _along(origin: str, start: int, end: int) -> tuple[_Along, ...]:
    """Parts of these entries, floor entries first; of the others only small ones."""
    rows = tables.Part.objects.filter(log__origin=origin, index__gte=start, index__lt=end)
    entries = tables.Entry.objects.filter(log__origin=origin, index__gte=start, index__lt=end, floor=True)
    floor = set(entries.values_list("index", flat=True))
    named = sorted(rows, key=lambda row: (row.index not in floor, row.index, row.position))
    named = [row for row in named if row.keep and (row.index in floor or row.size <= SMALL_PART)]
    del named[2 * MAX_PARTS :]
    found = tables.PartBytes.objects.filter(sha256__in={row.sha256 for row in named})
    held = {sha256: bytes(data) for sha256, data in found.values_list("sha256", "data")}
    return tuple(
        _Along(row.index in floor, frozenset(row.keep.split()), held[row.sha256])
        for row in named
        if row.sha256 in held
    )


def _parts_along(parts: Iterable[_Along], peer: str, room: int, small: int) -> tuple[bytes, ...]:
    small, chosen = min(SMALL_PARTS, room, small), list[bytes]()
    for part in parts:
        size = len(part.data)
        if peer not in part.keep or size > room or (not part.floor and size > small):
            continue
        if len(chosen) == MAX_PARTS:
            break
        room -= size
        small -= 0 if part.floor else size
        chosen.append(part.data)
    return tuple(chosen)
