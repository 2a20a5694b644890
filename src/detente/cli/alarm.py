"""`detente alarm`: is the alarm running and confirmed; sound it as a test."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from detente.cli.options import HERE, NO, AsJson, NodeDir, errors_in_words
from detente.cli.words import utc
from detente.node.client import LocalApi
from detente.node.folder import NodeFolder


def alarm(
    folder: NodeDir = HERE,
    test: Annotated[bool, typer.Option("--test", help="Sound it once, as a test.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the alarm's state (exit 0 armed, 1 not armed)."""
    with errors_in_words():
        api = LocalApi(NodeFolder(folder))
        if test:
            api.post("/v1/alarm/test", {})
        state = api.get("/v1/alarm")
    if as_json:
        print(json.dumps(state, ensure_ascii=False, sort_keys=True))
    else:
        print("ARMED" if state["armed"] else "WATCH NOT ARMED")
        print(f"  last heard from the alarm process: {utc(state.get('last_heartbeat'))}")
        print(f"  confirmed by the watch: {utc(state.get('confirmed_at'))}")
    if not state["armed"]:
        raise typer.Exit(NO)
