"""All lines are cut for good: STOP-AND-CHECK and its receipt go by stick (protocol E2, D3, B1)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from detente.cli.demo.cell import Cell, build
from live import faults
from live.officers import START_S, all_ready, until

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    cell = build(tmp_path_factory.mktemp("cell") / "d")
    try:
        cell.start()
        until(lambda: all_ready(cell), START_S, "three nodes come up")
        for one, other in (("s1", "s2"), ("s1", "g1"), ("s2", "g1")):
            cell.places.cut(one, other)
        yield cell
    finally:
        cell.stop()


def detente(cell: Cell, party: str, *words: str) -> str:
    """Run a verb as its user would, on that party's node."""
    ran = subprocess.run(
        [sys.executable, "-m", "detente", words[0], "--node", str(cell.node(party).folder.path), *words[1:]],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def carried(cell: Cell, maker: str, reader: str, stick: Path) -> str:
    """A stick written at one party and taken in at another."""
    detente(cell, maker, "export", "--for", reader, str(stick))
    return detente(cell, reader, "import", str(stick))


def held_by(cell: Cell, author: str, entry: str) -> set[str]:
    """Parties whose receipt the author has."""
    return {party for party, state in faults.held_by(cell, author, entry).items() if state == "held"}


class TestStickDrill:
    """Nothing but sticks between the three."""

    @pytest.mark.parametrize(("author", "reader"), [("s1", "s2"), ("s2", "s1")])
    def test_stop_and_check_sounds_there_and_its_receipt_comes_back(
        self, cell: Cell, tmp_path: Path, author: str, reader: str
    ) -> None:
        entry = faults.stop_and_check(cell, author)
        carried(cell, author, reader, tmp_path / "there")
        faults.sounded(cell, reader, entry, 10)
        faults.opened(cell, reader, entry, 10)
        assert reader not in held_by(cell, author, entry)

        said = carried(cell, reader, author, tmp_path / "back")

        assert "receipts taken" in said
        until(lambda: reader in held_by(cell, author, entry), 10, "the receipt is known")

    def test_the_guarantor_passes_on_what_it_was_brought(self, cell: Cell, tmp_path: Path) -> None:
        entry = faults.stop_and_check(cell, "s1")
        carried(cell, "s1", "g1", tmp_path / "to-g1")
        carried(cell, "g1", "s2", tmp_path / "to-s2")
        faults.sounded(cell, "s2", entry, 10)
        carried(cell, "s2", "g1", tmp_path / "back-g1")
        carried(cell, "g1", "s1", tmp_path / "back-s1")
        until(lambda: {"s2", "g1"} <= held_by(cell, "s1", entry), 10, "both receipts are known")

    def test_a_stopped_node_takes_it_in_signs_and_sounds_when_it_starts(
        self, cell: Cell, tmp_path: Path
    ) -> None:
        entry = faults.stop_and_check(cell, "s1")
        faults.end(cell, "s2")
        carried(cell, "s1", "s2", tmp_path / "there")
        carried(cell, "s2", "s1", tmp_path / "back")
        until(lambda: "s2" in held_by(cell, "s1", entry), 10, "a stopped node's receipt is known")
        faults.started_again(cell, "s2")
        faults.sounded(cell, "s2", entry, START_S)

    def test_the_same_stick_again_changes_nothing(self, cell: Cell, tmp_path: Path) -> None:
        carried(cell, "s1", "s2", tmp_path / "stick")
        assert "nothing new" in detente(cell, "s2", "import", str(tmp_path / "stick"))
