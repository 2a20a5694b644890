"""A kind of which single acts are on the safety floor, the others not (T91 with a floor opening)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cases.cell import PARTIES, Cell, Written
from cases.test_consent import NAME, OTHERS, TEXT
from cases.test_life import rules
from charter.harbour import kind_files
from detente.cases import faults
from detente.charter.check import check_charter
from detente.charter.kindfile import parse_common, parse_kind
from detente.charter.model import Charter, Kind
from detente.record.errors import RuleViolation

OPENING = '[[act]]\nid = "NEW"\n'


def trial(text: str = TEXT.replace(OPENING, OPENING + "floor = true\n")) -> Kind:
    return parse_kind(NAME, text.encode(), parse_common(kind_files()["common.toml"]))


def charter() -> Charter:
    found = rules()
    return replace(found, kinds={**found.kinds, "T91": trial()})


def started(*, acceded: bool = True) -> Cell:
    cell = Cell(charter())
    for party in PARTIES:
        cell.write(party, "R01", fields={"generation": 1, "software": "test"}, post="LOG", by=())
        if acceded or party == "s1":
            fields = {"charter": cell.rules.digest.hex()}
            cell.write(party, "R02", fields=fields, post="ADMIN", by=("ADMIN.1", "ADMIN.2"))
        cell.register(party, "WATCH")
    cell.pass_time(10)
    cell.meet()
    return cell


def say(cell: Cell, party: str, act: str, case: Written | None = None, **more: object) -> Written:
    core = {"action": tuple(OTHERS[party]), "info": ()}
    return cell.write(party, "T91", act, case=case, core=core, **more)  # type: ignore[arg-type]


class TestHeader:
    """The mark in the header is that of the act (A5)."""

    def test_each_act_has_its_own(self) -> None:
        cell = started()
        case = say(cell, "s1", "NEW")
        cell.meet()
        said = say(cell, "s2", "COMMENT", case)
        assert (case.header.floor, said.header.floor) == (True, False)
        assert [cell.book().verdict(one.id).state for one in (case, said)] == ["ok", "ok"]

    @pytest.mark.parametrize(("act", "mark"), [("NEW", False), ("COMMENT", True)])
    def test_another_is_irregular(self, act: str, mark: bool) -> None:
        cell = started()
        case = None if act == "NEW" else say(cell, "s1", "NEW")
        said = say(cell, "s1", act, case, header={"floor": mark})
        verdict = cell.book().verdict(said.id)
        assert (verdict.code, verdict.clause) == (faults.OTHER_FLOOR, "A5")


class TestBeforeAccession:
    """Only what is on the floor counts before all have acceded (A13)."""

    def test_the_floor_act_alone_counts(self) -> None:
        cell = started(acceded=False)
        case = say(cell, "s1", "NEW")
        said = say(cell, "s1", "COMMENT", case)
        assert cell.book().verdict(case.id).state == "ok"
        assert cell.book().verdict(said.id).code == faults.NOT_IN_FORCE


class TestUnheld:
    """A closed entry that may be an act of the case is looked for among floor entries and others."""

    @pytest.mark.parametrize("act", ["COMMENT", "UPDATE"])
    def test_an_act_whose_core_is_not_held_keeps_later_ones_waiting(self, act: str) -> None:
        cell = started()
        case = say(cell, "s1", "NEW")
        cell.meet()
        closed = say(cell, "g1", act, case)
        cell.meet()
        later = say(cell, "s2", "COMMENT", case)
        del cell.opened[closed.id, 0]
        assert cell.book().verdict(later.id).state == "not held here"


class TestFile:
    """What the file may say."""

    def test_words_of_such_a_kind_are_floor_words(self) -> None:
        found = replace(charter(), exercise=False)
        paths = {one.values["path"] for one in check_charter(found) if one.code == "draft-string"}
        assert "T91 act COMMENT" in paths

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("floor = false", "floor = true\nattachments = 0"),
            ("floor = false", 'floor = false\nhandling = ["EXPIRES"]'),
            ("floor = false", "floor = false\nattachments = 2"),
        ],
    )
    def test_it_is_refused(self, old: str, new: str) -> None:
        opening = "floor = false\n" if "floor = true" in new else "floor = true\n"
        text = TEXT.replace(OPENING, OPENING + opening).replace(old, new, 1)
        with pytest.raises(RuleViolation, match="floor"):
            trial(text)

    def test_a_floor_kind_says_nothing_of_its_acts(self) -> None:
        kind = trial(TEXT.replace("floor = false", "floor = true", 1))
        assert all(act.floor for act in kind.acts.values())
