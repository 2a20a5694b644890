"""`detente receipts ID`: who holds an entry since when, who read, acknowledged and passed it on."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from detente.cli.options import HERE, AsJson, NodeDir, errors_in_words
from detente.cli.words import receipt_line, utc
from detente.node.client import LocalApi
from detente.node.folder import NodeFolder

EntryArgument = Annotated[str, typer.Argument(metavar="ID", help="An entry, printed as S1-00123.")]


def receipts(entry: EntryArgument, folder: NodeDir = HERE, as_json: AsJson = False) -> None:
    """Show the receipts of one entry. Receipt is confirmed; this is not agreement."""
    with errors_in_words():
        found = LocalApi(NodeFolder(folder)).get(f"/v1/receipts/{entry}")
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True))
        return
    print(f"{found['id']} sent {utc(found['sent'])}")
    for receipt in found["receipts"]:
        print("  " + receipt_line(receipt))
    print("Receipt is confirmed. This is not agreement.")
