"""D34: a text put to all at one instant; each answers for itself, and only both sides together accept it."""

from __future__ import annotations

from typing import Any

import pytest

from cases.cell import PARTIES, Cell, Written, started
from detente.cases.render import render_entry
from detente.charter.lint import prove_crossings

SIDES = ("s1", "s2")
ANSWERS = ("UNDER_STUDY", "ACCEPTS", "ACCEPTS_WITH_TEXT", "DECLINES")
DAY_S, GRACE_S = 86_400, 900


@pytest.fixture
def cell() -> Cell:
    return started()


@pytest.fixture(params=[("s1", "s2"), ("s2", "s1")], ids=" ".join)
def sides(request: Any) -> tuple[str, str]:
    """One side and the other, either way round."""
    found: tuple[str, str] = request.param
    return found


def write(
    cell: Cell, party: str, case: Written | None, act: str, fields: dict[str, Any] | None = None, **how: Any
) -> Written:
    asked = tuple(f"{one}/WATCH" for one in sorted(PARTIES) if one != party)
    core = {"action": asked, "info": ()}
    return cell.write(party, "D34", act, fields or {}, case=case, core=core, by=("WATCH", "RELEASE"), **how)


def put(cell: Cell, party: str = "g1") -> Written:
    content = {"subject": "EXERCISE", "text": "EXERCISE: an immediate halt"}
    case = write(cell, party, None, "NEW", {"answer_by": cell.now + DAY_S}, content=content)
    cell.meet()
    return case


def answer(cell: Cell, party: str, case: Written, said: str, salt: str = "") -> Written:
    content = {"answer_text": "EXERCISE: with these words"} if said == "ACCEPTS_WITH_TEXT" else None
    return write(cell, party, case, "ANSWER", {"answer": said}, content=content, salt=f"{said}{salt}")


def state(cell: Cell, case: Written) -> str:
    return cell.book().cases[case.id].state


def code(cell: Cell, entry: Written) -> str | None:
    return cell.book().verdict(entry.id).code


class TestAcceptance:
    """Nothing but the acceptance of both sides moves it."""

    def test_it_is_put_to_all_others_at_one_instant(self, cell):
        case = put(cell)
        found = cell.book().cases[case.id]
        assert (found.state, found.addressees) == ("put", SIDES)

    def test_both_sides_accept_what_the_guarantor_put(self, cell, sides):
        case = put(cell)
        for party, now in zip(sides, ("put", "accepted"), strict=True):
            assert code(cell, answer(cell, party, case, "ACCEPTS")) is None
            assert state(cell, case) == now
            cell.meet()

    def test_who_put_it_has_accepted_it(self, cell, sides):
        one, other = sides
        case = put(cell, one)
        answer(cell, other, case, "ACCEPTS")
        assert state(cell, case) == "accepted"

    def test_the_guarantors_word_is_no_sides(self, cell, sides):
        one, other = sides
        case = put(cell, one)
        answer(cell, "g1", case, "ACCEPTS")
        assert state(cell, case) == "put"
        answer(cell, other, case, "ACCEPTS")
        assert state(cell, case) == "accepted"

    @pytest.mark.parametrize("said", [one for one in ANSWERS if one != "ACCEPTS"])
    def test_no_other_answer_moves_it_and_each_stands_beside_the_others(self, cell, sides, said):
        one, other = sides
        case = put(cell)
        answer(cell, one, case, "ACCEPTS")
        answer(cell, other, case, said)
        found = cell.book().cases[case.id]
        assert found.state == "put"
        assert {party: act.fields["answer"] for party, act in found.answers.items()} == {
            one: "ACCEPTS", other: said,
        }  # fmt: skip
        assert [(row.given_by, row.awaited) for row in found.puts][-1][1] == (other,)

    def test_who_declined_may_still_accept(self, cell, sides):
        one, other = sides
        case = put(cell)
        for party, said in ((one, "DECLINES"), (other, "ACCEPTS"), (one, "ACCEPTS")):
            answer(cell, party, case, said)
            cell.meet()
        assert state(cell, case) == "accepted"


class TestEnd:
    """Who put it ends or withdraws it; an acceptance of both that crosses counts."""

    @pytest.mark.parametrize(("act", "over"), [("MOVE", "ended"), ("WITHDRAW", "withdrawn")])
    def test_only_who_put_it(self, cell, act, over):
        case = put(cell)
        for party in SIDES:
            assert code(cell, write(cell, party, case, act)) == "not-by-this-party"
        write(cell, "g1", case, act)
        assert state(cell, case) == over
        cell.meet()
        assert code(cell, answer(cell, "s1", case, "DECLINES")) == "not-permitted"

    @pytest.mark.parametrize("act", ["MOVE", "WITHDRAW"])
    def test_both_acceptances_on_their_way_count(self, cell, act):
        case = put(cell)
        said = [answer(cell, party, case, "ACCEPTS") for party in SIDES]
        over = write(cell, "g1", case, act)
        assert [code(cell, one) for one in (*said, over)] == [None] * 3
        assert state(cell, case) == "accepted"

    def test_the_table_is_proved(self, cell):
        assert list(prove_crossings(cell.rules.kinds["D34"])) == []


class TestClock:
    """T33: each side by the instant that the proposal names, and the same for both."""

    def test_both_sides_have_the_same_time_and_any_answer_meets_it(self, cell):
        case = put(cell)
        clocks = cell.book().cases[case.id].clocks
        assert {one.owed_by for one in clocks} == set(SIDES)
        (due,) = {one.due for one in clocks}
        assert due - cell.now in range(DAY_S, DAY_S + GRACE_S + 1)
        answer(cell, "s1", case, "UNDER_STUDY")
        cell.meet()
        write(cell, "g1", case, "COMMENT", content={"text": "EXERCISE"})  # its log says what it has received
        late = {one.owed_by: one.state for one in cell.book(due).cases[case.id].clocks}
        assert late == {"s1": "met", "s2": "overdue"}
        assert state(cell, case) == "put"


@pytest.mark.parametrize("language", ["ar", "he", "en"])
@pytest.mark.parametrize("said", ANSWERS)
def test_each_answer_is_a_whole_sentence_in_each_language(cell, said, language):
    case = answer(cell, "s1", put(cell), said)
    told = render_entry(cell.rules, cell.book().act(case.id), language)
    assert len(told.sentences) == 1 and said not in told.text
