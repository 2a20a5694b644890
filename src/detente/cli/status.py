"""`detente status`: line, log, watch and what each peer holds, since when not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from detente.cli.options import HERE, AsJson, NodeDir, errors_in_words
from detente.cli.words import clock, party, utc
from detente.node.client import LocalApi
from detente.node.folder import NodeFolder

LINES = {"direct": "direct", "relay": "through the guarantor", "none": "none"}


def status(folder: NodeDir = HERE, as_json: AsJson = False) -> None:
    """Show this node's state: per peer the line, what it holds, and since when not."""
    with errors_in_words():
        now = LocalApi(NodeFolder(folder)).get("/v1/status")
    if as_json:
        print(json.dumps(now, ensure_ascii=False, indent=1, sort_keys=True))
        return
    console = Console()
    mark = "  EXERCISE" if now["exercise"] else ""
    console.print(f"{party(now['party'])} in {now['cell']}{mark}   {utc(now['time'])}", highlight=False)
    log, signer = now["log"], now["signer"]
    console.print(f"log {log['origin']}: {log['size']} entries; signer {signer['state']}", highlight=False)
    for sentence in waits(now):
        console.print(sentence, highlight=False)
    console.print(f"watch {'ARMED' if now['armed'] else 'NOT ARMED'}", highlight=False)
    console.print(table(now))


def waits(now: Mapping[str, Any]) -> list[str]:
    """What is not signed yet after a start, and who must act."""
    said, start = [], now["start"]
    own = {
        "peers": "our log waits for one peer's answer. If no peer can be reached: detente keys confirm",
        "operator": "our log waits for the OPERATOR: this node dials no peer that could be asked. "
        "Ask by voice, then: detente keys confirm",
    }
    mirrors = {
        "peers": "we confirm nothing of the others' logs until a peer has answered how large they are. "
        "If no peer can be reached: detente keys confirm-mirror",
        "operator": "we confirm nothing of the others' logs: the OPERATOR must act, this node dials no peer "
        "that could be asked. Ask by voice, then: detente keys confirm-mirror",
    }
    for who, sentences in ((start["log"], own), (start["mirrors"], mirrors)):
        if who:
            said.append("  " + sentences[who])
    return said


def table(now: Mapping[str, Any]) -> Table:
    """One row a peer."""
    made = Table(box=None, pad_edge=False, header_style="")
    for head in ("peer", "line", "since", "last heard", "holds of our log", "as of", "watch", "clock"):
        made.add_column(head)
    for name, peer in now["peers"].items():
        holds = peer.get("holds") or {}
        lacks = f" (lacks {holds['behind']})" if holds.get("behind") else ""
        held = f"{holds.get('size', '-')}{lacks}"
        armed = {True: "armed", False: "WATCH NOT ARMED"}.get(peer.get("armed"), "not known")
        offset = peer.get("clock_offset_s")
        made.add_row(
            party(name), LINES[peer["line"]], clock(peer.get("since")), clock(peer.get("last_heard")),
            held, clock(holds.get("at")), armed, "-" if offset is None else f"{offset:+d} s",
        )  # fmt: skip
    return made
