"""All lines are cut: STOP-AND-CHECK by paper sounds, stays provisional, and is covered later (E3; F38)."""

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


def thin(cell: Cell, party: str, *words: str, code: int = 0) -> str:
    """Run the verb as its user would."""
    ran = subprocess.run(
        [sys.executable, "-m", "detente", "thin", words[0], "--node", str(cell.node(party).folder.path),
         *words[1:]],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


class TestPaperDrill:
    """Nothing but paper between the two, then the line again."""

    def test_it_sounds_is_provisional_and_is_covered_by_the_log(self, cell: Cell, tmp_path: Path) -> None:
        form = tmp_path / "form.txt"
        said = thin(
            cell, "s1", "print", "D02", "meaning=ACCIDENT_OURS", "--lang", "he", "--out", str(form), "--log",
            "WATCH",
        )  # fmt: skip
        entry = next(word for word in said.split() if word.startswith("S1-"))
        name = next(word for word in said.split() if word.startswith("THIN-"))

        read = thin(cell, "s2", "read", str(form), "--lang", "he")

        assert f"{name}: PROVISIONAL" in read
        faults.sounded(cell, "s2", name, 10)
        assert f"{name}  D02 NEW of S1" in thin(cell, "s2", "list")
        assert faults.held_by(cell, "s1", entry)["s2"] == "not held", "paper is no receipt"
        assert faults.api(cell, "s2").get("/v1/cases", kind="D02")["cases"] == [], "paper moves no state"

        assert f"{name}: PROVISIONAL, heard before" in thin(cell, "s2", "read", str(form))
        thin(cell, "s2", "heard", name)
        assert faults.api(cell, "s2").get("/v1/alarm")["ringing"] == []

        for one, other in (("s1", "s2"), ("s1", "g1"), ("s2", "g1")):
            cell.places.mend(one, other)
        faults.sounded(cell, "s2", entry, 20)
        until(lambda: f"covered by {entry}" in thin(cell, "s2", "list"), 10, "the entry covers the paper")

    def test_a_message_outlives_a_restart_and_its_own_author_does_not_hear_it(
        self, cell: Cell, tmp_path: Path
    ) -> None:
        form = tmp_path / "form.txt"
        thin(cell, "s2", "print", "D02", "meaning=OTHER", "--out", str(form))
        assert "thin-own" in thin(cell, "s2", "read", str(form), code=1)
        thin(cell, "s1", "read", str(form))
        faults.end(cell, "s1")
        faults.started_again(cell, "s1")
        until(lambda: all_ready(cell), START_S, "it is back")
        assert "PROVISIONAL" in thin(cell, "s1", "list")
        assert [one["kind"] for one in faults.api(cell, "s1").get("/v1/alarm")["ringing"]] == ["D02"]
