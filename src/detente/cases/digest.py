"""State digest (protocol B8): one hash over where all shared cases stand, to notice a difference at once.

1. Only cases whose core is sealed to all parties: everybody can derive them.
2. One line a case, sorted: log, index and state of the kind's table, between two fixed lines.
3. A case counts in a cut if its opening entry lies in it; its state there is that of the acts whose whole
   past in the case lies in it and whose core the holder of the cut did not lack.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

from detente.cases.casefile import CaseFile
from detente.cases.cut import Cut
from detente.charter.model import Charter
from detente.record.header import CORE

_FIRST: Final = "detente/state/v1"


def state_digest(charter: Charter, cases: Iterable[CaseFile], cut: Cut | None = None) -> bytes:
    """SHA-256 over the lines of rule 2, for everything held or for a cut of it."""
    everyone = frozenset(charter.parties)
    lines = sorted(line for case in cases if case.holders == everyone for line in _line(case, cut))
    text = "\n".join(
        (_FIRST, charter.digest.hex(), *(f"{log} {index} {state}" for log, index, state in lines))
    )
    return hashlib.sha256(f"{text}\n".encode()).digest()


def _line(case: CaseFile, cut: Cut | None) -> Iterator[tuple[str, int, str]]:
    mask = case.all if cut is None else _within(case, cut)
    if mask & 1:
        yield case.id.log, case.id.index, case.moved(mask).state


def _within(case: CaseFile, cut: Cut) -> int:
    mask = 0
    for bit, act in enumerate(case.acts):
        if cut.holds(act.id) and not cut.lacks(act.id, CORE) and not act.before & ~mask:
            mask |= 1 << bit
    return mask
