"""Routes of the carriers: what a stick brought, taken as if it had come over the line (protocol E2)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from detente.node import selectors
from detente.node.api.call import Call
from detente.record.encoding import parse_base64
from detente.record.errors import Malformed
from detente.record.messages import parse_ahead, parse_push

if TYPE_CHECKING:
    from detente.node.api.services import Services


async def get_carried(services: Services, _call: Call) -> dict[str, Any]:
    """Size of every log held: where a bundle goes on."""
    logs = await services.read(selectors.logs)
    return {"sizes": {log.origin: log.size for log in logs}}


async def post_carried(services: Services, call: Call) -> dict[str, Any]:
    """One step of a bundle. Entries wait behind what came over the line; nothing waits for them."""
    receiver = services.context.keeper.receiver
    peer = call.body.get("from", "")
    data = await services.act(parse_base64, call.body["data"], "data")
    match call.body["what"]:
        case "push":
            if peer not in services.context.charter.parties:
                raise Malformed("from", "no party of the charter")
            push = await services.act(parse_push, data)
            answer = await _do(services, receiver.take_push, peer, push)
            return {"taken": bool(push.entries), "size": answer.size}
        case "ahead":
            ahead = await services.act(parse_ahead, data)
            return {"taken": bool(await _do(services, receiver.take_ahead, peer, ahead, floor=True))}
        case "part":
            return {"taken": bool(await _do(services, receiver.take_part, data))}
        case _:
            return {"taken": bool(await _do(services, receiver.take_cosignature, data))}


async def _do(services: Services, job: Callable[..., Any], *words: Any, floor: bool = False) -> Any:
    return await asyncio.wrap_future(services.context.keeper.submit(job, *words, floor=floor))
