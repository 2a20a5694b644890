"""Many entries at once, and many a second: sealed beforehand, held and cosigned by both peers, opened.

S1's link process is the bench's own (`author.py`), so that no local API stands between the proposals and the
writer. S2 and the guarantor are ordinary nodes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import bare
import cells
from detente.cli.demo.cell import PARTIES, Cell
from detente.record.names import parse_id, print_id

BURST = int(os.environ.get("DETENTE_BENCH_BURST", "5000"))
RATE, SUSTAINED_S = 300, 20
LOOK_S = 0.05


class Author:
    """S1's own link process."""

    def __init__(self, cell: Cell) -> None:
        folder = str(cell.node("s1").folder.path)
        self._signer = subprocess.Popen(
            [sys.executable, "-m", "detente.node.signer", folder], stderr=subprocess.DEVNULL
        )
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("author.py")), folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self._read()

    def ask(self, op: str, **words: Any) -> dict[str, Any]:
        """Have a command done."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"op": op, **words}) + "\n")
        self._process.stdin.flush()
        found = self._read()
        if "error" in found:
            raise RuntimeError(found["error"])
        return found

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline() or '{"error": "ended"}')
        return found

    def stop(self) -> None:
        """End both processes."""
        for one in (self._process, self._signer):
            one.terminate()
            one.wait(10)


class Opened:
    """Follows what a party's read model has folded of S1's log."""

    def __init__(self, cell: Cell, party: str) -> None:
        self._reader, self._folder = cells.Opened(cell, party), cell.node(party).folder

    def wait(self, log: str, index: int, within: float) -> float:
        """The instant at which that entry was opened and folded there."""
        from detente.record.names import EntryId

        return self._reader.wait(print_id(EntryId(log, index)), within)


def main() -> None:
    """Two lines: the burst, and the sustained rate."""
    limit = bare.measure()
    with cells.cell() as cell:
        case = cells.stop(cell, "s1")["id"]
        stop_node(cell, "s1")
        author = Author(cell)
        try:
            cells.wait_until(lambda: author.ask("state")["signer"] == "started", cells.START_S)
            time.sleep(5)
            burst(cell, author, case, limit)
            sustained(cell, author, case, limit)
        finally:
            author.stop()


def stop_node(cell: Cell, party: str) -> None:
    """End one node and all its processes."""
    node = cell.node(party)
    assert node.process is not None
    node.process.terminate()
    node.process.wait(15)


def burst(cell: Cell, author: Author, case: str, limit: bare.Bare) -> None:
    """5,000 proposals at once."""
    sealed = author.ask("prepare", case=case, count=BURST)
    readers = {party: Opened(cell, party) for party in PARTIES if party != "s1"}
    time.sleep(1)
    done = author.ask("burst", count=BURST)
    held = wait_held(author, done["size"])
    log = parse_id(case, cell_of(cell)).log
    opened = {one: reader.wait(log, done["size"] - 1, 120) for one, reader in readers.items()}
    began = done["began"]
    bare_s = BURST * (limit.leaf_hash_s * 3) + done["heads"] * limit.receipt_s
    cells.report("burst", n=BURST, sealed_s=sealed["took_s"], logged_s=done["logged"] - began,
                held_by_both_s=held - began, opened_s2_s=opened["s2"] - began,
                opened_g1_s=opened["g1"] - began, heads=done["heads"], limit_held_s=12,
                limit_opened_s=20, ratio_to_bare=(held - began) / bare_s)  # fmt: skip


def sustained(cell: Cell, author: Author, case: str, limit: bare.Bare) -> None:
    """300 a second for some time: how far behind the peers are when it ends."""
    count = RATE * SUSTAINED_S
    author.ask("prepare", case=case, count=count)
    time.sleep(2)
    done = author.ask("burst", count=count, rate=RATE)
    took = done["logged"] - done["began"]
    held = wait_held(author, done["size"])
    bare_s = count * (limit.leaf_hash_s * 3) + done["heads"] * limit.receipt_s
    cells.report("sustained", n=count, asked_a_second=RATE, logged_a_second=count / took,
                held_a_second=count / (held - done["began"]), behind_s=held - done["logged"],
                heads_a_second=done["heads"] / took,
                ratio_to_bare=(held - done["began"]) / bare_s)  # fmt: skip


def wait_held(author: Author, size: int) -> float:
    """The instant at which both mirrors had cosigned that size."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        held = author.ask("held")
        if all(held.get(one, 0) >= size for one in ("s2", "g1")):
            return time.monotonic()
        time.sleep(LOOK_S)
    raise TimeoutError("not held by both")


def cell_of(cell: Cell) -> str:
    """Name of the bench's cell."""
    return cell.node("s1").folder.cell


if __name__ == "__main__":
    main()
