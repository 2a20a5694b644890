"""`./detente bench [NAME ...]`: run the benches and print one JSON line a figure. They take minutes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("bare", "entries", "alarm", "press", "healing", "verify", "burst", "wire")


def main() -> int:
    """Run the named benches, or all; 1 if any could not be run."""
    chosen = sys.argv[1:] or list(NAMES)
    if unknown := [name for name in chosen if name not in NAMES]:
        print(f"detente: no bench {unknown[0]}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    paths = os.pathsep.join(str(ROOT / one) for one in ("src", "bench", "tests"))
    environment = {**os.environ, "PYTHONPATH": paths}
    programs = [[sys.executable, str(ROOT / "bench" / f"{name}.py")] for name in chosen]
    codes = [subprocess.run(one, env=environment, check=False).returncode for one in programs]
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
