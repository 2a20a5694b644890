"""Clocks of a case: what is due, from whom, since which event (protocol B3, B5, B6, F9).

1. A clock starts as its row says: by the act itself, by the duty holder's receipt, by deposit, or by the
   earlier of its receipt and the guarantor's plus T28; or at the instant that a field of the case names.
2. Nothing counts against a party without its own receipt: with a receipt the due instant is counted
   from it; by deposit alone the clock can end only in `no receipt`, never in `overdue`.
3. A duty is met at the answer's header time if another party held the answer within `met_s` of it, else at
   that party's `at`. While no receipt can be known yet, the header time is taken.
4. An answer ends only clocks whose starting entry it could know: that entry lies in its past.
5. A signed "cannot open" (R06) by the duty holder holds its clock; a state that lifts a clock removes it,
   unless it was late before.
6. `due` is exclusive: at that second it is late.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from detente.cases.book import Clock, ClockStart, ClockState
from detente.cases.casefile import CaseAct, CaseFile
from detente.cases.receipts import Receipts
from detente.charter.model import Charter
from detente.charter.table import ClockUse, holds
from detente.record.names import EntryId, party_of


@dataclass(slots=True)
class Times:
    """What clocks are read from, at one instant; `changes` collects instants at which they read otherwise."""

    charter: Charter
    receipts: Receipts
    cannot_open: Mapping[EntryId, frozenset[str]]
    as_of: int
    changes: set[int] = field(default_factory=set)

    def will_change(self, at: int | None) -> None:
        """Note an instant, if it is still to come."""
        if at is not None and at > self.as_of:
            self.changes.add(at)

    def met_at(self, entry: EntryId, time: int) -> int | None:
        """When an act counts as done (rule 3); None while it does not."""
        others = [one for one in self.charter.parties if one != party_of(entry.log)]
        found = [self.receipts.receipt(entry, one, self.as_of).at for one in others]
        known = min((at for at in found if at is not None), default=None)
        for one in others:
            self.will_change(self.receipts.next_at(entry, one, self.as_of))
        end = time + self.charter.bounds.met_s
        if known is not None:
            return time if known <= end else known
        self.will_change(end + 1)
        return time if self.as_of <= end else None

    def deposit(self, entry: EntryId, precedence: str) -> int | None:
        """Instant from which deposit starts a duty: the guarantor's receipt plus T28. SPEC: protocol B5."""
        author = party_of(entry.log)
        guarantors = [one.id for one in self.charter.guarantors() if one.id != author]
        for one in guarantors:
            self.will_change(self.receipts.next_at(entry, one, self.as_of))
        at = self.receipts.earliest(entry, guarantors, self.as_of)
        return None if at is None else at + self.charter.clocks["T28"].bound(precedence)

    def received(self, entry: EntryId, party: str) -> int | None:
        """The party's own receipt, if it moves clocks."""
        self.will_change(self.receipts.next_at(entry, party, self.as_of))
        return self.receipts.earliest(entry, (party,), self.as_of)


def case_clocks(case: CaseFile, times: Times) -> tuple[Clock, ...]:
    """Clocks of a case at `times.as_of`, in the order of the kind's table."""
    uses = [use for use in case.kind.clocks if use.scope == "case" and use.clock in times.charter.clocks]
    found = (
        clock
        for use in uses
        for starter in _starters(case, use)
        for party in _duty_holders(case, use, times.charter)
        if (clock := _clock(case, use, starter, party, times)) is not None
    )
    return tuple(found)


def party_clocks(newest: Mapping[tuple[str, str], CaseAct], times: Times) -> Iterator[Clock]:
    """Clocks that run from one case to the next by the same party (T6, T7).

    `newest` is the last opening act for each (clock, party); what it followed is met by it.
    """
    for (rule, party), opening in sorted(newest.items(), key=lambda one: one[0]):
        due = opening.time + times.charter.clocks[rule].bound(opening.core.precedence)
        times.will_change(due)
        state: ClockState = "running" if times.as_of < due else "overdue"
        yield Clock(rule, None, opening.id, party, state, opening.time, "act", due)


def party_rules(case: CaseFile, charter: Charter) -> Iterator[str]:
    """Clocks of scope `party` that the opening of this case starts anew."""
    opening = case.acts[0].core.fields
    for use in case.kind.clocks:
        if use.scope == "party" and use.clock in charter.clocks and holds(use.when, opening):
            yield use.clock


def is_late(clock: Clock) -> bool:
    """Whether the clock stands late now; that it was met, lifted or held is not late."""
    return clock.state in ("overdue", "no receipt")


def _starters(case: CaseFile, use: ClockUse) -> Iterator[CaseAct]:
    """Acts that started the clock and were not followed by one that starts it anew."""
    bits = [
        bit
        for bit, act in enumerate(case.acts)
        if act.core.act in use.on and holds(use.when, {**case.acts[0].core.fields, **act.core.fields})
    ]
    followed = 0
    for bit in bits:
        followed |= case.acts[bit].before
    yield from (case.acts[bit] for bit in bits if not followed >> bit & 1)


def _duty_holders(case: CaseFile, use: ClockUse, charter: Charter) -> tuple[str, ...]:
    if use.of == "copied":
        return tuple(sorted(one for one in charter.parties if case.role(one) == "copied"))
    return case.parties(use.of)


def _clock(case: CaseFile, use: ClockUse, starter: CaseAct, party: str, times: Times) -> Clock | None:
    start, start_by, due = _start(case, use, starter, party, times)
    met_at, met_by = _met(case, use, starter, party, times)
    moved = case.moved(case.all)
    late_by = times.as_of
    if met_at is None and moved.state in use.lifted:
        if due is None or moved.since < due:
            return None
        late_by = moved.since
    held = party in times.cannot_open.get(starter.id, ())
    state: ClockState
    if met_at is not None:
        state = "met"
    elif held:
        state = "on hold"
    elif due is None or late_by < due:
        times.will_change(due)
        state = "running"
    else:
        # Started by deposit and still without the holder's own receipt.
        alone = start_by == "deposit" and times.received(starter.id, party) is None
        state = "no receipt" if alone else "overdue"
    return Clock(use.clock, case.id, starter.id, party, state, start, start_by, due, met_at, met_by)


def _start(
    case: CaseFile, use: ClockUse, starter: CaseAct, party: str, times: Times
) -> tuple[int | None, ClockStart | None, int | None]:
    """(start, by what, due); rules 1 and 2."""
    precedence = starter.core.precedence
    said = _values(case, starter) if use.by or use.field else {}
    bound = times.charter.clocks[use.clock].bound(precedence, said.get(use.by or ""))
    if use.start == "field":
        at = said.get(use.field or "")
        if not isinstance(at, int):
            return None, None, None
        return at, "field", at - bound if use.before else at + bound
    if use.start == "act":
        return starter.time, "act", starter.time + bound
    received = times.received(starter.id, party) if use.start != "deposit" else None
    deposit = times.deposit(starter.id, precedence) if use.start != "receipt" else None
    if received is not None:
        early = deposit is not None and deposit < received
        return (deposit, "deposit", received + bound) if early else (received, "receipt", received + bound)
    if deposit is not None and deposit <= times.as_of:
        return deposit, "deposit", deposit + bound
    times.will_change(deposit)
    return None, None, None


def _values(case: CaseFile, act: CaseAct) -> Mapping[str, Any]:
    """The case's core fields as that act's author knew and left them."""
    bit = case.bit(act.id) or 0
    return case.moved(act.before | 1 << bit).values(act.core.fields)


def _met(
    case: CaseFile, use: ClockUse, starter: CaseAct, party: str, times: Times
) -> tuple[int | None, EntryId | None]:
    """First act that ends the clock, and when it counts as done; rules 3 and 4."""
    bit = case.bit(starter.id)
    ends = {(one.act, one.by) for one in use.ends}
    found = []
    for act in case.acts:
        known = bit is not None and act.before >> bit & 1
        # Where the duty is one role's and another role's act ends it (a check is retried until it is
        # answered), that act ends it whoever does it; an own duty only its holder can do.
        own = act.role != use.of or act.core.party_id == party
        if known and (act.core.act, act.role) in ends and own:
            at = times.met_at(act.id, act.time)
            if at is not None:
                found.append((at, act.depth, act.core_hash, act.id))
    return (found[0][0], found[0][3]) if (found := sorted(found)[:1]) else (None, None)
