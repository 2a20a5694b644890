"""Routes that list entries and receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from detente.node.api.call import Call
from detente.node.api.present import entry_json
from detente.node.api.receipts import receipts_json

if TYPE_CHECKING:
    from detente.node.api.services import Services
    from detente.node.rowbook import EntryRow


async def get_entries(services: Services, call: Call) -> dict[str, Any]:
    """A page of entries from a position; waits for the first one if asked to."""
    services.need_ready()
    start, limit = int(call.query.get("from", 0)), int(call.query["limit"])
    found = services.model.rows.after(start - 1, limit)
    if not found and call.query["wait"]:
        await services.model.wait_behind(start - 1, call.query["wait"])
        found = services.model.rows.after(start - 1, limit)
    rows = await services.read(_shown, services, found)
    return {"entries": rows, "next": found[-1][0] + 1 if found else start}


def _shown(services: Services, found: list[tuple[int, EntryRow]]) -> list[dict[str, Any]]:
    with services.model.reading() as book:
        rows = services.model.rows
        # Looked up again: what is over by now was forgotten when this reading began.
        return [entry_json(rows.get(row.id) or row, rows, book, position=at) for at, row in found]


async def get_entry(services: Services, call: Call) -> dict[str, Any]:
    """One entry."""
    row = services.row(call.path["id"])
    return (await services.read(_shown, services, [(row.position, row)]))[0]


async def get_receipts(services: Services, call: Call) -> dict[str, Any]:
    """Receipts of one entry."""
    row = services.row(call.path["id"])
    return await services.read(receipts_json, services, row)
