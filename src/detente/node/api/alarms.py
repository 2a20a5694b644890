"""Routes of the alarm: its heartbeat, its test, the officer's word that it was heard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from detente.node.api import thin
from detente.node.api.call import Call
from detente.node.arming import Heartbeat
from detente.node.bus import Event
from detente.record.errors import Malformed
from detente.record.names import print_id

if TYPE_CHECKING:
    from detente.node.api.services import Services


async def get_alarm(services: Services, _call: Call) -> dict[str, Any]:
    """Armed or not and why; what should be sounding."""
    await thin.ready(services)
    return alarm_json(services)


async def post_heartbeat(services: Services, call: Call) -> dict[str, Any]:
    """The alarm process is alive; the answer tells it what should be sounding."""
    await thin.ready(services)
    services.arming.beat(Heartbeat(dict(call.body["outlets"]), call.body["tests"]))
    services.last_heartbeat = services.context.now()
    return alarm_json(services)


async def post_test(services: Services, _call: Call) -> dict[str, Any]:
    """Ask the alarm process for a test tone."""
    services.context.bus.publish(Event("alarm-test"))
    return alarm_json(services)


async def post_confirm(services: Services, call: Call) -> dict[str, Any]:
    """The officer on watch heard it."""
    body = call.body
    if "session" in body:
        name = body["session"]
    elif body.get("post_key") and "post" in body:
        await services.act(services.speaker.ensure_post_key, body["post"])
        name = (await services.act(services.officers.watch_by_post_key, body["post"])).name
    else:
        raise Malformed("body", "session, or post and post_key")
    await services.act(services.officers.confirm_heard, name)
    return alarm_json(services)


def alarm_json(services: Services) -> dict[str, Any]:
    """Shape `Alarm`."""
    state = services.arming.state()
    return {
        "armed": state.armed, "why": state.why, "outlets": dict(state.outlets), "tests": state.tests,
        "last_heartbeat": services.last_heartbeat, "confirmed_at": services.officers.heard_at(),
        "pattern": "exercise" if services.context.charter.exercise else "actual",
        "ringing": [
            {"id": print_id(one.entry), "kind": one.kind, "at": one.at, "reason": one.reason}
            for one in services.model.ringing
        ] + thin.ringing(services),
    }  # fmt: skip
