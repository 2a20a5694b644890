"""The reserve of the disk: refused above it, given piece by piece below it, taken back when there is room."""

from __future__ import annotations

from pathlib import Path

import pytest

from detente.node.disk import Reserve
from detente.record.errors import Refused

MIB = 1 << 20


class Disk(Reserve):
    """A reserve on a disk of a size, of which other programs use some."""

    size, used = 100 * MIB, 0

    def free(self) -> int:
        return max(0, self.size - self.used - self._held())


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    made = Disk(tmp_path, 16)
    assert made.take_back()
    return made


class TestReserve:
    """Protocol D5: what others fill up is not what is held for the own log and for floor kinds."""

    def test_a_quarter_is_held_back_for_real(self, disk: Disk, tmp_path: Path) -> None:
        found = (tmp_path / "reserve").stat()
        assert found.st_size == 4 * MIB
        assert found.st_blocks * 512 >= 4 * MIB, "allocated, not sparse"
        assert found.st_mode & 0o077 == 0

    def test_above_the_reserve_nothing_is_given(self, disk: Disk) -> None:
        disk.require(10 * MIB)
        assert not disk.make_room()

    def test_below_it_ordinary_entries_are_refused_and_nothing_is_given_yet(self, disk: Disk) -> None:
        disk.used = 90 * MIB
        with pytest.raises(Refused, match="disk-full"):
            disk.require()
        assert not disk.make_room()

    def test_a_full_disk_is_given_room_piece_by_piece(self, disk: Disk) -> None:
        disk.used = 96 * MIB
        for piece in range(1, 5):
            assert disk.free() == 0
            assert disk.make_room()
            assert disk.free() == MIB
            assert not disk.make_room(), "no more than is needed"
            disk.used += MIB
            assert disk._held() == (4 - piece) * MIB
        assert not disk.make_room()

    def test_it_is_taken_back_when_there_is_room_above_the_reserve(self, disk: Disk) -> None:
        disk.used = 96 * MIB
        disk.make_room()
        disk.used = 80 * MIB + 1
        assert not disk.take_back()
        disk.used = 80 * MIB
        assert disk.take_back()
        assert disk._held() == 4 * MIB
