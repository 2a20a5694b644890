"""`./detente test`: set-up, linters and every test.

With CI=true something skipped for want of a program is a failure. Arguments after `--` go to pytest.
Pure and store tests run on all cores; what starts nodes or a browser runs alone, so that no test
waits for a core that another one holds.
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


def suite(*arguments: str) -> int:
    return subprocess.run([*PYTEST, *arguments], cwd=ROOT, check=False).returncode


def main() -> int:
    started = time.monotonic()
    extra = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    skipped = setup.prepare()
    for line in skipped:
        print(f"detente: {line}", flush=True)
    codes = [lint.run(), suite("-n", str(os.cpu_count() or 1), "-m", f"not ({ALONE})", *extra)]
    codes.append(suite("-m", ALONE, *extra))
    if skipped and os.environ.get("CI") == "true":
        print("detente: CI allows no skip")
        codes.append(1)
    verdict = "FAILED" if any(codes) else "passed"
    print(f"detente: tests {verdict} in {time.monotonic() - started:.0f} s", flush=True)
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
