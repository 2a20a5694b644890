"""Rows and cases as JSON. Ids are printed, hashes hex, times POSIX seconds; nothing is translated here."""

from __future__ import annotations

from typing import Any

from detente.cases.book import Act, Case, Clock, Verdict
from detente.cases.casebook import CaseBook
from detente.cases.core import Core
from detente.node.api.parts import ends_json, recalls_json
from detente.node.rowbook import EntryRow, RowBook
from detente.record.names import EntryId, print_id
from detente.record.references import Reference


def entry_json(
    row: EntryRow, rows: RowBook, book: CaseBook, *, position: int | None = None
) -> dict[str, Any]:
    """Shape `Entry`. `held`: its core could be read here. `ahead`: not yet in its log."""
    core, act = row.core, book.act(row.id)
    case = rows.case_of(row)
    return {
        "position": row.position if position is None else position,
        "id": print_id(row.id),
        "log": row.id.log,
        "index": row.id.index,
        "party": row.party,
        "time": row.header.time if row.header else None,
        "kind": core.kind if core else None,
        "act": core.act if core else None,
        "case": print_id(case) if case else None,
        "post": core.post if core else None,
        "core": core_json(core, rows) if core else None,
        "content": dict(row.content.fields) if row.content else None,
        "verdict": verdict_json(book.verdicts.get(row.id)),
        "held": core is not None,
        "ahead": not row.in_log,
        "provisional": False,
        "floor": bool(row.header and row.header.floor),
        "approvals": list(act.approved_by) if act else [],
    }


def core_json(core: Core, rows: RowBook) -> dict[str, Any]:
    """The core's members that a person is shown."""
    return {
        "from": core.post,
        "action": list(core.action),
        "info": list(core.info),
        "basket": core.basket,
        "precedence": core.precedence,
        "mode": core.mode,
        "handling": dict(core.handling),
        "fields": dict(core.fields),
        "refers_to": [_reference(one, rows) for one in core.refers_to],
    }


def _reference(reference: Reference, rows: RowBook) -> str | None:
    row = rows.by_core(reference.core)
    if row is not None:
        return print_id(row.id)
    return None if reference.index is None else print_id(EntryId(reference.log, reference.index))


def verdict_json(verdict: Verdict | None) -> dict[str, Any] | None:
    """Shape `Verdict`; None while the fold has not seen the entry."""
    if verdict is None:
        return None
    return {
        "state": verdict.state,
        "code": verdict.code,
        "clause": verdict.clause,
        "findings": list(verdict.findings),
    }


def act_json(act: Act, rows: RowBook) -> dict[str, Any]:
    """One row of a case's timeline."""
    row = rows.get(act.id)
    return {
        "id": print_id(act.id),
        "party": act.party,
        "post": act.post,
        "act": act.act,
        "time": act.time,
        "fields": dict(act.fields),
        "content": None if act.content is None else dict(act.content),
        "content_state": act.content_state,
        "handling": dict(act.handling),
        "verdict": verdict_json(act.verdict),
        "approvals": list(act.approved_by),
        "held": True,
        "ahead": bool(row and not row.in_log),
        "provisional": False,
    }


def clock_json(clock: Clock) -> dict[str, Any]:
    """Shape `Clock`."""
    return {
        "rule": clock.rule,
        "entry": print_id(clock.entry),
        "party": clock.owed_by,
        "state": clock.state,
        "start": clock.start,
        "start_by": clock.start_by,
        "due": clock.due,
        "met_at": clock.met_at,
    }


def case_json(
    case: Case, rows: RowBook, *, receipts: list[Any], may: list[str], confirm_due: int | None
) -> dict[str, Any]:
    """Shape `Case`."""
    ends = ends_json(case)
    return {
        "id": print_id(case.id),
        "kind": case.kind,
        "opened_by": case.opened_by,
        "addressee": case.addressee,
        "post": case.post,
        "at": case.opened_at,
        "precedence": case.precedence,
        "state": case.state,
        "state_as_held": case.state_as_held,
        "open": case.is_open,
        "confirmation": case.confirmation,
        "confirm_due": confirm_due,
        "result": case.result,
        "fields": {
            name: {"value": now.value, "entry": print_id(now.set_by)} for name, now in case.fields.items()
        },
        "timeline": [{**act_json(act, rows), "ends": ends.get(act.id)} for act in case.acts],
        "recalls": recalls_json(case),
        "clocks": [clock_json(clock) for clock in case.clocks],
        "receipts": receipts,
        "may": may,
        "puts": [
            {"consent": one.consent, "entry": print_id(one.entry), "given_by": list(one.given_by),
             "awaited": list(one.awaited)}
            for one in case.puts
        ],
        "not_held": [print_id(one) for one in case.not_held],
        "quarantined": False,
    }  # fmt: skip


def raw_case_json(row: EntryRow, rows: RowBook, *, receipts: list[Any], quarantined: bool) -> dict[str, Any]:
    """Shape `Case` of an opening entry that the fold cannot show: ahead of its log, or quarantined.

    The author's values are shown as they came; nothing is derived from them.
    """
    core = row.core
    values = {**(core.fields if core else {}), **(row.content.fields if row.content else {})}
    return {
        "id": print_id(row.id), "kind": core.kind if core else None, "opened_by": row.party,
        "addressee": next(iter(core.action_parties), None) if core else None,
        "post": core.post if core else None, "at": row.header.time if row.header else row.at,
        "precedence": core.precedence if core else "ROUTINE", "state": "not held here",
        "state_as_held": "not held here", "open": True, "confirmation": "not held here", "confirm_due": None,
        "result": None,
        "fields": {name: {"value": value, "entry": print_id(row.id)} for name, value in values.items()},
        "timeline": [_raw_act(row)], "recalls": [], "clocks": [], "receipts": receipts, "may": [],
        "puts": [], "not_held": [], "quarantined": quarantined,
    }  # fmt: skip


def _raw_act(row: EntryRow) -> dict[str, Any]:
    core = row.core
    return {
        "id": print_id(row.id), "party": row.party, "post": core.post if core else None,
        "act": core.act if core else None, "time": row.header.time if row.header else row.at,
        "fields": dict(core.fields) if core else {},
        "content": dict(row.content.fields) if row.content else None,
        "content_state": "held" if row.content else "not held here",
        "handling": dict(core.handling) if core else {}, "ends": None,
        "verdict": None, "approvals": [], "held": True, "ahead": not row.in_log, "provisional": False,
    }  # fmt: skip
