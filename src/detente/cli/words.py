"""How values look in a terminal: times, isolated foreign strings, states in plain words.

Terminals order right-to-left text themselves; what they need from us is an isolate around every string
whose direction we do not know (U+2068 … U+2069), so that a Hebrew name does not move the number beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

RECEIPT_WORDS: Mapping[str, str] = {
    "held": "on its disk",
    "held, parts missing": "on its disk, parts missing",
    "held for relay": "held for relay",
    "not held": "not held",
}


def isolate(text: str) -> str:
    """`text` between first-strong isolates: its direction stays inside."""
    return f"\u2068{text}\u2069"


def utc(seconds: int | None) -> str:
    """`2026-11-23 17:05:09Z`, or a dash."""
    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def clock(seconds: int | None) -> str:
    """`17:05:09Z`, or a dash."""
    return "-" if seconds is None else utc(seconds)[11:]


def party(code: str) -> str:
    """A party's neutral code as printed."""
    return code.upper()


def value(item: Any) -> str:
    """One field's value on one line."""
    if isinstance(item, Mapping):
        if "points" in item and "mgrs" in item:
            points = "; ".join(f"{lat / 1e6:.6f}, {lon / 1e6:.6f}" for lat, lon in item["points"])
            return f"{points} {item['mgrs']} (cell of {item['precision_m']} m)"
        return ", ".join(f"{key} {value(part)}" for key, part in item.items())
    if isinstance(item, list):
        return ", ".join(value(part) for part in item)
    return isolate(str(item))


def receipt_line(receipt: Mapping[str, Any]) -> str:
    """`S2: on its disk 10:41:07Z, read 10:43:00Z, passed on to SECTOR 10:52:00Z`."""
    state = RECEIPT_WORDS.get(receipt["state"], receipt["state"])
    pieces = [f"{state} {clock(receipt.get('at'))}" if receipt.get("at") else state]
    if receipt.get("by_path") == "relay":
        pieces[0] += " (through the guarantor)"
    if receipt.get("at") and not receipt.get("anchored", True):
        pieces.append("receipt in hand, not yet in its log")
    names = (("read_at", "read"), ("acknowledged_at", "acknowledged"), ("answered_at", "answered"))
    pieces += [f"{word} {clock(receipt[key])}" for key, word in names if receipt.get(key)]
    for passed in receipt.get("passed_on") or ():
        pieces.append(f"passed on to {passed['echelon']} {clock(passed['at'])}")
    return f"{party(receipt['party'])}: " + ", ".join(pieces)
