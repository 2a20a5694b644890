"""What the alarm should sound for now: a list derived from the record, never a memory.

1. A new floor entry of FLASH precedence by another party that is addressed to us (STOP-AND-CHECK), from the
   moment it is readable, also ahead of its log, until a person of ours has read, acknowledged, passed on or
   answered it, or its author has ended, corrected or withdrawn it. A party that is only informed is silenced
   also by the answer of the one who was asked.
2. A duty of ours towards a FLASH case that is overdue, until it is met.
3. An entry that the fold judges irregular does not sound; one that it could not judge does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from detente.cases.casebook import CaseBook
from detente.charter.model import Charter
from detente.node.rowbook import EntryRow, RowBook
from detente.record.names import EntryId

FLASH: Final = "FLASH"
_OURS: Final = frozenset(("READ", "ACK", "PASS_ON", "ANSWER"))
_HUMAN: Final = frozenset(("ACK", "PASS_ON", "ANSWER"))
_ENDS: Final = frozenset(("MOVE", "CORRECT", "WITHDRAW"))


@dataclass(frozen=True)
class Ringing:
    """One reason to sound. `at` is when it could first be known here."""

    entry: EntryId
    kind: str
    at: int
    reason: Literal["new", "overdue"]


def ringing_now(charter: Charter, party: str, rows: RowBook, book: CaseBook) -> tuple[Ringing, ...]:
    """All reasons, the oldest first."""
    new = [
        Ringing(row.id, row.core.kind, row.at, "new")
        for row in rows.of_precedence(FLASH)
        if row.core is not None and _calls(charter, party, row, book)
        if not _silenced(party, row, rows, book)
    ]
    overdue = [
        Ringing(clock.entry, case.kind, clock.due or case.opened_at, "overdue")
        for clock in book.due
        if clock.state == "overdue" and clock.owed_by == party and clock.case is not None
        if (case := book.cases.get(clock.case)) is not None and case.precedence == FLASH
        if clock.entry not in {one.entry for one in new}
    ]
    return tuple(sorted(new + overdue, key=lambda one: (one.at, one.entry)))


def _calls(charter: Charter, party: str, row: EntryRow, book: CaseBook) -> bool:
    core = row.core
    if core is None or core.act != "NEW" or core.precedence != FLASH or row.party == party:
        return False
    kind = charter.kinds.get(core.kind)
    verdict = book.verdicts.get(row.id)
    irregular = verdict is not None and verdict.state == "irregular"
    return kind is not None and kind.acts["NEW"].floor and party in core.addressees and not irregular


def _silenced(party: str, case: EntryRow, rows: RowBook, book: CaseBook) -> bool:
    """Whether an act that counts has ended the reason to sound."""
    if case.header is None or case.core is None:
        return False
    asked = case.core.action_parties
    for row in rows.about(case.header.core):
        core, verdict = row.core, book.verdicts.get(row.id)
        if core is None or (verdict is not None and verdict.state == "irregular"):
            continue
        ours = row.party == party and core.act in _OURS
        ended = row.party == case.party and core.act in _ENDS
        answered = party not in asked and row.party in asked and core.act in _HUMAN
        if ours or ended or answered:
            return True
    return False
