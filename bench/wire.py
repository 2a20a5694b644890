"""Bytes on the wire for one entry, all of them counted: TLS, HTTP, receipts told on, and an idle line's.

Three nodes joined by counted lines, whose link processes run without a local API, so that nobody answers and
no heartbeat comes between. Prints one JSON line. Run with the tests' folder on the path:

    PYTHONPATH=src:tests python bench/wire.py
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from node_link.live import LiveCell, log_of

LINES = (("s1", "s2"), ("s1", "g1"), ("s2", "g1"))
ENTRIES, TOGETHER, CONTENT = 50, 100, 600
IDLE_S, SETTLE_S = 30.0, 3.0


class Counter:
    """Bytes that each line carried, both ways together."""

    def __init__(self, cell: LiveCell) -> None:
        self._wires = {line: cell.shape(*line) for line in LINES}

    def now(self) -> dict[str, int]:
        """By line."""
        return {" ".join(line): one.carried + two.carried for line, (one, two) in self._wires.items()}


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="detente-bench-") as place, LiveCell(Path(place)) as cell:
        count = Counter(cell)
        for _ in range(3):
            _append(cell, wait=True)
        time.sleep(SETTLE_S)
        idle = _during(count, lambda: time.sleep(IDLE_S))
        alone = _during(count, lambda: [_append(cell, wait=True) for _ in range(ENTRIES)])
        burst = _during(count, lambda: [_append(cell, wait=n == TOGETHER - 1) for n in range(TOGETHER)])
    print(json.dumps({
        "bench": "wire", "content_bytes": CONTENT,
        "idle_bytes_per_line_and_second": {line: round(size / IDLE_S) for line, size in idle.items()},
        "bytes_per_entry_one_at_a_time": {line: round(size / ENTRIES) for line, size in alone.items()},
        "bytes_per_entry_in_a_row": {line: round(size / TOGETHER) for line, size in burst.items()},
    }))  # fmt: skip


def _append(cell: LiveCell, *, wait: bool) -> None:
    """A floor entry of S1 with a core and a content for both; until both have confirmed it if `wait`."""
    index = cell.nodes["s1"].ask("append", 30, size=CONTENT)["index"]

    def confirmed() -> bool:
        receipts = cell.nodes["s1"].ask("state", 30)["receipts"].get(log_of("s1"), {})
        return all(receipts.get(party, 0) > index for party in ("s2", "g1"))

    if wait:
        cell.until(confirmed, 60)


def _during(count: Counter, work: Callable[[], object]) -> dict[str, int]:
    before = count.now()
    work()
    after = count.now()
    return {line: after[line] - before[line] for line in after}


if __name__ == "__main__":
    main()
