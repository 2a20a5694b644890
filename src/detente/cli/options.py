"""What every verb shares: where the node is, how an error ends the program, which exit code means what.

Exit codes (all verbs): 0 yes, 1 no, 2 wrong use, 3 could not read or reach. `verify` adds 4: consistent,
but the keys were not confirmed by a charter's digest (spec/protocol E4).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from detente.record.errors import ERRORS, DetenteError, Malformed, Unreachable

YES, NO, WRONG_USE, UNREADABLE, KEYS_NOT_CONFIRMED = 0, 1, 2, 3, 4

#: Codes that say: there is no node to ask here.
NO_NODE = frozenset({"no-node-here", "node-not-running"})

NodeDir = Annotated[
    Path,
    typer.Option("--node", envvar="DETENTE_NODE", help="The node's folder.", show_default="this folder"),
]
HERE = Path()
AsJson = Annotated[bool, typer.Option("--json", help="Stable JSON on standard output.")]


def fail(sentence: str, *, code: int, hint: str = "") -> NoReturn:
    """End the program with the sentence (and the mend, when we know it) on standard error."""
    print(f"detente: {sentence}", file=sys.stderr)
    if hint:
        print(f"detente: hint: {hint}", file=sys.stderr)
    raise typer.Exit(code)


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Turn our errors into one line that says who must act, and the right exit code."""
    try:
        yield
    except (Unreachable, OSError) as error:
        fail(f"cannot reach or read: {error}", code=UNREADABLE, hint="is this the node's folder?")
    except Malformed as error:
        fail(f"not in the form the rules ask for: {error}", code=WRONG_USE)
    except DetenteError as error:
        meaning = ERRORS[error.code][1] if error.code in ERRORS else ""
        code = UNREADABLE if error.code in NO_NODE else NO
        fail(f"{error}: {meaning}" if meaning else str(error), code=code, hint=f"who must act: {error.who}")
