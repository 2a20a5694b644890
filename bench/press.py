"""STOP-AND-CHECK pressed in a browser at S1's desk → alarm hook run at S2."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

import cells

PRESSES = 20


def main() -> None:
    """Print one line. The press is the instant of the Enter key, by the machine's one clock."""
    from live.officers import CHROMIUM, FLAGS, officer, started

    delays = []
    with (
        tempfile.TemporaryDirectory(prefix="detente-bench-") as place,
        started(Path(place), desks=True) as cell,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        one = officer(browser, cell, "s1", "ar")
        one.enrol(cell.node("s1").api.post("/v1/enrolment", {"post": "WATCH"})["link"])
        one.sign_in()
        for _ in range(PRESSES):
            before = {name for _, name in cell.alarm_times("s2")}
            pressed = one.press_stop(meaning=4, place="-45.01,-126.0")
            cells.wait_until(lambda known=before: {n for _, n in cell.alarm_times("s2")} - known, 15)
            rang = min(at for at, name in cell.alarm_times("s2") if name not in before)
            delays.append((rang - pressed) * 1000)
            one.page.wait_for_timeout(700)
        browser.close()
    cells.report("press.alarm", n=PRESSES, p50_ms=cells.percentile(delays, 0.5),
                p95_ms=cells.percentile(delays, 0.95), limit_p95_ms=500)  # fmt: skip


if __name__ == "__main__":
    main()
