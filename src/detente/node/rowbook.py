"""Entries as this node can read them now: header, core and content, in the order of arrival.

The fold judges; this only remembers what is readable, so that an entry is shown and an alarm sounds even
when the fold cannot take it (ahead of its log, quarantined).
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from detente.cases.core import Content, Core, parse_content, parse_core
from detente.node.rows import ArrivalRow
from detente.record.errors import Malformed
from detente.record.header import CONTENT, CORE, Header, Seen, parse_header
from detente.record.names import EntryId


@dataclass(frozen=True)
class EntryRow:
    """One entry. `case` is the opening entry's id once that is known here; `at` when it arrived first."""

    id: EntryId
    position: int
    at: int
    header_bytes: bytes
    header: Header | None
    core: Core | None
    core_bytes: bytes | None
    content: Content | None
    in_log: bool
    opened: Mapping[int, bytes] = field(default_factory=dict)
    failures: tuple[str, ...] = ()

    @property
    def party(self) -> str:
        """The author's party."""
        return self.id.log.split("/")[1]


def read_row(arrival: ArrivalRow, first_at: int | None) -> EntryRow:
    """The row of an arrival; what does not parse is absent, never an error."""
    header = _header(arrival.header)
    opened = {one.position: one.plaintext for one in arrival.opened if one.plaintext is not None}
    roles = {one.role: opened[one.position] for one in arrival.opened if one.position in opened}
    core_bytes = roles.get(CORE)
    return EntryRow(
        arrival.entry, arrival.position, arrival.at if first_at is None else first_at, arrival.header, header,
        _core(core_bytes), core_bytes, _content(roles.get(CONTENT)), arrival.in_log, opened,
        tuple(one.failure for one in arrival.opened if one.failure),
    )  # fmt: skip


def _header(data: bytes) -> Header | None:
    try:
        return parse_header(data)
    except Malformed:
        return None


def _core(data: bytes | None) -> Core | None:
    try:
        return None if data is None else parse_core(data)
    except Malformed:
        return None


def _content(data: bytes | None) -> Content | None:
    try:
        return None if data is None else parse_content(data)
    except Malformed:
        return None


class RowBook:
    """All rows of this node. One thread writes; readers see whole rows (assignment is atomic)."""

    def __init__(self) -> None:
        self._rows: dict[EntryId, EntryRow] = {}
        self._by_core: dict[bytes, EntryId] = {}
        self._by_kind: dict[str, dict[EntryId, None]] = {}
        self._by_case: dict[bytes, dict[EntryId, None]] = {}
        self._by_precedence: dict[str, dict[EntryId, None]] = {}
        self._waiting: dict[EntryId, None] = {}
        self._seen: dict[tuple[str, str], Seen] = {}
        self._sizes: dict[str, int] = {}
        self._positions: list[int] = []
        self._ids: list[EntryId] = []

    def take(self, arrival: ArrivalRow) -> EntryRow:
        """Remember an arrival; its entry's row is replaced by what is readable now."""
        before = self._rows.get(arrival.entry)
        row = read_row(arrival, None if before is None else before.at)
        self._rows[row.id] = row
        if row.header is not None:
            self._by_core.setdefault(row.header.core, row.id)
        self._index(row)
        self._ids.append(row.id)
        self._positions.append(row.position)
        return row

    def forget(self, entry: EntryId) -> None:
        """Keep an entry's core alone."""
        row = self._rows[entry]
        opened = {position: data for position, data in row.opened.items() if position == 0}
        self._rows[entry] = replace(row, content=None, opened=opened)

    def _index(self, row: EntryRow) -> None:
        """Keep what is asked for at every append at hand: no such question may cost the whole record."""
        core = row.core
        if core is not None:
            self._by_kind.setdefault(core.kind, {})[row.id] = None
            self._by_precedence.setdefault(core.precedence, {})[row.id] = None
            if core.case is not None:
                self._by_case.setdefault(core.case.core, {})[row.id] = None
        if not row.in_log:
            self._waiting[row.id] = None
            return
        self._waiting.pop(row.id, None)
        self._sizes[row.id.log] = max(self._sizes.get(row.id.log, 0), row.id.index + 1)
        for seen in row.header.seen if row.header else ():
            known = self._seen.get((row.party, seen.log))
            if known is None or seen.at >= known.at:
                self._seen[row.party, seen.log] = seen

    def get(self, entry: EntryId) -> EntryRow | None:
        """The row of one entry."""
        return self._rows.get(entry)

    def all(self) -> Iterator[EntryRow]:
        """Every row, in no promised order."""
        return iter(list(self._rows.values()))

    def after(self, position: int, limit: int) -> list[tuple[int, EntryRow]]:
        """Arrivals behind `position`: each position with its entry's row as of now."""
        start = bisect.bisect_right(self._positions, position)
        end = start + limit
        # The writer appends the id before the position, and may do so between these two slices: what has a
        # position has an id, and an id that has none yet is left for the next call.
        pairs = zip(self._positions[start:end], self._ids[start:end], strict=False)
        return [(at, self._rows[entry]) for at, entry in pairs]

    def of_kind(self, kind: str) -> list[EntryRow]:
        """Rows of a kind, in the order in which they became readable."""
        return [self._rows[entry] for entry in list(self._by_kind.get(kind, ()))]

    def size_of(self, log: str) -> int:
        """Entries of that log that were read."""
        return self._sizes.get(log, 0)

    def logs(self) -> tuple[str, ...]:
        """Origins of the logs of which entries were read."""
        return tuple(self._sizes)

    def last_of(self, log: str) -> EntryRow | None:
        """The last entry of that log that was read."""
        return self._rows.get(EntryId(log, self.size_of(log) - 1))

    def of_precedence(self, precedence: str) -> list[EntryRow]:
        """Rows of a precedence, in the order in which they became readable."""
        return [self._rows[entry] for entry in list(self._by_precedence.get(precedence, ()))]

    def about(self, case_core: bytes) -> list[EntryRow]:
        """Rows that name the entry with that core as their case."""
        return [self._rows[entry] for entry in list(self._by_case.get(case_core, ()))]

    def ahead(self) -> list[EntryRow]:
        """Rows that are not in their logs yet."""
        return [self._rows[entry] for entry in list(self._waiting)]

    def newest_seen(self, party: str, log: str) -> Seen | None:
        """What `party`'s own log said last of having seen `log`."""
        return self._seen.get((party, log))

    def between(self, log: str, start: int, end: int) -> list[EntryRow]:
        """Rows of that log with start <= index < end that were read, in order."""
        found = (self._rows.get(EntryId(log, index)) for index in range(start, end))
        return [row for row in found if row is not None and row.in_log]

    def case_of(self, row: EntryRow) -> EntryId | None:
        """The case's opening entry: the row itself for an opening, else the one its reference names."""
        if row.core is None:
            return None
        if row.core.case is None:
            return row.id
        # SPEC: protocol A9. The hash decides; the index only says where to look.
        return self._by_core.get(row.core.case.core)

    def by_core(self, core: bytes) -> EntryRow | None:
        """The entry whose core has that SHA-256."""
        entry = self._by_core.get(core)
        return None if entry is None else self._rows[entry]
