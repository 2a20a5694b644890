"""What the fold costs: one entry costs one entry, however long the record is."""

from __future__ import annotations

from time import process_time

from cases.cell import PARTIES, Cell, started
from detente.cases.fold import Folder


def heartbeats(number: int) -> Cell:
    cell = started()
    for turn in range(number):
        cell.pass_time(900)
        party = PARTIES[turn % 3]
        for other in PARTIES:
            if other != party:
                cell.hold(party, other)
        cell.heartbeat(party)
    return cell


def seconds(cell: Cell) -> float:
    """Processor time of folding entry by entry, with a book after each."""
    entries = sorted(cell.entries, key=lambda one: one.header.time)
    folder = Folder(cell.rules)
    folder.open(cell.opened)
    start = process_time()
    for entry in entries:
        folder.add([entry])
        folder.at(entry.header.time)
    return process_time() - start


class TestHeartbeats:
    """Ten times the heartbeats cost about ten times the work, not a hundred times."""

    def test_the_cost_is_linear(self):
        few, many = heartbeats(300), heartbeats(3_000)
        seconds(few)
        # A quadratic fold would need a hundred times as long; the machine may be busy, so the bound is wide.
        assert seconds(many) < 40 * seconds(few)


class TestLongCase:
    """A matter that is renewed for days is still folded act by act."""

    def test_its_later_acts_need_no_fold_of_the_earlier_ones(self, monkeypatch):
        from detente.cases.casefile import CaseFile

        cell = started()
        folder = Folder(cell.rules)
        press = cell.stop_and_check("s1", "s2")
        for _ in range(60):
            cell.pass_time(600)
            cell.write("s1", "D02", "UPDATE", {"own_action": "HOLDING"}, case=press)
        folder.open(cell.opened)
        folder.add(cell.entries)
        steps = []
        step = CaseFile._step
        monkeypatch.setattr(
            CaseFile, "_step", lambda self, now, bit: steps.append(bit) or step(self, now, bit)
        )
        last = cell.write("s1", "D02", "MOVE", case=press)
        folder.open({(last.id, 0): last.core})
        folder.add(cell.logs[press.id.log])
        assert folder.at(cell.now).cases[press.id].state == "ended"
        assert len(steps) <= 2
