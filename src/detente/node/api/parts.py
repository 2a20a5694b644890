"""Routes of one entry's parts: what became of each, and the bytes of those that are open here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from detente.cases import life
from detente.cases.sealing import is_shown
from detente.node import models as tables
from detente.node import selectors
from detente.node.api.call import Call
from detente.node.refusals import not_found
from detente.node.shows import view
from detente.record.encoding import encode_base64
from detente.record.errors import Refused, declare
from detente.record.header import ATTACHMENT
from detente.record.names import EntryId, party_of, print_id
from detente.record.parts import plaintext_hash

if TYPE_CHECKING:
    from detente.cases.book import Case
    from detente.node.api.services import Services
    from detente.node.rowbook import EntryRow
    from detente.node.rows import OpenedRow, PartRow

PART_OVER: Final = declare(
    "part-over", "nobody", "the part has expired or was recalled; its tombstone stands"
)
PART_NOT_OPEN: Final = declare("part-not-open", "caller", "the part is not open here; its state says why")
_SALT: Final = 32


async def get_parts(services: Services, call: Call) -> dict[str, Any]:
    """Every part of an entry with its state here."""
    row = services.row(call.path["id"])
    return await services.read(_parts, services, row)


async def get_part(services: Services, call: Call) -> dict[str, Any]:
    """The bytes of an opened attachment without their salt, or of a core or content as they were hashed."""
    row = services.row(call.path["id"])
    return await services.read(_part, services, row, int(call.path["position"]))


def _parts(services: Services, row: EntryRow) -> dict[str, Any]:
    with services.model.reading() as book:
        act = book.act(row.id)
        case = book.cases.get(act.case or row.id) if act else None
        end = life.ends(case).get(row.id) if case else None
    opened = {one.position: one for one in selectors.opened(row.id)}
    found = [
        _part_json(services, row, one, opened.get(one.position), end) for one in selectors.parts_of(row.id)
    ]
    return {"id": print_id(row.id), "parts": found}


def _part_json(
    services: Services, row: EntryRow, part: PartRow, opened: OpenedRow | None, end: life.End | None
) -> dict[str, Any]:
    stone = tables.Destroyed.objects.filter(sha256=part.sha256.hex()).first()
    ended = end if part.position else None
    return {
        "position": part.position,
        "role": part.role,
        "size": part.size,
        "sha256": part.sha256.hex(),
        "state": _state(services, row, part, opened, ended),
        "ends_at": ended.at if ended else None,
        "ended_by": ended.by if ended else None,
        "act": print_id(ended.act) if ended and ended.act else None,
        "destroyed_at": stone.destroyed_at if stone else None,
        "was_held": stone.held if stone else None,
    }


def _state(
    services: Services, row: EntryRow, part: PartRow, opened: OpenedRow | None, end: life.End | None
) -> str:
    """One word: over, open, cannot open, sealed, shown, missing, not for this party, destroyed."""
    me = services.context.party
    own = party_of(part.entry.log) == me
    if end is not None and end.at <= services.context.now() and not (own and end.by == "recalled"):
        return "over"
    if opened is not None:
        return "open" if not opened.failure else "cannot open"
    if part.destroyed:
        return "destroyed"
    if part.held:
        return "sealed"
    if row.core is not None and part.position and is_shown(row.core):
        return "shown"
    return "missing" if own or me in part.keep else "not for this party"


def _part(services: Services, row: EntryRow, position: int) -> dict[str, Any]:
    shown = {one["position"]: one for one in _parts(services, row)["parts"]}
    if position not in shown:
        raise not_found("part")
    state = shown[position]["state"]
    if state == "over":
        raise Refused(PART_OVER, part=position)
    data = next((one.plaintext for one in selectors.opened(row.id) if one.position == position), None)
    if data is None:
        raise Refused(PART_NOT_OPEN, part=position, state=state)
    return part_json(position, shown[position]["role"], data)


async def post_show(services: Services, call: Call) -> dict[str, Any]:
    """One view of a part that is only shown; it goes to the caller and nowhere else (protocol A11)."""
    row, position = services.row(call.path["id"]), int(call.path["position"])
    parts = row.header.parts if row.header else ()
    if row.core is None or not 0 < position < len(parts) or not is_shown(row.core):
        raise not_found("part")
    data = await view(
        services.shows, services.act, services.context.ask_peer, row.id, position, call.body["post"]
    )
    return part_json(position, parts[position].role, data)


async def get_views(services: Services, call: Call) -> dict[str, Any]:
    """The view log of one entry, oldest first."""
    row = services.row(call.path["id"])
    return await services.read(_views, row)


def _views(row: EntryRow) -> dict[str, Any]:
    found = tables.View.objects.filter(log=row.id.log, index=row.id.index).order_by("id")
    views = [
        {
            "side": one.side,
            "viewer": one.viewer,
            "post": one.post,
            "position": one.position,
            "at": one.at,
            "code": one.code or None,
        }
        for one in found
    ]
    return {"id": print_id(row.id), "views": views}


def part_json(position: int, role: str, data: bytes) -> dict[str, Any]:
    """Shape `PartBytes`: `data` is a plaintext as it was hashed."""
    return {
        "position": position,
        "role": role,
        "sha256": plaintext_hash(data).hex(),
        "data": encode_base64(data[_SALT:] if role == ATTACHMENT else data),
    }


def recalls_json(case: Case) -> list[dict[str, Any]]:
    """Each recall of a case: who confirmed that it is gone from their node, who has not, who had read it.

    A confirmation is a statement by that party's node. What was read or seen before cannot be unseen.
    """
    return [
        {
            "id": print_id(one.entry),
            "by": one.by,
            "at": one.at,
            "ends": [print_id(entry) for entry in one.ends],
            "confirmed": [
                {"party": said.party, "id": print_id(said.entry), "at": said.at, "outcome": said.outcome}
                for said in one.confirmed
            ],
            "waiting": list(one.waiting),
            "read_before": list(one.read),
        }
        for one in life.recalls(case)
    ]


def ends_json(case: Case) -> dict[EntryId, dict[str, Any]]:
    """For each entry of a case whose content ends: when and by what."""
    return {
        entry: {"at": end.at, "by": end.by, "act": print_id(end.act) if end.act else None}
        for entry, end in life.ends(case).items()
    }
