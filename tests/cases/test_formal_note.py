"""D35: one party's own words to another, noted or answered, and never agreed by silence."""

from __future__ import annotations

from typing import Any

import pytest

from cases.cell import Cell, Written, started
from detente.cases.render import render_entry

WEEK_S = 604_800
FINAL = ("ended", "withdrawn")
NOTED, REPLIED = {"answer": "NOTED"}, {"answer": "REPLIED"}


@pytest.fixture(params=[("s1", "s2", "g1"), ("s2", "s1", "g1"), ("g1", "s2", "s1")], ids=" ".join)
def parties(request) -> tuple[str, str, str]:
    """Author, addressee and the party that is copied: each of them in each seat."""
    return request.param


@pytest.fixture
def cell() -> Cell:
    return started()


def write(cell: Cell, party: str, act: str, fields: dict[str, Any], **how: Any) -> Written:
    return cell.write(party, "D35", act, fields, by=("WATCH", "RELEASE"), **how)


def note(cell: Cell, author: str, to: str, *, reply: str = "ASKED", sort: str = "POSITION") -> Written:
    return write(
        cell, author, "NEW", {"note": sort, "reply": reply},
        content={"subject": "EXERCISE", "text": "EXERCISE: our words"},
        to=to,
    )  # fmt: skip


def answer(cell: Cell, party: str, case: Written, fields: dict[str, str], **how: Any) -> Written:
    content = {"answer_text": "EXERCISE: theirs"} if fields == REPLIED else None
    return write(cell, party, "ANSWER", fields, content=content, case=case, **how)


def state(cell: Cell, case: Written) -> str:
    return cell.book().cases[case.id].state


class TestLife:
    """Sent, noted, replied, ended; whoever writes and whoever is written to."""

    def test_from_sending_to_the_end(self, cell, parties):
        author, other, _ = parties
        case = note(cell, author, other)
        assert state(cell, case) == "sent"
        cell.meet()
        for act, fields in (("READ", {}), ("ACK", {"ack": "RECEIVED"})):
            cell.write(other, "D35", act, fields, case=case, refers_to=(case,))
            assert state(cell, case) == "sent", "receipt moves nothing"
        answer(cell, other, case, NOTED)
        assert state(cell, case) == "noted"
        answer(cell, other, case, REPLIED)
        assert state(cell, case) == "replied"
        answer(cell, other, case, NOTED)
        assert state(cell, case) == "replied", "taking note of what was replied to changes nothing"
        write(cell, author, "MOVE", {}, case=case)
        assert state(cell, case) == "ended"

    @pytest.mark.parametrize("act", ["MOVE", "WITHDRAW", "CORRECT"])
    def test_only_its_author_ends_corrects_or_withdraws_it(self, cell, parties, act):
        author, other, copied = parties
        case = note(cell, author, other)
        for party in (other, copied):
            wrong = write(cell, party, act, {}, case=case)
            assert cell.book().verdicts[wrong.id].code in ("not-by-this-party", "not-permitted")
        assert state(cell, case) == "sent"

    def test_only_the_party_written_to_answers_it(self, cell, parties):
        author, other, copied = parties
        case = note(cell, author, other)
        for party in (author, copied):
            wrong = answer(cell, party, case, NOTED)
            assert not cell.book().verdicts[wrong.id].counts
        assert state(cell, case) == "sent"

    @pytest.mark.parametrize("end", ["MOVE", "WITHDRAW"])
    def test_what_is_over_is_not_answered_any_more(self, cell, parties, end):
        author, other, _ = parties
        case = note(cell, author, other)
        write(cell, author, end, {}, case=case)
        cell.meet()
        late = answer(cell, other, case, NOTED)
        assert cell.book().verdicts[late.id].code == "not-permitted"
        assert state(cell, case) in FINAL

    def test_one_approval_is_not_enough(self, cell, parties):
        author, other, _ = parties
        case = note(cell, author, other)
        alone = cell.write(other, "D35", "ANSWER", NOTED, case=case, by=("WATCH",))
        assert cell.book().verdicts[alone.id].code == "approval-missing"


class TestCrossed:
    """An answer on its way while the author ends or withdraws is kept, and the note stays over."""

    @pytest.mark.parametrize(("end", "over"), [("MOVE", "ended"), ("WITHDRAW", "withdrawn")])
    @pytest.mark.parametrize("fields", [NOTED, REPLIED])
    def test_both_orders_lead_to_the_same(self, cell, parties, end, over, fields):
        author, other, _ = parties
        case = note(cell, author, other)
        cell.meet()
        said = answer(cell, other, case, fields)
        ended = write(cell, author, end, {}, case=case)
        book = cell.book()
        assert book.verdicts[said.id].counts and book.verdicts[ended.id].counts
        assert book.cases[case.id].state == over


class TestClock:
    """T32 runs only where a reply is asked for, and only from the other party's own receipt."""

    def clocks(self, cell: Cell, case: Written, as_of: int | None = None) -> list[Any]:
        return [one for one in cell.book(as_of).cases[case.id].clocks if one.rule == "T32"]

    def test_a_note_that_asks_nothing_starts_none(self, cell, parties):
        author, other, _ = parties
        case = note(cell, author, other, reply="NOT_ASKED")
        cell.meet()
        cell.write(other, "R03", "NEW", {"armed": True, "software": "1"})
        assert self.clocks(cell, case) == []

    def test_without_a_receipt_nothing_is_due(self, cell, parties):
        author, other, _ = parties
        (clock,) = self.clocks(cell, note(cell, author, other))
        assert (clock.owed_by, clock.start, clock.due) == (other, None, None)

    @pytest.mark.parametrize("fields", [NOTED, REPLIED])
    def test_taking_note_and_replying_both_meet_it(self, cell, parties, fields):
        author, other, _ = parties
        case = note(cell, author, other)
        cell.meet()
        said = answer(cell, other, case, fields)
        cell.meet()
        (clock,) = self.clocks(cell, case)
        assert (clock.state, clock.met_by) == ("met", said.id)

    def test_it_is_a_week_and_its_end_is_late(self, cell, parties):
        author, other, _ = parties
        case = note(cell, author, other)
        cell.meet()
        cell.write(other, "D35", "ACK", {"ack": "RECEIVED"}, case=case, refers_to=(case,))
        (clock,) = self.clocks(cell, case)
        assert clock.due - clock.start in range(WEEK_S, WEEK_S + 1)
        assert self.clocks(cell, case, clock.due - 1)[0].state == "running"
        assert self.clocks(cell, case, clock.due)[0].state == "overdue"
        assert state(cell, case) == "sent", "late is no state"


class TestWords:
    """Read in each language from its codes; own words follow unchanged."""

    @pytest.mark.parametrize("language", ["ar", "he", "en"])
    @pytest.mark.parametrize("sort", ["POSITION", "PROTEST", "REQUEST", "AIDE_MEMOIRE", "SAFETY_DECLARATION"])
    def test_its_codes_are_said_by_their_labels(self, cell, language, sort):
        case = note(cell, "s1", "s2", sort=sort)
        shown = render_entry(cell.rules, cell.book().act(case.id), language)
        label = cell.rules.kinds["D35"].lists["note"].codes[sort].label(language)
        assert label in shown.text and sort not in shown.text
        assert shown.text.endswith("EXERCISE: our words")
        assert len(shown.sentences) == 1
