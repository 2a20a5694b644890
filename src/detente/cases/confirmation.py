"""The second signature of a floor entry that left with one (V01, protocol F10).

Confirmed by another post within clock T30, withdrawn within it, or unconfirmed: shown so for ever, neither
valid silently nor withdrawn.
"""

from collections.abc import Iterable
from typing import Final

from detente.cases.book import Clock, Confirmation
from detente.cases.casefile import CaseFile

CONFIRM_CLOCK: Final = "T30"


def confirmation_of(case: CaseFile, clocks: Iterable[Clock]) -> Confirmation | None:
    """Where the second signature of the opening entry stands; None where the kind asks for none."""
    opening = case.acts[0]
    if opening.core.act not in case.kind.second_signature:
        return None
    if len({post for post, _ in opening.approvers}) > 1 and len({key for _, key in opening.approvers}) > 1:
        return "confirmed"
    clock = next((one for one in clocks if one.rule == CONFIRM_CLOCK and one.entry == opening.id), None)
    if clock is None:
        return "withdrawn"  # lifted in time: corrected as a false alarm before anyone had to confirm it
    if clock.state == "met" and clock.met_at is not None and clock.due is not None:
        ending = next(act for act in case.acts if act.id == clock.met_by)
        if clock.met_at >= clock.due:
            return "unconfirmed"
        return "withdrawn" if ending.core.act == "WITHDRAW" else "confirmed"
    return "unconfirmed" if clock.state == "overdue" else "awaiting"
