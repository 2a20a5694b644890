"""One target in a process of its own: `python fuzz/run.py TARGET [libFuzzer options] CORPUS`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "tests")]


def main() -> None:
    from fuzz import table

    name, *options = sys.argv[1:]
    with atheris.instrument_imports(include=["detente"]):
        target = table.load(name)
    logging.disable(logging.CRITICAL)
    atheris.Setup([sys.argv[0], *options], target.one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
