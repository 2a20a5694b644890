"""Routes that register a passkey for a post: a one-time code, then a D28 entry by two administrators."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any, Final

from detente.node import selectors, store_own
from detente.node.api.call import Call
from detente.node.refusals import CODE_UNKNOWN, not_found
from detente.node.rows import EnrolmentRow
from detente.record.assertions import MAX_CREDENTIAL_ID, parse_bytes
from detente.record.cose import parse_cose_key
from detente.record.errors import Malformed, Refused

if TYPE_CHECKING:
    from detente.node.api.services import Services

CODE_S: Final = 24 * 3600  # a code is handed over within a day, or a new one is made
MAX_PUBLIC: Final = 1024


async def post_enrolment(services: Services, call: Call) -> dict[str, Any]:
    """A one-time code for a post of this party; only its hash is kept."""
    context, post = services.context, call.body["post"]
    own = context.charter.parties[context.party]
    if post not in context.charter.posts or own.role not in context.charter.posts[post].roles:
        raise not_found("post")
    code, now = secrets.token_urlsafe(18), context.now()
    row = EnrolmentRow(_hash(code), post, now, now + CODE_S, None)
    await services.act(lambda: context.writer.submit(lambda: store_own.save_enrolment(row)).result())
    origin = context.folder.settings.desk_origin or own.desk_origin
    link = f"{origin}/enrol/{code}/?post={post}" if origin else None
    return {"link": link, "code": code, "post": post, "valid_until": row.valid_until}


async def post_credential(services: Services, call: Call) -> dict[str, Any]:
    """Use the code up and enter the passkey; `pending` where the administrators' keys are not here."""
    services.need_ready()
    fields = credential_fields(call.body["credential"])
    now, code = services.context.now(), _hash(call.body["code"])

    def use() -> None:
        row = selectors.enrolment(code)
        if row is None or row.post != fields["post"]:
            raise Refused(CODE_UNKNOWN)
        services.context.writer.submit(lambda: store_own.use_enrolment(code, at=now)).result()

    await services.act(use)
    return await services.act(services.speaker.register_credential, fields)


def credential_fields(found: Any) -> dict[str, Any]:
    """Fields of the D28 entry. Raises Malformed for a key the record's verifier would not know."""
    public = parse_bytes(found["public"], "public key", low=32, high=MAX_PUBLIC)
    parse_cose_key(public)
    credential_id = parse_bytes(found["credential_id"], "credential id", low=1, high=MAX_CREDENTIAL_ID)
    if not found["origins"] or not found["rp_id"]:
        raise Malformed("credential", "origins and rp_id")
    return {
        "change": "REGISTERED", "post": found["post"], "credential_kind": "WEBAUTHN", "public": public.hex(),
        "credential_id": credential_id.hex(), "rp_id": found["rp_id"],
        "origins": sorted(set(found["origins"])),
    }  # fmt: skip


def _hash(code: str) -> bytes:
    return hashlib.sha256(b"detente/enrolment/v1\n" + code.encode()).digest()
