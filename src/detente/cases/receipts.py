"""Receipts: what each party's log says of each entry of the others.

1. An entry is received by a party at the `at` of that party's first `seen` that covers it with core and
   content not missing; attachments start no clock (protocol B3).
2. A receipt anchored more than `late_anchor_s` after its `at` is shown and moves no clock; one whose `at` is
   later than `as_of` is not yet known (B3).
3. Deposited is the guarantor's receipt (B5). A part that the guarantor does not keep cannot be on its missing
   list, so it needs no rule of its own here.
4. Only lines that count are read: of headers that keep the steps of B2 and B6, and of this history.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from detente.cases.book import Receipt
from detente.record.header import CONTENT, CORE, Seen
from detente.record.names import EntryId, generation_of, party_of


@dataclass(frozen=True, slots=True)
class _Step:
    """One line of `seen` that says something new, with the entry that anchors it and its header time."""

    line: Seen
    anchor: EntryId
    anchored: int


@dataclass(slots=True)
class _Steps:
    """What one log says of another, in its order; sizes never fall."""

    steps: list[_Step] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def add(self, step: _Step) -> None:
        last = self.steps[-1].line if self.steps else None
        # A line that only renews its time anchors nothing new: the first one decides.
        if last is None or (last.size, last.missing) != (step.line.size, step.line.missing):
            self.steps.append(step)
            self.sizes.append(step.line.size)

    def first(self, index: int) -> int:
        """Position of the first step that covers the entry."""
        return bisect_right(self.sizes, index)

    def complete(self, index: int, start: int) -> int | None:
        """Position of the first step from `start` on that lacks neither core nor content."""
        for position in range(start, len(self.steps)):
            line = self.steps[position].line
            if not (line.lacks(index, CORE) or line.lacks(index, CONTENT)):
                return position
        return None


class Receipts:
    """Collects the lines of placed entries and answers for any entry.

    Promises: answers depend on the set of placed entries alone; a later line never changes an answer `held`.
    """

    def __init__(self, late_anchor_s: int) -> None:
        self._late = late_anchor_s
        self._of: dict[str, dict[str, _Steps]] = {}
        self._complete: dict[tuple[EntryId, str], int] = {}

    def add(self, anchor: EntryId, anchored: int, lines: Iterable[Seen]) -> None:
        """Take in the lines of one placed entry, in the order of its log."""
        for line in lines:
            steps = self._of.setdefault(line.log, {}).setdefault(anchor.log, _Steps())
            steps.add(_Step(line, anchor, anchored))

    def receipt(self, entry: EntryId, party: str, as_of: int) -> Receipt:
        """What `party`'s logs say of an entry, without the human acts."""
        partial: Receipt | None = None
        logs = self._of.get(entry.log, {})
        for log in sorted((log for log in logs if party_of(log) == party), key=generation_of):
            steps = logs[log]
            start = steps.first(entry.index)
            position = self._completed(entry, log, steps, start)
            if position is not None and steps.steps[position].line.at <= as_of:
                return self._receipt(party, steps.steps[position])
            if partial is None and start < len(steps.steps) and steps.steps[start].line.at <= as_of:
                partial = self._partial(party, steps.steps[start])
        return partial or Receipt(party, "not held")

    def earliest(self, entry: EntryId, parties: Iterable[str], as_of: int) -> int | None:
        """First receipt that moves clocks by any of these parties."""
        found = (self.receipt(entry, party, as_of) for party in parties)
        return min((one.at for one in found if one.moves_clocks and one.at is not None), default=None)

    def next_at(self, entry: EntryId, party: str, as_of: int) -> int | None:
        """Instant after `as_of` at which a receipt held here becomes known, if there is one (rule 2)."""
        logs = self._of.get(entry.log, {})
        ats = []
        for log, steps in logs.items():
            if party_of(log) == party:
                position = self._completed(entry, log, steps, steps.first(entry.index))
                if position is not None and steps.steps[position].line.at > as_of:
                    ats.append(steps.steps[position].line.at)
        return min(ats, default=None)

    def _completed(self, entry: EntryId, log: str, steps: _Steps, start: int) -> int | None:
        known = self._complete.get((entry, log))
        if known is None:
            known = steps.complete(entry.index, start)
            if known is not None:
                self._complete[entry, log] = known
        return known

    def _receipt(self, party: str, step: _Step) -> Receipt:
        in_time = step.anchored - step.line.at <= self._late
        return Receipt(party, "held", step.line.at, step.anchored, step.anchor, moves_clocks=in_time)

    def _partial(self, party: str, step: _Step) -> Receipt:
        return Receipt(party, "held, parts missing", step.line.at, step.anchored, step.anchor)
