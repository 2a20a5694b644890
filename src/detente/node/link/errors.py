"""Errors on the wire: the one table from an error to its status, and back.

The status is that of the C2SP page where there is one (tlog-witness: 400, 403, 404, 409, 422); the code in
the body decides, the status only helps who reads a log. Bodies are `{"error": code, "who": who must act}` and
the error's values, but for a conflict: `<size>\\n` as `text/x.tlog.size`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from detente.record import strictjson
from detente.record.errors import (
    ERRORS,
    Conflict,
    DetenteError,
    Equivocation,
    Malformed,
    Refused,
    RuleViolation,
    Unverified,
    declare,
)

SIZE_TYPE: Final = "text/x.tlog.size"
ERROR_LIMIT: Final = 4096  # an error's JSON: code, who and a few values

TOO_LARGE: Final = declare("body-too-large", "sender", "the body is longer than the route takes")
ENCODED: Final = declare("encoded", "sender", "peers send identity; a Content-Encoding is never taken")
TOO_SLOW: Final = declare("too-slow", "sender", "the body did not arrive in time; nothing was stored")
NOT_FOUND: Final = declare("not-here", "nobody", "nothing here by that name, or not for this peer")
CLOSED: Final = declare("link-starting", "nobody", "the listener is not tested yet; try again in a second")
UNKNOWN_LOG: Final = declare(
    "unknown-log", "sender", "the charter names no such log, or it is not the sender's"
)
INTERNAL: Final = declare("internal", "operator", "this node failed; its log says why")

_BY_CODE: Final[Mapping[str, int]] = {
    TOO_LARGE: 413,
    ENCODED: 415,
    TOO_SLOW: 408,
    NOT_FOUND: 404,
    CLOSED: 503,
    INTERNAL: 500,
    "quota": 429,
    "show-quota": 429,
    "not-shown": 404,
    "show-over": 404,
    "show-stale": 403,
    "show-key": 403,
    "writer-busy": 429,
    "log-closed": 403,
    "disk-full": 507,
    UNKNOWN_LOG: 404,
}
_BY_CLASS: Final[tuple[tuple[type[DetenteError], int], ...]] = (
    (Conflict, 409),
    (Malformed, 400),
    (Equivocation, 422),
    (Unverified, 403),
    (RuleViolation, 422),
    (Refused, 503),
)
_SIZE: Final = re.compile(rb"(0|[1-9][0-9]{0,17})\n")


def status_of(error: DetenteError) -> int:
    """HTTP status of an error: by its code, else by its class, else 500."""
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    return next((status for kind, status in _BY_CLASS if isinstance(error, kind)), 500)


def encode_error(error: DetenteError) -> tuple[int, str, bytes]:
    """(status, content type, body) that tell a peer about `error`."""
    if isinstance(error, Conflict):
        return 409, SIZE_TYPE, b"%d\n" % error.size
    body: dict[str, Any] = {"error": error.code, "who": error.who}
    for name, value in error.values.items():
        # A number that the sender chose may be beyond what JSON carries; it is told as text.
        small = isinstance(value, int) and abs(value) <= strictjson.MAX_INTEGER
        body.setdefault(name, value if small else str(value)[:200])
    return status_of(error), "application/json", strictjson.encode(body)


def decode_error(status: int, content_type: str, body: bytes) -> DetenteError:
    """The error that a peer's answer tells of; any bytes give one, never an exception of another kind."""
    if status == 409 and content_type == SIZE_TYPE and (size := _SIZE.fullmatch(body)):
        return Conflict(int(size[1]))
    try:
        said = strictjson.parse(body, limit=ERROR_LIMIT)
        code = said["error"]
    except (Malformed, KeyError, TypeError):
        return Refused(INTERNAL, status=status)
    # Only codes that we know are taken over: a peer's words go no further than this line.
    if not isinstance(code, str) or (code not in ERRORS and code not in _BY_CODE):
        return Refused(INTERNAL, status=status)
    return Refused(code, status=status)
