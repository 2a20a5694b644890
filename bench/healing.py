"""A cut of 60 s on both of S1's lines, then mended: how long until what waited is held by both peers."""

from __future__ import annotations

import time

import cells

CUT_S = 60
ROUNDS = 3


def main() -> None:
    """Print one line."""
    delays: dict[str, list[float]] = {"s2": [], "g1": []}
    with cells.cell() as cell:
        readers = {party: cells.Opened(cell, party) for party in delays}
        time.sleep(1)
        for _ in range(ROUNDS):
            for peer in delays:
                cell.places.cut("s1", peer)
            name = cells.stop(cell, "s1")["id"]
            time.sleep(CUT_S)
            mended = time.monotonic()
            for peer in delays:
                cell.places.mend("s1", peer)
            for party, reader in readers.items():
                delays[party].append(reader.wait(name, 30) - mended)
    for party, values in delays.items():
        cells.report(f"healing.{party}", rounds=ROUNDS, cut_s=CUT_S, max_s=max(values), limit_s=2)


if __name__ == "__main__":
    main()
