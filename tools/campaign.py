"""`./detente campaign [--seeds N] [--from S] [--jobs 2] [--seed N --trace]`: the cell under injected faults.

Each seed is one life of three nodes with its own faults (tests/simulator). Progress goes to stderr every few
seconds; the result is told on stdout. Ctrl-C ends it with what was done so far. Exit 1 with
the failing seeds: `--seed N --trace` tells one step by step, `--shrink` first leaves out needless faults.
"""

from __future__ import annotations

import argparse
import multiprocessing
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

CHUNK = 20
SAY_EACH_S = 5.0


def some(seeds: range) -> list[tuple[int, dict[str, str], Counter[str], int, float]]:
    """Play these seeds, in a process of its own."""
    from simulator.scenario import draw, play

    found = []
    for seed in seeds:
        out = play(draw(seed))
        found.append((seed, out.broken, out.faults, out.events, out.slowest))
    return found


def quiet_child() -> None:
    """Ctrl-C is the parent's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Tally:
    """What the seeds gave, added up."""

    def __init__(self) -> None:
        self.seeds, self.events, self.slowest = 0, 0, 0.0
        self.faults: Counter[str] = Counter()
        self.failing: dict[int, dict[str, str]] = {}
        self.started = self._said = time.monotonic()

    def add(self, rows: list[tuple[int, dict[str, str], Counter[str], int, float]]) -> None:
        """Add the rows of a chunk, and tell what fails at once."""
        for seed, broken, faults, events, slowest in rows:
            self.seeds += 1
            self.events += events
            self.faults += faults
            self.slowest = max(self.slowest, slowest)
            if broken:
                self.failing[seed] = broken
                for name, text in broken.items():
                    print(f"detente: seed {seed}: {name}: {text}", file=sys.stderr, flush=True)

    def progress(self, total: int) -> None:
        """A line now and then."""
        if time.monotonic() - self._said >= SAY_EACH_S:
            self._said = time.monotonic()
            done = f"{self.seeds} of {total} seeds, {self.faults.total()} faults, {len(self.failing)} failing"
            print(f"detente: {done}, {self._said - self.started:.0f} s", file=sys.stderr, flush=True)

    def report(self) -> None:
        """The result, as it is written down."""
        took = time.monotonic() - self.started
        print(
            f"seeds {self.seeds}  events {self.events}  injected faults {self.faults.total()}  {took:.0f} s"
        )
        print(f"slowest floor entry {self.slowest:.2f} s of a path's existence")
        for name, count in sorted(self.faults.items()):
            print(f"  {name:36} {count:>9}")
        for seed, broken in sorted(self.failing.items()):
            print(f"FAILING seed {seed}: {', '.join(sorted(broken))}")


def chunks(first: int, number: int) -> Iterator[range]:
    """The seeds in pieces of CHUNK."""
    for start in range(first, first + number, CHUNK):
        yield range(start, min(start + CHUNK, first + number))


def campaign(first: int, number: int, jobs: int) -> int:
    """Play the seeds on so many processes; 1 if one failed, 130 if interrupted."""
    for one in (signal.SIGINT, signal.SIGTERM):  # also when it was started in the background
        signal.signal(one, signal.default_int_handler)
    tally = Tally()
    code = 0
    with multiprocessing.get_context("spawn").Pool(jobs, quiet_child) as pool:
        try:
            for rows in pool.imap_unordered(some, chunks(first, number)):
                tally.add(rows)
                tally.progress(number)
        except KeyboardInterrupt:
            print("detente: interrupted; this is what was done", file=sys.stderr)
            pool.terminate()
            code = 130
    tally.report()
    return 1 if tally.failing else code


def one(seed: int, *, trace: bool, less: bool) -> int:
    """Play one seed again and tell its story."""
    from simulator.scenario import draw, play, shrink

    scenario = draw(seed)
    out = play(scenario, trace=trace)
    if less and out.broken:
        scenario = shrink(scenario, next(iter(out.broken)))
        out = play(scenario, trace=trace)
    print(f"seed {seed}: {scenario.noise}, skew {scenario.skew}, real keys {scenario.real}")
    if scenario.hostile is not None:
        print(f"hostile: role {scenario.hostile}: {', '.join(sorted(scenario.acts))}")
    for event in scenario.events:
        print(f"planned at {event.at:.3f}: {event.what}, role {event.role} {event.more}")
    print("\n".join(out.trace))
    for name, text in out.broken.items():
        print(f"BROKEN {name}: {text}")
    print(f"{out.faults.total()} faults injected; {'FAILED' if out.broken else 'every invariant held'}")
    return 1 if out.broken else 0


def main() -> int:
    """Parse, play, tell."""
    parser = argparse.ArgumentParser(prog="./detente campaign", description="The cell under injected faults.")
    parser.add_argument("--seeds", type=int, default=10_000, help="how many seeds (default 10000)")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed (default 0)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--seed", type=int, help="play this one alone")
    parser.add_argument("--trace", action="store_true", help="with --seed: tell it step by step")
    parser.add_argument(
        "--shrink", action="store_true", help="with --seed: leave out faults it does not need"
    )
    chosen = parser.parse_args()
    if chosen.seed is not None:
        return one(chosen.seed, trace=chosen.trace, less=chosen.shrink)
    return campaign(chosen.first, chosen.seeds, max(1, chosen.jobs))


if __name__ == "__main__":
    sys.exit(main())
