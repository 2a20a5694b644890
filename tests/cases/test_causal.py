"""The causal past: prefix and closure of `seen`, whatever the order of arrival."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from cases.cell import Cell, started
from detente.cases.entries import VerifiedEntry
from detente.cases.fold import Folder, fold
from detente.record.header import Seen, encode_header
from detente.record.names import EntryId
from detente.record.tree import Tree, leaf_hash


@pytest.fixture
def cell() -> Cell:
    return started()


class TestPast:
    """An entry is placed when its whole past is held; what it waits for is named."""

    def test_a_gap_in_a_log_keeps_what_follows_unjudged(self, cell):
        press = cell.stop_and_check("s1", "s2")
        without = [entry for entry in cell.entries if entry.id != EntryId(cell.log("s1"), 2)]
        assert fold(cell.rules, without, cell.opened, cell.now).verdict(press.id).state == "not held here"

    def test_what_another_had_seen_lies_in_the_past_of_who_saw_that_other(self, cell):
        """s1 saw s2's press only through g1's entry: the closure."""
        press = cell.stop_and_check("s2", "s1")
        cell.hold("g1", "s2")
        cell.heartbeat("g1")
        cell.hold("s1", "g1")
        own = cell.write("s1", "D02", "READ", case=press)
        assert cell.book().verdict(own.id).state == "ok"
        partly = [entry for entry in cell.entries if entry.id != press.id]
        assert fold(cell.rules, partly, cell.opened, cell.now).verdict(own.id).state == "not held here"

    def test_a_party_may_say_that_it_has_seen_nothing_new(self, cell):
        """Staying behind hides nothing: it only means that less is in the past."""
        first = cell.stop_and_check("s1", "s2")
        cell.stop_and_check("s2", "s1")
        second = cell.stop_and_check("s1", "s2", salt="b")
        book = cell.book()
        assert book.verdict(first.id).state == book.verdict(second.id).state == "ok"


class TestContradicted:
    """`causal` rule 4: a line that was set aside and turns out true makes the folder fold anew."""

    def test_every_order_gives_the_same_verdicts(self, cell):
        """s2 opens a second log and writes on in its first one, which it must not."""
        second = f"{cell.rules.cell}/s2/2"
        beat = cell.heartbeat("s2")
        cell.logs[beat.id.log].pop()
        cell.trees[beat.id.log] = Tree(leaf_hash(one.header_bytes) for one in cell.logs[beat.id.log])
        opening = replace(beat.header, log=second, seen=())
        root = Tree([leaf_hash(encode_header(opening))]).root()
        line = Seen(second, 1, root, cell.now)
        seen = tuple(sorted((*cell.seen("s1"), line), key=lambda one: one.log))
        press = cell.stop_and_check("s1", "s2", header={"seen": seen})
        cell.hold("s2", "s1")
        cell.heartbeat("s2")
        cell.opened[EntryId(second, 0), 0] = beat.core
        late = VerifiedEntry(EntryId(second, 0), encode_header(opening), opening)
        entries = [*cell.entries, late]
        whole = dict(fold(cell.rules, entries, cell.opened, cell.now).verdicts)
        assert whole[press.id].findings == ()
        folder = Folder(cell.rules)
        folder.open(cell.opened)
        folder.add(cell.entries)
        assert folder.at(cell.now).verdict(press.id).findings == ("seen-differs",)
        folder.add([late])
        assert dict(folder.at(cell.now).verdicts) == whole


class TestConcurrent:
    """Three parties act at once on one case: every order of arrival gives one state."""

    def test_all_orders(self, cell):
        press = cell.stop_and_check("s1", "s2")
        cell.pass_time(1)
        cell.meet()
        cell.pass_time(1)
        acts = [
            cell.write("s1", "D02", "CORRECT", case=press),
            cell.write("s2", "D02", "ANSWER", {"answer": "PAUSED"}, case=press),
            cell.write("s2", "D02", "ANSWER", {"answer": "NOT_OURS"}, case=press),
            cell.write("g1", "D02", "ACK", {"ack": "RECEIVED"}, case=press),
        ]
        tails = {one.id for one in acts}
        early = [entry for entry in cell.entries if entry.id not in tails]
        late = [entry for entry in cell.entries if entry.id in tails]
        pictures = set()
        for order in itertools.permutations(late):
            folder = Folder(cell.rules)
            folder.open(cell.opened)
            folder.add(early)
            for entry in order:
                folder.add([entry])
                folder.at(cell.now)
            book = folder.at(cell.now)
            case = book.cases[press.id]
            pictures.add((case.state, case.answers["s2"].id, book.state_digest()))
        assert len(pictures) == 1
        assert next(iter(pictures))[:2] == ("false_alarm", acts[2].id)
