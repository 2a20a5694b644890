"""WebAuthn assertions, checked without contact with who registered the passkey (record layer, keys).

1. Type `webauthn.get`; the challenge; an origin in the credential's list; `crossOrigin` absent or false and
   no `topOrigin`, because a page inside another page must never release an entry.
2. Authenticator data: hash of the credential's RP ID, user present (UP) and user verified (UV).
3. Signature over authenticator data ‖ SHA-256(client data) by the credential's COSE key.
4. Signature counters mean nothing across nodes and are not read.
"""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from detente.record import strictjson
from detente.record.cose import parse_cose_key
from detente.record.encoding import encode_base64, parse_base64
from detente.record.errors import Malformed, Unverified
from detente.record.strictjson import expect_keys, expect_text

MAX_CREDENTIAL_ID: Final = 1023  # WebAuthn level 3, credential id
MAX_AUTHENTICATOR_DATA: Final = 1024
MAX_CLIENT_DATA: Final = 2048
MAX_SIGNATURE: Final = 128

_FIXED: Final = 37  # RP ID hash 32, flags 1, counter 4
_PRESENT: Final = 0x01
_VERIFIED: Final = 0x04
_MORE: Final = 0xC0  # attested data or extensions follow


@dataclass(frozen=True, slots=True)
class Credential:
    """A post's registered key: raw Ed25519 (32 bytes), or a passkey's COSE key with id, RP ID and origins."""

    post: str
    kind: Literal["ed25519", "webauthn"]
    public: bytes
    credential_id: bytes = b""
    rp_id: str = ""
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an authenticator and its browser gave, as bytes."""

    credential: bytes
    authenticator_data: bytes
    client_data: bytes
    signature: bytes


def parse_assertion(value: Any) -> Assertion:
    """The assertion of a JSON object with base64 members. Raises Malformed."""
    names = ("credential", "authenticator_data", "client_data", "signature")
    found = expect_keys(value, "assertion", names)
    return Assertion(
        parse_bytes(found["credential"], "credential", low=1, high=MAX_CREDENTIAL_ID),
        parse_bytes(
            found["authenticator_data"], "authenticator data", low=_FIXED, high=MAX_AUTHENTICATOR_DATA
        ),
        parse_bytes(found["client_data"], "client data", low=1, high=MAX_CLIENT_DATA),
        parse_bytes(found["signature"], "assertion signature", low=1, high=MAX_SIGNATURE),
    )


def assertion_json(assertion: Assertion) -> dict[str, str]:
    """The JSON object of an assertion; the inverse of `parse_assertion`."""
    return {
        "credential": encode_base64(assertion.credential),
        "authenticator_data": encode_base64(assertion.authenticator_data),
        "client_data": encode_base64(assertion.client_data),
        "signature": encode_base64(assertion.signature),
    }


def verify_assertion(assertion: Assertion, challenge: bytes, credentials: Iterable[Credential]) -> Credential:
    """The credential that made the assertion over `challenge`. Raises Unverified."""
    credential = _by_id(assertion.credential, credentials)
    _check_client_data(assertion.client_data, challenge, credential.origins)
    _check_authenticator_data(assertion.authenticator_data, credential.rp_id)
    signed = assertion.authenticator_data + hashlib.sha256(assertion.client_data).digest()
    try:
        key = parse_cose_key(credential.public)
        if isinstance(key, Ed25519PublicKey):
            key.verify(assertion.signature, signed)
        else:
            key.verify(assertion.signature, signed, ECDSA(SHA256()))
    except Malformed as error:
        raise Unverified("registered key", post=credential.post) from error
    except InvalidSignature as error:
        raise Unverified("assertion signature", post=credential.post) from error
    return credential


def parse_bytes(value: Any, what: str, *, low: int, high: int) -> bytes:
    """`low` to `high` bytes in canonical base64 in JSON. Raises Malformed."""
    data = parse_base64(expect_text(value, what, limit=-(-high // 3) * 4), what)
    if not low <= len(data) <= high:
        raise Malformed(what, f"{len(data)} bytes")
    return data


def _by_id(credential_id: bytes, credentials: Iterable[Credential]) -> Credential:
    for credential in credentials:
        if credential.kind == "webauthn" and credential.credential_id == credential_id:
            return credential
    raise Unverified("credential")


def _check_client_data(data: bytes, challenge: bytes, origins: tuple[str, ...]) -> None:
    try:
        said = strictjson.parse(data, limit=MAX_CLIENT_DATA)
    except Malformed as error:
        raise Unverified("client data") from error
    if not isinstance(said, dict) or said.get("type") != "webauthn.get":
        raise Unverified("client data type")
    expected = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode("ascii")
    if said.get("challenge") != expected:
        raise Unverified("client data challenge")
    if said.get("origin") not in origins:
        raise Unverified("client data origin")
    # SPEC: protocol A7. Libraries pass over these two; browsers may add other members, which are not read.
    if said.get("crossOrigin", False) is not False or "topOrigin" in said:
        raise Unverified("client data cross origin")


def _check_authenticator_data(data: bytes, rp_id: str) -> None:
    if data[:32] != hashlib.sha256(rp_id.encode()).digest():
        raise Unverified("RP ID hash")
    if len(data) < _FIXED or (len(data) > _FIXED and not data[32] & _MORE):
        raise Unverified("authenticator data")
    if not data[32] & _PRESENT:
        raise Unverified("user not present")
    if not data[32] & _VERIFIED:
        raise Unverified("user not verified")
