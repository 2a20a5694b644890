"""Scenario files: what officers do on three nodes, step by step, and what must then be true.

A file is TOML, read as strictly as a charter. `title` in the cell's languages, `shows` (what it is about) and
`[[step]]` rows, each with `do`:

    say      text                                          a sentence for the reader
    send     by, kind, as [, post, also, fields, content, place] a new entry; `as` is its name in the file
    act      by, act, on, as [, about, post, fields, content]   an act on a case
    refused  by, clause, and what `send` or `act` has      the own node must refuse it, by that clause
    paper    by, to, kind, as [, fields]                   printed at one party, typed in at the other;
                                                           the typed form is called NAME_paper
    cut      between = [a, b]         mend likewise        the line between two parties
    hold     at                       resume likewise      the machine of a party hangs
    ahead    seconds                                       the exercise's clock, on all three nodes
    expect   that, on, is, …, says                         what every node (or those in `at`) must show

A field's text `now`, `now+3600` or `now-60` stands for that instant of the exercise's clock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from detente.charter.model import Text
from detente.charter.strict import ANY, CLOCK, CODE, NAME, PARTY, Table, parse_toml
from detente.record.errors import Malformed

DOES: Final = (
    "say", "send", "act", "refused", "paper", "cut", "mend", "hold", "resume", "ahead", "expect",
)  # fmt: skip
THAT: Final = (
    "state", "confirmation", "clock", "check", "rung", "verdict", "line", "alarm", "held", "silence",
    "notice", "field", "put",
)  # fmt: skip
MOST_STEPS: Final = 500
_KIND: Final = re.compile(r"[A-Z][0-9]{2}")
_HOLE: Final = re.compile(r"\{([a-z][a-z0-9]*)\}")


@dataclass(frozen=True)
class Step:
    """One row. Empty where the row's `do` has no such word; `line` is its number in the file's order."""

    number: int
    do: str
    text: str = ""
    by: str = ""
    kind: str = ""
    act: str = "NEW"
    on: str = ""
    name: str = ""
    about: str = ""
    post: str = "WATCH"
    fields: Mapping[str, Any] = None  # type: ignore[assignment]
    content: Mapping[str, Any] = None  # type: ignore[assignment]
    place: str = ""
    also: tuple[str, ...] = ()
    clause: str = ""
    parties: tuple[str, ...] = ()
    seconds: int = 0
    that: str = ""
    rule: str = ""
    value: str = ""


@dataclass(frozen=True)
class Scenario:
    """A whole file."""

    title: Text
    shows: tuple[str, ...]
    steps: tuple[Step, ...]


def parse_scenario(data: bytes, path: str) -> Scenario:
    """The scenario of a file. Raises Malformed with the path of what is wrong."""
    top = parse_toml(data, path)
    title, shows = top.by_language("title"), top.texts("shows", required=True)
    steps = tuple(_step(row, number) for number, row in enumerate(top.tables("step", required=True), 1))
    top.done()
    if len(steps) > MOST_STEPS:
        raise Malformed(path, f"more than {MOST_STEPS} steps")
    known: set[str] = set()
    for step in steps:
        for name in (step.on, step.about):
            if name and name not in known:
                raise Malformed(f"{path}: step[{step.number}]", f"{name} is no name of an earlier step")
        if step.name in known:
            raise Malformed(f"{path}: step[{step.number}]", f"{step.name} stands twice")
        known |= {step.name, f"{step.name}_paper" if step.do == "paper" else ""} - {""}
    return Scenario(title, shows, steps)


def swapped(scenario: Scenario, one: str, other: str) -> Scenario:
    """The same with two parties exchanged everywhere."""
    change = {one: other, other: one}

    def turn(step: Step) -> Step:
        return replace(
            step,
            by=change.get(step.by, step.by),
            parties=tuple(change.get(name, name) for name in step.parties),
            value=change.get(step.value, step.value),
            text=_HOLE.sub(lambda hole: f"{{{change.get(hole[1], hole[1])}}}", step.text),
        )

    return replace(scenario, steps=tuple(turn(step) for step in scenario.steps))


def told(step: Step) -> str:
    """The step's text with its parties' codes: {s1} as S1."""
    return _HOLE.sub(lambda hole: hole[1].upper(), step.text)


def _step(row: Table, number: int) -> Step:
    do = row.choice("do", DOES)
    found = Step(number, do, fields={}, content={})
    if do in ("send", "act", "refused"):
        found = _statement(row, found)
    elif do == "paper":
        found = replace(
            found,
            by=row.text("by", PARTY), parties=(row.text("to", PARTY),), kind=row.text("kind", _KIND),
            name=row.text("as", NAME), fields=row.plain("fields"),
        )  # fmt: skip
    elif do in ("cut", "mend"):
        parties = row.texts("between", PARTY, required=True)
        if len(parties) != 2:
            raise Malformed(row.at("between"), "not two parties")
        found = replace(found, parties=parties)
    elif do in ("hold", "resume"):
        found = replace(found, parties=(row.text("at", PARTY),))
    elif do == "ahead":
        found = replace(found, seconds=row.integer("seconds", low=1, high=366 * 86_400))
    elif do == "expect":
        found = _expectation(row, found)
    text = row.text("says") if do == "expect" else row.maybe_text("text") if do != "say" else row.text("text")
    row.done()
    return replace(found, text=text or "")


def _statement(row: Table, step: Step) -> Step:
    step = replace(
        step,
        by=row.text("by", PARTY),
        kind=row.maybe_text("kind", _KIND) or "",
        act=row.maybe_text("act", CODE) or "NEW",
        on=row.maybe_text("on", NAME) or "",
        about=row.maybe_text("about", NAME) or "",
        name=row.maybe_text("as", NAME) or "",
        post=row.maybe_text("post", CODE) or "WATCH",
        also=row.texts("also", CODE),
        fields=row.plain("fields"),
        content=row.plain("content"),
        place=row.maybe_text("place") or "",
        clause=row.text("clause") if step.do == "refused" else "",
    )
    if bool(step.kind) == bool(step.on):
        raise Malformed(row.path, "wants either `kind` for a new case or `on` for an act")
    return step


def _expectation(row: Table, step: Step) -> Step:
    return replace(
        step,
        that=row.choice("that", THAT),
        on=row.maybe_text("on", NAME) or "",
        rule=row.maybe_text("rule", CLOCK) or row.maybe_text("field", NAME) or "",
        by=row.maybe_text("of", PARTY) or "",
        value=row.maybe_text("is", ANY) or "",
        parties=row.texts("at", PARTY),
        seconds=row.maybe_integer("within", low=1, high=600) or 0,
    )
