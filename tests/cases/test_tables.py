"""Fields that are tables: rows of typed columns, in the core codes and numbers alone (T91)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.cell import PARTIES
from cases.test_life import cell as trial_cell
from cases.test_life import rules
from charter.harbour import TRIALS, kind_files
from detente.cases import faults
from detente.cases.fields import field_faults
from detente.cases.render import render_entry
from detente.charter.kindfile import parse_common, parse_kind
from detente.charter.reference import kind_pages

NAME = "T91.toml"
TEXT = next(one for one in TRIALS if one.name == NAME).read_text()
SOON: dict[str, Any] = {"number": 1, "when_due": "SOON"}
LATER: dict[str, Any] = {"number": 2, "when_due": "LATER", "until": 2_000_000_000}


def found(rows: Any) -> list[str]:
    kind = rules().kinds["T91"]
    return [one.code for one in field_faults(kind, kind.acts["NEW"], "core", {"rows": rows}, {})]


class TestRows:
    """A row has what its columns ask for, and nothing else."""

    def test_whole_rows_fit(self) -> None:
        assert found([SOON, LATER]) == []

    @pytest.mark.parametrize(
        "rows",
        [
            [],
            [SOON] * 4,
            SOON,
            ["SOON"],
            [SOON, {}],
            [{"number": 1}],
            [SOON | {"number": 6}],
            [SOON | {"number": True}],
            [SOON | {"when_due": "NEVER"}],
            [SOON | {"until": 2_000_000_000}],
            [{"number": 1, "when_due": "LATER"}],
            [SOON | {"other": 1}],
        ],
    )
    def test_others_are_named(self, rows: Any) -> None:
        assert found(rows) == [faults.WRONG_VALUE]

    @given(st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["number", "when_due", "until", "x"]), inner, max_size=4),
    ))  # fmt: skip
    def test_any_value_fits_or_is_a_fault(self, value: Any) -> None:
        assert found(value) in ([], [faults.WRONG_VALUE])


class TestReading:
    """What people see of it."""

    @pytest.mark.parametrize(
        ("language", "label"),
        [("en", "When due: Later"), ("ar", "الموعد: لاحقاً"), ("he", "המועד: מאוחר יותר")],
    )
    def test_each_row_is_read_out_in_each_language(self, language: str, label: str) -> None:
        cell = trial_cell()
        others = tuple(f"{one}/WATCH" for one in sorted(PARTIES) if one != "s1")
        case = cell.write("s1", "T91", "NEW", {"rows": [SOON, LATER]}, core={"action": others, "info": ()})
        (act,) = cell.book().cases[case.id].acts
        assert label in render_entry(cell.rules, act, language).text

    def test_the_reference_names_each_column(self) -> None:
        page = kind_pages(rules())["T91.md"]
        assert all(f"`rows.{one}`" in page for one in ("number", "when_due", "until"))


class TestColumns:
    """What a kind file may not say."""

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('name = "when_due"', 'name = "number"'),
            ('when = { when_due = ["LATER"] }', 'when = { number = ["LATER"] }'),
            ('when = { when_due = ["LATER"] }', 'when = { when_due = ["NEVER"] }'),
            ('name = "until"\ntype = "time"', 'name = "until"\ntype = "text"\nmaximum = 9'),
            ('type = "table"\nminimum = 1\nmaximum = 3', 'type = "table"\nminimum = 1'),
            ('type = "table"', 'type = "time"'),
            ('type = "code"\ncodes = "urgency"\nrequired = true', 'type = "code"\nrequired = true'),
            ('type = "code"\ncodes = "urgency"\nrequired', 'type = "code"\ncodes = "nowhere"\nrequired'),
        ],
    )
    def test_it_is_refused(self, old: str, new: str) -> None:
        assert old in TEXT
        with pytest.raises(Exception, match="kinds/T91"):
            parse_kind(NAME, TEXT.replace(old, new, 1).encode(), parse_common(kind_files()["common.toml"]))
