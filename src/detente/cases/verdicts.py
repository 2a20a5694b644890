"""The judgement of one entry in its causal past.

1. An act is judged once, by what lies in its past: own prefix, closure of `seen`, entries it refers to.
   Nothing that arrives later changes the verdict (protocol F5).
2. Checks run from the outside in: header, core, agreement of both, charter, references, form, officers, and
   last the state in which the case was. The first broken rule is the verdict.
3. What depends on something that is not held here waits, and is "not held here" until it is (F6).
4. Content decides nothing: it may be destroyed, and the verdict must stay derivable.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from detente.cases import faults
from detente.cases.agreement import agreement_faults, floor_fault, form_faults
from detente.cases.approving import Approvers, check_approvals, second_signature_fault
from detente.cases.book import NOT_HELD, Verdict
from detente.cases.casefile import CaseFile
from detente.cases.causal import Causal, Past, Placed, join, within
from detente.cases.closings import Closings, named_faults
from detente.cases.core import Core, parse_core
from detente.cases.faults import Fault
from detente.cases.fields import field_faults
from detente.cases.nextlogs import record_fault
from detente.cases.references import References, Waits
from detente.cases.register import RegisterActs, is_register
from detente.cases.unheld import NOTHING, Lacked, Unheld, holders_of
from detente.charter.model import ActRule, Charter, Kind
from detente.record.approvals import Approval
from detente.record.errors import Malformed
from detente.record.header import Header
from detente.record.names import EntryId, party_of
from detente.record.nextlog import LOG_CLOSED
from detente.record.parts import plaintext_hash

CORE_NOT_HELD: Final = "core-not-held"
CASE_NOT_HELD: Final = "case-not-held"


@dataclass(frozen=True, slots=True)
class Judged:
    """A final verdict, with what the case needs of a regular act."""

    verdict: Verdict
    core: Core | None = None
    case: EntryId | None = None
    before: int = 0
    approvers: Approvers = frozenset()
    past: Past = field(default_factory=dict)
    lacked: Lacked = NOTHING


@dataclass(slots=True)
class Bench:
    """What verdicts are made from; filled by the folder in causal order."""

    charter: Charter
    causal: Causal
    references: References
    register: RegisterActs
    unheld: Unheld
    closings: Closings
    cases: dict[EntryId, CaseFile] = field(default_factory=dict)
    judged: dict[EntryId, Judged] = field(default_factory=dict)
    waiting_in: dict[bytes, set[EntryId]] = field(default_factory=dict)  # by core hash of the opening entry
    closed: dict[str, int] = field(default_factory=dict)  # old log -> size at which it is closed

    def beyond(self, entry: EntryId) -> bool:
        """Whether an entry stands behind the end of an old log. SPEC: protocol C3"""
        return entry.index >= self.closed.get(entry.log, entry.index + 1)

    def judge(self, placed: Placed, core_bytes: bytes | None) -> Judged | Waits:
        """The verdict, or what must be judged or opened before."""
        header = placed.entry.header
        if self.beyond(placed.entry.id):
            return _irregular(Fault(LOG_CLOSED, "C3"), placed)
        if header is None:
            return _irregular(Fault(faults.MALFORMED_HEADER, "A2"), placed)
        if header.log != placed.entry.id.log:
            return _irregular(Fault(faults.WRONG_LOG, "A1"), placed)
        if placed.fault is not None:
            return _irregular(Fault(*placed.fault), placed)
        if core_bytes is None:
            return Waits(placed.entry.id, CORE_NOT_HELD)
        if plaintext_hash(core_bytes) != header.core:
            return _irregular(Fault(faults.CORE_DIFFERS, "A5"), placed)
        try:
            core = parse_core(core_bytes)
        except Malformed:
            return _irregular(Fault(faults.MALFORMED_CORE, "A4"), placed)
        found = self._judge_core(placed, header, core)
        return _irregular(found, placed, core) if isinstance(found, Fault) else found

    def _judge_core(self, placed: Placed, header: Header, core: Core) -> Judged | Waits | Fault:
        if self.references.repeated(placed, header.core):
            return Fault(faults.REPEATED, "A8")
        kind = self.charter.kinds.get(core.kind)
        if kind is None:
            return Fault(faults.UNKNOWN_KIND, "A4", core.kind)
        fault = next(agreement_faults(self.charter, header, core), None)
        fault = fault or floor_fault(kind, core.act, header)
        fault = fault or next(form_faults(self.charter, kind, core), None)
        if fault is not None:
            return fault
        if header.charter != self.charter.digest:
            return Fault(faults.OTHER_CHARTER, "A13")
        view = self._view(placed, core)
        if not isinstance(view, _View):
            return view
        return (
            self._in_force(view, kind)
            or self._closed(view, kind, header.time)
            or self._judge_act(view, kind, kind.acts[core.act])
        )

    def _view(self, placed: Placed, core: Core) -> "_View | Waits | Fault":
        """The past widened by what the core refers to. SPEC: protocol A9."""
        past: dict[str, int] = dict(placed.past)
        found: list[EntryId] = []
        for reference in (*((core.case,) if core.case else ()), *core.refers_to):
            one = self.references.find(reference, placed)
            if not isinstance(one, EntryId):
                return one
            found.append(one)
            join(past, self.causal.upto(one.log, one.index + 1))
        case = found[0] if core.case else None
        return _View(placed, core, past, Lacked(placed.lines, tuple(found)), case)

    def _in_force(self, view: "_View", kind: Kind) -> Waits | Fault | None:
        """Before all have acceded only record and floor entries count. SPEC: protocol A13."""
        if kind.acts[view.core.act].floor or is_register(kind) or self.register.in_force(view.counts):
            return None
        closed = self.unheld.accession(view.past, view.lacked)
        return Waits(closed, CORE_NOT_HELD) if closed else Fault(faults.NOT_IN_FORCE, "A13")

    def _closed(self, view: "_View", kind: Kind, time: int) -> Waits | Fault | None:
        """What a party has closed on its own part. SPEC: formats/charter 3"""
        unknown = self.closings.unknown(kind, view.core, view.past, view.lacked, view.counts)
        if unknown is not None:
            return Waits(unknown[0], CORE_NOT_HELD if unknown[1] else CASE_NOT_HELD)
        return self.closings.fault(kind, view.core, time, view.past, view.lacked)

    def _judge_act(self, view: "_View", kind: Kind, rule: ActRule) -> Judged | Waits | Fault:
        if view.core.act == "NEW":
            fault = self._opening_fault(view, kind)
            return fault or self._judge_said(view, kind, rule, None, 0)
        if view.case is None:
            return Fault(faults.CASE_MISSING, "A4")
        case = self._case(view, kind)
        if not isinstance(case, CaseFile):
            return case
        if waits := self._case_waits(view, case):
            return waits
        if case.role(view.core.party_id) not in rule.by:
            return Fault(faults.NOT_BY_YOU, kind.id, view.core.act)
        return self._judge_said(view, kind, rule, case, case.before(view.past, view.lacked))

    def _opening_fault(self, view: "_View", kind: Kind) -> Fault | None:
        party = self.charter.parties[view.core.party_id]
        if view.case is not None:
            return Fault(faults.CASE_MISSING, "A4")
        if party.role not in kind.opened_by:
            return Fault(faults.NOT_BY_YOU, kind.id, "NEW")
        others = len(self.charter.parties) - 1
        if len(view.core.action_parties) != {"none": 0, "one": 1, "all": others}[kind.addressees]:
            return Fault(faults.WRONG_ADDRESSEES, kind.id)
        return None

    def _case(self, view: "_View", kind: Kind) -> CaseFile | Waits | Fault:
        """The case that the act belongs to."""
        assert view.case is not None  # noqa: S101 - the caller looked
        opening = self.judged.get(view.case)
        if opening is None:
            return Waits(view.case, CASE_NOT_HELD)
        if not opening.verdict.counts:
            return Fault(faults.CASE_IRREGULAR, "A9")
        case = self.cases.get(view.case)
        if case is None or case.kind.id != kind.id:
            return Fault(faults.NOT_A_CASE, "A9")
        header = view.placed.entry.header
        if header is None or holders_of(header) != case.holders:
            return Fault(faults.OTHER_HOLDERS, "A10")
        return case

    def _case_waits(self, view: "_View", case: CaseFile) -> Waits | None:
        """Whether something in the past that may belong to the case is not judged yet."""
        for entry in sorted(self.waiting_in.get(case.acts[0].core_hash, ())):
            if view.counts(entry):
                return Waits(entry, CASE_NOT_HELD)
        opened = self.causal.placed(case.id)
        past_of_opening = opened.past if opened else {}
        closed = self.unheld.case_act(case.kind, case.holders, past_of_opening, view.past, view.lacked)
        return Waits(closed[0], CORE_NOT_HELD) if closed else None

    def _judge_said(
        self, view: "_View", kind: Kind, rule: ActRule, case: CaseFile | None, before: int
    ) -> Judged | Waits | Fault:
        """Fields, officers and state."""
        core = view.core
        moved = case.moved(before) if case else None
        values: Mapping[str, Any] = moved.values(core.fields) if moved else core.fields
        fault = next(field_faults(kind, rule, "core", core.fields, values), None)
        fault = fault or next(named_faults(self.charter, kind, core.act, core.fields), None)
        fault = fault or record_fault(self.charter, view.placed, core)
        if fault is not None:
            return fault
        approvers = self._approvers(view, kind, rule, values)
        if not isinstance(approvers, frozenset):
            return approvers
        if case is not None and moved is not None:
            fault = second_signature_fault(kind, rule, case.acts[0].approvers, approvers)
            role = case.role(core.party_id)
            if fault is None and kind.step(moved.state, core.act, role, values) is None:
                fault = Fault(faults.NOT_PERMITTED, kind.id, moved.state)
            if fault is None and not case.may_consent(before, core):
                fault = Fault(faults.NOTHING_PUT, kind.id, moved.state)
            if fault is not None:
                return fault
        verdict = Verdict("ok", findings=view.placed.findings)
        return Judged(verdict, core, view.case, before, approvers, view.past, view.lacked)

    def _approvers(
        self, view: "_View", kind: Kind, rule: ActRule, values: Mapping[str, Any]
    ) -> Approvers | Waits | Fault:
        header, party = view.placed.entry.header, view.core.party_id
        assert header is not None  # noqa: S101 - judged before
        if header.approvals and (closed := self.unheld.credentials(party, view.past)):
            return Waits(closed, CORE_NOT_HELD)
        return check_approvals(
            kind,
            rule,
            header,
            view.core,
            values=values,
            enrolled=self.register.credentials(party, view.counts),
            own=lambda entry: self._own_approvals(view, entry),
        )

    def _own_approvals(self, view: "_View", entry: EntryId) -> tuple[Approval, ...]:
        placed = self.causal.placed(entry)
        own = party_of(entry.log) == view.core.party_id and within(entry, view.past)
        return placed.entry.header.approvals if own and placed and placed.entry.header else ()


@dataclass(frozen=True, slots=True)
class _View:
    """An act with the past it is judged in."""

    placed: Placed
    core: Core
    past: Past
    lacked: Lacked
    case: EntryId | None

    def counts(self, entry: EntryId) -> bool:
        """Whether an entry lies in the past and was readable to the author."""
        return within(entry, self.past) and entry not in self.lacked


def not_held(code: str) -> Verdict:
    """The verdict of an entry that cannot be judged here yet."""
    return Verdict(NOT_HELD, code)


def _irregular(fault: Fault, placed: Placed, core: Core | None = None) -> Judged:
    return Judged(Verdict("irregular", fault.code, fault.clause, placed.findings), core)
