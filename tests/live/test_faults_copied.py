"""A folder copied, then started elsewhere: the start question (C2) stops it from writing a second history."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from detente.cli.demo.cell import PARTIES, Cell
from detente.node.folder import NodeFolder
from detente.node.signer import journal_path, restored_mark
from live import faults
from live.officers import started, until

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    with started(tmp_path_factory.mktemp("cell") / "d", desks=False) as cell:
        yield cell


def copy(cell: Cell, party: str, backup: Path) -> None:
    """Copy a party's folder, as a backup does that takes everything but sockets."""
    shutil.copytree(cell.node(party).folder.path, backup, ignore=shutil.ignore_patterns("*.sock"))


def restore(cell: Cell, party: str, backup: Path) -> None:
    """Put an older copy of a party's folder in the place of its folder."""
    place = cell.node(party).folder.path
    shutil.rmtree(place)
    shutil.copytree(backup, place)
    cell.node(party).apis.clear()


class TestCopiedFolder:
    """A node on an older copy asks its peers first, fetches its own log from them, and goes on behind it."""

    def test_it_fetches_its_own_log_and_goes_on_without_a_fork(self, cell: Cell, tmp_path: Path) -> None:
        early = faults.sent_in_the_end(cell, "s1")
        faults.confirmed(cell, early, ["s2", "g1"])
        faults.end(cell, "s1")
        copy(cell, "s1", tmp_path / "copy")
        old = len(faults.entries(cell, "s1", faults.origin_of("s1")))
        cell.start_node("s1")
        late = [faults.sent_in_the_end(cell, "s1") for _ in range(3)]
        for entry in late:
            faults.confirmed(cell, entry, ["s2", "g1"])
        faults.end(cell, "s1")
        moved_on = faults.entries(cell, "s2", faults.origin_of("s1"))
        assert len(moved_on) >= old + 3

        restore(cell, "s1", tmp_path / "copy")
        assert len(faults.entries(cell, "s1", faults.origin_of("s1"))) == old
        cell.start_node("s1")
        entry = faults.sent_in_the_end(cell, "s1")

        assert faults.entries(cell, "s1", faults.origin_of("s1"))[: len(moved_on)] == moved_on
        assert int(entry.rpartition("X")[2]) >= len(moved_on)
        for one in late:  # the author reads its own words again, from what its peers kept
            faults.opened(cell, "s1", one)
        faults.whole(cell, "s1", "s2")
        for party in PARTIES:
            assert faults.shown(cell, party)["evidence"] == []
            assert faults.shown(cell, party)["log"]["stopped_at"] is None

    def test_while_nobody_answers_it_signs_nothing(self, cell: Cell, tmp_path: Path) -> None:
        until(lambda: faults.shown(cell, "s1")["signer"]["state"] == "started", 20, "started")
        faults.end(cell, "s1")
        copy(cell, "s1", tmp_path / "copy")
        cell.start_node("s1")
        entry = faults.sent_in_the_end(cell, "s1")
        faults.confirmed(cell, entry, ["s2", "g1"])
        faults.end(cell, "s1")
        restore(cell, "s1", tmp_path / "copy")
        held = len(faults.entries(cell, "s1", faults.origin_of("s1")))
        for peer in ("s2", "g1"):
            cell.places.cut("s1", peer)
        try:
            cell.start_node("s1")
            until(lambda: faults.shown(cell, "s1")["signer"]["state"] == "asking", 20, "it asks")
            with pytest.raises(faults.DetenteError) as refused:
                faults.stop_and_check(cell, "s1")
            assert refused.value.code == "signer-not-started"
            assert refused.value.who == "operator"
            assert len(faults.entries(cell, "s1", faults.origin_of("s1"))) == held
        finally:
            for peer in ("s2", "g1"):
                cell.places.mend("s1", peer)
        waited = f"S1-X{int(entry.rpartition('X')[2]) + 1:05d}"
        until(lambda: faults.held_by(cell, "s1", waited)["s2"] == "held", 20, "what was released goes in")
        faults.opened(cell, "s1", entry)
        faults.whole(cell, "s1", "s2")
        assert all(faults.shown(cell, party)["evidence"] == [] for party in PARTIES)


class TestRestoredMirror:
    """An older store without its journals: a mirror confirms nothing smaller than what it confirmed."""

    def test_it_confirms_nothing_until_it_was_told_and_then_everything(
        self, cell: Cell, tmp_path: Path
    ) -> None:
        faults.end(cell, "s1")
        copy(cell, "s1", tmp_path / "copy")
        cell.start_node("s1")
        faults.confirmed(cell, faults.sent_in_the_end(cell, "s2"), ["s1", "g1"])
        faults.end(cell, "s1")
        restore(cell, "s1", tmp_path / "copy")
        folder = cell.node("s1").folder
        for watched in ("s2", "g1"):
            journal_path(folder, faults.origin_of(watched)).unlink()
        cell.places.cut("s1", "s2")
        try:
            cell.start_node("s1")
            until(restored_mark(folder).exists, 20, "the loss is seen")
            until(lambda: not journal_empty(folder, "g1"), 20, "the guarantor's word on its own log is taken")
            assert journal_empty(folder, "s2")
        finally:
            cell.places.mend("s1", "s2")
        until(lambda: not restored_mark(folder).exists(), 20, "S2's own word is taken")
        faults.confirmed(cell, faults.sent_in_the_end(cell, "s2"), ["s1", "g1"])
        faults.whole(cell, "s1", "s2")
        assert all(faults.shown(cell, party)["evidence"] == [] for party in PARTIES)


def journal_empty(folder: NodeFolder, watched: str) -> bool:
    place = journal_path(folder, faults.origin_of(watched))
    return not place.exists() or place.stat().st_size == 0
