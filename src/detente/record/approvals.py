"""Approvals of a core by officers' posts (protocol A7): their messages, their JSON forms, their checks.

1. An approval is over SHA-256(core), bound to cell and party: `approval_message`.
2. `ed25519`: a post's own key signs the message.
3. `webauthn`: a passkey's assertion whose challenge is SHA-256 of the message.
4. `session`: an Ed25519 key of a watch session signs the message; the post's passkey opened the session by an
   assertion over `session_message`, carried here or held by an entry of the own log that is named here.
5. Which acts a session may approve, how many approvals are needed and whether a post may act are rules of the
   charter, judged in the fold. Here only: which post approved, and how.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from detente.record.assertions import (
    Assertion,
    Credential,
    assertion_json,
    parse_assertion,
    parse_bytes,
    verify_assertion,
)
from detente.record.encoding import encode_base64, parse_hex
from detente.record.errors import Malformed, Unverified
from detente.record.names import EntryId, is_cell, is_party
from detente.record.references import parse_log
from detente.record.strictjson import expect_integer, expect_keys, expect_text

__all__ = [
    "Approval",
    "ApprovedBy",
    "Assertion",
    "Credential",
    "Ed25519Approval",
    "SessionApproval",
    "WebauthnApproval",
    "approval_challenge",
    "approval_json",
    "approval_message",
    "parse_approval",
    "session_challenge",
    "session_message",
    "verify_approval",
]

Via = Literal["ed25519", "webauthn", "session"]

KEY_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64
MAX_POST: Final = 40


@dataclass(frozen=True, slots=True)
class Ed25519Approval:
    """A post's own key and its signature over the approval message."""

    key: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class WebauthnApproval:
    """A passkey's assertion over the approval message."""

    assertion: Assertion


@dataclass(frozen=True, slots=True)
class SessionApproval:
    """A session key's signature; `opened` is the assertion that opened the session, or the entry with it."""

    key: bytes
    signature: bytes
    post: str
    not_before: int
    not_after: int
    opened: Assertion | EntryId


Approval = Ed25519Approval | WebauthnApproval | SessionApproval


@dataclass(frozen=True, slots=True)
class ApprovedBy:
    """The post that approved, and by what kind of key."""

    post: str
    via: Via


def approval_message(cell: str, party: str, core_sha256: bytes) -> bytes:
    """What an approval signs. Raises Malformed for names that could change its shape."""
    _check_names(cell, party)
    return f"detente/approval/v1\n{cell}\n{party}\n{core_sha256.hex()}\n".encode()


def approval_challenge(cell: str, party: str, core_sha256: bytes) -> bytes:
    """The WebAuthn challenge of an approval."""
    return hashlib.sha256(approval_message(cell, party, core_sha256)).digest()


def session_message(
    cell: str, party: str, post: str, session_public: bytes, not_before: int, not_after: int
) -> bytes:
    """What a passkey signs to open a watch session. Times are POSIX seconds, the last one included."""
    _check_names(cell, party)
    lines = ("detente/session/v1", cell, party, _post(post), session_public.hex(), not_before, not_after)
    return "".join(f"{line}\n" for line in lines).encode()


def session_challenge(
    cell: str, party: str, post: str, session_public: bytes, not_before: int, not_after: int
) -> bytes:
    """The WebAuthn challenge that opens a watch session."""
    message = session_message(cell, party, post, session_public, not_before, not_after)
    return hashlib.sha256(message).digest()


def verify_approval(
    approval: Approval,
    *,
    cell: str,
    party: str,
    core: bytes,
    credentials: Iterable[Credential],
    at: int,
    opening: Assertion | None = None,
) -> ApprovedBy:
    """The post that approved the core with that SHA-256, by one of `credentials`. Raises Unverified.

    `credentials` are those in force for the entry, which the caller knows from the fold; `at` is the entry's
    header time. For a session that names an entry, `opening` is the assertion which the caller found there.
    """
    message = approval_message(cell, party, core)
    match approval:
        case Ed25519Approval():
            _check_signature(approval.key, approval.signature, message)
            return ApprovedBy(_by_key(approval.key, credentials).post, "ed25519")
        case WebauthnApproval():
            challenge = hashlib.sha256(message).digest()
            return ApprovedBy(verify_assertion(approval.assertion, challenge, credentials).post, "webauthn")
        case SessionApproval():
            _check_session(approval, cell, party, credentials, at=at, opening=opening)
            _check_signature(approval.key, approval.signature, message)
            return ApprovedBy(approval.post, "session")


def parse_approval(value: Any) -> Approval:
    """The approval of a JSON object. Raises Malformed."""
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "ed25519":
        found = expect_keys(value, "approval", ("type", "key", "sig"))
        return Ed25519Approval(_key(found["key"]), _signature(found["sig"]))
    if kind == "webauthn":
        found = expect_keys(value, "approval", ("type", "assertion"))
        return WebauthnApproval(parse_assertion(found["assertion"]))
    if kind == "session":
        return _parse_session(value)
    raise Malformed("approval", "unknown type")


def approval_json(approval: Approval) -> dict[str, Any]:
    """The JSON object of an approval; the inverse of `parse_approval`."""
    if isinstance(approval, WebauthnApproval):
        return {"type": "webauthn", "assertion": assertion_json(approval.assertion)}
    signed = {"key": approval.key.hex(), "sig": encode_base64(approval.signature)}
    if isinstance(approval, Ed25519Approval):
        return {"type": "ed25519", **signed}
    opened = approval.opened
    return {
        "type": "session",
        **signed,
        "post": approval.post,
        "not_before": approval.not_before,
        "not_after": approval.not_after,
        **(
            {"entry": {"log": opened.log, "index": opened.index}}
            if isinstance(opened, EntryId)
            else {"assertion": assertion_json(opened)}
        ),
    }


def _parse_session(value: Any) -> SessionApproval:
    needed = ("type", "key", "sig", "post", "not_before", "not_after")
    found = expect_keys(value, "approval", needed, ("assertion", "entry"))
    if ("assertion" in found) == ("entry" in found):
        raise Malformed("approval", "either assertion or entry")
    if "entry" in found:
        entry = expect_keys(found["entry"], "approval entry", ("log", "index"))
        opened: Assertion | EntryId = EntryId(
            parse_log(entry["log"]), expect_integer(entry["index"], "approval entry")
        )
    else:
        opened = parse_assertion(found["assertion"])
    return SessionApproval(
        _key(found["key"]),
        _signature(found["sig"]),
        _post(found["post"]),
        expect_integer(found["not_before"], "not_before"),
        expect_integer(found["not_after"], "not_after"),
        opened,
    )


def _check_session(
    approval: SessionApproval,
    cell: str,
    party: str,
    credentials: Iterable[Credential],
    *,
    at: int,
    opening: Assertion | None,
) -> None:
    if not approval.not_before <= at <= approval.not_after:
        raise Unverified("session time", at=at)
    # An assertion carried in the approval is the only one that counts; the caller cannot replace it.
    assertion = opening if isinstance(approval.opened, EntryId) else approval.opened
    if assertion is None:
        raise Unverified("session opening", entry=str(approval.opened))
    challenge = session_challenge(
        cell, party, approval.post, approval.key, approval.not_before, approval.not_after
    )
    if verify_assertion(assertion, challenge, credentials).post != approval.post:
        raise Unverified("session post", post=approval.post)


def _by_key(key: bytes, credentials: Iterable[Credential]) -> Credential:
    for credential in credentials:
        if credential.kind == "ed25519" and credential.public == key:
            return credential
    raise Unverified("approval key")


def _check_signature(key: bytes, signature: bytes, message: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise Unverified("approval signature") from error


def _check_names(cell: str, party: str) -> None:
    if not is_cell(cell) or not is_party(party):
        raise Malformed("cell or party", f"{cell[:64]}/{party[:16]}")


def _post(value: Any) -> str:
    text = expect_text(value, "post", limit=MAX_POST)
    # Posts are charter ids; here only: one line, printable ASCII, so that the message has one reading.
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise Malformed("post", text)
    return text


def _key(value: Any) -> bytes:
    return parse_hex(expect_text(value, "approval key", limit=2 * KEY_SIZE), "approval key", size=KEY_SIZE)


def _signature(value: Any) -> bytes:
    return parse_bytes(value, "approval signature", low=SIGNATURE_SIZE, high=SIGNATURE_SIZE)
