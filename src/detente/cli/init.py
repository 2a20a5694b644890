"""`detente init`: keys, CA and settings of a new node in an empty folder."""

from __future__ import annotations

from typing import Annotated

import typer

from detente.charter.card import fingerprint_words
from detente.cli.options import HERE, WRONG_USE, NodeDir, errors_in_words, fail
from detente.node.pairing import NewNode, own_card
from detente.node.pairing import init as make

PairsOption = Annotated[
    list[str] | None, typer.Option(metavar="PEER=VALUE", help="Once for each peer; see the how-to.")
]


def init(
    cell: Annotated[str, typer.Option(help="Name of the cell; an exercise cell ends with .exercise.")],
    party: Annotated[str, typer.Option(help="This party's code, e.g. s1.")],
    peer: Annotated[list[str], typer.Option(help="Code of a peer; repeatable.")],
    folder: NodeDir = HERE,
    listen: PairsOption = None,
    address: PairsOption = None,
    desk: Annotated[str, typer.Option(help="host:port of the officers' console; empty: no desk.")] = "",
    desk_origin: Annotated[str, typer.Option(help="Origin that the officers' browsers see.")] = "",
) -> None:
    """Make a node: keys, private CA, settings and the pairing card. Nothing is ever overwritten."""
    new = NewNode(
        cell, party, tuple(peer), listen=pairs(listen or [], peer), addresses=pairs(address or [], peer),
        desk_listen=desk, desk_origin=desk_origin,
    )  # fmt: skip
    with errors_in_words():
        made = make(folder, new)
    print(f"{party.upper()} of {cell}: node made in {made.path}")
    print("  words of its card: " + " ".join(fingerprint_words(own_card(made))))
    print("  next, with the two holders of the recovery key: detente keys ceremony")
    print(f"  move offline: {made.keys / 'ca' / 'ca.key'}")


def pairs(words: list[str], peers: list[str]) -> dict[str, str]:
    """`PEER=VALUE` words as a mapping; wrong use ends the program."""
    found: dict[str, str] = {}
    for word in words:
        name, mark, value = word.partition("=")
        if not mark or name not in peers or name in found:
            fail(f"{word!r} is not PEER=VALUE of one of {', '.join(peers)}", code=WRONG_USE)
        found[name] = value
    return found
