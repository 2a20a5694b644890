"""Makes the values of a case book from what the docket holds: acts, cases, human acts of a receipt.

1. A content that is not held here gives `NOT_HELD` for every field that it may have set, never an older
   value.
2. A content whose hash is not the one the officers approved is none ("differs").
3. The timeline is in the order of header times; equal times go by depth and hash, never by party.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from detente.cases.approving import Approvers
from detente.cases.book import NOT_HELD, Act, Case, Clock, FieldNow, PassedOn, Put, Receipt, Verdict
from detente.cases.casefile import SETS_FIELDS, CaseAct, CaseFile, Moved
from detente.cases.causal import Placed
from detente.cases.confirmation import confirmation_of
from detente.cases.core import Core, parse_content
from detente.charter.model import Kind
from detente.record.errors import Malformed
from detente.record.header import CONTENT
from detente.record.names import EntryId
from detente.record.parts import plaintext_hash

ContentState = Literal["none", "held", "not held here", "differs"]
Opened = Mapping[tuple[EntryId, int], bytes]

_CONTENT_POSITION = 1


def content_of(opened: Opened, placed: Placed, core: Core) -> tuple[Mapping[str, Any] | None, ContentState]:
    """Fields of an entry's content, and whether there is one and it is held (rule 2)."""
    header = placed.entry.header
    if header is None or len(header.parts) < 2 or header.parts[_CONTENT_POSITION].role != CONTENT:
        return None, "none"
    data = opened.get((placed.entry.id, _CONTENT_POSITION))
    if data is None:
        return None, "not held here"
    if not core.parts or plaintext_hash(data) != core.parts[0]:
        return None, "differs"
    try:
        return parse_content(data).fields, "held"
    except Malformed:
        return None, "differs"


def show_act(
    opened: Opened,
    placed: Placed,
    core: Core,
    verdict: Verdict,
    *,
    case: EntryId | None,
    about: EntryId | None = None,
    approvers: Approvers = frozenset(),
) -> Act:
    """One entry as far as it is open here."""
    header = placed.entry.header
    assert header is not None  # noqa: S101 - its core was opened
    content, state = content_of(opened, placed, core)
    return Act(
        id=placed.entry.id,
        party=header.party,
        kind=core.kind,
        act=core.act,
        case=case,
        post=core.post,
        time=header.time,
        verdict=verdict,
        fields=core.fields,
        content=content,
        content_state=state,
        core=header.core,
        precedence=core.precedence,
        action=core.action,
        info=core.info,
        refers_to=core.refers_to,
        about=about,
        approved_by=tuple(sorted(post for post, _ in approvers)),
        mode=core.mode,
        handling=core.handling,
        content_readers=tuple(sorted({party for part in header.parts[1:] for party in part.to})),
    )


def show_case(
    case: CaseFile,
    acts: Iterable[Act],
    clocks: tuple[Clock, ...],
    not_held: tuple[EntryId, ...],
) -> Case:
    """The case at one instant; `acts` are all its entries, irregular and waiting ones too."""
    moved = case.moved(case.all)
    opening = case.acts[0]
    order = {act.id: (act.depth, act.core_hash) for act in case.acts}
    timeline = sorted(acts, key=lambda one: (one.time, *order.get(one.id, (0, one.core))))
    by_id = {act.id: act for act in timeline}
    state = NOT_HELD if not_held else moved.state
    final = case.kind.states[moved.state].final
    return Case(
        id=case.id,
        kind=case.kind.id,
        opened_by=case.opened_by,
        addressees=case.parties("addressee"),
        post=opening.core.post,
        opened_at=opening.time,
        precedence=opening.core.precedence,
        state=state,
        state_as_held=moved.state,
        confirmation=confirmation_of(case, clocks),
        is_open=not final,
        fields=_fields_now(case, moved, by_id),
        acts=tuple(timeline),
        clocks=clocks,
        answers=_answers(case, by_id),
        result=moved.state if final and not not_held else None,
        not_held=not_held,
        puts=tuple(_puts(case, moved)),
    )


def with_human_acts(receipt: Receipt, entry: EntryId, case: CaseFile) -> Receipt:
    """The receipt with what the party's officers said about the entry; receipt only, never agreement."""
    said = [act for act in case.acts if act.core.party_id == receipt.party and case.about(act) == entry]
    named = {name: [act for act in said if act.core.act == name] for name in ("READ", "ACK", "ANSWER")}
    acks = named["ACK"]
    return replace(
        receipt,
        read_at=_first(named["READ"]),
        acknowledged_at=_first(acks),
        acknowledged_as=str(max(acks, key=_when).core.fields.get("ack")) if acks else None,
        passed_on=tuple(_passed_on(act) for act in sorted(said, key=_when) if act.core.act == "PASS_ON"),
        answered_at=_first(named["ANSWER"]),
        answered_by=min(named["ANSWER"], key=_when).id if named["ANSWER"] else None,
    )


def absorbs(kind: Kind, state: str) -> bool:
    """Whether no act leads out of a state: then nothing that is not held here could have changed it."""
    stays = all(row.to == state for row in kind.transitions if row.at == state)
    return stays and all(row.to == state for row in kind.crossed if row.at == state)


def _puts(case: CaseFile, moved: Moved) -> Iterator[Put]:
    """What waits for consents, while the case is in a state in which it holds."""
    for consent in case.kind.consents:
        for (name, entry), given in sorted(moved.consents.items()):
            awaited = case.needed(consent) - given
            if name == consent.id and awaited and moved.state in consent.at:
                yield Put(name, entry, tuple(sorted(given)), tuple(sorted(awaited)))


def _fields_now(case: CaseFile, moved: Moved, acts: Mapping[EntryId, Act]) -> dict[str, FieldNow]:
    fields = {name: FieldNow(value, set_by) for name, (value, set_by) in moved.fields.items()}
    setting = [one for one in case.acts if one.role == "author" and one.core.act in SETS_FIELDS]
    for one in sorted(setting, key=lambda act: (act.depth, act.core_hash)):
        fields.update(_content_now(case.kind, acts[one.id]))
    return fields


def _content_now(kind: Kind, act: Act) -> Iterator[tuple[str, FieldNow]]:
    if act.content is not None:
        for name, value in act.content.items():
            yield name, FieldNow(value, act.id)
    elif act.content_state != "none":
        rule = kind.acts[act.act]
        for name in rule.required + rule.optional:
            field = kind.field(name)
            # Rule 1: what it may have set is not known any more.
            if field is not None and field.part == "content":
                yield name, FieldNow(NOT_HELD, act.id)


def _answers(case: CaseFile, acts: Mapping[EntryId, Act]) -> dict[str, Act]:
    """Latest ANSWER of each party, in the order of their pasts."""
    found: dict[str, Act] = {}
    for one in sorted(case.entry_acts("ANSWER"), key=lambda act: (act.depth, act.core_hash)):
        found[one.core.party_id] = acts[one.id]
    return found


def _passed_on(act: CaseAct) -> PassedOn:
    at = act.core.fields.get("passed_at")
    return PassedOn(
        str(act.core.fields.get("echelon")), act.core.post, at if isinstance(at, int) else act.time
    )


def _when(act: CaseAct) -> tuple[int, int, bytes]:
    return act.time, act.depth, act.core_hash


def _first(acts: Iterable[CaseAct]) -> int | None:
    return min((act.time for act in acts), default=None)
