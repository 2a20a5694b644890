"""`detente ack ID [CODE]`: acknowledge an entry. Receipt is confirmed; this is not agreement."""

from __future__ import annotations

from typing import Annotated

import typer

from detente.cli.options import HERE, NO, NodeDir, errors_in_words, fail
from detente.cli.receipts import EntryArgument
from detente.cli.send import release
from detente.cli.words import utc
from detente.node.client import LocalApi
from detente.node.folder import NodeFolder


def ack(
    entry: EntryArgument,
    code: Annotated[str, typer.Argument(help="RECEIVED, UNDERSTOOD, NEED_TRANSLATION, …")] = "RECEIVED",
    post: Annotated[str, typer.Option(help="The post that speaks.")] = "WATCH",
    folder: NodeDir = HERE,
) -> None:
    """Acknowledge an entry of another party."""
    with errors_in_words():
        api = LocalApi(NodeFolder(folder))
        row = api.get(f"/v1/entries/{entry}")
        acts = api.get("/v1/charter")["kinds"].get(row["kind"], {}).get("acts", {})
        if "ACK" not in acts:
            fail(f"{row['kind']} is not acknowledged", code=NO, hint=f"it has the acts {', '.join(acts)}")
        case = row.get("case") or entry
        sent = release(api, row["kind"], "ACK", [f"ack={code}"], case=case, refers_to=[entry], post=post)
    print(f"{sent['id']} in the log at {utc(sent['time'])}. Receipt is confirmed. This is not agreement.")
