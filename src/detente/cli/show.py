"""`detente show ID`: one entry, and the case it belongs to."""

from __future__ import annotations

import json
from typing import Any

from detente.cli.log import verdict
from detente.cli.options import HERE, AsJson, NodeDir, errors_in_words
from detente.cli.receipts import EntryArgument
from detente.cli.words import isolate, receipt_line, utc, value
from detente.node.client import LocalApi
from detente.node.folder import NodeFolder
from detente.record.errors import DetenteError


def show(entry: EntryArgument, folder: NodeDir = HERE, as_json: AsJson = False) -> None:
    """Show an entry with its fields, approvals and receipts, and the case it opened or belongs to."""
    with errors_in_words():
        api = LocalApi(NodeFolder(folder))
        row = api.get(f"/v1/entries/{entry}")
        case = _case(api, row.get("case") or entry)
        receipts = api.get(f"/v1/receipts/{entry}")["receipts"]
    if as_json:
        found = {"entry": row, "case": case, "receipts": receipts}
        print(json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True))
        return
    print(f"{row['id']}  {row['kind']} {row['act']}  {utc(row['time'])}  {verdict(row)}")
    for name, item in ((row.get("core") or {}).get("fields") or {}).items():
        print(f"  {name}: {value(item)}")
    for name, item in ((row.get("content") or {}).get("fields") or {}).items():
        print(f"  {name}: {value(item)}")
    if row.get("approvals"):
        print("  approved by: " + ", ".join(isolate(str(post)) for post in row["approvals"]))
    for receipt in receipts:
        print("  " + receipt_line(receipt))
    if case:
        confirmation = f", {case['confirmation']}" if case.get("confirmation") else ""
        print(f"case {case['id']}: {case['state']}{confirmation}")
        for clock in case.get("clocks", ()):
            print(f"  clock {clock['rule']}: {clock['state']}, due {utc(clock['due'])}")


def _case(api: LocalApi, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = api.get(f"/v1/cases/{name}")
    except DetenteError:
        return None  # a record kind opens no case
    return found
