"""Which entries lie in the causal past of an entry.

1. The past of an entry is its log's prefix and the closure of its `seen` (protocol F1). It is a vector:
   for each log the number of its first entries. References widen the past of one act only, because not
   everybody can open the core they stand in (`verdicts`).
2. An entry is *placed* when that whole past is held. Until then it is "not held here", and so is what follows
   in its log. What is placed stays placed, whatever arrives later.
3. A line of `seen` whose root is not that of the entries held here speaks of another history: it is set aside
   with the finding `seen-differs`, and the entry stands. Otherwise a party that tells two stories could
   silence the one to whom it told the second (protocol C4, F3).
4. A line that names more than is held waits. It is set aside as in rule 3 once its log's own party has
   anchored the entry in a smaller log: hashes have no circles, so the line cannot be true.
5. An entry whose header breaks the steps of B2 or B6 anchors nothing: its lines count for nobody.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from detente.cases.entries import VerifiedEntry
from detente.record.errors import Malformed, RuleViolation
from detente.record.header import Header, Seen, check_seen_step
from detente.record.names import EntryId, parse_origin
from detente.record.tree import Tree, leaf_hash

#: Log -> how many of its first entries.
Past: TypeAlias = Mapping[str, int]

SEEN_DIFFERS: Final = "seen-differs"


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry with its past. `fault` is the (code, clause) of a broken header step; `lines` count."""

    entry: VerifiedEntry
    past: Past
    lines: tuple[Seen, ...]
    fault: tuple[str, str] | None = None
    findings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Log:
    """One log as held here: entries in a row, those behind a gap, and how far it is placed."""

    held: list[VerifiedEntry] = field(default_factory=list)
    gapped: dict[int, VerifiedEntry] = field(default_factory=dict)
    tree: Tree = field(default_factory=Tree)
    placed: list[Placed] = field(default_factory=list)
    upto: list[Past] = field(default_factory=list)
    last: Header | None = None


class Causal:
    """Places entries in their causal past as they arrive, in any order.

    Promises: the placed set and each past depend on the set of held entries alone.
    """

    def __init__(self, cell: str, parties: frozenset[str]) -> None:
        self._cell = cell
        self._parties = parties
        self._logs: dict[str, _Log] = {}
        self._set_aside: list[tuple[str, Seen]] = []

    def add(self, entry: VerifiedEntry) -> bool:
        """Hold an entry; False if it is held already or belongs to no party of the cell."""
        log = self._log_of(entry.id.log)
        if log is None or entry.id.index < len(log.held) or entry.id.index in log.gapped:
            return False
        log.gapped[entry.id.index] = entry
        while (following := log.gapped.pop(len(log.held), None)) is not None:
            log.held.append(following)
            log.tree.append(leaf_hash(following.header_bytes))
        return True

    def contradicted(self) -> bool:
        """Whether a line that was set aside by rule 4 turned out true: everything must be placed anew.

        Only a party that writes on in a log it has closed can bring this about.
        """
        return any(self._differs(line) is False for _, line in self._set_aside)

    def place(self) -> Iterator[Placed]:
        """Entries that can be placed now, each after its whole past."""
        moved = True
        while moved:
            moved = False
            for name in sorted(self._logs):
                while (placed := self._place_next(name)) is not None:
                    moved = True
                    yield placed

    def held(self, log: str) -> int:
        """Entries of the log held here in a row."""
        return len(self._logs[log].held) if log in self._logs else 0

    def placed_count(self, log: str) -> int:
        """Entries of the log that are placed."""
        return len(self._logs[log].placed) if log in self._logs else 0

    def placed(self, entry: EntryId) -> Placed | None:
        """The placed entry, or None."""
        log = self._logs.get(entry.log)
        return log.placed[entry.index] if log and entry.index < len(log.placed) else None

    def upto(self, log: str, size: int) -> Past:
        """Closure of the first `size` entries of a log, themselves included. They must be placed."""
        return self._logs[log].upto[size - 1] if size else {}

    def logs(self) -> tuple[str, ...]:
        """Logs of which something is held."""
        return tuple(sorted(self._logs))

    def unplaced(self) -> Iterator[EntryId]:
        """Held entries whose past is not held here."""
        for name, log in sorted(self._logs.items()):
            for entry in log.held[len(log.placed) :]:
                yield entry.id
            for index in sorted(log.gapped):
                yield EntryId(name, index)

    def _log_of(self, name: str) -> _Log | None:
        known = self._logs.get(name)
        if known is None and self._known(name):
            known = self._logs[name] = _Log()
        return known

    def _known(self, name: str) -> bool:
        try:
            cell, party, _ = parse_origin(name)
        except Malformed:
            return False
        return cell == self._cell and party in self._parties

    def _place_next(self, name: str) -> Placed | None:
        log = self._logs[name]
        index = len(log.placed)
        if index >= len(log.held):
            return None
        entry = log.held[index]
        before = log.upto[-1] if log.upto else {}
        placed = self._judge_place(entry, log.last, before)
        if placed is None:
            return None
        if placed.fault is None and entry.header is not None:
            log.last = entry.header
        log.placed.append(placed)
        log.upto.append({**placed.past, name: index + 1})
        return placed

    def _judge_place(self, entry: VerifiedEntry, last: Header | None, before: Past) -> Placed | None:
        header = entry.header
        if header is None or header.log != entry.id.log:
            return Placed(entry, before, ())
        fault = self._fault(header, last)
        if fault is not None:
            return Placed(entry, before, (), fault)
        lines, findings = [], []
        for line in header.seen:
            differs = self._differs(line)
            if differs is None and self._circle(entry.id, line):
                self._set_aside.append((entry.id.log, line))
                differs = True
            if differs is None or (not differs and self.placed_count(line.log) < line.size):
                return None
            if differs:
                findings.append(SEEN_DIFFERS)
            else:
                lines.append(line)
        return Placed(entry, self._joined(before, lines), tuple(lines), None, tuple(findings[:1]))

    def _joined(self, before: Past, lines: list[Seen]) -> Past:
        wider = [line for line in lines if before.get(line.log, 0) < line.size]
        if not wider:
            return before
        past = dict(before)
        for line in wider:
            join(past, self.upto(line.log, line.size))
        return past

    def _fault(self, header: Header, last: Header | None) -> tuple[str, str] | None:
        for line in header.seen:
            if not self._known(line.log):
                return "seen-unknown-log", "B2"
        if last is not None:
            try:
                check_seen_step(last, header)
            except RuleViolation as broken:
                return broken.code, broken.clause
        return None

    def _differs(self, line: Seen) -> bool | None:
        """Whether the line speaks of another history; None while fewer entries are held than it names."""
        log = self._logs.get(line.log)
        if log is None or len(log.held) < line.size:
            return None
        return log.tree.root(line.size) != line.root

    def _circle(self, entry: EntryId, line: Seen) -> bool:
        """Rule 4: whether the party of the line's log has anchored `entry` before it wrote what is named."""
        party = parse_origin(line.log)[1]
        for name, log in self._logs.items():
            if parse_origin(name)[1] != party:
                continue
            for held in log.held[len(log.placed) :]:
                back = held.header and next((one for one in held.header.seen if one.log == entry.log), None)
                if back and back.size > entry.index and self._differs(back) is False:
                    return True
        return False


def join(past: dict[str, int], other: Past) -> None:
    """Widen `past` in place by `other`."""
    for log, size in other.items():
        if past.get(log, 0) < size:
            past[log] = size


def within(entry: EntryId, past: Past) -> bool:
    """Whether the entry lies in the past."""
    return entry.index < past.get(entry.log, 0)
