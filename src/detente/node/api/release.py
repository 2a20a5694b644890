"""Routes by which a party speaks: propose, release, or both at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from detente.cases.faults import Fault
from detente.node.api.call import Call
from detente.node.statements import By, Statement
from detente.record.approvals import parse_approval
from detente.record.encoding import encode_base64, parse_base64
from detente.record.errors import Malformed
from detente.record.names import print_id

if TYPE_CHECKING:
    from detente.node.api.services import Services
    from detente.node.statements import Spoken


def statement(services: Services, body: Any) -> Statement:
    """What the caller wants to say, with ids looked up. Raises Refused `not-found`."""
    case = services.entry_id(body["case"]) if "case" in body else None
    return Statement(
        kind=body["kind"], act=body["act"], post=body["post"], fields=dict(body["fields"]),
        content=dict(body.get("content", {})), case=case,
        refers_to=tuple(services.row(one).id for one in body.get("refers_to", ())),
        precedence=body.get("precedence"), to=body.get("to"), mode=body.get("mode"),
        handling=dict(body.get("handling", {})),
        attachments=tuple(parse_base64(one, "attachment") for one in body.get("attachments", ())),
    )  # fmt: skip


async def get_proposals(services: Services, _call: Call) -> dict[str, Any]:
    """What waits for approvals, with what officers need to approve it elsewhere."""
    services.need_ready()
    return {"proposals": await services.read(services.speaker.waiting)}


async def post_proposal(services: Services, call: Call) -> dict[str, Any]:
    """Make the core and keep it; nothing is sent."""
    services.need_ready()
    proposed = await services.act(services.speaker.propose, statement(services, call.body))
    return {
        "proposal": proposed.name, "core": encode_base64(proposed.core), "sha256": proposed.sha256.hex(),
        "challenge": proposed.challenge, "preview": proposed.preview, **_notices(proposed.notices),
    }  # fmt: skip


async def post_release(services: Services, call: Call) -> dict[str, Any]:
    """Release a proposal with the approvals given, and those that a session or post key adds."""
    services.need_ready()
    given = tuple(parse_approval(one) for one in call.body.get("approvals", ()))
    return _logged(await services.act(services.speaker.release, call.path["name"], given, _by(call.body)))


async def post_send(services: Services, call: Call) -> dict[str, Any]:
    """Propose and release at once."""
    services.need_ready()
    by = _by(call.body)
    if by.session is None and not by.post_key:
        raise Malformed("body", "session or post_key")
    return _logged(await services.act(services.speaker.send, statement(services, call.body), by))


def _by(body: Any) -> By:
    return By(body.get("session"), bool(body.get("post_key", False)), also=tuple(body.get("also", ())))


def _logged(spoken: Spoken) -> dict[str, Any]:
    return {
        "id": print_id(spoken.entry), "log": spoken.entry.log, "index": spoken.entry.index,
        "time": spoken.time, **_notices(spoken.notices),
    }  # fmt: skip


def _notices(found: tuple[Fault, ...]) -> dict[str, Any]:
    """Form checks that did not stop a floor entry: as codes, and with their clauses."""
    return {
        "findings": [one.code for one in found],
        "notices": [{"code": one.code, "clause": one.clause} for one in found],
    }
