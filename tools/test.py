"""`./detente test`: set-up, linters and every test.

With CI=true something skipped for want of a program is a failure. Arguments after `--` go to pytest.
Pure and store tests run on all cores; what starts nodes or a browser runs alone, so that no test
waits for a core that another one holds. Only the simulated lives run beside these, at the lowest priority:
nodes mostly wait, and lives wait for nobody.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import lint
import setup

ROOT = Path(__file__).resolve().parent.parent
PYTEST = [str(ROOT / ".venv" / "bin" / "python"), "-m", "pytest", "-q", "-rfEs"]
ALONE = "live or browser or foreign"


LIVES = "tests/simulator/test_seeds.py"


def suite(*arguments: str) -> int:
    return subprocess.run([*PYTEST, *arguments], cwd=ROOT, check=False).returncode


def whole(cores: str) -> list[int]:
    """Every test; exit codes."""
    codes = [suite("-n", cores, "-m", f"not ({ALONE})", f"--ignore={LIVES}")]
    with (ROOT / ".venv" / "lives.txt").open("w+") as told:
        beside = ["nice", "-n", "19", *PYTEST, "-n", cores, LIVES]
        lives = subprocess.Popen(beside, cwd=ROOT, stdout=told, stderr=subprocess.STDOUT)
        codes += [suite("-m", ALONE), lives.wait()]
        told.seek(0)
        print(told.read(), flush=True)
    return codes


def main() -> int:
    started = time.monotonic()
    extra = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    skipped = setup.prepare()
    for line in skipped:
        print(f"detente: {line}", flush=True)
    codes, cores = [lint.run()], str(os.cpu_count() or 1)
    if extra:
        codes += [suite("-n", cores, "-m", f"not ({ALONE})", *extra), suite("-m", ALONE, *extra)]
    else:
        codes += whole(cores)
    if skipped and os.environ.get("CI") == "true":
        print("detente: CI allows no skip")
        codes.append(1)
    verdict = "FAILED" if any(codes) else "passed"
    print(f"detente: tests {verdict} in {time.monotonic() - started:.0f} s", flush=True)
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
