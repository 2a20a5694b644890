"""`./detente lint`: style, strict types, import contracts. Exit 0 if all hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
CHECKS = (
    ("style", [BIN / "ruff", "check", "src", "tests", "tools", "bench", "fuzz"]),
    ("types", [BIN / "mypy", "src/detente"]),
    ("dependencies", [BIN / "python", "tools/audit.py"]),
    ("import contracts", [BIN / "lint-imports", "--no-cache"]),
)


def run() -> int:
    """Number of checks that failed."""
    failed = 0
    for name, command in CHECKS:
        words = [str(word) for word in command]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        print(f"detente: {name}: {'ok' if done.returncode == 0 else 'FAILED'}", flush=True)
        if done.returncode != 0:
            print(done.stdout[-6000:] + done.stderr[-2000:])
            failed += 1
    return failed


if __name__ == "__main__":
    sys.exit(1 if run() else 0)
