"""Routes of the thin form: what was heard by radio or read from paper, provisional until covered (E3)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from detente.node import store_own
from detente.node.api.call import Call
from detente.node.bus import Event
from detente.node.thinbook import HeardThin, case_words, covering, sounding
from detente.record.encoding import parse_base64
from detente.record.names import print_id

if TYPE_CHECKING:
    from detente.node.api.services import Services


async def get_thin(services: Services, _call: Call) -> dict[str, Any]:
    """All that was heard, the newest first."""
    await ready(services)
    found = sorted(services.thin.heard.values(), key=lambda one: (-one.heard_at, one.name))
    return {"thin": [_shown(services, one) for one in found[:1000]]}


async def post_thin(services: Services, call: Call) -> dict[str, Any]:
    """Keep a message that was read, and let it sound."""
    await ready(services)
    context = services.context
    data = parse_base64(call.body["data"], "thin")
    one, new = services.thin.hear(context.charter, context.party, data, call.body["path"], context.now())
    if new:
        await _store(services, one)
        context.bus.publish(Event("alarm", {"id": one.short, "kind": one.said.kind}))
    return {**_shown(services, one), "known": not new}


async def post_heard(services: Services, call: Call) -> dict[str, Any]:
    """An officer heard it: it stops sounding here. It stays provisional, and nobody is told."""
    await ready(services)
    one = services.thin.silenced(call.body["name"], call.body["post"])
    await _store(services, one)
    services.context.bus.publish(Event("alarm", {"count": len(ringing(services))}))
    return {**_shown(services, one), "known": True}


async def ready(services: Services) -> None:
    """Fill the book once."""
    if not services.thin.loaded:
        await services.read(services.thin.load, services.context.charter)


def ringing(services: Services) -> list[dict[str, Any]]:
    """What of it should be sounding now, as rows of the alarm's list."""
    found = sounding(
        services.thin, services.context.charter, services.context.now(), services.model.rows.of_kind
    )
    return [{"id": one.short, "kind": one.said.kind, "at": one.heard_at, "reason": "new"} for one in found]


async def _store(services: Services, one: HeardThin) -> None:
    def job() -> None:
        store_own.set_local(one.key, one.value(), at=one.heard_at)

    await asyncio.wrap_future(services.context.keeper.submit(job, floor=True))
    services.thin.keep(one)


def _shown(services: Services, one: HeardThin) -> dict[str, Any]:
    covered = covering(one, services.model.rows.of_kind(one.said.kind))
    return {
        "name": one.short, "sha256": one.name.hex(), "state": "covered" if covered else "provisional",
        "id": print_id(covered.id) if covered else None, "party": one.said.party, "to": one.said.asked,
        "kind": one.said.kind, "act": one.said.act, "time": one.said.time,
        "fields": {**one.said.fields, **one.said.content},
        "case": case_words(services.context.charter, one.said),
        "path": one.path, "heard_at": one.heard_at, "silenced_by": one.silenced_by or None,
    }  # fmt: skip
