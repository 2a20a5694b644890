"""`detente log`: the entries this node holds, in the order in which they arrived."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from detente.cli.options import HERE, AsJson, NodeDir, errors_in_words
from detente.cli.words import isolate, utc
from detente.node.client import LocalApi
from detente.node.folder import NodeFolder

PAGE = 200


def log(
    folder: NodeDir = HERE,
    start: Annotated[int, typer.Option("--from", help="First position.")] = 0,
    limit: Annotated[int, typer.Option(help="At most so many entries.")] = PAGE,
    records: Annotated[bool, typer.Option("--records", help="Heartbeats and other R kinds too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List entries by their order of arrival here (one JSON object a line with --json)."""
    with errors_in_words():
        rows = read(LocalApi(NodeFolder(folder)), start, limit, records=records)
    if as_json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False, sort_keys=True))
        return
    table = Table(box=None, pad_edge=False, header_style="")
    for head in ("pos", "id", "time", "kind", "act", "case", "says", "verdict"):
        table.add_column(head, no_wrap=head in ("id", "time"))
    for row in rows:
        table.add_row(
            str(row["position"]), row["id"], utc(row["time"]), row["kind"] or "?", row["act"] or "",
            row["case"] or "", says(row), verdict(row),
        )  # fmt: skip
    Console().print(table)


def read(api: LocalApi, start: int, limit: int, *, records: bool) -> list[dict[str, Any]]:
    """At most `limit` entries from position `start`, without record kinds unless asked."""
    rows: list[dict[str, Any]] = []
    while len(rows) < limit:
        page = api.get("/v1/entries", **{"from": start, "limit": PAGE})
        rows += [row for row in page["entries"] if records or not str(row["kind"]).startswith("R")]
        if page["next"] == start or not page["entries"]:
            break
        start = page["next"]
    return rows[:limit]


def says(row: dict[str, Any]) -> str:
    """The coded fields on one line, in the record's own codes."""
    fields = (row.get("core") or {}).get("fields") or {}
    shown = (f"{name}={item}" for name, item in fields.items() if isinstance(item, str | int))
    return isolate(" ".join(shown)) if fields else ""


def verdict(row: dict[str, Any]) -> str:
    """`ok`, `irregular (clause)`, or what this node does not hold."""
    marks = [mark for mark in ("ahead", "provisional") if row.get(mark)]
    if not row.get("held", True):
        marks.append("not held here")
    found = row.get("verdict")
    if isinstance(found, dict):
        clause = f" ({found['clause']})" if found.get("clause") else ""
        marks.insert(0, f"{found.get('state')}{clause}")
    elif found:
        marks.insert(0, str(found))
    return ", ".join(marks)
