"""`detente wipe`: destroy this node's keys and data at the end of the node or of its medium."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from detente.cli.options import HERE, UNREADABLE, WRONG_USE, NodeDir, errors_in_words, fail
from detente.cli.progress import Progress
from detente.node import wipe as work
from detente.node.folder import NodeFolder
from detente.node.upgrade import alone


def wipe(
    folder: NodeDir = HERE,
    yes_wipe: Annotated[bool, typer.Option("--yes-wipe", help="Needed: this cannot be undone.")] = False,
) -> None:
    """Destroy keys, then data. Asks for the words `<cell>/<party>`; the peers keep the record."""
    with errors_in_words():
        opened = NodeFolder.open(folder)
        words = f"{opened.cell}/{opened.party}"
        if not yes_wipe:
            fail("nothing was destroyed", code=WRONG_USE, hint="--yes-wipe says that you mean it")
        print(f"This destroys the node {words} in {opened.path}, keys first. Nobody can undo it.")
        print("The peers keep every entry that they confirmed, and its receipts.", flush=True)
        if _typed(f"Type {words} to go on: ") != words:
            fail("not the words; nothing was destroyed", code=WRONG_USE)
        with alone(opened), Progress() as tell:
            try:
                count = work.wipe(opened, tell)
            except KeyboardInterrupt:
                fail("interrupted: keys go first, some data is left", code=UNREADABLE, hint="wipe again")
    print(f"{count} files overwritten and removed; {opened.path} is gone")
    print("Not promised: flash media, snapshots and copy-on-write keep older blocks; backups and copies of")
    print(
        "keys on other media are yours to destroy. For a medium that leaves your hands, destroy the medium."
    )


def _typed(prompt: str) -> str:
    print(prompt, end="", flush=True)
    return sys.stdin.readline().strip()
