"""The one table of routes: what the server serves, and what OpenAPI document and reference page say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from detente.node.api import (
    alarms,
    carried,
    cases,
    enrolment,
    entries,
    parts,
    release,
    sessions,
    status,
    thin,
)
from detente.node.api.call import Call
from detente.node.api.schemas import ATTACHMENT, CODE, ID, TOKEN

if TYPE_CHECKING:
    from detente.node.api.services import Services

Handler = Callable[["Services", Call], Awaitable[Any]]

#: The largest body of most routes: an entry's content may be 1 MiB (cases.core), base64 adds a third.
ENTRY_BODY: Final = 1_500_000
#: The same with attachments, all of one call together.
SAID_BODY: Final = ENTRY_BODY + 4 * (ATTACHMENT // 3 + 1)
SMALL_BODY: Final = 65_536
#: The largest part of a bundle (record.bundle: 64 MiB) in base64.
CARRIED_BODY: Final = 90 << 20
MAX_WAIT_S: Final = 25


@dataclass(frozen=True)
class Parameter:
    """One query parameter or path segment, with its JSON schema."""

    name: str
    schema: Mapping[str, Any]
    meaning: str


@dataclass(frozen=True)
class Route:
    """One row. `body` and `answer` name a shape in `schemas.NAMED`; `stream`: server-sent events."""

    method: str
    path: str
    name: str
    meaning: str
    handler: Handler | None
    answer: str
    body: str | None = None
    query: tuple[Parameter, ...] = ()
    errors: tuple[str, ...] = ()
    limit: int = SMALL_BODY
    stream: bool = False
    path_schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def _number(low: int, high: int, default: int | None = None) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer", "minimum": low, "maximum": high}
    return schema if default is None else {**schema, "default": default}


_FROM: Final = Parameter("from", _number(0, 2**53), "first position that is wanted")
_AN_ID: Final = {"id": ID}
_A_PART: Final = {**_AN_ID, "position": {"type": "string", "pattern": "0|[1-9][0-9]?"}}
_A_NAME: Final = {"name": TOKEN}
_ENTRY_ERRORS: Final = (
    *("not-found", "session-unknown", "session-floor-only", "post-key-absent", "post-key-exercise-only"),
    *("approvals-missing", "signer-not-started", "disk-full", "writer-busy"),
)

ROUTES: Final = (
    Route("GET", "/v1/status", "status",
          "Line, log, watch, and per peer what it holds and since when not.", status.get_status, "Status"),
    Route("GET", "/v1/charter", "charter",
          "What a screen needs of the charter: parties, posts, kinds, codes, clocks, words.",
          status.get_charter, "Anything"),
    Route("GET", "/v1/openapi.json", "openapi", "This description.", status.get_openapi, "Anything"),
    Route("GET", "/v1/entries", "entries",
          "Entries in the order in which they became readable here; waits up to `wait` seconds for one. "
          "An entry comes again, at a later position, when a part of it came or was opened later.",
          entries.get_entries, "Entries", query=(
              _FROM, Parameter("limit", _number(1, 1000, 200), "at most so many"),
              Parameter("wait", _number(0, MAX_WAIT_S, 0), "seconds to wait while there is none"),
          )),
    Route("GET", "/v1/entries/{id}", "entry", "One entry.", entries.get_entry, "Entry",
          errors=("not-found",), path_schemas=_AN_ID),
    Route("GET", "/v1/entries/{id}/parts", "parts",
          "What became of each part of an entry here: open, sealed, missing, over, shown on request.",
          parts.get_parts, "Parts", errors=("not-found",), path_schemas=_AN_ID),
    Route("GET", "/v1/entries/{id}/parts/{position}", "part",
          "The bytes of a part that is open here; of an attachment without its salt.",
          parts.get_part, "PartBytes", errors=("not-found", "part-over", "part-not-open"),
          path_schemas=_A_PART),
    Route("POST", "/v1/entries/{id}/parts/{position}/show", "show",
          "One view of a part that is only shown, asked of its author's node. Nothing of it is stored here.",
          parts.post_show, "PartBytes", "Show", path_schemas=_A_PART, errors=(
              "not-found", "originator-unreachable", "not-shown", "show-over", "show-stale", "show-key",
              "show-quota",
          )),
    Route("GET", "/v1/entries/{id}/views", "views",
          "Views of an entry's shown parts that this node asked for or answered, refused ones too.",
          parts.get_views, "Views", errors=("not-found",), path_schemas=_AN_ID),
    Route("GET", "/v1/receipts/{id}", "receipts",
          "Who holds an entry since when, and who read, acknowledged, passed on and answered it.",
          entries.get_receipts, "Receipts", errors=("not-found",), path_schemas=_AN_ID),
    Route("GET", "/v1/cases", "cases", "Cases, newest first.", cases.get_cases, "Cases", query=(
        Parameter("kind", CODE, "only of that kind"),
        Parameter("open", {"type": "boolean"}, "only open (true) or only closed (false) ones"),
        Parameter("limit", _number(1, 1000, 200), "at most so many"),
    )),
    Route("GET", "/v1/cases/{id}", "case",
          "One case with timeline, clocks and receipts, by its opening entry or any entry of it.",
          cases.get_case, "Case", errors=("not-found",), path_schemas=_AN_ID),
    Route("GET", "/v1/checks", "checks", "Contact checks with their graded results, and silences.",
          cases.get_checks, "Anything"),
    Route("GET", "/v1/events", "events",
          "Server-sent events: `entry` (its id is the position), `status`, `due`, `alarm`, `alarm-test`. "
          "`Last-Event-ID` or `from` resumes; ids and kinds only.",
          None, "Anything", query=(_FROM,), stream=True),
    Route("GET", "/v1/proposals", "proposals",
          "Entries that wait for approvals, with core, digest and challenge to approve them elsewhere.",
          release.get_proposals, "Proposals"),
    Route("POST", "/v1/proposals", "propose",
          "Make an entry's core, which officers then approve. Nothing is sent.",
          release.post_proposal, "Proposed", "Proposal", errors=("not-found", "disk-full"), limit=SAID_BODY),
    Route("POST", "/v1/proposals/{name}/release", "release",
          "Add the approvals and release. Answers when the entry would survive a power cut.",
          release.post_release, "Logged", "Approvals", errors=("released-already", *_ENTRY_ERRORS),
          path_schemas=_A_NAME),
    Route("POST", "/v1/send", "send",
          "Propose and release in one call, by a watch session or, in exercise cells, by the post's own key.",
          release.post_send, "Logged", "Send", errors=_ENTRY_ERRORS, limit=SAID_BODY),
    Route("POST", "/v1/sessions", "sign-in",
          "Begin a watch session: a fresh session key, and the challenge a passkey of the post must sign.",
          sessions.post_session, "Session", "NewSession",
          errors=("no-credential", "post-key-absent", "post-key-exercise-only")),
    Route("POST", "/v1/sessions/{name}/assertion", "assert",
          "The passkey's assertion: the session is in force.",
          sessions.post_assertion, "SignedIn", "Assert", errors=("session-unknown", "unverified"),
          path_schemas=_A_NAME),
    Route("DELETE", "/v1/sessions/{name}", "sign-out", "End a watch session.",
          sessions.delete_session, "Done", errors=("session-unknown",), path_schemas=_A_NAME),
    Route("POST", "/v1/enrolment", "enrolment", "A one-time code and link to register a passkey for a post.",
          enrolment.post_enrolment, "Enrolment", "NewEnrolment", errors=("not-found",)),
    Route("POST", "/v1/credentials", "enrol",
          "Register a passkey by a D28 entry that the two administrators approve.",
          enrolment.post_credential, "Enrolled", "NewCredential", errors=("code-unknown", *_ENTRY_ERRORS)),
    Route("GET", "/v1/alarm", "alarm", "Armed or not and why; what should be sounding now.",
          alarms.get_alarm, "Alarm"),
    Route("POST", "/v1/alarm/heartbeat", "alarm-heartbeat", "The alarm process says that it is alive.",
          alarms.post_heartbeat, "Alarm", "Heartbeat"),
    Route("POST", "/v1/alarm/test", "alarm-test", "Have the alarm sound its test once.",
          alarms.post_test, "Alarm", "Nothing"),
    Route("POST", "/v1/alarm/confirm", "alarm-confirm",
          "The officer on watch heard it: from now on the watch is armed.",
          alarms.post_confirm, "Alarm", "WatchPost", errors=("session-unknown", "post-key-exercise-only")),
    Route("GET", "/v1/thin", "thin", "Thin messages heard here: provisional until the log covers them.",
          thin.get_thin, "ThinMessages"),
    Route("POST", "/v1/thin", "thin-heard",
          "A thin message that was read from paper, voice, radio or a serial line: kept as provisional; "
          "STOP-AND-CHECK sounds. The same one again changes nothing.",
          thin.post_thin, "ThinMessage", "NewThin",
          errors=("unverified", "thin-other-cell", "thin-other-charter", "thin-key-unknown", "thin-own",
                  "thin-too-many")),
    Route("POST", "/v1/thin/silence", "thin-silence",
          "An officer heard the message: it stops sounding here. It stays provisional.",
          thin.post_heard, "ThinMessage", "SilencedThin", errors=("thin-unknown",)),
    Route("GET", "/v1/carried", "carried-sizes", "Size of every log held: where a bundle goes on.",
          carried.get_carried, "Sizes"),
    Route("POST", "/v1/carried", "carried",
          "One step of a bundle that a stick brought: entries with their head (a push of the link), a floor "
          "entry ahead of its log, a part or a receipt. Verified and cosigned as if a line had brought it.",
          carried.post_carried, "Carried", "CarriedStep", limit=CARRIED_BODY,
          errors=("unverified", "conflict", "equivocation", "log-closed", "not-floor", "disk-full")),
)  # fmt: skip
