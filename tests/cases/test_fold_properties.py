"""What holds for every course of events, whoever folds it and however it arrived (protocol F5, F7)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cases.cell import Cell, started
from cases.strategies import COURSES, play
from detente.cases.book import NOT_HELD, Case
from detente.cases.casebook import CaseBook
from detente.cases.fold import Folder, cut_of, fold
from detente.record.errors import Malformed
from detente.record.header import parse_header

SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
PARTIES = ("s1", "s2", "g1")


def picture(cell: Cell, book: CaseBook) -> dict[str, Any]:
    """Everything a book says, comparable."""
    entries = [entry.id for entry in cell.entries]
    return {
        "verdicts": {one: book.verdict(one) for one in entries},
        "cases": dict(book.cases),
        "receipts": {(one, party): book.receipts(one, party) for one in entries for party in PARTIES},
        "acts": {one: book.act(one) for one in entries},
        "due": book.due,
        "register": book.register,
        "checks": (book.checks, book.silences),
        "digest": book.state_digest(),
        "changes": book.next_due(),
    }


class TestOrderAndParts:
    """Order of arrival, who folds and folding in parts change nothing."""

    @SETTINGS
    @given(COURSES, st.randoms(use_true_random=False), st.integers(0, 3_000))
    def test_order_of_arrival_changes_nothing(self, course, random, later):
        cell = play(course)
        entries, opened = cell.entries, list(cell.opened.items())
        random.shuffle(entries)
        random.shuffle(opened)
        as_of = cell.now + later
        shuffled = fold(cell.rules, entries, dict(opened), as_of)
        assert picture(cell, shuffled) == picture(cell, cell.book(as_of))

    @SETTINGS
    @given(COURSES, st.randoms(use_true_random=False), st.integers(0, 3_000))
    def test_folding_in_parts_equals_folding_all(self, course, random, later):
        cell = play(course)
        folder, as_of = Folder(cell.rules), cell.now + later
        pieces: list[Any] = [*cell.entries, *cell.opened.items()]
        random.shuffle(pieces)
        for number, piece in enumerate(pieces):
            if isinstance(piece, tuple):
                folder.open({piece[0]: piece[1]})
            else:
                folder.add([piece])
            if number % 5 == 0:
                folder.at(cell.now - 500 + number)
        assert picture(cell, folder.at(as_of)) == picture(cell, cell.book(as_of))

    @SETTINGS
    @given(COURSES, st.lists(st.integers(-4_000, 4_000), min_size=1, max_size=6))
    def test_a_folder_asked_for_several_instants_says_what_a_fresh_one_says(self, course, instants):
        cell = play(course)
        folder = Folder(cell.rules)
        folder.open(cell.opened)
        folder.add(cell.entries)
        for shift in instants:
            asked = picture(cell, folder.at(cell.now + shift))
            assert asked == picture(cell, cell.book(cell.now + shift))

    @SETTINGS
    @given(COURSES)
    def test_two_runs_give_the_same_state_digest(self, course):
        cell = play(course)
        assert cell.book().state_digest() == cell.book(cell.now + 9_999).state_digest()

    @SETTINGS
    @given(COURSES, st.integers(0, 4_000))
    def test_nothing_reads_otherwise_before_next_due(self, course, later):
        cell = play(course)
        book = cell.book(cell.now + later)
        change = book.next_due()
        last = cell.now + later + 50_000 if change is None else change - 1
        assert [shown(one) for one in cell.book(last).cases.values()] == [
            shown(one) for one in book.cases.values()
        ]


def shown(case: Case) -> Any:
    """What a person sees of a case."""
    return case.id, case.state, case.confirmation, case.clocks, case.check, case.result


class TestWhoHoldsLess:
    """F6: who holds less shows `not held here`, never another value."""

    @SETTINGS
    @given(COURSES, st.data())
    def test_removing_opened_parts_only_turns_values_into_not_held(self, course, data):
        cell = play(course)
        whole = cell.book()
        known = sorted(cell.opened)
        closed = data.draw(st.sets(st.sampled_from(known), max_size=6))
        opened = {key: one for key, one in cell.opened.items() if key not in closed}
        less = fold(cell.rules, cell.entries, opened, cell.now)
        for entry in cell.entries:
            assert less.verdict(entry.id).state in (whole.verdict(entry.id).state, NOT_HELD)
        for case in less.cases.values():
            full = whole.cases[case.id]
            assert case.state in (full.state, NOT_HELD)
            if case.state != NOT_HELD:
                assert all(
                    case.fields[name].value in (now.value, NOT_HELD) for name, now in full.fields.items()
                )

    @SETTINGS
    @given(COURSES, st.data())
    def test_a_verdict_once_given_stays_whatever_arrives(self, course, data):
        cell = play(course)
        entries = cell.entries
        kept = data.draw(st.integers(0, len(entries)))
        folder = Folder(cell.rules)
        folder.open(cell.opened)
        folder.add(entries[:kept])
        before = dict(folder.at(cell.now).verdicts)
        folder.add(entries[kept:])
        after = folder.at(cell.now)
        for entry, verdict in before.items():
            if verdict.state != NOT_HELD:
                assert after.verdict(entry) == verdict

    @SETTINGS
    @given(COURSES, st.data())
    def test_a_cut_reads_as_it_was_known_then(self, course, data):
        """What a party's entry had seen gives the same verdicts that those entries have for ever."""
        cell = play(course)
        entry = data.draw(st.sampled_from(cell.entries))
        whole, then = cell.book(), cell.book(cut=cut_of(entry))
        for one, verdict in then.verdicts.items():
            assert verdict.state in (whole.verdict(one).state, NOT_HELD)
        assert then.state_digest() == whole.state_digest(cut_of(entry))


class TestSides:
    """F13: swap the two sides and nothing but the names changes."""

    @SETTINGS
    @given(COURSES)
    def test_swapping_the_sides_swaps_names_only(self, course):
        one, other = play(course), play(course, swap=True)
        assert tally(one, {"s1": "s1", "s2": "s2"}) == tally(other, {"s1": "s2", "s2": "s1"})


def tally(cell: Cell, names: dict[str, str]) -> Any:
    """A book with parties renamed, in an order that no name decides."""

    def named(party: str | None) -> str | None:
        return names.get(party or "", party)

    book = cell.book(cell.now + 2_000)
    cases = sorted(
        (
            named(case.opened_by), case.id.index, case.state, case.confirmation,
            tuple((one.rule, named(one.owed_by), one.state, one.due, one.met_at) for one in case.clocks),
            case.check and (case.check.result, case.check.rung),
        )
        for case in book.cases.values()
    )  # fmt: skip
    verdicts = sorted(
        (named(one.log.split("/")[1]), one.index, verdict.state, verdict.code or "")
        for one, verdict in book.verdicts.items()
    )
    return repr((cases, verdicts))


class TestComments:
    """A comment or a READ moves no clock and no state."""

    @SETTINGS
    @given(COURSES, st.sampled_from(["COMMENT", "READ"]))
    def test_it_moves_nothing(self, course, act):
        cell = play(course)
        press = cell.stop_and_check("s1", "s2")
        cell.meet()
        cell.heartbeat("s2")
        before = cell.book(cell.now + 300).cases[press.id]
        content = {"text": "a remark"} if act == "COMMENT" else None
        cell.write("s2", "D02", act, case=press, content=content)
        after = cell.book(cell.now + 300).cases[press.id]
        assert (before.state, before.clocks) == (after.state, after.clocks)
        assert before.confirmation == after.confirmation


class TestAnyBytes:
    """Whatever a party writes, the fold gives a verdict and the next entry is judged."""

    @SETTINGS
    @given(st.binary(max_size=200), st.binary(max_size=200))
    def test_any_bytes_as_header_and_core(self, header, core):
        cell = started()
        try:
            parsed = parse_header(header)
        except Malformed:
            parsed = None
        odd = cell.append("s1", header, parsed)
        cell.opened[odd.id, 0] = core
        press = cell.stop_and_check("s1", "s2")
        book = cell.book()
        assert book.verdict(odd.id).state == "irregular"
        assert book.verdict(press.id).state == "ok"

    @SETTINGS
    @given(st.binary(max_size=300))
    def test_any_core_with_the_right_hash_is_judged(self, data):
        import hashlib

        cell = started()
        good = cell.heartbeat("s1")
        cell.logs[good.id.log].pop()
        cell.trees = started().trees
        from dataclasses import replace

        from detente.record.header import encode_header

        header = replace(good.header, core=hashlib.sha256(data).digest())
        entry = cell.append("s1", encode_header(header), header)
        cell.opened[entry.id, 0] = data
        assert cell.book().verdict(entry.id).state == "irregular"


@pytest.mark.parametrize("swap", [False, True])
def test_a_course_reaches_what_it_is_meant_to_test(swap):
    """The strategies are no empty play: judged acts, waiting ones, irregular ones, cases."""
    course = [
        ("press", "s1"), ("hold", "s2", "s1"), ("act", "s2", "ANSWER", 0, "PAUSED"), ("check", "s2"),
        ("act", "s2", "MOVE", 0, "PAUSED"), ("lack", "g1", "s1"), ("beat", "g1"), ("break", "s1"),
    ]  # fmt: skip
    book = play(course, swap).book()
    states = {verdict.state for verdict in book.verdicts.values()}
    assert states >= {"ok", "irregular"}
    assert {case.state for case in book.cases.values()} == {"holding", "sent"}
