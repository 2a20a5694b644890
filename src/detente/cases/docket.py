"""Places, judges and files entries as they arrive; what waits is tried again when its reason is gone.

1. Every entry is judged after its whole past; one that waits names the entry it waits for and is tried again
   when that one is judged, opened or placed.
2. `touched` collects the cases whose picture may have changed: by an act, a receipt, an opened part, or an
   entry that is not held here and may belong to them.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from detente.cases.book import LogLife, Verdict
from detente.cases.casefile import CaseAct, CaseFile
from detente.cases.causal import Causal, Placed
from detente.cases.clocks import party_rules
from detente.cases.closings import Closings
from detente.cases.core import Core, parse_core
from detente.cases.entries import VerifiedEntry
from detente.cases.nextlogs import DISOWNED, NextLogs
from detente.cases.receipts import Receipts
from detente.cases.references import References, Waits
from detente.cases.register import RegisterActs, opens_case
from detente.cases.show import Opened, absorbs
from detente.cases.unheld import Unheld, holders_of
from detente.cases.verdicts import Bench, Judged, not_held
from detente.charter.model import Charter
from detente.record.errors import Malformed
from detente.record.header import Header, Seen
from detente.record.names import EntryId, generation_of, party_of
from detente.record.parts import plaintext_hash
from detente.record.references import parse_reference


class Docket:
    """The judged record. Promises: verdicts and case files depend on what is held alone, not on its order."""

    def __init__(self, charter: Charter, opened: Opened, closed: Mapping[str, int] | None = None) -> None:
        self.charter = charter
        self._roles = {party.id: party.role for party in charter.parties.values()}
        self.opened = opened
        self.causal = Causal(charter.cell, frozenset(charter.parties))
        self.receipts = Receipts(charter.bounds.late_anchor_s)
        register, unheld = RegisterActs(charter), Unheld(charter)
        closings = Closings(charter, unheld)
        self.bench = Bench(charter, self.causal, References(self.causal), register, unheld, closings)
        self.bench.closed.update(closed or {})
        self.next_logs = NextLogs(frozenset(charter.parties))
        self.remarked: set[EntryId] = set()
        self._disowned: dict[str, tuple[int, int]] = {}
        self.verdicts: dict[EntryId, Verdict] = {}
        self.case_of: dict[EntryId, EntryId] = {}
        self.waiting: dict[EntryId, Core] = {}
        self.cannot_open: dict[EntryId, frozenset[str]] = {}
        self.newest: dict[tuple[str, str], CaseAct] = {}
        self.touched: set[EntryId] = set()
        self._order: dict[EntryId, int] = {}
        self._waiters: dict[EntryId, set[EntryId]] = {}
        self._ahead: dict[str, set[EntryId]] = {}
        self._lines: dict[tuple[str, str], Seen] = {}
        self._live: dict[tuple[frozenset[str], bool], set[EntryId]] = {}

    def add(self, entries: Iterable[VerifiedEntry]) -> bool:
        """Hold entries; False if everything must be folded anew: a line that was set aside is true (`causal`,
        rule 4), or an old log turns out to be closed before what is judged already."""
        for entry in entries:
            self.causal.add(entry)
            self.verdicts.setdefault(entry.id, not_held("past-not-held"))
        if self.causal.contradicted():
            return False
        for placed in self.causal.place():
            self._take(placed)
        self._mark_disowned()
        return self._close()

    def lives(self) -> Mapping[str, tuple[LogLife, ...]]:
        """Each party's logs."""
        return self.next_logs.lives(self.bench.closed, self.bench.register.opened)

    def opened_part(self, entry: EntryId, position: int) -> None:
        """A plaintext of the entry came into `opened`."""
        placed = self.causal.placed(entry)
        if placed is None:
            return
        if position:
            self._touch(entry)
        elif entry not in self.bench.judged and placed.entry.header is not None:
            self.bench.unheld.remove(entry, placed.entry.header)
            self._touch_class(placed.entry.header)
            self._judge_all([entry])

    def not_held_in(self, case: CaseFile) -> tuple[EntryId, ...]:
        """Entries not judged here that may move the case; none where nothing can move it any more."""
        if absorbs(case.kind, case.moved(case.all).state):
            return ()
        opening = self.causal.placed(case.id)
        closed = self.bench.unheld.case_act(case.kind, case.holders, opening.past if opening else {})
        return tuple(sorted({*closed, *self.bench.waiting_in.get(case.acts[0].core_hash, ())}))

    def waiting_acts(self, case: CaseFile) -> Iterator[tuple[EntryId, Core]]:
        """Acts of the case that are open here and not judged yet."""
        for entry in sorted(self.bench.waiting_in.get(case.acts[0].core_hash, ())):
            yield entry, self.waiting[entry]

    def _take(self, placed: Placed) -> None:
        """File a placed entry: its lines, its core hash, its verdict."""
        entry, header = placed.entry.id, placed.entry.header
        self._order[entry] = len(self._order)
        self.next_logs.add(placed)
        beyond = self.bench.beyond(entry)
        if not beyond:
            self.bench.references.add(placed)
        if header is not None and placed.fault is None and not beyond:
            self.receipts.add(entry, header.time, placed.lines)
            for line in placed.lines:
                self._touch_received(entry.log, line)
            if (entry, 0) not in self.opened and header.log == entry.log:
                self.bench.unheld.add(entry, header)
                self._touch_class(header)
        self._judge_all([entry, *self._ahead.pop(entry.log, ())])

    def _judge_all(self, entries: Iterable[EntryId]) -> None:
        """Judge entries and what waited for them, earlier placed ones first."""
        heap = [(self._order[one], one) for one in entries if one in self._order]
        heapq.heapify(heap)
        while heap:
            _, entry = heapq.heappop(heap)
            placed = self.causal.placed(entry)
            if entry in self.bench.judged or placed is None:
                continue
            found = self.bench.judge(placed, self.opened.get((entry, 0)))
            if isinstance(found, Waits):
                self._wait(placed, found)
            else:
                self._enter(placed, found)
                for waiter in self._waiters.pop(entry, ()):
                    heapq.heappush(heap, (self._order[waiter], waiter))

    def _wait(self, placed: Placed, waits: Waits) -> None:
        entry = placed.entry.id
        self._say(entry, not_held(waits.code))
        if waits.on == entry:
            return
        core = self.waiting.get(entry) or self._parsed(placed)
        if core is not None:
            self.waiting[entry] = core
            self.bench.closings.wait(entry, core)
            if core.case is not None:
                self.bench.waiting_in.setdefault(core.case.core, set()).add(entry)
                self._touch_core(core.case.core)
        if self.causal.placed(waits.on) is None:
            self._ahead.setdefault(waits.on.log, set()).add(entry)
        else:
            self._waiters.setdefault(waits.on, set()).add(entry)

    def _enter(self, placed: Placed, judged: Judged) -> None:
        """File a final verdict and, if the entry counts, what it does."""
        entry, core, header = placed.entry.id, judged.core, placed.entry.header
        self.bench.judged[entry] = judged
        self._say(entry, judged.verdict)
        waited = self.waiting.pop(entry, None)
        self.bench.closings.waiting.discard(entry)
        if waited is not None and waited.case is not None:
            self.bench.waiting_in[waited.case.core].discard(entry)
            self._touch_core(waited.case.core)
        if core is None or header is None:
            return
        if not judged.verdict.counts:
            self._file_irregular(placed, core)
            return
        self.bench.register.add(entry, core, header.time)
        if core.kind == "R06":
            self._file_cannot_open(entry, core)
        kind = self.charter.kinds[core.kind]
        if core.act == "NEW" and opens_case(kind):
            self.bench.cases[entry] = CaseFile(kind, holders_of(header), self._roles)
            self._file(entry, entry, header, core, judged)
            self._file_newest(self.bench.cases[entry])
            self.bench.closings.file(self.bench.cases[entry])
        elif judged.case is not None:
            self._file(judged.case, entry, header, core, judged)

    def _say(self, entry: EntryId, verdict: Verdict) -> None:
        """Set a verdict, with the mark of what its party's next log does not name. SPEC: protocol C3"""
        first, end = self._disowned.get(entry.log, (0, 0))
        if first <= entry.index < end and DISOWNED not in verdict.findings:
            verdict = replace(verdict, findings=(*verdict.findings, DISOWNED))
        self.verdicts[entry] = verdict

    def _mark_disowned(self) -> None:
        """Mark entries that are now known to be disowned; cases show it."""
        for log, span in self.next_logs.disowned().items():
            if self._disowned.get(log) == span:
                continue
            self._disowned[log] = span
            for entry in (EntryId(log, index) for index in range(*span)):
                if entry in self.verdicts:
                    self._say(entry, self.verdicts[entry])
                    self.remarked.add(entry)
                    self._touch(entry)

    def _close(self) -> bool:
        """Take in where old logs end; False if that is another end than entries were judged by."""
        for log, size in self.next_logs.closings().items():
            if self.bench.closed.get(log, size) != size:
                return False
            if log not in self.bench.closed and self.causal.placed_count(log) > size:
                return False
            self.bench.closed[log] = size
        return True

    def _file(self, case: EntryId, entry: EntryId, header: Header, core: Core, judged: Judged) -> None:
        file = self.bench.cases[case]
        file.add(
            entry,
            core,
            core_hash=header.core,
            time=header.time,
            before=judged.before,
            approvers=judged.approvers,
            past=judged.past,
            lacked=judged.lacked,
        )
        self.case_of[entry] = case
        self.touched.add(case)
        over = absorbs(file.kind, file.moved(file.all).state)
        for floor in {rule.floor for rule in file.kind.acts.values()}:
            live = self._live.setdefault((file.holders, floor), set())
            if over:
                live.discard(case)
            else:
                live.add(case)

    def _file_irregular(self, placed: Placed, core: Core) -> None:
        """An irregular act stands in the timeline of the case it names."""
        if core.case is None:
            return
        case = self.bench.references.find(core.case, placed)
        if isinstance(case, EntryId) and case in self.bench.cases:
            self.bench.cases[case].irregular.append(placed.entry.id)
            self.case_of[placed.entry.id] = case
            self.touched.add(case)

    def _file_cannot_open(self, entry: EntryId, core: Core) -> None:
        """R06: the duty holder says that it cannot open an entry; its clocks are held."""
        named = parse_reference(core.fields["entry"])
        if named.index is not None:
            about = EntryId(named.log, named.index)
            self.cannot_open[about] = self.cannot_open.get(about, frozenset()) | {party_of(entry.log)}
            self._touch(about)

    def _file_newest(self, case: CaseFile) -> None:
        opening = case.acts[0]
        for rule in party_rules(case, self.charter):
            known = self.newest.get((rule, case.opened_by))
            if known is None or _in_log(known.id) < _in_log(opening.id):
                self.newest[rule, case.opened_by] = opening

    def _parsed(self, placed: Placed) -> Core | None:
        data, header = self.opened.get((placed.entry.id, 0)), placed.entry.header
        if data is None or header is None or plaintext_hash(data) != header.core:
            return None
        try:
            return parse_core(data)
        except Malformed:
            return None

    def _touch(self, entry: EntryId) -> None:
        if entry in self.case_of:
            self.touched.add(self.case_of[entry])

    def _touch_core(self, core_hash: bytes) -> None:
        for entry in self.bench.references.with_core(core_hash):
            if entry in self.bench.cases:
                self.touched.add(entry)

    def _touch_class(self, header: Header) -> None:
        """A closed entry came or was opened: cases that it may belong to."""
        self.touched |= self._live.get((holders_of(header), header.floor), set())

    def _touch_received(self, by: str, line: Seen) -> None:
        """Cases of entries that a line covers for the first time, or lacked before."""
        before = self._lines.get((line.log, by))
        self._lines[line.log, by] = line
        lacked = before.missing if before else ()
        ranges = [range(one.first, one.last + 1) for one in lacked if lacked != line.missing]
        for span in (*ranges, range(before.size if before else 0, line.size)):
            for index in span:
                self._touch(EntryId(line.log, index))


def _in_log(entry: EntryId) -> tuple[int, int]:
    return generation_of(entry.log), entry.index
