"""Routes that list cases, contact checks and silences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from detente.cases.book import Case
from detente.cases.casebook import CaseBook
from detente.charter.model import Charter
from detente.node.api.call import Call
from detente.node.api.present import case_json, raw_case_json
from detente.node.api.receipts import receipts_of
from detente.node.refusals import not_found
from detente.node.rowbook import EntryRow
from detente.record.names import print_id

if TYPE_CHECKING:
    from detente.node.api.services import Services

CONFIRMATION: Final = "T30"  # the clock of the second signature


async def get_cases(services: Services, call: Call) -> dict[str, Any]:
    """Cases, newest first, of the kinds people speak in; record kinds only when asked for by name."""
    services.need_ready()
    return {"cases": await services.read(_cases, services, call.query)}


def _cases(services: Services, query: Any) -> list[dict[str, Any]]:
    with services.model.reading() as book:
        return _cases_of(services, book, query)


def _cases_of(services: Services, book: CaseBook, query: Any) -> list[dict[str, Any]]:
    kind = query.get("kind")
    folded = [case for case in book.cases.values() if _is_wanted(case.kind, kind)]
    raw = [row for row in _unfolded(services, book) if row.core and _is_wanted(row.core.kind, kind)]
    if "open" in query:
        folded = [case for case in folded if case.is_open == query["open"]]
        raw = raw if query["open"] else []
    shown = [(case.opened_at, case.id, case) for case in folded]
    newest = sorted(shown, key=lambda one: (one[0], one[1]), reverse=True)[: query["limit"]]
    unfolded = [_raw(services, book, row) for row in raw]
    return unfolded + [_folded(services, book, case) for _, _, case in newest]


def _is_wanted(found: str, kind: str | None) -> bool:
    return found == kind if kind else not found.startswith("R")


async def get_case(services: Services, call: Call) -> dict[str, Any]:
    """One case, by its opening entry or any entry of it."""
    row = services.row(call.path["id"])
    return await services.read(_case, services, row)


def _case(services: Services, row: EntryRow) -> dict[str, Any]:
    with services.model.reading() as book:
        act = book.act(row.id)
        case = book.cases.get(act.case if act and act.case else row.id)
        if case is not None:
            return _folded(services, book, case)
        if row in _unfolded(services, book):
            return _raw(services, book, row)
    raise not_found("case")


async def get_checks(services: Services, _call: Call) -> dict[str, Any]:
    """Contact checks, newest first, and silences."""
    services.need_ready()
    return await services.read(_checks, services)


def _checks(services: Services) -> dict[str, Any]:
    with services.model.reading() as book:
        return _checks_of(book)


def _checks_of(book: CaseBook) -> dict[str, Any]:
    checks = [
        {
            "id": print_id(one.id), "by": one.by, "to": one.to, "slot": one.slot, "path": one.path,
            "sent": one.sent, "due": one.due, "result": one.result, "rung": one.rung,
            "answered_at": one.answered_at, "echo_matches": one.echo_matches,
        }
        for one in sorted(book.checks, key=lambda one: (one.sent, one.id), reverse=True)
    ]  # fmt: skip
    silences = [
        {
            "by": one.by, "of": one.of, "misses": one.misses, "since": one.since,
            "unexplained": one.unexplained, "alarm": one.alarm,
        }
        for one in book.silences
    ]  # fmt: skip
    return {"checks": checks, "silences": silences}


def _folded(services: Services, book: CaseBook, case: Case) -> dict[str, Any]:
    row = services.model.rows.get(case.id)
    receipts = receipts_of(services, book, row) if row else []
    due = next((clock.due for clock in case.clocks if clock.rule == CONFIRMATION), None)
    may = acts_open_to(services.context.charter, services.context.party, Standing.of(case))
    shown = case_json(case, services.model.rows, receipts=receipts, may=may, confirm_due=due)
    shown["quarantined"] = case.id in services.model.quarantined
    return shown


def _raw(services: Services, book: CaseBook, row: EntryRow) -> dict[str, Any]:
    held_back, receipts = row.id in services.model.quarantined, receipts_of(services, book, row)
    shown = raw_case_json(row, services.model.rows, receipts=receipts, quarantined=held_back)
    kind = services.context.charter.kinds.get(row.core.kind) if row.core else None
    if kind is not None and row.core is not None and kind.touches_floor:
        # SPEC: protocol D3. It can be answered before its log is here; what the fold says comes later.
        standing = Standing(kind.id, kind.initial, row.party, tuple(sorted(row.core.action_parties)))
        may = acts_open_to(services.context.charter, services.context.party, standing)
        shown["may"] = [act for act in may if kind.acts[act].floor]
    return shown


def _unfolded(services: Services, book: CaseBook) -> list[EntryRow]:
    """Opening entries that are readable here and are in no case of the book: ahead, or quarantined."""
    rows = services.model.rows
    held_back = [row for one in services.model.quarantined if (row := rows.get(one)) is not None]
    return [
        row
        for row in (*rows.ahead(), *held_back)
        if row.core is not None and row.core.case is None and row.id not in book.cases
    ]


@dataclass(frozen=True)
class Standing:
    """Where a matter stands: what decides which acts are open to whom."""

    kind: str
    state: str
    opened_by: str
    addressees: tuple[str, ...]

    @classmethod
    def of(cls, case: Case) -> Standing:
        """That of a folded case."""
        return cls(case.kind, case.state, case.opened_by, case.addressees)


def acts_open_to(charter: Charter, party: str, now: Standing) -> list[str]:
    """Acts that the kind's table permits `party` now: for buttons only, the fold decides."""
    kind = charter.kinds.get(now.kind)
    if kind is None:
        return []
    role = "author" if party == now.opened_by else "addressee" if party in now.addressees else "copied"
    open_rows = {row.act for row in kind.transitions if row.at == now.state and row.by == role}
    return [act for act in kind.acts if act in open_rows and act != "NEW"]
