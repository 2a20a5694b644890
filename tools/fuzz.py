"""`./detente fuzz [--seconds N] [TARGET…]`: fuzz every parser, or those named; exit 1 on a finding.

Each target runs in a process of its own under libFuzzer, from the seeds in spec/vectors and what earlier runs
left in build/fuzz/<target>. Bytes that break something are put beside the tests, in
tests/fuzz/regressions/<target>/, where every later build tries them again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "tests")]

from fuzz import table  # noqa: E402 - the path is set first

KEPT = ROOT / "build" / "fuzz"
REGRESSIONS = ROOT / "tests" / "fuzz" / "regressions"
LONGEST = 1 << 16  # bytes of one input; a full entry has 65,535
SLOW_S = 10  # one input that takes longer is a finding
MEMORY_MB = 2048
_DONE = re.compile(r"Done (\d+) runs in (\d+) second")
_COVERED = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)")


@dataclass(frozen=True)
class Ran:
    """What one target's run came to. `coverage`: edges of the code under test that were reached."""

    target: str
    executions: int
    seconds: int
    coverage: int
    features: int
    corpus: int
    found: tuple[str, ...]


def fuzz(name: str, seconds: int, kept: Path = KEPT, regressions: Path = REGRESSIONS) -> Ran:
    """Run one target for about `seconds`."""
    corpus, artifacts = kept / name, kept / "found" / name
    artifacts.mkdir(parents=True, exist_ok=True)
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in table.load(name).seeds():
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    before = set(artifacts.iterdir())
    command = [
        sys.executable, str(ROOT / "fuzz" / "run.py"), name, f"-max_total_time={seconds}",
        f"-max_len={LONGEST}", f"-timeout={SLOW_S}", f"-rss_limit_mb={MEMORY_MB}", "-print_final_stats=0",
        f"-artifact_prefix={artifacts}/", str(corpus),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    found = []
    for artifact in sorted(set(artifacts.iterdir()) - before):
        data = artifact.read_bytes()
        place = regressions / name / hashlib.sha256(data).hexdigest()[:16]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        found.append(str(place))
    if done.returncode != 0:
        print((done.stdout + done.stderr)[-3000:])
        found = found or [f"exit {done.returncode}"]
    last = (_COVERED.findall(done.stderr) or [("0", "0", "0")])[-1]
    runs = _DONE.search(done.stderr)
    executions, took = (int(runs[1]), int(runs[2])) if runs else (0, 0)
    return Ran(name, executions, took, *map(int, last), found=tuple(found))


def main() -> int:
    parser = argparse.ArgumentParser(prog="detente fuzz", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all of them, one by one")
    parser.add_argument("--seconds", type=int, default=60, help="for each target; default 60")
    parser.add_argument("--json", action="store_true", help="one JSON object a target on standard output")
    chosen = parser.parse_args()
    unknown = sorted(set(chosen.targets) - set(table.NAMES))
    if unknown:
        print(
            f"detente: no such target: {' '.join(unknown)}; there are: {' '.join(table.NAMES)}",
            file=sys.stderr,
        )
        return 2
    failed = 0
    for name in chosen.targets or table.NAMES:
        ran = fuzz(name, chosen.seconds)
        failed += bool(ran.found)
        if chosen.json:
            print(json.dumps(asdict(ran)), flush=True)
            continue
        verdict = f"FOUND {', '.join(ran.found)}" if ran.found else "ok"
        print(
            f"detente: {name}: {ran.executions} executions in {ran.seconds} s, {ran.coverage} edges, "
            f"corpus {ran.corpus}: {verdict}", flush=True,
        )  # fmt: skip
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
