"""`detente import FOLDER`: take in what a stick brought, as if a line had brought it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from detente.cli.options import HERE, NO, AsJson, NodeDir, errors_in_words
from detente.cli.progress import Progress
from detente.node.carry_in import CarryIn, TakenIn
from detente.node.folder import NodeFolder
from detente.node.stick import Stick
from detente.record.errors import ERRORS


def import_(
    place: Annotated[Path, typer.Argument(metavar="FOLDER", help="The bundle's folder on the stick.")],
    folder: NodeDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Verify and store a bundle that a peer exported for this node, and cosign what was stored.

    A running node takes it in beside its lines; a stopped one is opened for the time of the import. It may
    be interrupted and begun again. 1 when something of it was refused: the rest was taken.
    """
    with errors_in_words():
        opened = NodeFolder.open(folder)
        stick = Stick(place, cell=opened.cell, me=opened.party)
        if not as_json:
            print(f"bundle of {stick.manifest.author.upper()}, {len(stick.manifest.files)} files")
        from detente.node import django_setup

        django_setup.configure(opened)
        from detente.node.takers import taker_of

        total = sum(one.size for one in stick.manifest.files)
        with Progress() as progress, taker_of(opened) as taker:
            read = 0

            def told(_path: str, size: int) -> None:
                nonlocal read
                read = min(total, read + size)
                progress("reading", read, total)

            taken = CarryIn(stick, taker, opened.party, told).take()
    _show(stick, taken, as_json=as_json)
    if taken.refused:
        raise typer.Exit(NO)


def _show(stick: Stick, taken: TakenIn, *, as_json: bool) -> None:
    if as_json:
        found = {
            "from": stick.manifest.author, "changed": taken.changed, "before": taken.before,
            "after": taken.after, "ahead": taken.ahead, "parts": taken.parts, "receipts": taken.receipts,
            "refused": [{"what": one.what, "error": one.code, "who": one.who} for one in taken.refused],
        }  # fmt: skip
        print(json.dumps(found, sort_keys=True))
        return
    for origin, size in taken.after.items():
        new = size - taken.before[origin]
        print(f"{origin}: {size} entries held" + (f", {new} new" if new else ""))
    if taken.ahead:
        print(f"{taken.ahead} floor entries taken ahead of their log")
    print(f"{taken.parts} parts and {taken.receipts} receipts taken")
    if not taken.changed and not taken.refused:
        print("nothing new: all of it was here")
    for one in taken.refused:
        meaning = ERRORS[one.code][1] if one.code in ERRORS else ""
        values = " ".join(f"{name}={value}" for name, value in one.values.items())
        print(f"not taken: {one.what}: {one.code} {values}")
        print(f"  {meaning}; who must act: {one.who}")
    if taken.changed:
        print(f"carry the receipts back: detente export --for {stick.manifest.author} FOLDER")
