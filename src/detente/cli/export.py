"""`detente export FOLDER`: this node's copy of the record for a stranger, in C2SP formats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detente.cli.options import HERE, NO, NodeDir, errors_in_words, fail
from detente.node.folder import NodeFolder
from detente.record.names import parse_id


def export(
    place: Annotated[Path, typer.Argument(metavar="FOLDER", help="An empty or new folder.")],
    folder: NodeDir = HERE,
    proof: Annotated[list[str] | None, typer.Option(help="Also the proof of this entry; repeatable.")] = None,
) -> None:
    """Write logs, policy, keys, earlier heads and chosen proofs; nothing secret, nothing of sealed parts."""
    if place.exists() and any(place.iterdir()):
        fail(f"{place} is not empty", code=NO)
    with errors_in_words():
        from detente.node import django_setup

        opened = NodeFolder.open(folder)
        django_setup.configure(opened)
        from detente.node import export as write

        written = write.write_all(opened, place, proofs=[parse_id(one, opened.cell) for one in proof or ()])
    print(f"{len(written)} files in {place}; check them: detente verify {place}")
