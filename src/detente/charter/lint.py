"""Proves from a kind's table that acts which cross have one result, whoever's comes first.

Let f(act) be the function that `Kind.crossed_step` makes of an act by a case role with certain codes: a total
function on the kind's states. The state of a case is the composition of its acts' functions in any order that
respects what each author had seen. Two such orders differ only by swapping neighbours that are concurrent,
and those are always of different parties, because a party's own log is in order. So if any two functions of
different parties commute on every state, all orders give one state.

What needs consent is one more such function, made by the last consent (`Consent.step`): any party may be the
last, so it has to commute with the acts of every party and with every other consent.

Beside that, where both acts are permitted in one state and one leads to a state in which the other is not,
the table must say with a `crossed` row what becomes of the other: "stays" by silence is not agreed by anyone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from detente.charter.model import CASE_ROLES, Kind
from detente.charter.table import Consent, Crossed, Transition, holds


@dataclass(frozen=True)
class Move:
    """An act by a case role with the codes that decide where it leads."""

    act: str
    by: str
    values: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        said = ",".join(f"{name}={code}" for name, code in self.values)
        return f"{self.act} by {self.by}" + (f" ({said})" if said else "")


def prove_crossings(kind: Kind) -> Iterator[dict[str, str]]:
    """One dictionary for each pair of acts and state without one agreed result; nothing if all have one."""
    moves = tuple(_moves(kind))
    for at in kind.states:
        for one, other in itertools.combinations_with_replacement(moves, 2):
            if not _different_parties(kind, one, other):
                continue
            if problem := _problem(kind, at, one, other):
                yield {"state": at, "one": str(one), "other": str(other), "problem": problem}
        for consent, move in itertools.product(kind.consents, moves):
            if problem := _consent_problem(kind, at, consent, move):
                yield {"state": at, "one": f"consent {consent.id}", "other": str(move), "problem": problem}
        for agreed, also in itertools.combinations(kind.consents, 2):
            if also.step(agreed.step(at)) != agreed.step(also.step(at)):
                said = {"one": f"consent {agreed.id}", "other": f"consent {also.id}"}
                yield {"state": at, **said, "problem": "the order decides"}


def _consent_problem(kind: Kind, at: str, consent: Consent, move: Move) -> str:
    agreed = consent.step(at)
    if _after(kind, agreed, move) != consent.step(_after(kind, at, move)):
        return "the order decides"
    lost = _permitted(kind, at, move) and not _permitted(kind, agreed, move)
    return f"no crossed row for {move} in {agreed}" if lost and not _row(kind.crossed, agreed, move) else ""


def _problem(kind: Kind, at: str, one: Move, other: Move) -> str:
    after_one = _after(kind, at, one)
    after_other = _after(kind, at, other)
    if _after(kind, after_one, other) != _after(kind, after_other, one):
        return "the order decides"
    if _permitted(kind, at, one) and _permitted(kind, at, other):
        for state, move in ((after_one, other), (after_other, one)):
            if not _permitted(kind, state, move) and not _row(kind.crossed, state, move):
                return f"no crossed row for {move} in {state}"
    return ""


def _moves(kind: Kind) -> Iterator[Move]:
    """Every act by every role with every combination of the codes that some row asks for."""
    rows: list[Transition | Crossed] = [*kind.transitions, *kind.crossed]
    for act, by in itertools.product(kind.acts, CASE_ROLES):
        mine = [row for row in rows if (row.act, row.by) == (act, by)]
        names = sorted({name for row in mine for name in row.when})
        if not mine:
            continue
        choices = [tuple(_codes(kind, name)) for name in names]
        for codes in itertools.product(*choices):
            yield Move(act, by, tuple(zip(names, codes, strict=True)))


def _codes(kind: Kind, name: str) -> Iterator[str]:
    field = kind.field(name)
    yield from kind.codes(field) if field is not None else ()


def _different_parties(kind: Kind, one: Move, other: Move) -> bool:
    """Whether two parties can do these: one author, but several may be copied, or addressed by some kinds."""
    several = ("copied", "addressee") if kind.addressees == "all" else ("copied",)
    return one.by != other.by or one.by in several


def _after(kind: Kind, at: str, move: Move) -> str:
    return kind.crossed_step(at, move.act, move.by, dict(move.values))


def _permitted(kind: Kind, at: str, move: Move) -> bool:
    return kind.step(at, move.act, move.by, dict(move.values)) is not None


def _row(rows: tuple[Transition, ...] | tuple[Crossed, ...], at: str, move: Move) -> bool:
    values = dict(move.values)
    return any(
        (row.at, row.act, row.by) == (at, move.act, move.by) and holds(row.when, values) for row in rows
    )
