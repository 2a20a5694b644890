"""STOP-AND-CHECK released at S1 → alarm hook run at S2; directly, and with the direct line cut."""

from __future__ import annotations

import time

import cells

PRESSES = 40
PAUSE_S = 0.3


def main() -> None:
    """Print one line for the direct line and one through the guarantor, with the added delay."""
    with cells.cell() as cell:
        direct = _presses(cell)
        cell.places.cut("s1", "s2")
        cells.wait_until(lambda: cell.node("s1").status()["peers"]["s2"]["line"] == "relay", 30)
        relay = _presses(cell)
        cell.places.mend("s1", "s2")
    for name, values in (("alarm.direct", direct), ("alarm.relay", relay)):
        cells.report(name, n=len(values), p50_ms=cells.percentile(values, 0.5),
                    p95_ms=cells.percentile(values, 0.95), limit_p95_ms=500)  # fmt: skip
    added = cells.percentile(relay, 0.5) - cells.percentile(direct, 0.5)
    cells.report("alarm.relay.added", p50_ms=added, limit_ms=1000)


def _presses(cell: cells.Cell) -> list[float]:
    """Milliseconds from press (the call at S1's local API) to the hook's own note at S2."""
    delays = []
    for _ in range(PRESSES):
        pressed = time.time()
        name = cells.stop(cell, "s1")["id"]
        cells.wait_until(lambda name=name: name in {n for _, n in cell.alarm_times("s2")}, 15)
        rang = next(at for at, entry in cell.alarm_times("s2") if entry == name)
        delays.append((rang - pressed) * 1000)
        time.sleep(PAUSE_S)
    return delays


if __name__ == "__main__":
    main()
