"""The node's one time source: nothing is added to an actual cell's, and an exercise's only goes forward."""

from __future__ import annotations

import time

import pytest

from detente.node.folder import NodeFolder
from detente.node.nodeclock import MOST_S, NodeClock, move_clock
from detente.record.errors import Refused

DAY = 86_400


@pytest.fixture
def folder(tmp_path):
    def made(cell: str, **node: int) -> NodeFolder:
        return NodeFolder.create(tmp_path / cell, {"node": {"cell": cell, "party": "s1", **node}})

    return made


def added(clock: NodeClock) -> int:
    """Whole seconds before the machine's clock."""
    return round(clock() - time.time())


class TestExercise:
    """Every process of the node reads the same number, and follows it while it runs."""

    def test_it_is_the_machine_s_until_it_is_moved(self, folder):
        assert added(NodeClock(folder("harbour.exercise"))) == 0

    def test_the_setting_and_what_was_moved_are_added(self, folder):
        place = folder("harbour.exercise", clock_offset_s=-40)
        clock = NodeClock(place)
        move_clock(place, DAY)
        assert added(clock) == DAY - 40
        assert clock.now() - int(time.time()) in (DAY - 40, DAY - 39)

    def test_it_never_goes_back(self, folder):
        place = folder("harbour.exercise")
        clock = NodeClock(place)
        move_clock(place, 2 * DAY)
        assert added(clock) == 2 * DAY
        move_clock(place, DAY)
        assert added(clock) == 2 * DAY

    @pytest.mark.parametrize("said", [b"", b"-5\n", b"5", b"x\n", b"9999999999\n"])
    def test_what_is_no_number_adds_nothing(self, folder, said):
        place = folder("harbour.exercise")
        (place.run / "clock-ahead").write_bytes(said)
        assert added(NodeClock(place)) == 0

    @pytest.mark.parametrize("ahead", [-1, MOST_S + 1])
    def test_what_is_beyond_its_bounds_is_refused(self, folder, ahead):
        with pytest.raises(ValueError, match=str(ahead)):
            move_clock(folder("harbour.exercise"), ahead)


class TestActual:
    """Rule 1: nobody who can write a file moves the clock of an actual cell."""

    def test_it_cannot_be_moved(self, folder):
        place = folder("harbour")
        with pytest.raises(Refused) as refused:
            move_clock(place, DAY)
        assert refused.value.code == "clock-not-settable"

    def test_a_file_that_says_so_is_not_read(self, folder):
        place = folder("harbour")
        (place.run / "clock-ahead").write_bytes(b"86400\n")
        assert added(NodeClock(place)) == 0
