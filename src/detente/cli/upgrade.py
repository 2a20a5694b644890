"""`detente upgrade`: bring a stopped node's tables to this version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detente.cli.options import HERE, NO, UNREADABLE, NodeDir, errors_in_words, fail
from detente.cli.progress import Progress
from detente.node import django_setup
from detente.node import upgrade as work
from detente.node.folder import NodeFolder


def upgrade(
    folder: NodeDir = HERE,
    backup: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the backup of before goes.", show_default=False)
    ] = None,
) -> None:
    """Back the node up, take the steps that its tables lack, and check everything (fsck)."""
    with errors_in_words(), Progress() as tell:
        opened = NodeFolder.open(folder)
        try:
            with work.alone(opened):
                done = work.upgrade(opened, backup, tell)
                django_setup.configure(opened)
                from detente.node import fsck

                found = list(fsck.fsck_node(opened, tell=tell))
        except KeyboardInterrupt:
            fail("interrupted", code=UNREADABLE, hint="the same command goes on")
    for one in found:
        print(f"{one.code}: {one.where} {one.detail}")
    if done.steps:
        print(f"steps taken: {', '.join(done.steps)}")
    if done.backup:
        print(f"the node as it was before: {done.backup}")
    if found:
        fail(
            f"{len(found)} findings",
            code=NO,
            hint="do not start the node; restore the backup if they are new",
        )
    print("up to date and whole" if done.steps else "nothing to do: the tables are this version's, and whole")
