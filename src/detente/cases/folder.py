"""The fold, fed in any order and any number of steps: same entries, same opened parts, same book.

1. `add` and `open` only put things in; `at` gives the book for an instant.
2. Work goes with what changed: one entry, the cases it touches, and cases in which an instant has passed.
   Asking for an earlier instant than before builds all cases again.
3. If a line that was set aside turns out true (`causal`, rule 4), or an old log ends before what was judged
   in it (`nextlogs`, rule 4), everything is folded anew.
"""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from detente.cases.book import Act, Case, Clock, Receipt
from detente.cases.casebook import CaseBook
from detente.cases.casefile import CaseFile
from detente.cases.clocks import Times, case_clocks, party_clocks
from detente.cases.contact_checks import CHECK_KIND, contact_check, rung_instants
from detente.cases.cut import Cut
from detente.cases.digest import Held, state_digest
from detente.cases.docket import Docket
from detente.cases.entries import Opened, VerifiedEntry
from detente.cases.show import show_act, show_case, with_human_acts
from detente.cases.unheld import Unheld
from detente.charter.model import Charter
from detente.record.header import CORE
from detente.record.names import EntryId, party_of


class Folder:
    """Holds what this node holds and folds it.

    Promises: the book depends on the set of added entries, opened parts and `as_of` alone.
    """

    def __init__(self, charter: Charter) -> None:
        self.charter = charter
        self._entries: list[VerifiedEntry] = []
        self._opened: dict[tuple[EntryId, int], bytes] = {}
        self._start()

    def add(self, entries: Iterable[VerifiedEntry]) -> None:
        """Hold entries, in any order; one held already changes nothing."""
        fresh = list(entries)
        self._entries += fresh
        if not self._docket.add(fresh):
            self._refold()
        for entry in self._docket.remarked:
            self._acts.pop(entry, None)
        self._docket.remarked.clear()

    def open(self, opened: Opened) -> None:
        """Hold plaintexts of parts, by entry and position in its header."""
        fresh = {key: data for key, data in opened.items() if key not in self._opened}
        self._opened.update(fresh)
        for entry, position in sorted(fresh):
            self._acts.pop(entry, None)
            self._docket.opened_part(entry, position)

    def forget(self, parts: Iterable[tuple[EntryId, int]]) -> None:
        """Hold plaintexts no longer: their values are not held here from now on. Cores stay (protocol A4)."""
        for entry, position in parts:
            if position and self._opened.pop((entry, position), None) is not None:
                self._acts.pop(entry, None)
                self._docket.opened_part(entry, position)

    def at(self, as_of: int) -> CaseBook:
        """The book at an instant."""
        times = Times(self.charter, self._docket.receipts, self._docket.cannot_open, as_of)
        for case in self._to_review(as_of):
            self._review(case, replace(times, changes=set()))
        self._as_of = as_of
        clocks = [
            *party_clocks(self._docket.newest, times),
            *(c for one in self._active.values() for c in one),
        ]
        if (first := self._first_change()) is not None:
            times.changes.add(first)
        return CaseBook(
            as_of=as_of,
            charter=self.charter,
            cases=MappingProxyType(self._cases),  # as `reader`: of the moment, until it is fed again
            verdicts=MappingProxyType(self._docket.verdicts),
            register=self._docket.bench.register.view(self._docket.lives()),
            due=tuple(sorted(clocks, key=_by_due)),
            changes_at=min(times.changes, default=None),
            reader=self,
        )

    def receipt(self, entry: EntryId, party: str, as_of: int) -> Receipt | None:
        """What a party's log says of an entry; None if it is not held here or the party is its author."""
        known = entry in self._docket.verdicts and party in self.charter.parties
        if not known or party == party_of(entry.log):
            return None
        plain = self._docket.receipts.receipt(entry, party, as_of)
        case = self._docket.bench.cases.get(self._docket.case_of.get(entry, entry))
        return plain if case is None else with_human_acts(plain, entry, case)

    def act(self, entry: EntryId) -> Act | None:
        """The entry as far as its core is open here."""
        if (known := self._acts.get(entry)) is not None:
            return known
        docket = self._docket
        placed, judged = docket.causal.placed(entry), docket.bench.judged.get(entry)
        core = judged.core if judged else docket.waiting.get(entry)
        if placed is None or core is None:
            return None
        case = docket.bench.cases.get(docket.case_of.get(entry, entry))
        filed = case.act(entry) if case else None
        shown = show_act(
            self._opened,
            placed,
            core,
            docket.verdicts[entry],
            case=case.id if case else None,
            about=case.about(filed) if case and filed and entry != case.id else None,
            approvers=judged.approvers if judged else frozenset(),
        )
        if judged is not None:
            self._acts[entry] = shown
        return shown

    def digest(self, cut: Cut | None) -> bytes:
        """State digest of what is held, or of a cut of it."""
        held = None if cut is None else Held(cut, self._closed_in(cut))
        return state_digest(self.charter, self._docket.bench.cases.values(), held)

    def _closed_in(self, cut: Cut) -> Unheld:
        """Entries of a cut whose core its holder lacked."""
        closed = Unheld(self.charter)
        lacked = (
            EntryId(line.log, index)
            for line in cut.lines
            for span in line.missing
            if CORE in span.roles
            for index in range(span.first, span.last + 1)
        )
        for entry in lacked:
            placed = self._docket.causal.placed(entry)
            if placed is not None and placed.entry.header is not None and placed.fault is None:
                closed.add(entry, placed.entry.header)
        return closed

    def _refold(self) -> None:
        """Rule 3. Where old logs end follows from placed headers alone: one fold finds it, one uses it."""
        self._start()
        if not self._docket.add(self._entries):
            self._start(self._docket.next_logs.closings())
            self._docket.add(self._entries)

    def _start(self, closed: Mapping[str, int] | None = None) -> None:
        self._docket = Docket(self.charter, self._opened, closed)
        self._cases: dict[EntryId, Case] = {}
        self._acts: dict[EntryId, Act] = {}  # of judged entries, until a part of theirs is opened
        self._active: dict[EntryId, tuple[Clock, ...]] = {}
        self._changes: list[tuple[int, EntryId]] = []
        self._change_of: dict[EntryId, int] = {}
        self._as_of = 0

    def _to_review(self, as_of: int) -> list[CaseFile]:
        """Cases that may read otherwise than when they were shown last."""
        docket = self._docket
        if as_of < self._as_of:
            found = set(docket.bench.cases)
        else:
            found = set(docket.touched)
            while self._changes and self._changes[0][0] <= as_of:
                found.add(heapq.heappop(self._changes)[1])
        docket.touched.clear()
        return [docket.bench.cases[one] for one in sorted(found)]

    def _review(self, case: CaseFile, times: Times) -> None:
        """Show one case at an instant and note when it will read otherwise."""
        clocks = case_clocks(case, times)
        shown = show_case(case, self._acts_of(case), clocks, self._docket.not_held_in(case))
        if case.kind.id == CHECK_KIND:
            shown = self._checked(shown, times)
        self._cases[case.id] = shown
        active = tuple(one for one in clocks if one.state in ("running", "overdue", "no receipt", "on hold"))
        if active and shown.is_open:
            self._active[case.id] = active
        else:
            self._active.pop(case.id, None)
        change = min(times.changes, default=None)
        if change is None:
            self._change_of.pop(case.id, None)
        else:
            self._change_of[case.id] = change
            heapq.heappush(self._changes, (change, case.id))

    def _checked(self, shown: Case, times: Times) -> Case:
        """The case with its graded contact check."""
        to = shown.addressee or ""
        received = self._docket.receipts.receipt(shown.id, to, times.as_of).state != "not held"
        times.will_change(self._docket.receipts.next_at(shown.id, to, times.as_of))
        for clock in shown.clocks:
            for instant in rung_instants(self.charter, clock):
                times.will_change(instant)
        check = contact_check(self.charter, shown, received=received, as_of=times.as_of)
        return replace(shown, check=check, result=check.result if check else None)

    def _acts_of(self, case: CaseFile) -> list[Act]:
        entries = [one.id for one in case.acts] + case.irregular
        waiting = [one for one, _ in self._docket.waiting_acts(case)]
        return [act for one in (*entries, *waiting) if (act := self.act(one)) is not None]

    def _first_change(self) -> int | None:
        """First instant at which a case reads otherwise; heap rows that were replaced are dropped."""
        while self._changes and self._change_of.get(self._changes[0][1]) != self._changes[0][0]:
            heapq.heappop(self._changes)
        return self._changes[0][0] if self._changes else None


def _by_due(clock: Clock) -> tuple[bool, int, str, bytes]:
    """Order of a list of clocks: by due instant, then rule; the entry only makes the order total."""
    return clock.due is None, clock.due or 0, clock.rule, repr(clock.entry).encode()
