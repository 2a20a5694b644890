"""The command line's front: one verb a file, this page only names them.

`verify` is handled before anything else is imported: it must work on a plain install, without typer, Django
or a network library.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit."""
    if sys.argv[1:2] == ["verify"]:
        from detente.cli.verify import run

        sys.exit(run(sys.argv[2:]))
    try:
        from detente.cli.verbs import app
    except ModuleNotFoundError as missing:
        print(f"detente: {missing.name} is not installed; only `detente verify` works", file=sys.stderr)
        print("detente: hint: pip install 'detente[node]'", file=sys.stderr)
        sys.exit(3)
    app(prog_name="detente")
