"""Receipts of one entry, in the words of protocol B: from the logs, and what is only in hand beside them.

1. A party's receipt counts when it is anchored in that party's log; the book has these.
2. A cosignature that covers the entry and is not yet anchored is "receipt in hand": state `held`, `anchored`
   null. It moves no clock (B3).
3. `held for relay`: the party has given no receipt, and another party that keeps the entry's parts has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from detente.node import selectors
from detente.node.rowbook import EntryRow
from detente.record.names import EntryId, print_id

if TYPE_CHECKING:
    from detente.cases.book import Receipt
    from detente.cases.casebook import CaseBook
    from detente.node.api.services import Services


def receipts_json(services: Services, row: EntryRow) -> dict[str, Any]:
    """Shape `Receipts`. Reads the database: in a reader thread."""
    with services.model.reading() as book:
        receipts = receipts_of(services, book, row)
    return {
        "id": print_id(row.id),
        "sent": row.header.time if row.header else None,
        "receipts": receipts,
    }


def receipts_of(services: Services, book: CaseBook, row: EntryRow) -> list[dict[str, Any]]:
    """One row a party other than the author, in the charter's order."""
    parties = [party for party in services.context.charter.parties if party != row.party]
    found = {party: _one(services, book, row, party) for party in parties}
    keepers = {party for party in parties if found[party]["state"] == "held"}
    addressed = row.header.to if row.header else ()
    for party, receipt in found.items():
        if receipt["state"] == "not held" and party in addressed and keepers & _relays(row, party):
            receipt["state"] = "held for relay"
    return list(found.values())


def _relays(row: EntryRow, party: str) -> set[str]:
    """Parties that keep a part which is for `party`."""
    parts = row.header.parts if row.header else ()
    return {keeper for part in parts if party in part.to for keeper in part.keep if keeper != party}


def _one(services: Services, book: CaseBook, row: EntryRow, party: str) -> dict[str, Any]:
    receipt = book.receipts(row.id, party)
    shown = _from_book(party, receipt)
    if shown["at"] is None:
        _add_in_hand(services, row.id, party, shown)
    if shown["at"] is not None:
        shown["by_path"] = services.paths.get((party, row.id.index)) if _is_own(services, row.id) else None
    return shown


def _is_own(services: Services, entry: EntryId) -> bool:
    return entry.log == services.context.folder.origin


def _add_in_hand(services: Services, entry: EntryId, party: str, shown: dict[str, Any]) -> None:
    if party == services.context.party:
        return  # what we hold ourselves is said by our own log, once it is anchored there
    in_hand = selectors.first_cosignature_covering(entry.log, party, entry.index)
    if in_hand is not None:
        shown["state"], shown["at"] = "held", in_hand.time


def _from_book(party: str, receipt: Receipt | None) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "party": party, "state": "not held", "at": None, "anchored": None, "moves_clocks": False,
        "read_at": None, "acknowledged_at": None, "acknowledged_as": None, "passed_on": [],
        "answered_at": None, "by_path": None,
    }  # fmt: skip
    if receipt is None:
        return shown
    passed = [{"echelon": one.echelon, "post": one.post, "at": one.at} for one in receipt.passed_on]
    return shown | {
        "state": receipt.state, "at": receipt.at, "anchored": receipt.anchored,
        "moves_clocks": receipt.moves_clocks, "read_at": receipt.read_at,
        "acknowledged_at": receipt.acknowledged_at, "acknowledged_as": receipt.acknowledged_as,
        "passed_on": passed, "answered_at": receipt.answered_at,
    }  # fmt: skip
