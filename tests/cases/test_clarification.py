"""D05: questions that can be answered, answered one by one, asked again once; never an accusation."""

from __future__ import annotations

from typing import Any

import pytest

from cases.cell import Cell, Written, started
from detente.cases.render import render_entry
from detente.charter.lint import prove_crossings

HOUR_S = 3600
BOUNDS = {"URGENT": 6 * HOUR_S, "NORMAL": 48 * HOUR_S, "LONG": 168 * HOUR_S}
ANSWERS = {"ANSWERED": "answered", "PARTLY": "partly", "NOT_ANSWERED": "not_answered"}
QUESTIONS = [{"number": 1, "question": "EXERCISE: when?"}, {"number": 2, "question": "EXERCISE: where?"}]
ROWS = [{"number": 1, "how": "ANSWERED"}, {"number": 2, "how": "COME_AND_SEE"}]


@pytest.fixture(params=[("s1", "s2", "g1"), ("s2", "s1", "g1"), ("g1", "s2", "s1")], ids=" ".join)
def parties(request: Any) -> tuple[str, str, str]:
    """Who asks, who is asked, and who is copied: each of them in each seat."""
    found: tuple[str, str, str] = request.param
    return found


@pytest.fixture
def cell() -> Cell:
    return started()


def write(cell: Cell, party: str, act: str, fields: dict[str, Any] | None = None, **how: Any) -> Written:
    return cell.write(party, "D05", act, fields or {}, by=("WATCH", "RELEASE"), **how)


def ask(cell: Cell, author: str, to: str, urgency: str = "NORMAL") -> Written:
    content = {"questions": QUESTIONS, "why_asked": "EXERCISE: to understand"}
    case = write(cell, author, "NEW", {"urgency": urgency}, content=content, to=to)
    cell.meet()
    return case


def again(cell: Cell, author: str, case: Written) -> Written:
    return write(cell, author, "UPDATE", content={"questions": QUESTIONS[:1]}, case=case)


def answer(
    cell: Cell, party: str, case: Written, said: str = "ANSWERED", round_: str = "FIRST", **rows: Any
) -> Written:
    fields = {"round": round_, "answer": said, "answers": rows.get("answers", ROWS)}
    return write(cell, party, "ANSWER", fields, case=case, salt=f"{said}{round_}")


def state(cell: Cell, case: Written) -> str:
    return cell.book().cases[case.id].state


def code(cell: Cell, entry: Written) -> str | None:
    return cell.book().verdict(entry.id).code


class TestLife:
    """Asked, answered, asked again once, answered, closed."""

    @pytest.mark.parametrize(("said", "first"), ANSWERS.items())
    def test_both_rounds(self, cell, parties, said, first):
        asks, asked, _ = parties
        case = ask(cell, asks, asked)
        assert state(cell, case) == "asked"
        answer(cell, asked, case, said)
        assert state(cell, case) == first
        cell.meet()
        again(cell, asks, case)
        assert state(cell, case) == "second_round"
        cell.meet()
        answer(cell, asked, case, said, "SECOND")
        assert state(cell, case) == f"second_{first}"
        cell.meet()
        write(cell, asks, "MOVE", case=case)
        assert state(cell, case) == "closed"

    def test_there_is_no_third_round(self, cell, parties):
        asks, asked, _ = parties
        case = ask(cell, asks, asked)
        for round_ in ("FIRST", "SECOND"):
            answer(cell, asked, case, round_=round_)
            cell.meet()
            last = again(cell, asks, case)
            cell.meet()
        assert code(cell, last) == "not-permitted"
        assert state(cell, case) == "second_answered"

    def test_nobody_asks_again_before_an_answer(self, cell, parties):
        asks, asked, _ = parties
        case = ask(cell, asks, asked)
        assert code(cell, again(cell, asks, case)) == "not-permitted"
        assert state(cell, case) == "asked"

    def test_a_round_that_was_not_asked_is_not_answered(self, cell, parties):
        asks, asked, _ = parties
        case = ask(cell, asks, asked)
        assert code(cell, answer(cell, asked, case, round_="SECOND")) == "not-permitted"

    def test_what_becomes_known_later_is_added(self, cell, parties):
        asks, asked, _ = parties
        case = ask(cell, asks, asked)
        rows = [{"number": 1, "how": "NOT_KNOWN_YET", "until": 1_800_100_000}]
        answer(cell, asked, case, "PARTLY", answers=rows)
        assert state(cell, case) == "partly"
        answer(cell, asked, case)
        assert state(cell, case) == "answered"

    @pytest.mark.parametrize("act", ["UPDATE", "MOVE", "WITHDRAW"])
    def test_only_who_asked_closes_withdraws_or_asks_again(self, cell, parties, act):
        asks, asked, copied = parties
        case = ask(cell, asks, asked)
        answer(cell, asked, case)
        cell.meet()
        content = {"questions": QUESTIONS} if act == "UPDATE" else None
        for party in (asked, copied):
            assert code(cell, write(cell, party, act, case=case, content=content)) == "not-by-this-party"

    def test_only_who_was_asked_answers(self, cell, parties):
        asks, asked, copied = parties
        case = ask(cell, asks, asked)
        for party in (asks, copied):
            assert code(cell, answer(cell, party, case)) == "not-by-this-party"

    def test_one_approval_is_not_enough(self, cell, parties):
        asks, asked, _ = parties
        case = ask(cell, asks, asked)
        fields = {"round": "FIRST", "answer": "ANSWERED", "answers": ROWS}
        alone = cell.write(asked, "D05", "ANSWER", fields, case=case, by=("WATCH",))
        assert code(cell, alone) == "approval-missing"


class TestRows:
    """Each question has its own answer; what a way of answering needs must stand in its row."""

    @pytest.mark.parametrize(
        "row",
        [
            {"number": 1, "how": "NOT_KNOWN_YET"},
            {"number": 1, "how": "WILL_NOT_ANSWER"},
            {"number": 1, "how": "ANSWERED", "reason": "LEGAL"},
            {"number": 6, "how": "ANSWERED"},
            {"number": 1, "how": "LATER"},
            {"how": "ANSWERED"},
        ],
    )
    def test_a_row_that_lacks_or_adds_something_is_irregular(self, cell, row):
        case = ask(cell, "s1", "s2")
        assert not cell.book().verdict(answer(cell, "s2", case, answers=[row]).id).counts

    @pytest.mark.parametrize("reason", ["INTERNAL_MATTER", "SCOPE_RESERVED", "NO_REASON_GIVEN"])
    def test_a_reason_is_an_answer_and_never_late(self, cell, parties, reason):
        asks, asked, _ = parties
        case = ask(cell, asks, asked)
        rows = [{"number": 1, "how": "WILL_NOT_ANSWER", "reason": reason}]
        answer(cell, asked, case, "NOT_ANSWERED", answers=rows)
        cell.meet()
        (clock,) = cell.book().cases[case.id].clocks
        assert (clock.rule, clock.state) == ("T17", "met")
        assert state(cell, case) == "not_answered"


class TestCrossed:
    """Neither what was said first nor who said it decides."""

    def test_the_table_is_proved(self, cell):
        assert list(prove_crossings(cell.rules.kinds["D05"])) == []

    @pytest.mark.parametrize(("end", "over"), [("MOVE", "closed"), ("WITHDRAW", "withdrawn")])
    def test_an_answer_on_its_way_while_it_is_closed_is_kept(self, cell, parties, end, over):
        asks, asked, _ = parties
        case = ask(cell, asks, asked)
        said = answer(cell, asked, case)
        ended = write(cell, asks, end, case=case)
        assert code(cell, said) is None and code(cell, ended) is None
        assert state(cell, case) == over

    def test_asking_again_while_more_is_added_leaves_the_second_round_open(self, cell, parties):
        asks, asked, _ = parties
        case = ask(cell, asks, asked)
        answer(cell, asked, case, "PARTLY")
        cell.meet()
        more = answer(cell, asked, case, "ANSWERED")
        second = again(cell, asks, case)
        assert code(cell, more) is None and code(cell, second) is None
        assert state(cell, case) == "second_round"


class TestClock:
    """T17 by urgency, from the own receipt of who was asked; the second round has its own."""

    @pytest.mark.parametrize(("urgency", "bound"), BOUNDS.items())
    def test_the_bound_follows_the_urgency(self, cell, parties, urgency, bound):
        asks, asked, _ = parties
        case = ask(cell, asks, asked, urgency)
        cell.write(asked, "D05", "ACK", {"ack": "RECEIVED"}, case=case, refers_to=(case,))
        (clock,) = cell.book().cases[case.id].clocks
        assert clock.start is not None
        assert (clock.owed_by, clock.due - clock.start) == (asked, bound)
        assert cell.book(clock.due - 1).cases[case.id].clocks[0].state == "running"
        assert cell.book(clock.due).cases[case.id].clocks[0].state == "overdue"

    def test_the_second_round_counts_anew(self, cell, parties):
        asks, asked, _ = parties
        case = ask(cell, asks, asked)
        answer(cell, asked, case)
        cell.meet()
        second = again(cell, asks, case)
        cell.meet()
        (clock,) = cell.book().cases[case.id].clocks
        assert (clock.entry, clock.state) == (second.id, "running")
        said = answer(cell, asked, case, round_="SECOND")
        cell.meet()
        (clock,) = cell.book().cases[case.id].clocks
        assert (clock.state, clock.met_by) == ("met", said.id)


@pytest.mark.parametrize("language", ["ar", "he", "en"])
def test_it_is_read_from_its_codes_in_each_language(cell, language):
    case = ask(cell, "s1", "s2", "URGENT")
    said = answer(cell, "s2", case)
    shown = render_entry(cell.rules, cell.book().act(case.id), language).text
    assert cell.rules.kinds["D05"].lists["urgency"].codes["URGENT"].label(language) in shown
    assert "EXERCISE: when?" in shown and "URGENT" not in shown
    told = render_entry(cell.rules, cell.book().act(said.id), language)
    assert len(told.sentences) == 1 and "COME_AND_SEE" not in told.text
