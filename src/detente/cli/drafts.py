"""`detente draft`, `drafts` and `release`: what one officer prepares and others approve before it leaves.

A draft is composed, checked and kept on the own node; nothing of it leaves. It is released with as many
posts as its act needs. In an exercise cell the node holds the posts' own keys; elsewhere officers approve
with passkeys at the desk, and these verbs only prepare and list.
"""

from __future__ import annotations

from typing import Annotated

import typer

from detente.cli.options import HERE, NodeDir, errors_in_words
from detente.cli.send import Also, To, approving, statement
from detente.cli.words import utc
from detente.node.client import LocalApi
from detente.node.folder import NodeFolder
from detente.node.pairing import node_charter


def draft(
    kind: Annotated[str, typer.Argument(help="D01, D02, …")],
    fields: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE", help="A field and its value; repeatable.")
    ] = None,
    act: Annotated[str, typer.Option(help="NEW, UPDATE, MOVE, …")] = "NEW",
    case: Annotated[str, typer.Option(help="The case, by its opening entry.")] = "",
    refers_to: Annotated[list[str] | None, typer.Option(help="An entry it refers to; repeatable.")] = None,
    post: Annotated[str, typer.Option(help="The post that speaks.")] = "WATCH",
    to: To = "",
    folder: NodeDir = HERE,
) -> None:
    """Prepare an entry and keep it on this node; nothing is sent."""
    with errors_in_words():
        place = NodeFolder(folder)
        api = LocalApi(place)
        body = statement(
            api, kind, act, fields or [], case=case, refers_to=refers_to or [], post=post, to=to,
            gazetteer=node_charter(place).gazetteer,
        )  # fmt: skip
        kept = api.post("/v1/proposals", body)
    print(f"{kept['proposal']} kept on this node, nothing is sent. Digest {kept['sha256']}")
    for notice in kept.get("notices", ()):
        print(f"  {notice['code']} ({notice['clause']})")
    print(f"It needs {kept['preview']['approvals']} approvals: detente release {kept['proposal']}")


def drafts(folder: NodeDir = HERE) -> None:
    """List what waits on this node for approvals."""
    with errors_in_words():
        found = LocalApi(NodeFolder(folder)).get("/v1/proposals")["proposals"]
    for row in found:
        needs = f"needs {row['approvals']} approvals"
        print(f"{row['proposal']}  {row['kind']} {row['act']}  {row['post']}  {utc(row['made_at'])}  {needs}")
    if not found:
        print("nothing waits")


def release(
    name: Annotated[str, typer.Argument(metavar="DRAFT", help="Its name, as `drafts` lists it.")],
    also: Also = None,
    folder: NodeDir = HERE,
) -> None:
    """Release a draft with the keys of its post and of the posts named (exercise cells)."""
    with errors_in_words():
        body = approving(also or [])
        sent = LocalApi(NodeFolder(folder)).post(f"/v1/proposals/{name}/release", body)
    print(f"{sent['id']} in the log at {utc(sent['time'])}")
