"""A full disk at one node: named refusals, floor kinds go on in the reserve, all of it catches up later."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from detente.cli.demo.cell import Cell, build
from detente.record.errors import DetenteError
from detente.record.header import parse_header
from live import faults
from live.officers import START_S, all_ready, until

pytestmark = pytest.mark.live

DISK_MB, RESERVED_MB = 48, 16


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    """S1's folder lies on a small disk of its own."""
    place = tmp_path_factory.mktemp("cell") / "d"
    disk = place / "nodes" / "s1"
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("needs root to mount a small disk")
    disk.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=0700", "tmpfs", str(disk)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"no mounting here: {done.stderr}")
    cell = None
    try:
        cell = build(place)
        toml = cell.node("s1").folder.node_toml
        toml.write_text(toml.read_text() + f"\n[disk]\nreserved_mb = {RESERVED_MB}\n")
        cell.start()
        until(lambda: all_ready(cell), START_S, "three nodes come up")
        for party in ("s1", "s2"):
            faults.confirmed(cell, faults.sent_in_the_end(cell, party), faults.others(party))
        yield cell
    finally:
        if cell is not None:
            cell.stop()
        subprocess.run(["umount", str(disk)], check=True)


def free(cell: Cell) -> int:
    found = os.statvfs(cell.node("s1").folder.path)
    return found.f_bavail * found.f_frsize


def filler(cell: Cell) -> Path:
    return cell.node("s1").folder.path / "somebody-elses-file"


def fill(cell: Cell, leave: int) -> None:
    """Fill the disk with a file, until `leave` bytes are free."""
    with filler(cell).open("ab") as file:
        while (more := min(1 << 20, free(cell) - leave)) > 0:
            try:
                file.write(bytes(more))
                file.flush()
            except OSError:
                break


def refusals(cell: Cell, party: str) -> str:
    """What a node's own log says of refusals."""
    return (cell.node(party).folder.log / "link.jsonl").read_text()


class TestReserve:
    """D5: below the reserve the other's ordinary entries wait; floor kinds of everybody go."""

    def test_floor_kinds_go_both_ways_and_the_rest_catches_up(self, cell: Cell) -> None:
        fill(cell, (RESERVED_MB - 4) << 20)
        try:
            held = len(faults.entries(cell, "s1", faults.origin_of("s2")))
            # S2's own answer to this is an R03 at once (B4): an ordinary entry, which S1 refuses.
            first = faults.stop_and_check(cell, "s1")
            faults.confirmed(cell, first, ["s2", "g1"])
            until(lambda: '"disk-full"' in refusals(cell, "s2"), 10, "S2 is told disk-full")
            came = faults.entries(cell, "s1", faults.origin_of("s2"))[held:]
            assert all(parse_header(one).floor for one in came), "machine contact checks are floor too"

            entry = faults.stop_and_check(cell, "s2")  # ahead of its log, past what is refused (D3)
            faults.sounded(cell, "s1", entry, 8)
            faults.opened(cell, "s1", entry)
            faults.confirmed(cell, entry, ["g1"])
        finally:
            filler(cell).unlink()
        faults.confirmed(cell, entry, ["s1"])
        faults.whole(cell)


class TestFull:
    """Not a byte is left, by another program's doing: the held-back reserve carries the floor kinds."""

    def test_stop_and_check_goes_both_ways(self, cell: Cell) -> None:
        fill(cell, 0)
        try:
            sent = [faults.stop_and_check(cell, "s1") for _ in range(3)]
            for entry in sent:
                faults.confirmed(cell, entry, ["s2", "g1"])
            other = faults.stop_and_check(cell, "s2")
            faults.opened(cell, "s1", other)
            faults.confirmed(cell, other, ["g1"])
        finally:
            filler(cell).unlink()
        faults.confirmed(cell, other, ["s1"])
        faults.whole(cell)

    def test_beyond_the_reserve_it_is_refused_by_name_and_others_are_unaffected(self, cell: Cell) -> None:
        reserve = cell.node("s1").folder.path / "reserve"
        until(lambda: reserve.stat().st_size == RESERVED_MB << 18, 10, "the reserve is whole again")
        fill(cell, 0)
        try:
            # Another program goes on and on: what is given back is filled up as well.
            with pytest.raises(DetenteError) as refused:
                for _ in range(200):
                    fill(cell, 0)
                    faults.stop_and_check(cell, "s1")
            assert refused.value.code == "disk-full"
            assert refused.value.who == "operator"
            assert reserve.stat().st_size == 0, "all of it was given before anything was refused"
            entry = faults.stop_and_check(cell, "s2")
            faults.confirmed(cell, entry, ["g1"], 8)
        finally:
            filler(cell).unlink()
        faults.confirmed(cell, entry, ["s1"])
        faults.whole(cell)
        until(lambda: reserve.stat().st_size == RESERVED_MB << 18, 10, "the reserve is whole again")
