"""What a talk is told of lacked parts, from a real store (protocol D2)."""

from __future__ import annotations

from pathlib import Path

import pytest

from detente.node import models as tables
from detente.node.link import feed as module
from detente.record.sync import PartHeld, PartLacked
from node.database import use
from node.rig import make_folder


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tables.Log:
    use(make_folder(tmp_path / "s1"))
    monkeypatch.setattr(module, "MOST_LACKED", 3)
    return tables.Log.objects.create(origin="harbour.exercise/s2/1", party="s2", generation=1)


def lack(log: tables.Log, index: int, *, floor: bool = False) -> bytes:
    """An entry whose core is not here; the part's hash."""
    sha256 = index.to_bytes(32)
    tables.Entry.objects.create(log=log, index=index, header=b"{}", floor=floor, leaf=bytes(32), stored_at=1)
    tables.Wanted.objects.create(
        log=log, index=index, position=0, role="core", sha256=sha256.hex(), size=1000
    )  # fmt: skip
    return sha256


def told(feed: module.Feed) -> list[tuple[bytes, bool]]:
    return [(one.sha256, one.floor) for one in feed.read() if isinstance(one, PartLacked)]


class TestLacked:
    def test_a_floor_part_is_told_whatever_lies_before_it(self, log: tables.Log) -> None:
        many = [lack(log, index) for index in range(5)]
        urgent = lack(log, 5, floor=True)
        found = told(module.Feed("s1"))
        assert found == [(urgent, True), *((one, False) for one in many[:3])]

    def test_one_that_comes_later_is_told_too_and_nothing_twice(self, log: tables.Log) -> None:
        feed = module.Feed("s1")
        for index in range(5):
            lack(log, index)
        assert len(told(feed)) == 3
        assert told(feed) == []
        urgent = lack(log, 9, floor=True)
        assert told(feed) == [(urgent, True)]

    def test_what_has_come_is_told_and_makes_room(self, log: tables.Log) -> None:
        feed = module.Feed("s1")
        many, urgent = [lack(log, index) for index in range(5)], lack(log, 5, floor=True)
        feed.read()
        tables.Wanted.objects.filter(index__in=[0, 5]).delete()
        events = feed.read()
        assert {one.sha256 for one in events if isinstance(one, PartHeld)} == {many[0], urgent}
        assert [one.sha256 for one in events if isinstance(one, PartLacked)] == [many[3]]
