"""The rows of a kind's table: where acts lead, what needs consent, what starts and ends clocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

When = Mapping[str, tuple[str, ...]]
"""Field name → codes, all of which conditions must hold. Empty: always."""


@dataclass(frozen=True)
class Transition:
    """One row: in state `at`, `act` by `by` with fields as in `when` leads to `to` (`to == at`: it stays)."""

    at: str
    act: str
    by: str
    when: When
    to: str


@dataclass(frozen=True)
class Crossed:
    """Where `act` by `by` leads when another party's concurrent act has brought the case to `at`."""

    at: str
    act: str
    by: str
    when: When
    to: str


@dataclass(frozen=True)
class Consent:
    """What needs the consent of every party of the roles `of` before it moves the case.

    `put` with values as in `when` puts it, and is its author's own consent; `given` with values as in
    `given_when`, referring to that entry, is another party's. With the last one the case goes from a state
    of `at` to `to`; in any other state it stays, because the matter has moved on. SPEC: formats/charter 3
    """

    id: str
    put: str
    when: When
    given: str
    given_when: When
    of: tuple[str, ...]
    at: tuple[str, ...]
    to: str

    def is_put(self, act: str, values: Mapping[str, object]) -> bool:
        """Whether an act with these values puts it."""
        return act == self.put and holds(self.when, values)

    def is_given(self, act: str, values: Mapping[str, object]) -> bool:
        """Whether an act with these values consents to it."""
        return act == self.given and holds(self.given_when, values)

    def step(self, at: str) -> str:
        """State after the last consent."""
        return self.to if at in self.at else at


@dataclass(frozen=True)
class Closing:
    """While a case of the kind is in a state of `at`, its author takes no part in some new matters.

    `baskets` and `kinds` name the core fields that list what is closed; `since` the time field from which it
    is, never before the clock row `notice` has passed since the opening entry. SPEC: formats/charter 3
    """

    at: tuple[str, ...]
    baskets: str | None
    kinds: str | None
    since: str | None
    notice: str | None


@dataclass(frozen=True)
class ClockEnd:
    """An act that ends a clock when done by `by` (a case role)."""

    act: str
    by: str


@dataclass(frozen=True)
class ClockUse:
    """How a kind uses the charter's clock row `clock`.

    Started by each entry with an act of `on` (a later one starts it anew) where `when` holds; `of`: the
    case role whose duty it is; met by `ends`; lifted, without being met, when the case is in one of `lifted`.
    `start`: `receipt` (the duty holder's anchored receipt), `deposit` (the guarantor's), `earliest` (the
    earlier of receipt and deposit plus T28), `act` (the entry's own time), `field` (the instant that the
    core's time field `field` now says, or that many seconds before it where `before` is set). `by` names the
    code field whose code may have a bound of its own in the charter's row. SPEC: formats/charter 4
    """

    clock: str
    start: Literal["receipt", "deposit", "earliest", "act", "field"]
    on: tuple[str, ...]
    of: str
    when: When
    ends: tuple[ClockEnd, ...]
    lifted: tuple[str, ...]
    scope: Literal["case", "party"]
    field: str | None = None
    before: bool = False
    by: str | None = None


def holds(when: When, values: Mapping[str, object]) -> bool:
    """Whether every named field has one of its codes in `values`."""
    return all(values.get(name) in codes for name, codes in when.items())


def first_row(
    rows: tuple[Transition, ...] | tuple[Crossed, ...],
    at: str,
    act: str,
    by: str,
    values: Mapping[str, object],
) -> str | None:
    for row in rows:
        if (row.at, row.act, row.by) == (at, act, by) and holds(row.when, values):
            return row.to
    return None
