"""Options and answers of the browser's passkey ceremonies, as JSON. No key of ours takes part.

Signing in: the node gives the challenge (it is the hash of the watch session's text, protocol A7), the
passkey signs it, and the node checks the assertion; the desk only carries both.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

import webauthn
from webauthn.helpers import structs
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException

from detente.record.errors import Malformed

# The two algorithms whose keys the record's verifier knows.
ALGORITHMS: Final = [COSEAlgorithmIdentifier.EDDSA, COSEAlgorithmIdentifier.ECDSA_SHA_256]
ASSERTION: Final = ("credential", "authenticator_data", "client_data", "signature")
MAX_FIELD: Final = 4096  # longer than any assertion of the two algorithms


def request_options(offer: Mapping[str, Any]) -> dict[str, Any]:
    """Options for `navigator.credentials.get`, from the node's answer to POST /v1/sessions."""
    return {
        "challenge": _urlsafe(str(offer["challenge"])),
        "rpId": offer["rp_id"],
        "userVerification": "required",
        "allowCredentials": [
            {"type": "public-key", "id": _urlsafe(_id(c))} for c in offer.get("credentials", ())
        ],
    }


def _id(credential: Any) -> str:
    if isinstance(credential, Mapping):
        return str(credential.get("credential_id") or credential.get("id"))
    return str(credential)


def _urlsafe(text: str) -> str:
    return text.rstrip("=").replace("+", "-").replace("/", "_")


def parse_assertion(body: bytes) -> dict[str, str]:
    """The four members, standard base64; Malformed for anything else. The node verifies it."""
    value = _json(body)
    if set(value) != set(ASSERTION) or not all(
        isinstance(v, str) and len(v) <= MAX_FIELD for v in value.values()
    ):
        raise Malformed("assertion")
    return {name: str(value[name]) for name in ASSERTION}


def creation_options(*, rp_id: str, rp_name: str, post: str) -> tuple[dict[str, Any], str]:
    """(options for `navigator.credentials.create`, the challenge to remember)."""
    options = webauthn.generate_registration_options(
        rp_id=rp_id,
        rp_name=rp_name,
        user_name=post,
        user_display_name=post,
        supported_pub_key_algs=ALGORITHMS,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.PREFERRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
    )
    shown: dict[str, Any] = json.loads(webauthn.options_to_json(options))
    return shown, str(shown["challenge"])


def parse_credential(body: bytes, *, challenge: str, rp_id: str, origin: str, post: str) -> dict[str, Any]:
    """The public half of a new passkey. Malformed if the browser's answer does not fit."""
    value = _json(body)
    try:
        made = webauthn.verify_registration_response(
            credential=value,
            expected_challenge=webauthn.base64url_to_bytes(challenge),
            expected_rp_id=rp_id,
            expected_origin=origin,
            require_user_verification=True,
            supported_pub_key_algs=ALGORITHMS,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise Malformed("credential") from error
    response: Mapping[str, str] = value["response"]
    return {
        "post": post,
        "kind": "webauthn",
        "credential_id": _b64(made.credential_id),
        "public": _b64(made.credential_public_key),
        "rp_id": rp_id,
        "origins": [origin],
        "attestation_object": _b64(webauthn.base64url_to_bytes(response["attestationObject"])),
        "client_data": _b64(webauthn.base64url_to_bytes(response["clientDataJSON"])),
    }


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise Malformed("json") from error
    if not isinstance(value, dict):
        raise Malformed("json")
    return value
