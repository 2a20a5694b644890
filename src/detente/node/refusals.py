"""The local API's answer to every error: HTTP status, code, who must act, clause. One table.

The leaf of the error tree decides the status; a few codes have their own row. The sentence for a person is
made by the desk or the command line, from the code and its values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from detente.record import errors
from detente.record.errors import DetenteError, Refused, declare

UNAUTHORISED: Final = declare("unauthorised", "caller", "the bearer token is missing or wrong; see run/token")
NOT_FOUND: Final = declare("not-found", "caller", "there is nothing by that name here")
NOT_ALLOWED: Final = declare("method-not-allowed", "caller", "the route does not know this method")
TOO_LARGE: Final = declare("too-large", "caller", "the body is larger than the route allows")
STARTING: Final = declare("starting", "nobody", "the node is still reading its record; try again in a second")
UNEXPECTED: Final = declare("unexpected", "operator", "a fault of the program; its log names the place")
RELEASED_ALREADY: Final = declare("released-already", "caller", "the proposal is released; ask for its entry")
SESSION_UNKNOWN: Final = declare("session-unknown", "officer", "the watch session is not in force; sign in")
SESSION_KIND: Final = declare(
    "session-floor-only", "officer", "a watch session approves only floor kinds and receipts; use the passkey"
)
POST_KEY_ABSENT: Final = declare(
    "post-key-absent", "officer", "this node holds no key of the post; sign in by passkey"
)
POST_KEY_OUTSIDE: Final = declare(
    "post-key-exercise-only", "officer", "keys of posts are used by the node in exercise cells only"
)
CREDENTIAL_ABSENT: Final = declare(
    "no-credential", "administrator", "the post has no passkey in force; give out an enrolment link"
)
CODE_UNKNOWN: Final = declare(
    "code-unknown", "administrator", "the one-time code is unknown, used or too old"
)
APPROVALS_MISSING: Final = declare("approvals-missing", "officer", "the act needs more approvals than given")

#: Codes that only the local API gives.
OWN: Final = (
    UNAUTHORISED, NOT_FOUND, NOT_ALLOWED, TOO_LARGE, STARTING, UNEXPECTED, RELEASED_ALREADY,
    SESSION_UNKNOWN, SESSION_KIND, POST_KEY_ABSENT, POST_KEY_OUTSIDE, CREDENTIAL_ABSENT, CODE_UNKNOWN,
    APPROVALS_MISSING,
)  # fmt: skip

BY_CLASS: Final[Mapping[type[DetenteError], int]] = {
    errors.Malformed: 400,
    errors.Unverified: 403,
    errors.RuleViolation: 422,
    errors.Conflict: 409,
    errors.Equivocation: 409,
    errors.Unreachable: 503,
    errors.Refused: 503,
    DetenteError: 500,
}
BY_CODE: Final[Mapping[str, int]] = {
    UNAUTHORISED: 401,
    NOT_FOUND: 404,
    NOT_ALLOWED: 405,
    TOO_LARGE: 413,
    RELEASED_ALREADY: 409,
    SESSION_UNKNOWN: 403,
    SESSION_KIND: 403,
    POST_KEY_ABSENT: 403,
    POST_KEY_OUTSIDE: 403,
    CREDENTIAL_ABSENT: 409,
    CODE_UNKNOWN: 403,
    APPROVALS_MISSING: 422,
    "quota": 429,
    "quota-held": 429,
    "writer-busy": 429,
    "thin-unknown": 404,
    "thin-own": 409,
    UNEXPECTED: 500,
}


def status_of(error: DetenteError) -> int:
    """HTTP status: the code's own row, else that of the nearest class."""
    if error.code in BY_CODE:
        return BY_CODE[error.code]
    return next(BY_CLASS[kind] for kind in type(error).__mro__ if kind in BY_CLASS)


def body_of(error: DetenteError) -> dict[str, Any]:
    """{"error", "who", "clause", "values"}: values are numbers and short texts only."""
    clause = getattr(error, "clause", None) or error.values.get("clause")
    values = {
        name: value if isinstance(value, int | bool) else str(value)[:200]
        for name, value in error.values.items()
        if name != "clause"
    }
    return {"error": error.code, "who": error.who, "clause": clause, "values": values}


def not_found(what: str) -> Refused:
    """The refusal for a name that is not here."""
    return Refused(NOT_FOUND, what=what)
