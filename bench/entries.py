"""One entry at a time, 600-byte content: accepted at S1 → opened at S2 and at the guarantor.

Ratios are to a bare receipt of the same run: hashing, four signatures and two fsyncs without a network.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import bare
import cells

ENTRIES = 120
PAUSE_S = 0.5  # one at a time: the receipts and heartbeats of each are over before the next
TEXT = "x" * 600


def main() -> None:
    """Print one line a receiver, and one for the difference between the two."""
    with tempfile.TemporaryDirectory() as folder:
        limit = bare.measure(Path(folder))
    with cells.cell() as cell:
        case = cells.stop(cell, "s1")["id"]
        readers = {party: cells.Opened(cell, party) for party in ("s2", "g1")}
        time.sleep(1)
        accepted_ms: list[float] = []
        delays: dict[str, list[float]] = {party: [] for party in readers}
        for _ in range(ENTRIES):
            began = time.monotonic()
            sent = cell.node("s1").api.post("/v1/send", {
                "kind": "D02", "act": "COMMENT", "case": case, "fields": {}, "content": {"text": TEXT},
                "post": "WATCH", "post_key": True,
            })  # fmt: skip
            accepted = time.monotonic()
            accepted_ms.append((accepted - began) * 1000)
            for party, reader in readers.items():
                opened = reader.wait(sent["id"], 10)
                delays[party].append(max(0.0, opened - accepted) * 1000)
            time.sleep(PAUSE_S)
    receipt_ms = limit.receipt_s * 1000
    cells.report("entries.accepted", n=ENTRIES, p50_ms=cells.percentile(accepted_ms, 0.5),
                p99_ms=cells.percentile(accepted_ms, 0.99), bare_receipt_ms=receipt_ms)  # fmt: skip
    for party, values in delays.items():
        p50, p99 = cells.percentile(values, 0.5), cells.percentile(values, 0.99)
        cells.report(f"entries.opened.{party}", n=ENTRIES, p50_ms=p50, p99_ms=p99, limit_p50_ms=40,
                    limit_p99_ms=150, ratio_to_bare_receipt=p50 / receipt_ms)  # fmt: skip
    apart = [abs(a - b) for a, b in zip(delays["s2"], delays["g1"], strict=True)]
    first = sum(a < b for a, b in zip(delays["s2"], delays["g1"], strict=True)) / ENTRIES
    cells.report("entries.apart", p50_ms=cells.percentile(apart, 0.5), p99_ms=cells.percentile(apart, 0.99),
                s2_first_share=first)  # fmt: skip


if __name__ == "__main__":
    main()
