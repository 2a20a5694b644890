"""One view of a part that is only shown: what the viewer's node asks, and what it signs (protocol A11).

The request is strict JSON; the viewer's node signs `detente/show/v1`, a line end and the request's bytes with
the key of its link certificate, whose CA the charter names: a stranger can check who asked for which view.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from detente.record import age, strictjson
from detente.record.encoding import encode_base64, parse_base64
from detente.record.errors import Malformed
from detente.record.header import MAX_PARTS
from detente.record.names import is_party, parse_origin
from detente.record.strictjson import expect_integer, expect_keys, expect_text

MAX_REQUEST: Final = 8192
_KEYS: Final = ("v", "log", "index", "position", "viewer", "post", "receiving", "at", "nonce")
_NONCE: Final = 32
_MAX_SIGNATURE: Final = 128


@dataclass(frozen=True, slots=True)
class ShowRequest:
    """`viewer` asks the author of an entry to show one part to it, sealed to `receiving`, at `at`.

    `post` is the viewer's own word of who looks; `nonce` makes each view one of its own (32 bytes, hex).
    """

    log: str
    index: int
    position: int
    viewer: str
    post: str
    receiving: str
    at: int
    nonce: str


def encode_request(request: ShowRequest) -> bytes:
    """Its bytes. Raises Malformed for what `parse_request` would refuse."""
    data = strictjson.encode(
        {
            "v": 1, "log": request.log, "index": request.index, "position": request.position,
            "viewer": request.viewer, "post": request.post, "receiving": request.receiving, "at": request.at,
            "nonce": request.nonce,
        }
    )  # fmt: skip
    parse_request(data)
    return data


def parse_request(data: bytes) -> ShowRequest:
    """The request of its bytes. Raises Malformed."""
    found = expect_keys(strictjson.parse(data, limit=MAX_REQUEST), "show", _KEYS)
    expect_integer(found["v"], "show version", low=1, high=1)
    log, viewer = expect_text(found["log"], "show log", limit=100), found["viewer"]
    parse_origin(log)
    if not isinstance(viewer, str) or not is_party(viewer):
        raise Malformed("show viewer")
    nonce = expect_text(found["nonce"], "show nonce", limit=2 * _NONCE)
    if len(nonce) != 2 * _NONCE or set(nonce) - set("0123456789abcdef"):
        raise Malformed("show nonce")
    receiving = expect_text(found["receiving"], "show receiving", limit=4096)
    age.check_recipient(receiving)
    return ShowRequest(
        log,
        expect_integer(found["index"], "show index"),
        expect_integer(found["position"], "show position", low=1, high=MAX_PARTS - 1),
        viewer,
        expect_text(found["post"], "show post", limit=48),
        receiving,
        expect_integer(found["at"], "show at", low=1),
        nonce,
    )


def signed_message(request: bytes) -> bytes:
    """What the viewer's node signs."""
    return b"detente/show/v1\n" + request


def encode_body(request: bytes, signature: bytes) -> bytes:
    """Request and signature as they go over the line."""
    return strictjson.encode({"request": encode_base64(request), "signature": encode_base64(signature)})


def parse_body(data: bytes) -> tuple[bytes, bytes]:
    """(request bytes, signature). Raises Malformed."""
    found = expect_keys(strictjson.parse(data, limit=2 * MAX_REQUEST), "show body", ("request", "signature"))
    request = parse_base64(expect_text(found["request"], "request", limit=2 * MAX_REQUEST), "request")
    signature = parse_base64(expect_text(found["signature"], "signature", limit=256), "signature")
    if len(signature) > _MAX_SIGNATURE:
        raise Malformed("show signature")
    return request, signature
