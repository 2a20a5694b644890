"""Machine contact checks (D01, clock T7): the node tests the line, and answers the tests of the others.

Nobody approves them: the log alone signs (protocol A12). They say that a node answers, not that a person is
on watch; that is what the checks of the watch are for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from detente.node.statements import LOG_POST, Statement

if TYPE_CHECKING:
    from detente.node.api.services import Services
    from detente.node.rowbook import EntryRow

KIND: Final = "D01"
MACHINE: Final = "HOURLY_MACHINE"
CLOCK: Final = "T7"
#: Letters and digits of the three scripts: what comes back changed shows a broken path (domain D01).
TEST_TEXT: Final = "ابجد 0123456789 אבגד ABCD"
#: Tests older than so many rounds are not answered: a node that was away does not flood its log.
ANSWER_WITHIN: Final = 4


def due_checks(services: Services) -> list[Statement]:
    """A test to each other party whose last one from us is a round old."""
    context = services.context
    row = context.charter.clocks.get(CLOCK)
    if row is None or KIND not in context.charter.kinds or not services.model.book.register.in_force:
        return []
    now = context.now()
    path = {"direct": "PRIMARY", "relay": "GUARANTOR"}
    states = context.lines.states(at=now)
    found = []
    for party in context.charter.parties:
        if party == context.party or not _is_asked(services, party):
            continue
        ours = [one for one in _tests(services, context.party) if _to(one) == party]
        last = max((one.header.time for one in ours if one.header), default=0)
        if now - last >= row.bound("ROUTINE"):
            line = states[party].line if party in states else "none"
            fields = {"slot": MACHINE, "path": path.get(line, "PRIMARY"), "test_text": TEST_TEXT}
            found.append(Statement(KIND, "NEW", LOG_POST, fields, to=party))
    return found


def due_answers(services: Services) -> list[Statement]:
    """An echo of each test to us that we have not answered."""
    context = services.context
    row = context.charter.clocks.get(CLOCK)
    if row is None:
        return []
    oldest = context.now() - ANSWER_WITHIN * row.bound("ROUTINE")
    answered = {
        one.core.case.core
        for one in services.model.rows.of_kind(KIND)
        if one.party == context.party and one.core and one.core.case and one.core.act == "ANSWER"
    }
    return [
        Statement(
            KIND, "ANSWER", LOG_POST, {"answer": "ECHO", "echo": one.core.fields.get("test_text", "")},
            case=one.id,
        )
        for party in context.charter.parties
        if party != context.party
        for one in _tests(services, party)
        if one.core and one.header and one.in_log and _to(one) == context.party
        and one.header.core not in answered and one.header.time >= oldest
        and _is_regular(services, one)
    ]  # fmt: skip


def _tests(services: Services, party: str) -> list[EntryRow]:
    return [
        row
        for row in services.model.rows.of_kind(KIND)
        if row.party == party
        and row.core
        and row.core.act == "NEW"
        and row.core.fields.get("slot") == MACHINE
    ]


def _to(row: EntryRow) -> str | None:
    return next(iter(row.core.action_parties), None) if row.core else None


def _is_regular(services: Services, row: EntryRow) -> bool:
    verdict = services.model.book.verdicts.get(row.id)
    return verdict is not None and verdict.counts


def _is_asked(services: Services, party: str) -> bool:
    """Sides test each other and the guarantor; the guarantor tests both sides: everyone tests everyone."""
    return services.context.lines.states(at=services.context.now()).get(party) is not None
