"""State digest (protocol B8): one hash over where all shared cases stand, to notice a difference at once.

1. Only cases whose core is sealed to all parties: everybody can derive them.
2. One line a case, sorted: log, index and state of the kind's table, between two fixed lines.
3. In a cut an act counts if its whole past lies in the cut and the holder of the cut lacked neither its core
   nor another that could have mattered to its judgement: what a fold of the cut alone would find.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from detente.cases.casefile import CaseAct, CaseFile
from detente.cases.cut import Cut
from detente.cases.unheld import Unheld
from detente.charter.model import Charter
from detente.record.header import CORE

_FIRST: Final = "detente/state/v1"


def state_digest(charter: Charter, cases: Iterable[CaseFile], at: "Held | None" = None) -> bytes:
    """SHA-256 over the lines of rule 2, for everything held or for a cut of it."""
    everyone = frozenset(charter.parties)
    lines = sorted(line for case in cases if case.holders == everyone for line in _line(case, at))
    text = "\n".join(
        (_FIRST, charter.digest.hex(), *(f"{log} {index} {state}" for log, index, state in lines))
    )
    return hashlib.sha256(f"{text}\n".encode()).digest()


@dataclass(frozen=True, slots=True)
class Held:
    """A cut, and the entries in it whose core its holder lacked."""

    cut: Cut
    closed: Unheld


def _line(case: CaseFile, at: Held | None) -> Iterator[tuple[str, int, str]]:
    mask = case.all if at is None else _within(case, at)
    if mask & 1:
        yield case.id.log, case.id.index, case.moved(mask).state


def _within(case: CaseFile, at: Held) -> int:
    mask = 0
    for bit, act in enumerate(case.acts):
        if not act.before & ~mask and _known(case, act, at):
            mask |= 1 << bit
    return mask


def _known(case: CaseFile, act: CaseAct, at: Held) -> bool:
    """Rule 3 for one act whose predecessors count."""
    cut, closed = at.cut, at.closed
    if not cut.holds(act.id) or cut.lacks(act.id, CORE):
        return False
    if any(size > cut.sizes.get(log, 0) for log, size in act.past.items()):
        return False
    if act.approvers and closed.credentials(act.core.party_id, act.past):
        return False
    opened = case.acts[0].past
    return act is case.acts[0] or not closed.case_act(case.kind, case.holders, opened, act.past, act.lacked)
