"""Clocks that count from an instant that a field names, and bounds by a field's code (T91)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cases.cell import PARTIES, Cell, Written
from cases.test_life import cell as trial_cell
from charter.harbour import TRIALS, kind_files
from detente.cases.book import Clock
from detente.charter.kindfile import parse_common, parse_kind

NAME = "T91.toml"
TEXT = next(one for one in TRIALS if one.name == NAME).read_text()
BEFORE_S = 10_800  # T4 of the exercise charter
SOON_S, BOUND_S = 60, 21_600


def opened(**fields: object) -> tuple[Cell, Written]:
    cell = trial_cell()
    clocks = dict(cell.rules.clocks)
    clocks["T5"] = replace(clocks["T5"], by_code={"SOON": SOON_S})
    cell.rules = replace(cell.rules, clocks=clocks)
    return cell, say(cell, "s1", "NEW", fields)


def say(cell: Cell, party: str, act: str, fields: dict[str, object], case: Written | None = None) -> Written:
    others = tuple(f"{one}/WATCH" for one in sorted(PARTIES) if one != party)
    return cell.write(party, "T91", act, fields, case=case, core={"action": others, "info": ()})


def clocks(cell: Cell, case: Written, rule: str, as_of: int | None = None) -> list[Clock]:
    return [one for one in cell.book(as_of).cases[case.id].clocks if one.rule == rule]


class TestFromAField:
    """Due some time before the start that the author names."""

    def test_it_is_due_before_that_instant(self) -> None:
        cell, case = opened(start_at=2_000_000_000)
        (clock,) = clocks(cell, case, "T4")
        assert (clock.start, clock.start_by) == (2_000_000_000, "field")
        assert clock.due == 2_000_000_000 - BEFORE_S
        assert clock.state == "running"
        assert cell.book(clock.due - 1).changes_at == clock.due
        assert clocks(cell, case, "T4", clock.due)[0].state == "overdue"

    def test_a_changed_start_moves_it(self) -> None:
        cell, case = opened(start_at=2_000_000_000)
        changed = say(cell, "s1", "CORRECT", {"start_at": 2_000_009_000}, case)
        (clock,) = clocks(cell, case, "T4")
        assert (clock.entry, clock.due) == (changed.id, 2_000_009_000 - BEFORE_S)

    def test_a_correction_that_names_no_start_keeps_it(self) -> None:
        cell, case = opened(start_at=2_000_000_000)
        say(cell, "s1", "CORRECT", {}, case)
        assert [one.due for one in clocks(cell, case, "T4")] == [2_000_000_000 - BEFORE_S]

    def test_without_that_field_nothing_is_due(self) -> None:
        cell, case = opened()
        assert [(one.start, one.due) for one in clocks(cell, case, "T4")] == [(None, None)]


class TestBoundByCode:
    """A code may have its own number in the charter's row."""

    @pytest.mark.parametrize(
        ("fields", "bound"),
        [({"urgency": "SOON"}, SOON_S), ({"urgency": "LATER"}, BOUND_S), ({}, BOUND_S)],
    )
    def test_the_row_of_the_code_counts(self, fields: dict[str, object], bound: int) -> None:
        cell, case = opened(**fields)
        found = clocks(cell, case, "T5")
        assert [one.owed_by for one in found] == ["g1", "s2"]  # every addressee for itself
        assert {one.due for one in found} == {cell.now + bound}


class TestRows:
    """What a row may not say."""

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('field = "start_at"\n', ""),
            ('field = "start_at"', 'field = "urgency"'),
            ('by = "urgency"', 'by = "start_at"'),
            ('start = "field"', 'start = "act"'),
            ('start = "act"\nby = "urgency"', 'start = "act"\nbefore = true'),
        ],
    )
    def test_it_is_refused(self, old: str, new: str) -> None:
        assert old in TEXT
        with pytest.raises(Exception, match="kinds/T91"):
            parse_kind(NAME, TEXT.replace(old, new, 1).encode(), parse_common(kind_files()["common.toml"]))
