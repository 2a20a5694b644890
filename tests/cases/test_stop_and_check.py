"""D02 from press to end: states, second signature, clocks T1, T30 and T31, crossed acts, receipts."""

from __future__ import annotations

import pytest

from cases.cell import Cell, started


@pytest.fixture
def cell() -> Cell:
    return started()


def clock(book, case, rule):
    return next((one for one in book.cases[case.id].clocks if one.rule == rule), None)


class TestOrdinaryCourse:
    """D02: sent, a person replies, the answer moves the state, the sender ends it."""

    def test_it_is_sent_and_awaits_its_second_signature(self, cell):
        press = cell.stop_and_check("s1", "s2")
        case = cell.book().cases[press.id]
        assert (case.state, case.confirmation, case.is_open) == ("sent", "awaiting", True)
        assert (case.opened_by, case.addressee, case.fields["ask"].value) == ("s1", "s2", "PAUSE_AND_CHECK")

    @pytest.mark.parametrize(
        ("answer", "state"),
        [
            ("PAUSED", "holding"),
            ("CHECKING", "checking"),
            ("NOT_OURS", "not_ours"),
            ("CANNOT_REACH_UNIT", "not_reached"),
            ("PASSED_UP", "passed_up"),
        ],
    )
    def test_each_answer_leads_to_its_state(self, cell, answer, state):
        press = cell.stop_and_check("s1", "s2")
        cell.pass_time(5)
        cell.meet()
        reply = cell.write("s2", "D02", "ANSWER", {"answer": answer}, case=press)
        case = cell.book().cases[press.id]
        assert case.state == state
        assert case.answers["s2"].id == reply.id

    def test_an_acknowledgement_is_a_reply_by_a_person_and_no_answer(self, cell):
        press = cell.stop_and_check("s1", "s2")
        cell.meet()
        cell.write("s2", "D02", "ACK", {"ack": "RECEIVED"}, case=press)
        case = cell.book().cases[press.id]
        assert (case.state, dict(case.answers)) == ("human_reply", {})

    @pytest.mark.parametrize(
        ("act", "state"), [("MOVE", "ended"), ("CORRECT", "false_alarm"), ("WITHDRAW", "withdrawn")]
    )
    def test_the_sender_ends_it(self, cell, act, state):
        press = cell.stop_and_check("s1", "s2")
        cell.write("s1", "D02", act, case=press)
        case = cell.book().cases[press.id]
        assert (case.state, case.is_open, case.result) == (state, False, state)

    def test_the_other_side_cannot_end_it(self, cell):
        press = cell.stop_and_check("s1", "s2")
        cell.meet()
        ended = cell.write("s2", "D02", "MOVE", case=press)
        book = cell.book()
        assert book.cases[press.id].state == "sent"
        assert (book.verdicts[ended.id].state, book.verdicts[ended.id].code) == (
            "irregular",
            "not-by-this-party",
        )
        assert ended.id in {act.id for act in book.cases[press.id].acts}

    def test_an_answer_after_the_end_is_not_possible_any_more(self, cell):
        press = cell.stop_and_check("s1", "s2")
        cell.write("s1", "D02", "MOVE", case=press)
        cell.meet()
        late = cell.write("s2", "D02", "ANSWER", {"answer": "PAUSED"}, case=press)
        assert cell.book().verdicts[late.id].code == "not-permitted"

    def test_an_update_changes_fields_and_says_which_entry_set_them(self, cell):
        press = cell.stop_and_check("s1", "s2")
        update = cell.write("s1", "D02", "UPDATE", {"own_action": "HOLDING"}, case=press)
        fields = cell.book().cases[press.id].fields
        assert (fields["own_action"].value, fields["own_action"].set_by) == ("HOLDING", update.id)
        assert (fields["meaning"].value, fields["meaning"].set_by) == ("FIRE_ON_US", press.id)


class TestCrossed:
    """protocol F7: concurrent acts of different parties commute, or the table names the result."""

    def test_an_answer_that_crosses_the_end_stands_regular_and_the_case_stays_ended(self, cell):
        press = cell.stop_and_check("s1", "s2")
        cell.pass_time(1)
        cell.meet()
        cell.pass_time(1)
        ended = cell.write("s1", "D02", "MOVE", case=press)
        answer = cell.write("s2", "D02", "ANSWER", {"answer": "CHECKING"}, case=press)
        book = cell.book()
        assert book.verdicts[ended.id].state == book.verdicts[answer.id].state == "ok"
        assert book.cases[press.id].state == "ended"
        assert book.cases[press.id].answers["s2"].id == answer.id


class TestSecondSignature:
    """V01: one signature is enough to send; another post confirms in 15 minutes or it stays unconfirmed."""

    def test_another_post_confirms(self, cell):
        press = cell.stop_and_check("s1", "s2")
        cell.pass_time(899)
        cell.write("s1", "D02", "SIGN", case=press, post="RELEASE")
        cell.pass_time(10)
        cell.meet()
        cell.heartbeat("g1")
        assert cell.book(cell.now + 10_000).cases[press.id].confirmation == "confirmed"

    def test_one_second_later_it_is_unconfirmed_for_ever(self, cell):
        press = cell.stop_and_check("s1", "s2")
        assert cell.book(cell.now + 899).cases[press.id].confirmation == "awaiting"
        cell.pass_time(900)
        sign = cell.write("s1", "D02", "SIGN", case=press, post="RELEASE")
        cell.meet()
        cell.heartbeat("g1")
        book = cell.book(cell.now + 10_000)
        assert book.verdicts[sign.id].state == "ok"
        assert book.cases[press.id].confirmation == "unconfirmed"

    def test_the_first_post_cannot_confirm_itself(self, cell):
        press = cell.stop_and_check("s1", "s2")
        sign = cell.write("s1", "D02", "SIGN", case=press, post="WATCH")
        assert cell.book().verdicts[sign.id].code == "post-may-not"

    def test_a_release_officer_who_pressed_needs_another_post(self, cell):
        press = cell.stop_and_check("s1", "s2", post="RELEASE")
        sign = cell.write("s1", "D02", "SIGN", case=press, post="RELEASE")
        assert cell.book().verdicts[sign.id].code == "same-post"

    def test_two_signatures_at_the_press_confirm_at_once(self, cell):
        press = cell.stop_and_check("s1", "s2", by=("WATCH", "RELEASE"))
        assert cell.book().cases[press.id].confirmation == "confirmed"

    def test_withdrawn_in_time(self, cell):
        press = cell.stop_and_check("s1", "s2")
        cell.pass_time(60)
        cell.write("s1", "D02", "WITHDRAW", case=press)
        cell.meet()
        cell.heartbeat("s2")
        assert cell.book(cell.now + 5_000).cases[press.id].confirmation == "withdrawn"

    def test_a_signature_that_nobody_received_within_five_minutes_counts_from_its_receipt(self, cell):
        """B6: header times are the author's own; an `at` of another party bounds them."""
        press = cell.stop_and_check("s1", "s2")
        cell.pass_time(800)
        cell.write("s1", "D02", "SIGN", case=press, post="RELEASE")
        cell.pass_time(400)
        cell.meet()
        cell.heartbeat("s2")
        case = cell.book(cell.now).cases[press.id]
        assert case.confirmation == "unconfirmed"


class TestFirstReply:
    """T1: two minutes from the receipt of the side that is asked to the first reply by a person."""

    def received(self, cell: Cell):
        press = cell.stop_and_check("s1", "s2")
        cell.pass_time(3)
        cell.hold("s2", "s1")
        cell.heartbeat("s2")
        return press, cell.now

    def test_it_runs_from_the_anchored_receipt(self, cell):
        press, at = self.received(cell)
        found = clock(cell.book(), press, "T1")
        assert (found.state, found.owed_by, found.start, found.start_by) == ("running", "s2", at, "receipt")
        assert found.due == at + 120

    def test_before_any_receipt_it_has_not_started(self, cell):
        press = cell.stop_and_check("s1", "s2")
        found = clock(cell.book(cell.now + 9_999), press, "T1")
        assert (found.state, found.start, found.due) == ("running", None, None)

    def test_it_is_overdue_at_the_due_second_and_not_before(self, cell):
        press, at = self.received(cell)
        assert clock(cell.book(at + 119), press, "T1").state == "running"
        assert clock(cell.book(at + 120), press, "T1").state == "overdue"

    def test_the_book_says_when_it_will_read_otherwise(self, cell):
        press, at = self.received(cell)
        book = cell.book(at + 100)
        assert book.next_due() == at + 120
        assert next(one.rule for one in book.due if one.case == press.id) == "T1"

    def test_an_answer_in_the_last_second_is_in_time(self, cell):
        press, at = self.received(cell)
        cell.pass_time(119)
        cell.write("s2", "D02", "ANSWER", {"answer": "CHECKING"}, case=press)
        cell.pass_time(2)
        cell.hold("s1", "s2")
        cell.heartbeat("s1")
        found = clock(cell.book(cell.now + 1000), press, "T1")
        assert (found.state, found.met_at) == ("met", at + 119)

    def test_an_answer_whose_time_nobody_can_vouch_for_counts_at_its_receipt(self, cell):
        press, at = self.received(cell)
        cell.pass_time(100)
        cell.write("s2", "D02", "ANSWER", {"answer": "CHECKING"}, case=press)
        cell.pass_time(400)
        cell.hold("s1", "s2")
        cell.heartbeat("s1")
        assert clock(cell.book(cell.now), press, "T1").met_at == at + 500

    def test_by_deposit_alone_it_ends_in_no_receipt(self, cell):
        press = cell.stop_and_check("s1", "s2")
        cell.pass_time(2)
        cell.hold("g1", "s1")
        cell.heartbeat("g1")
        start = cell.now + 120  # T28 for FLASH
        assert clock(cell.book(start - 1), press, "T1").start is None
        found = clock(cell.book(start), press, "T1")
        assert (found.state, found.start, found.start_by) == ("running", start, "deposit")
        assert clock(cell.book(start + 120), press, "T1").state == "no receipt"

    def test_a_receipt_behind_the_deposit_gives_the_party_its_full_time(self, cell):
        """protocol F9: nothing counts against a party without its own receipt."""
        press = cell.stop_and_check("s1", "s2")
        cell.hold("g1", "s1")
        cell.heartbeat("g1")
        cell.pass_time(600)
        cell.hold("s2", "s1")
        cell.heartbeat("s2")
        assert clock(cell.book(), press, "T1").state == "running"
        assert clock(cell.book(cell.now + 120), press, "T1").state == "overdue"

    def test_a_signed_cannot_open_holds_it(self, cell):
        press, at = self.received(cell)
        fields = {
            "entry": {"log": press.id.log, "index": press.id.index, "core": press.header.core.hex()},
            "part": 0,
            "reason": "BROKEN_FILE",
        }
        cell.write("s2", "R06", fields=fields, post="LOG", by=())
        assert clock(cell.book(at + 500), press, "T1").state == "on hold"

    def test_the_end_by_the_sender_lifts_it(self, cell):
        press, at = self.received(cell)
        cell.pass_time(30)
        cell.write("s1", "D02", "MOVE", case=press)
        assert clock(cell.book(at + 500), press, "T1") is None

    def test_an_end_after_the_due_second_does_not_undo_that_it_was_late(self, cell):
        press, at = self.received(cell)
        cell.pass_time(200)
        cell.write("s1", "D02", "MOVE", case=press)
        assert clock(cell.book(at + 500), press, "T1").state == "overdue"


class TestRenewal:
    """T31: the sender says every 15 minutes that the matter stands."""

    def test_an_update_starts_it_anew(self, cell):
        press = cell.stop_and_check("s1", "s2")
        cell.pass_time(600)
        update = cell.write("s1", "D02", "UPDATE", case=press)
        found = clock(cell.book(), press, "T31")
        assert (found.entry, found.due) == (update.id, cell.now + 900)

    def test_without_update_it_is_overdue_for_the_sender(self, cell):
        press = cell.stop_and_check("s1", "s2")
        found = clock(cell.book(cell.now + 900), press, "T31")
        assert (found.state, found.owed_by) == ("overdue", "s1")


class TestReceipts:
    """B3: received at the first anchored `seen` that covers the entry with core and content not missing."""

    def test_sent_held_read_acknowledged_passed_on_and_answered_are_shown_apart(self, cell):
        press = cell.stop_and_check("s1", "s2")
        assert cell.book().receipts(press.id, "s2").state == "not held"
        cell.pass_time(2)
        cell.hold("s2", "s1")
        held = cell.now
        cell.pass_time(1)
        cell.write("s2", "D02", "READ", case=press)
        cell.pass_time(1)
        cell.write("s2", "D02", "ACK", {"ack": "UNDERSTOOD"}, case=press)
        cell.pass_time(1)
        cell.write("s2", "D02", "PASS_ON", {"echelon": "SECTOR", "passed_at": cell.now - 1}, case=press)
        cell.pass_time(1)
        answer = cell.write("s2", "D02", "ANSWER", {"answer": "PAUSED"}, case=press)
        found = cell.book().receipts(press.id, "s2")
        assert (found.state, found.at, found.anchored) == ("held", held, held + 1)
        assert (found.read_at, found.acknowledged_at, found.acknowledged_as) == (
            held + 1,
            held + 2,
            "UNDERSTOOD",
        )
        assert [(one.echelon, one.at) for one in found.passed_on] == [("SECTOR", held + 2)]
        assert (found.answered_at, found.answered_by) == (held + 4, answer.id)

    def test_an_author_has_no_receipt_of_its_own(self, cell):
        press = cell.stop_and_check("s1", "s2")
        assert cell.book().receipts(press.id, "s1") is None

    def test_read_starts_and_moves_no_clock(self, cell):
        press = cell.stop_and_check("s1", "s2")
        cell.hold("s2", "s1")
        cell.heartbeat("s2")
        before = cell.book(cell.now + 60).cases[press.id]
        cell.write("s2", "D02", "READ", case=press)
        after = cell.book(cell.now + 60).cases[press.id]
        assert (before.clocks, before.state) == (after.clocks, after.state)
