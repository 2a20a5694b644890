"""D01: a graded word about the line, never about conduct; ladder T8; silence is derived."""

from __future__ import annotations

import pytest

from cases.cell import Cell, started


@pytest.fixture
def cell() -> Cell:
    return started()


def check(book, entry):
    return next(one for one in book.checks if one.id == entry.id)


def delivered(cell: Cell, by="s1", to="s2"):
    """A machine's check that the other party's log has received."""
    sent = cell.contact_check(by, to)
    cell.pass_time(5)
    cell.hold(to, by)
    cell.heartbeat(to)
    return sent


class TestResult:
    """protocol F12: the codes of D01's list `result`."""

    def test_while_the_first_step_is_not_reached_there_is_no_result(self, cell):
        sent = cell.contact_check("s1", "s2")
        found = check(cell.book(cell.now + 599), sent)
        assert (found.result, found.rung, found.due) == (None, None, cell.now + 600)

    @pytest.mark.parametrize(("after", "result"), [(599, "OK"), (600, "OK_LATE")])
    def test_the_echo_is_in_time_until_the_first_step(self, cell, after, result):
        sent = cell.contact_check("s1", "s2")
        cell.hold("s2", "s1")
        cell.pass_time(after)
        cell.echo("s2", sent)
        cell.hold("s1", "s2")
        cell.heartbeat("s1")
        found = check(cell.book(cell.now + 9_000), sent)
        assert (found.result, found.echo_matches) == (result, True)
        assert found.answered_at == found.sent + after

    def test_an_echo_that_differs_in_one_letter_proves_a_living_line_only(self, cell):
        sent = delivered(cell)
        answer = cell.echo("s2", sent, text="אבג ابت abc 124")
        book = cell.book()
        assert book.verdict(answer.id).state == "ok"
        assert (check(book, sent).result, check(book, sent).echo_matches) == ("LINE_ALIVE_NO_ANSWER", False)

    def test_no_answer_though_the_other_log_received_it(self, cell):
        sent = delivered(cell)
        assert check(cell.book(sent_at(cell) + 600), sent).result == "LINE_ALIVE_NO_ANSWER"

    def test_no_answer_and_no_receipt(self, cell):
        sent = cell.contact_check("s1", "s2")
        assert check(cell.book(cell.now + 600), sent).result == "LINE_DEAD"

    @pytest.mark.parametrize("answer", ["DECLINED", "DECLINED_WITH_REASON"])
    def test_a_declined_check_says_so(self, cell, answer):
        sent = delivered(cell)
        content = {"reason": "feast"} if answer == "DECLINED_WITH_REASON" else None
        cell.write("s2", "D01", "ANSWER", {"answer": answer}, case=sent, post="LOG", by=(), content=content)
        assert check(cell.book(), sent).result == answer

    def test_a_machine_check_needs_no_officer_and_one_by_a_person_does(self, cell):
        machine = cell.contact_check("s1", "s2")
        person = cell.contact_check("s1", "s2", slot="MORNING")
        fields = {"slot": "MORNING", "path": "PRIMARY", "test_text": "x"}
        alone = cell.write("s1", "D01", fields=fields, to="s2", post="LOG", by=())
        book = cell.book()
        assert [book.verdict(one.id).state for one in (machine, person, alone)] == ["ok", "ok", "irregular"]
        assert book.verdict(alone.id).code == "approval-missing"


def sent_at(cell: Cell) -> int:
    return cell.now - 5


class TestLadder:
    """T8: retry 10, alternate path 20, guarantor 30 minutes; after two hours the silence is unexplained."""

    @pytest.mark.parametrize(
        ("minutes", "rung"),
        [
            (9, None),
            (10, "RETRY"),
            (20, "ALTERNATE_PATH"),
            (30, "GUARANTOR"),
            (119, "GUARANTOR"),
            (120, "UNEXPLAINED_SILENCE"),
        ],
    )
    def test_each_step_is_reached_at_its_minute(self, cell, minutes, rung):
        sent = cell.contact_check("s1", "s2")
        assert check(cell.book(cell.now + minutes * 60), sent).rung == rung

    def test_the_book_says_when_the_next_step_comes(self, cell):
        cell.contact_check("s1", "s2")
        assert cell.book(cell.now + 700).next_due() == cell.now + 1_200

    def test_an_answer_ends_it(self, cell):
        sent = delivered(cell)
        cell.echo("s2", sent)
        cell.hold("s1", "s2")
        cell.heartbeat("s1")
        assert check(cell.book(cell.now + 9_000), sent).rung is None


class TestSilence:
    """One miss raises no alarm; three in a row do, or one with an open FLASH. No entry says so."""

    def misses(self, cell: Cell, number: int):
        for _ in range(number):
            cell.contact_check("s1", "s2")
            cell.pass_time(3_600)
        return cell.book()

    def test_one_miss_raises_nothing(self, cell):
        (found,) = self.misses(cell, 1).silences
        assert (found.by, found.of, found.misses, found.alarm, found.unexplained) == (
            "s1",
            "s2",
            1,
            False,
            False,
        )

    def test_three_in_a_row_raise_the_alarm(self, cell):
        assert [one.alarm for one in self.misses(cell, 2).silences] == [False]
        assert [one.alarm for one in self.misses(cell, 1).silences] == [True]

    def test_an_answer_between_breaks_the_row(self, cell):
        self.misses(cell, 2)
        sent = delivered(cell)
        cell.echo("s2", sent)
        cell.hold("s1", "s2")
        cell.heartbeat("s1")
        assert self.misses(cell, 1).silences[0].misses == 1

    def test_one_miss_with_an_open_flash_raises_the_alarm(self, cell):
        cell.stop_and_check("s2", "s1")
        assert self.misses(cell, 1).silences[0].alarm

    def test_after_two_hours_it_is_unexplained(self, cell):
        cell.contact_check("s1", "s2")
        assert not cell.book(cell.now + 7_199).silences[0].unexplained
        assert cell.book(cell.now + 7_200).silences[0].unexplained

    def test_each_direction_is_counted_for_itself(self, cell):
        cell.contact_check("s1", "s2")
        cell.contact_check("s2", "s1")
        assert [(one.by, one.of) for one in cell.book(cell.now + 700).silences] == [
            ("s1", "s2"),
            ("s2", "s1"),
        ]


class TestSchedule:
    """T6 and T7: from one check of a party to its next."""

    def test_the_next_machine_check_is_due_an_hour_after_the_last(self, cell):
        cell.contact_check("s1", "s2")
        cell.pass_time(1_000)
        last = cell.contact_check("s1", "s2")
        found = [one for one in cell.book().due if one.rule == "T7"]
        assert [(one.owed_by, one.entry, one.due) for one in found] == [("s1", last.id, cell.now + 3_600)]

    def test_a_check_by_persons_runs_on_its_own_clock(self, cell):
        cell.contact_check("s1", "s2", slot="EVENING")
        assert [one.rule for one in cell.book().due if one.case is None] == ["T6"]
        late = [one for one in cell.book(cell.now + 43_200).due if one.rule == "T6"]
        assert late[0].state == "overdue"
