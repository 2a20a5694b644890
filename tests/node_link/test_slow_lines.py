"""Lines of 64 kbit/s between living nodes: a large part under way holds nothing up, nor is it begun again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from node_link.live import LiveCell, log_of

pytestmark = pytest.mark.live

RATE = 64_000 / 8
MIB = 1 << 20
# That it does not wait for the large part's 35 minutes; how far below ten seconds it is, is measured on a
# quiet machine (docs/explanation/what-was-measured.md): builds run beside ten thousand simulated lives.
PASSES_S = 20
LINES = (("s1", "s2"), ("s1", "g1"), ("s2", "g1"))


def opened(cell: LiveCell, at: str, author: str, index: int) -> bool:
    return f"{log_of(author)} {index}" in cell.nodes[at].ask("state", 30)["opened"]


def incoming(cell: LiveCell, party: str) -> int:
    """Bytes of the largest part under way that lie on a node's disk; small ones come and go beside it."""
    place = cell.nodes[party].folder.path / "incoming"
    return max((one.stat().st_size for one in place.iterdir()), default=0) if place.is_dir() else 0


def floor_entry(cell: LiveCell, author: str, reader: str) -> float:
    """Seconds from a floor entry's durability at its author to its parts' being read by another party."""
    sent = cell.nodes[author].ask("append")
    began = time.monotonic()
    cell.until(lambda: opened(cell, reader, author, sent["index"]), 30)
    return time.monotonic() - began


class TestLargePart:
    """Protocol D2: 16 MiB would take 35 minutes on this line; a floor entry does not wait for them."""

    def test_a_floor_entry_passes_it_and_it_goes_on_after_cut_and_restart(self, tmp_path: Path) -> None:
        with LiveCell(tmp_path) as cell:
            s1, s2 = cell.nodes["s1"], cell.nodes["s2"]
            for line in LINES:
                cell.shape(*line, rate=RATE)
            s1.ask("append", 60, floor=False, keep=["s2"], attachment=16 * MIB)
            cell.until(lambda: incoming(cell, "s2") > 50_000, 120)

            for author, reader in (("s1", "s2"), ("s2", "s1")):
                seconds = floor_entry(cell, author, reader)
                print(f"floor entry {author} to {reader} past a large part: {seconds:.1f} s")
                assert seconds < PASSES_S

            before = incoming(cell, "s2")
            cell.cut("s1", "s2")
            time.sleep(2)
            assert s2.link is not None
            s2.link.kill()
            s2.link.wait(10)
            s2.start_link()
            cell.mend("s1", "s2")
            s2.ready()
            assert incoming(cell, "s2") >= before
            cell.until(lambda: incoming(cell, "s2") > before, 60)

            # The line is fast from here on: bytes are counted, not minutes.
            there, _ = cell.shape("s1", "s2")
            cell.cut("s1", "s2", "refuse")
            cell.mend("s1", "s2")
            left = 32 * MIB - incoming(cell, "s2")  # in its size class it has 32 MiB
            cell.until(lambda: s2.ask("state", 30)["wanted"] == 0, 120)
            assert there.carried < left + left // 10 + MIB, "it was begun again"
            cell.until(lambda: incoming(cell, "s2") == 0)


class TestLongLine:
    """64 kbit/s and 300 ms each way, as over a satellite."""

    def test_a_floor_entry_is_soon_read(self, tmp_path: Path) -> None:
        with LiveCell(tmp_path) as cell:
            for line in LINES:
                cell.shape(*line, rate=RATE, delay=0.3)
            floor_entry(cell, "s1", "s2")  # what the line is like is known from here on
            took = [floor_entry(cell, author, reader) for author, reader in (("s1", "s2"), ("s2", "s1")) * 2]
            print("floor entries over long lines:", [round(one, 1) for one in took])
            assert max(took) < PASSES_S
