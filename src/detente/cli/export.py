"""`detente export FOLDER`: this node's copy of the record for a stranger, or, with --for, for a peer."""

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
    for_peer: Annotated[
        str, typer.Option("--for", metavar="PEER", help="A bundle that a stick carries to this party.")
    ] = "",
    since: Annotated[
        str, typer.Option(help="With --for: receipt (what the peer lacks), start, or an instant (UTC).")
    ] = "receipt",
    case: Annotated[str, typer.Option(metavar="ID", help="One case for an arbiter: any entry of it.")] = "",
    entries: Annotated[
        str, typer.Option(metavar="ID,…", help="With or instead of --case: just these entries.")
    ] = "",
    parts: Annotated[
        str, typer.Option(help="With --case: whose file keys are disclosed: core, content, attachment, none.")
    ] = "core",
) -> None:
    """Write logs, policy, keys, earlier heads and chosen proofs; nothing secret, nothing of sealed parts.

    With --for: entries, heads, receipts and the sealed parts that this peer may keep; `detente import` there
    takes them in. An export that was interrupted goes on where it stopped.

    With --case: proofs, sealed parts and the file keys of the chosen parts of one case. Whoever has the
    folder can read what these keys open.
    """
    if for_peer:
        from detente.cli.export_for import export_for
        from detente.node import django_setup

        with errors_in_words():
            ours = NodeFolder.open(folder)
            django_setup.configure(ours)
        export_for(ours, for_peer, place, since)
        return
    if place.exists() and any(place.iterdir()):
        fail(f"{place} is not empty", code=NO)
    if case or entries:
        from detente.cli.export_case import export_case

        export_case(folder, place, case, entries, parts)
        return
    with errors_in_words():
        from detente.node import django_setup

        opened = NodeFolder.open(folder)
        django_setup.configure(opened)
        from detente.node import export as write

        written = write.write_all(opened, place, proofs=[parse_id(one, opened.cell) for one in proof or ()])
    print(f"{len(written)} files in {place}; check them: detente verify {place}")
