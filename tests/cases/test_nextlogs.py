"""A party's next log in the fold: protocol C3, spec/protocol/fold F15."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.cell import PARTIES, Cell, Written, started
from cases.strategies import NEXT_COURSES, play
from cases.test_fold_properties import SETTINGS, picture, tally
from charter.harbour import charter as harbour
from detente.cases.author import compose
from detente.cases.book import NOT_HELD
from detente.cases.fold import Folder, cut_of, fold
from detente.cases.nextlogs import DISOWNED, opening_fields, receiving_fields
from detente.record.header import encode_header
from detente.record.keys import KeyPair
from detente.record.names import EntryId
from detente.record.nextlog import NextLog
from detente.record.tree import Tree

OLD, NEW = "s1/1", "s1/2"


def log(cell: Cell, name: str) -> str:
    return f"{cell.rules.cell}/{name}"


def old_entries(cell: Cell, first: int = 0) -> list[EntryId]:
    return [one.id for one in cell.logs[log(cell, OLD)][first:]]


def all_have_seen(cell: Cell) -> None:
    """Everybody holds what there is now of the current logs, and says so."""
    cell.pass_time(5)
    cell.meet()
    for party in ("s2", "g1", "s1"):
        cell.heartbeat(party)


@pytest.fixture
def cell() -> Cell:
    return started()


class TestGoesOn:
    """What a party had goes on in its next log: cases, duties, credentials, armed state."""

    def test_the_first_entry_is_regular_and_the_register_names_both_logs(self, cell):
        size = len(cell.logs[log(cell, OLD)])
        first = cell.next_log("s1")
        all_have_seen(cell)
        book = cell.book()
        assert book.verdict(first.id).counts
        old, new = book.register.logs["s1"]
        assert (old.origin, old.opened_by, old.closed_at) == (log(cell, OLD), EntryId(old.origin, 0), size)
        assert (new.origin, new.opened_by, new.closed_at) == (log(cell, NEW), first.id, None)
        assert [one.closed_at for one in book.register.logs["s2"]] == [None]

    def test_a_case_goes_on_and_its_duty_is_met_from_the_new_log(self, cell):
        press = cell.stop_and_check("s2", "s1")
        cell.meet()
        cell.heartbeat("s1")
        cell.meet()
        cell.next_log("s1")
        answer = cell.write("s1", "D02", "ANSWER", {"answer": "PAUSED"}, case=press)
        all_have_seen(cell)
        book = cell.book()
        assert book.verdict(answer.id).counts
        assert book.cases[press.id].answers["s1"].id == answer.id
        assert {clock.state for clock in book.cases[press.id].clocks if clock.owed_by == "s1"} == {"met"}
        assert book.receipts(answer.id, "s2").state == "held"

    @pytest.mark.parametrize("named", [True, False])
    def test_what_the_new_log_names_is_in_its_past_though_nobody_else_anchored_it(self, cell, named):
        cell.register("s1", "WATCH", "REVOKED")
        cell.next_log("s1", names=None if named else len(cell.logs[log(cell, OLD)]) - 1)
        press = cell.stop_and_check("s1", "s2")
        all_have_seen(cell)
        assert cell.book().verdict(press.id).code == ("approval-unverified" if named else None)

    def test_an_update_in_the_new_log_of_a_case_opened_in_the_old_one(self, cell):
        press = cell.stop_and_check("s1", "s2")
        cell.next_log("s1")
        update = cell.write("s1", "D02", "UPDATE", {"own_action": "HOLDING"}, case=press)
        all_have_seen(cell)
        book = cell.book()
        assert book.verdict(update.id).counts
        assert book.cases[press.id].fields["own_action"].value == "HOLDING"

    def test_the_same_core_again_is_repeated_across_the_logs(self, cell):
        press = cell.stop_and_check("s1", "s2")
        cell.next_log("s1")
        header = replace(press.header, log=cell.log("s1"), seen=cell.seen("s1"))
        again = cell.append("s1", encode_header(header), header)
        cell.opened[again.id, 0] = press.core
        all_have_seen(cell)
        assert cell.book().verdict(again.id).code == "repeated"

    def test_a_third_log_closes_the_second(self, cell):
        cell.next_log("s1")
        all_have_seen(cell)
        cell.next_log("s1")
        all_have_seen(cell)
        lives = cell.book().register.logs["s1"]
        assert [life.closed_at is None for life in lives] == [False, False, True]
        assert all(life.opened_by is not None for life in lives)


class TestClosing:
    """Later entries of the old log move nothing; receipted ones that are not named stand, disowned."""

    def test_what_nobody_receipted_moves_nothing(self, cell):
        size = len(cell.logs[log(cell, OLD)])
        press = cell.stop_and_check("s1", "s2")
        assert cell.book().verdict(press.id).counts
        cell.next_log("s1", names=size)
        all_have_seen(cell)
        book = cell.book()
        assert (book.verdict(press.id).code, book.verdict(press.id).clause) == ("log-closed", "C3")
        assert press.id not in book.cases
        assert book.register.logs["s1"][0].closed_at == size

    def test_what_was_receipted_and_is_not_named_stands_and_is_marked(self, cell):
        size = len(cell.logs[log(cell, OLD)])
        press = cell.stop_and_check("s1", "s2")
        cell.meet()
        cell.heartbeat("s2")
        cell.next_log("s1", names=size)
        all_have_seen(cell)
        book = cell.book()
        verdict = book.verdict(press.id)
        assert verdict.counts
        assert verdict.findings == (DISOWNED,)
        assert book.cases[press.id].acts[0].verdict.findings == (DISOWNED,)
        assert book.cases[press.id].state == "sent"
        assert book.register.logs["s1"][0].closed_at == size + 1
        assert not book.verdict(EntryId(press.id.log, size - 1)).findings

    def test_the_mark_comes_to_a_case_that_was_shown_before(self, cell):
        size = len(cell.logs[log(cell, OLD)])
        press = cell.stop_and_check("s1", "s2")
        cell.meet()
        cell.heartbeat("s2")
        folder = cell.folder()
        folder.open(cell.opened)
        folder.add(cell.entries)
        assert not folder.at(cell.now).cases[press.id].acts[0].verdict.findings
        cell.next_log("s1", names=size)
        folder.open(cell.opened)
        folder.add(cell.entries)
        book = folder.at(cell.now)
        assert book.cases[press.id].acts[0].verdict.findings == (DISOWNED,)
        assert book.act(press.id).verdict.findings == (DISOWNED,)

    def test_what_was_lost_with_the_old_log_may_be_said_again(self, cell):
        """Also when a party lets the lost entry into its own past after it has seen the new log."""
        size = len(cell.logs[log(cell, OLD)])
        press = cell.stop_and_check("s1", "s2")
        cell.next_log("s1", names=size)
        all_have_seen(cell)
        cell.hold("s2", "s1", log=log(cell, OLD))
        cell.heartbeat("s2")
        cell.meet()
        header = replace(press.header, log=cell.log("s1"), seen=cell.seen("s1"), time=cell.now)
        again = cell.append("s1", encode_header(header), header)
        cell.opened[again.id, 0] = press.core
        book = cell.book()
        assert book.verdict(press.id).code == "log-closed"
        assert book.verdict(again.id).counts
        assert book.cases[again.id].state == "sent"

    def test_one_receipt_before_the_new_log_was_seen_is_enough(self, cell):
        """The guarantor has it from the old log; the other side has only the new one."""
        size = len(cell.logs[log(cell, OLD)])
        press = cell.stop_and_check("s1", "s2")
        cell.hold("g1", "s1")
        cell.next_log("s1", names=size)
        all_have_seen(cell)
        assert cell.book().verdict(press.id).findings == (DISOWNED,)

    def test_a_receipt_given_after_the_new_log_was_seen_counts_for_nobody(self, cell):
        size = len(cell.logs[log(cell, OLD)])
        cell.next_log("s1", names=size)
        all_have_seen(cell)
        header = replace(cell.logs[log(cell, OLD)][-1].header, time=cell.now)
        late = cell.append("s1", encode_header(header), header, log=log(cell, OLD))
        cell.pass_time(5)
        cell.hold("s2", "s1", log=log(cell, OLD))
        cell.heartbeat("s2")
        cell.meet()
        cell.heartbeat("g1")
        book = cell.book()
        assert book.verdict(late.id).code == "log-closed"
        assert book.register.logs["s1"][0].closed_at == size
        assert book.verdict(cell.logs[cell.log("s2")][-1].id).counts

    def test_until_all_have_seen_the_new_log_the_old_ones_end_is_not_known(self, cell):
        size = len(cell.logs[log(cell, OLD)])
        press = cell.stop_and_check("s1", "s2")
        cell.next_log("s1", names=size)
        cell.pass_time(5)
        cell.hold("g1", "s1")
        cell.heartbeat("g1")
        book = cell.book()
        assert book.register.logs["s1"][0].closed_at is None
        assert book.verdict(press.id).counts
        cell.hold("s2", "s1")
        cell.heartbeat("s2")
        assert cell.book().verdict(press.id).code == "log-closed"

    def test_a_line_of_a_closed_entry_gives_no_receipt(self, cell):
        size = len(cell.logs[log(cell, OLD)])
        press = cell.stop_and_check("s2", "s1")
        cell.hold("s1", "s2")
        cell.heartbeat("s1")
        assert cell.book().receipts(press.id, "s1").state == "held"
        del cell.holds["s1"][cell.log("s2")]
        cell.next_log("s1", names=size)
        cell.pass_time(5)
        for party in ("s2", "g1"):
            cell.hold(party, "s1")
            cell.heartbeat(party)
        assert cell.book().receipts(press.id, "s1").state == "not held"

    @pytest.mark.parametrize("order", ["as written", "reversed", "new log first", "old log last"])
    def test_order_of_arrival_changes_nothing(self, cell, order):
        size = len(cell.logs[log(cell, OLD)])
        cell.stop_and_check("s1", "s2")
        cell.hold("g1", "s1")
        cell.heartbeat("g1")
        cell.stop_and_check("s1", "s2", salt="second")
        cell.next_log("s1", names=size)
        all_have_seen(cell)
        entries = {
            "as written": cell.entries,
            "reversed": cell.entries[::-1],
            "new log first": sorted(cell.entries, key=lambda one: one.id.log != log(cell, NEW)),
            "old log last": sorted(cell.entries, key=lambda one: one.id.log == log(cell, OLD)),
        }[order]
        folder = Folder(cell.rules)
        folder.open(cell.opened)
        for entry in entries:
            folder.add([entry])
            folder.at(cell.now)
        assert picture(cell, folder.at(cell.now)) == picture(cell, cell.book())
        codes = [
            (cell.book().verdict(one).code, cell.book().verdict(one).findings)
            for one in old_entries(cell, size)
        ]
        assert codes == [(None, (DISOWNED,)), ("log-closed", ())]

    def test_the_digest_of_a_heartbeat_is_the_same_for_whoever_folds(self, cell):
        cell.stop_and_check("s1", "s2")
        cell.meet()
        cell.heartbeat("s2")
        cell.next_log("s1", names=len(cell.logs[log(cell, OLD)]) - 1)
        all_have_seen(cell)
        for name in (cell.log("s1"), cell.log("s2"), cell.log("g1")):
            cut = cut_of(cell.logs[name][-1])
            assert cell.book(cut=cut).state_digest() == cell.book().state_digest(cut)


class TestFirstEntry:
    """R01 of a next log says what the certificate says, or it is irregular with its clause."""

    @pytest.mark.parametrize(
        ("fields", "about"),
        [
            ({"generation": 3}, "generation"),
            ({"generation": 1}, "generation"),
            ({"old_size": 1}, "recovery_signature"),
            ({"old_log": "harbour.exercise/s2/1"}, "recovery_signature"),
            ({"old_root": "00" * 32}, "recovery_signature"),
            ({"log_ed25519": "x"}, "recovery_signature"),
            ({"recovery_signature": "00" * 64}, "recovery_signature"),
        ],
    )
    def test_a_wrong_field_makes_it_irregular(self, cell, fields, about):
        first = cell.next_log("s1", fields=fields)
        verdict = cell.book().verdict(first.id)
        assert (verdict.state, verdict.code, verdict.clause) == ("irregular", "next-log", "C3")
        assert cell.book().register.logs["s1"][1].opened_by is None

    def test_another_key_than_the_charters_recovery_key_signed(self, cell):
        first = cell.next_log("s1", seed=b"\1" * 32)
        assert cell.book().verdict(first.id).code == "next-log"

    def test_the_header_names_the_same_head_as_the_core(self, cell):
        first = cell.next_log("s1", line=False)
        assert cell.book().verdict(first.id).code == "next-log"

    def test_another_kind_opens_no_next_log(self, cell):
        cell.generations["s1"] = 2
        cell.logs[cell.log("s1")], cell.trees[cell.log("s1")] = (
            [],
            Tree(),
        )
        first = cell.heartbeat("s1")
        assert cell.book().verdict(first.id).code == "next-log"

    def test_a_first_log_names_no_old_one(self, cell):
        fields = {"generation": 1, "software": "x", "old_size": 3}
        again = cell.write("s1", "R01", fields=fields, post="LOG", by=())
        assert cell.book().verdict(again.id).code == "next-log"

    def test_an_irregular_first_entry_closes_the_old_log_all_the_same(self, cell):
        """The recovery key spoke in the certificate: a core of nonsense gives nobody the old log back."""
        cell.next_log("s1", fields={"generation": 3})
        all_have_seen(cell)
        assert cell.book().register.logs["s1"][0].closed_at == len(cell.logs[log(cell, OLD)])


class TestReceivingKeys:
    """R04: receiving keys by party, newest first."""

    def say(self, cell: Cell, key: str, *, retired: bool = False) -> Written:
        return cell.write("s1", "R04", fields=receiving_fields(key, retired=retired), post="LOG", by=())

    def test_the_charters_key_then_newer_ones_before_it_until_it_is_retired(self, cell):
        first, second = cell.rules.parties["s1"].receiving, harbour().parties["s2"].receiving
        assert cell.book().register.receiving("s1") == (first,)
        self.say(cell, second)
        assert cell.book().register.receiving("s1") == (second, first)
        self.say(cell, first, retired=True)
        assert cell.book().register.receiving("s1") == (second,)
        self.say(cell, second, retired=True)
        assert cell.book().register.receiving("s1") == (second,), "the last one stays"
        assert cell.book().register.receiving("g1") == (cell.rules.parties["g1"].receiving,)

    def test_a_text_that_is_no_recipient_is_irregular(self, cell):
        entry = cell.write("s1", "R04", fields={"change": "RECEIVING_ADDED", "key": "x"}, post="LOG", by=())
        assert cell.book().verdict(entry.id).code == "wrong-value"

    def test_it_goes_on_in_the_next_log(self, cell):
        first, second = cell.rules.parties["s1"].receiving, harbour().parties["s2"].receiving
        self.say(cell, second)
        cell.next_log("s1")
        self.say(cell, first, retired=True)
        all_have_seen(cell)
        assert cell.book().register.receiving("s1") == (second,)


def test_opening_fields_are_what_compose_accepts(cell):
    """The author's side: plain values in, an R01 out."""
    new = log(cell, NEW)
    after = NextLog(new, KeyPair(b"\1" * 32, b"\2" * 32).log_keys(new), log(cell, OLD), 3, b"\3" * 32)
    composed = compose(
        cell.rules,
        party="s1",
        post="LOG",
        kind="R01",
        act="NEW",
        fields=opening_fields(after, signature=bytes(64), software="1"),
        book=cell.book(),
        as_of=cell.now,
        salts=(b"\1" * 32, b"\2" * 32),
    )
    assert b'"old_size":3' in composed.core


class TestEveryCourse:
    """What holds for every course with next logs, as `test_fold_properties` has it for one log a party."""

    @SETTINGS
    @given(NEXT_COURSES, st.randoms(use_true_random=False))
    def test_order_of_arrival_and_folding_in_parts_change_nothing(self, course, random):
        cell = play(course)
        folder, pieces = Folder(cell.rules), [*cell.entries, *cell.opened.items()]
        random.shuffle(pieces)
        for number, piece in enumerate(pieces):
            if isinstance(piece, tuple):
                folder.open({piece[0]: piece[1]})
            else:
                folder.add([piece])
            if number % 5 == 0:
                folder.at(cell.now)
        assert picture(cell, folder.at(cell.now)) == picture(cell, cell.book())

    @SETTINGS
    @given(NEXT_COURSES, st.data())
    def test_who_opened_less_says_not_held_and_knows_the_same_ends(self, course, data):
        cell = play(course)
        whole = cell.book()
        closed = data.draw(st.sets(st.sampled_from(sorted(cell.opened)), max_size=6))
        opened = {key: one for key, one in cell.opened.items() if key not in closed}
        less = fold(cell.rules, cell.entries, opened, cell.now)
        for entry in cell.entries:
            assert less.verdict(entry.id).state in (whole.verdict(entry.id).state, NOT_HELD)
        for party, lives in whole.register.logs.items():
            assert [one.closed_at for one in less.register.logs[party]] == [one.closed_at for one in lives]

    @SETTINGS
    @given(NEXT_COURSES, st.data())
    def test_a_verdict_given_changes_only_where_an_old_log_ends(self, course, data):
        cell = play(course)
        entries = cell.entries
        data.draw(st.randoms(use_true_random=False)).shuffle(entries)
        kept = data.draw(st.integers(0, len(entries)))
        folder = Folder(cell.rules)
        folder.open(cell.opened)
        folder.add(entries[:kept])
        before = dict(folder.at(cell.now).verdicts)
        folder.add(entries[kept:])
        after = folder.at(cell.now)
        if any(one.code == "log-closed" for one in after.verdicts.values()):
            return
        for entry, verdict in before.items():
            if verdict.state != NOT_HELD:
                now = after.verdict(entry)
                assert replace(now, findings=()) == replace(verdict, findings=())
                assert set(now.findings) - set(verdict.findings) <= {DISOWNED}

    @SETTINGS
    @given(NEXT_COURSES)
    def test_what_is_receipted_stands_and_what_is_closed_has_no_receipt_in_time(self, course):
        cell = play(course)
        book = cell.book()
        ends = {one.origin: one.closed_at for lives in book.register.logs.values() for one in lives}
        for entry, verdict in book.verdicts.items():
            end = ends.get(entry.log)
            beyond = end is not None and entry.index >= end
            assert (verdict.code == "log-closed") == (beyond and verdict.state != NOT_HELD)
            held = any((one := book.receipts(entry, by)) and one.state != "not held" for by in PARTIES)
            assert not (beyond and held)

    @SETTINGS
    @given(NEXT_COURSES)
    def test_swapping_the_sides_swaps_names_only(self, course):
        one, other = play(course), play(course, swap=True)
        assert tally(one, {"s1": "s1", "s2": "s2"}) == tally(other, {"s1": "s2", "s2": "s1"})

    def test_courses_reach_what_they_are_meant_to_test(self):
        course = [
            ("press", "s1"), ("hold", "s2", "s1"), ("beat", "s2"), ("press", "s1"), ("next", "s1", 2),
            *(("hold", party, "s1") for party in ("s2", "g1")), ("beat", "s2"), ("beat", "g1"),
        ]  # fmt: skip
        verdicts = play(course).book().verdicts.values()
        assert sum(one.code == "log-closed" for one in verdicts) == 1
        assert sum(DISOWNED in one.findings for one in verdicts) == 1
