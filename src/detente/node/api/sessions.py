"""Routes of the watch sign-in (protocol A7)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from detente.node.api.call import Call
from detente.node.officers import Session
from detente.record.assertions import parse_assertion
from detente.record.encoding import encode_base64

if TYPE_CHECKING:
    from detente.node.api.services import Services


async def post_session(services: Services, call: Call) -> dict[str, Any]:
    """Begin a session; with `post_key` (exercise cells) it is in force at once."""
    services.need_ready()
    post = call.body["post"]
    if call.body.get("post_key"):
        await services.act(services.speaker.ensure_post_key, post)
        session = await services.act(services.officers.watch_by_post_key, post)
        return _json(session, None, None, [])
    session, challenge = await services.act(services.officers.begin, post)
    found = services.officers.passkeys(post)
    text = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode("ascii")
    return _json(session, text, found[0].rp_id, [encode_base64(one.credential_id) for one in found])


def _json(
    session: Session, challenge: str | None, rp_id: str | None, credentials: list[str]
) -> dict[str, Any]:
    return {
        "session": session.name, "post": session.post, "challenge": challenge, "rp_id": rp_id,
        "credentials": credentials, "not_before": session.not_before, "not_after": session.not_after,
        "valid_until": session.not_after if session.signed else None,
    }  # fmt: skip


async def post_assertion(services: Services, call: Call) -> dict[str, Any]:
    """The passkey has signed: the session is in force."""
    assertion = parse_assertion(call.body["assertion"])
    session = await services.act(services.officers.sign, call.path["name"], assertion)
    return {"session": session.name, "post": session.post, "valid_until": session.not_after}


async def delete_session(services: Services, call: Call) -> dict[str, Any]:
    """End a session."""
    await services.act(services.officers.end, call.path["name"])
    return {"done": True}
