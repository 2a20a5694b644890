"""`detente fsck`: recompute everything this node stores, from the bytes."""

from __future__ import annotations

import json

import typer

from detente.cli.options import HERE, NO, AsJson, NodeDir, errors_in_words
from detente.node.folder import NodeFolder


def fsck(folder: NodeDir = HERE, as_json: AsJson = False) -> None:
    """Check every entry, head, receipt and part; exit 0 if all is whole, 1 with the findings if not."""
    with errors_in_words():
        from detente.node import django_setup

        opened = NodeFolder.open(folder)
        django_setup.configure(opened)
        from detente.node import fsck as check
        from detente.node.pairing import node_charter

        findings = list(check.fsck(node_charter(opened), own=opened.party))
    for one in findings:
        if as_json:
            print(json.dumps({"code": one.code, "where": one.where, "detail": one.detail}))
        else:
            print(f"{one.code}: {one.where} {one.detail} ({check.FINDINGS[one.code]})")
    if findings:
        raise typer.Exit(NO)
    if not as_json:
        print("whole: every entry, head, receipt and part is what its hash says")
