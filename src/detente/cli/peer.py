"""`detente peer card|add`: hand over the own card, take a peer's after its words were read aloud."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detente.charter.card import fingerprint_words, parse_card
from detente.cli.options import HERE, NO, NodeDir, errors_in_words, fail
from detente.node.folder import NodeFolder
from detente.node.pairing import add_peer, own_card

app = typer.Typer(no_args_is_help=True, help="Pair with the other parties' nodes by cards.")

CardFile = Annotated[Path, typer.Argument(metavar="CARD", help="A peer's card file.")]


@app.command("card")
def card(
    folder: NodeDir = HERE,
    out: Annotated[Path | None, typer.Option(help="Where to write the own card; empty: only words.")] = None,
    show: Annotated[Path | None, typer.Option(help="Show the words of this card instead.")] = None,
) -> None:
    """Write this node's card and show its words (or, with --show, the words of a card you were given)."""
    with errors_in_words():
        data = show.read_bytes() if show else own_card(NodeFolder.open(folder))
        found = parse_card(data)
        if out and not show:
            out.write_bytes(data)
    print(f"card of {found.party.upper()} in {found.cell}")
    print("  " + words(data))


@app.command("add")
def add(
    file: CardFile,
    folder: NodeDir = HERE,
    yes: Annotated[bool, typer.Option("--yes", help="The words were compared; do not ask.")] = False,
) -> None:
    """Take a peer's card, after its words were compared aloud."""
    with errors_in_words():
        data = file.read_bytes()
        found = parse_card(data)
    print(f"card of {found.party.upper()} in {found.cell}")
    print("  " + words(data))
    if not yes and not typer.confirm("Did its owner read you the same words, by voice?"):
        fail("the card was not taken", code=NO)
    with errors_in_words():
        add_peer(NodeFolder.open(folder), data)
    print(f"{found.party.upper()} added")


def words(data: bytes) -> str:
    """The fingerprint's words in groups of four, as they are best read aloud."""
    found = fingerprint_words(data)
    return "  |  ".join(" ".join(found[n : n + 4]) for n in range(0, len(found), 4))
