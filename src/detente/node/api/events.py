"""Server-sent events: what arrived, what changed, what should sound. Ids and kinds only.

1. Subscribe first, then read the record from the asked position, then go on live: nothing falls between.
2. Only `entry` events have an id (the position); coming back with `Last-Event-ID` continues behind it.
3. A reader that falls behind is closed (`bus`) and comes back; the record has what it missed.
4. A comment line every few seconds tells the reader that the node is alive.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from aiohttp import web

from detente.node.api.call import Call
from detente.node.bus import Event, Subscription
from detente.record.errors import Malformed

if TYPE_CHECKING:
    from detente.node.api.services import Services

BEAT_S: Final = 5.0
PAGE: Final = 500


async def stream(services: Services, request: web.Request, call: Call) -> web.StreamResponse:
    """Serve one reader until it or the node goes."""
    position = _start(services, request, call)
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    with services.context.bus.subscribe() as subscription:
        await response.prepare(request)
        try:
            await response.write(b": here\n\n")
            position = await _past(services, response, position)
            await _live(services, response, subscription, position)
        except ConnectionError:
            pass
    return response


def _start(services: Services, request: web.Request, call: Call) -> int:
    """The last position the reader has seen."""
    last = request.headers.get("Last-Event-ID")
    if last is not None:
        if not (last.isascii() and last.isdecimal() and len(last) <= 16):
            raise Malformed("Last-Event-ID", "a position")
        return int(last)
    if "from" in call.query:
        return int(call.query["from"]) - 1
    return services.model.position


async def _past(services: Services, response: web.StreamResponse, after: int) -> int:
    while events := await services.read(services.model.events_after, after, PAGE):
        for event in events:
            await response.write(encode_event(event))
            after = event.position or after
    return after


async def _live(
    services: Services, response: web.StreamResponse, subscription: Subscription, after: int
) -> None:
    while not subscription.closed and not services.stopping:
        event = await subscription.next(BEAT_S)
        if event is None:
            await response.write(b": alive\n\n")
        elif event.position is None or event.position > after:
            after = event.position or after
            await response.write(encode_event(event))


def encode_event(event: Event) -> bytes:
    """One event as it goes over the wire."""
    data = dict(event.data)
    if event.position is not None:
        data["position"] = event.position
    lines = [] if event.position is None else [f"id: {event.position}"]
    lines += [f"event: {event.type}", f"data: {json.dumps(data, separators=(',', ':'))}", "", ""]
    return "\n".join(lines).encode()
