"""The named JSON shapes of the local API; routes refer to them, documents print them."""

from __future__ import annotations

from typing import Any, Final

Schema = dict[str, Any]

TIME: Final[Schema] = {"type": "integer", "minimum": 0, "description": "POSIX seconds, UTC"}
MAYBE_TIME: Final[Schema] = {"type": ["integer", "null"], "description": "POSIX seconds, UTC"}
ID: Final[Schema] = {
    "type": "string",
    "pattern": r"[A-Z][A-Z0-9]{0,15}(\.[0-9]{1,9})?-X?[0-9]{5,15}",
    "description": "an entry, printed: S1-00123",
}
POST: Final[Schema] = {"type": "string", "pattern": r"[A-Z][A-Z0-9_]{0,39}", "description": "a post's id"}
CODE: Final[Schema] = {"type": "string", "pattern": r"[A-Z][A-Z0-9_]{0,47}"}
TOKEN: Final[Schema] = {"type": "string", "pattern": r"[A-Za-z0-9_-]{8,64}"}
BASE64: Final[Schema] = {"type": "string", "pattern": r"[A-Za-z0-9+/]*={0,2}", "maxLength": 12000}
VALUES: Final[Schema] = {"type": "object", "description": "field id → value, as the kind's file says"}
TEXT: Final[Schema] = {"type": "string", "maxLength": 400}
YES: Final[Schema] = {"type": "boolean"}


#: Largest attachment in one call, bytes: the largest that the line's slowest figure is stated for.
ATTACHMENT: Final = 16 * 1024 * 1024
FILE: Final[Schema] = {
    "type": "string", "maxLength": 4 * (ATTACHMENT // 3 + 1), "description": "a file's bytes in base64",
}  # fmt: skip


PATHS: Final = ("paper", "voice", "radio", "serial")


def ref(name: str) -> Schema:
    """A reference to a named shape."""
    return {"$ref": f"#/components/schemas/{name}"}


def closed(required: str = "", /, **properties: Schema) -> Schema:
    """An object with exactly these members; `required` names those that must be there."""
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


def shown(**properties: Schema) -> Schema:
    """An object that the node gives; all members are always there."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def rows(item: Schema, most: int = 1000) -> Schema:
    """A list."""
    return {"type": "array", "items": item, "maxItems": most}


def maybe(schema: Schema) -> Schema:
    """The shape or null."""
    return {**schema, "type": [schema["type"], "null"]}


_ENTRY: Final = {
    "kind": CODE, "act": CODE, "fields": VALUES, "content": VALUES, "case": ID, "refers_to": rows(ID, 64),
    "post": POST, "precedence": {"type": "string", "enum": ["FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE"]},
    "to": {"type": "string", "pattern": r"[a-z][a-z0-9]{0,15}",
           "description": "the party asked to act; needed only where the kind leaves a choice"},
    "mode": {"type": "string", "enum": ["COPY", "DIRECT", "RELAY", "SEALED"],
             "description": "delivery mode; the case's or the kind's own if it is not given"},
    "handling": closed("", mode={"type": "string", "enum": ["SHOW"]}, valid_until=TIME),
    "attachments": rows(FILE, 31),
}  # fmt: skip

_THIN: Final[Schema] = {
    **shown(
        name=TOKEN, sha256=TEXT, state={"type": "string", "enum": ["provisional", "covered"]}, id=maybe(ID),
        party=TEXT, to=TEXT, kind=CODE, act=CODE, time=TIME, fields=VALUES,
        case={"type": ["object", "null"]}, path=TEXT, heard_at=TIME, silenced_by=maybe(POST),
    ),
}  # fmt: skip

NAMED: Final[dict[str, Schema]] = {
    "Error": shown(error=TEXT, who=TEXT, clause=maybe(TEXT), values={"type": "object"}),
    "Assertion": closed(
        "credential authenticator_data client_data signature",
        credential=BASE64, authenticator_data=BASE64, client_data=BASE64, signature=BASE64,
    ),
    "Proposal": closed("kind act fields post", **_ENTRY),
    "Send": closed("kind act fields post", **_ENTRY, session=TOKEN, post_key=YES, also=rows(POST, 2)),
    "Approvals": closed("", approvals=rows({"type": "object"}, 4), session=TOKEN, post_key=YES,
                        also=rows(POST, 2)),
    "Proposed": shown(
        proposal=TOKEN, core=BASE64, sha256=TEXT, challenge=TEXT, preview={"type": "object"},
        findings=rows(TEXT), notices=rows(shown(code=TEXT, clause=maybe(TEXT))),
    ),
    "Proposals": shown(proposals=rows(shown(
        proposal=TOKEN, kind=CODE, act=CODE, post=POST, made_at=TIME, core=BASE64, sha256=TEXT,
        challenge=TEXT,
        approvals={"type": "integer"},
    ))),
    "Logged": shown(id=ID, log=TEXT, index={"type": "integer"}, time=TIME, findings=rows(TEXT),
                    notices=rows(shown(code=TEXT, clause=maybe(TEXT)))),
    "Verdict": shown(state=TEXT, code=maybe(TEXT), clause=maybe(TEXT), findings=rows(TEXT)),
    "Entry": shown(
        position={"type": "integer"}, id=ID, log=TEXT, index={"type": "integer"}, party=TEXT,
        time=MAYBE_TIME, kind=maybe(CODE), act=maybe(CODE), case=maybe(ID), post=maybe(POST),
        core={"type": ["object", "null"]}, content={"type": ["object", "null"]},
        verdict={"type": ["object", "null"]}, held=YES, ahead=YES, provisional=YES, floor=YES,
        approvals=rows(POST),
    ),
    "Entries": shown(entries=rows(ref("Entry")), next={"type": "integer"}),
    "Receipt": shown(
        party=TEXT,
        state={"type": "string", "enum": ["held", "held, parts missing", "held for relay", "not held"]},
        at=MAYBE_TIME, anchored=MAYBE_TIME, moves_clocks=YES, read_at=MAYBE_TIME,
        acknowledged_at=MAYBE_TIME, acknowledged_as=maybe(TEXT),
        passed_on=rows(shown(echelon=TEXT, post=TEXT, at=TIME)), answered_at=MAYBE_TIME,
        by_path={"type": ["string", "null"], "description": "direct | relay | null when not known"},
    ),
    "Receipts": shown(id=ID, sent=MAYBE_TIME, receipts=rows(ref("Receipt"))),
    "Clock": shown(
        rule=TEXT, entry=ID, party=TEXT, state=TEXT, start=MAYBE_TIME, start_by=maybe(TEXT), due=MAYBE_TIME,
        met_at=MAYBE_TIME,
    ),
    "Case": shown(
        id=ID, kind=CODE, opened_by=TEXT, addressee=maybe(TEXT), post=maybe(POST), at=MAYBE_TIME,
        precedence=TEXT, state=TEXT,
        state_as_held=TEXT, open=YES, confirmation=maybe(TEXT), confirm_due=MAYBE_TIME, result=maybe(TEXT),
        fields={"type": "object"}, timeline=rows({"type": "object"}), recalls=rows(ref("Recall")),
        clocks=rows(ref("Clock")),
        receipts=rows(ref("Receipt")), may=rows(CODE),
        puts=rows(shown(consent=TEXT, entry=ID, given_by=rows(TEXT), awaited=rows(TEXT))),
        not_held=rows(ID), quarantined=YES,
    ),
    "Recall": shown(
        id=ID, by=TEXT, at=TIME, ends=rows(ID), waiting=rows(TEXT), read_before=rows(TEXT),
        confirmed=rows(shown(party=TEXT, id=ID, at=TIME, outcome=CODE)),
    ),
    "Parts": shown(id=ID, parts=rows(shown(
        position={"type": "integer"}, role=TEXT, size={"type": "integer"}, sha256=TEXT,
        state={"type": "string", "enum": [
            "open", "cannot open", "sealed", "shown", "missing", "over", "destroyed", "not for this party",
        ]},
        ends_at=MAYBE_TIME, ended_by=maybe(TEXT), act=maybe(ID), destroyed_at=MAYBE_TIME,
        was_held={"type": ["boolean", "null"]},
    ))),
    "Show": closed("post", post=POST),
    "Views": shown(id=ID, views=rows(shown(
        side={"type": "string", "enum": ["asked", "showed"]}, viewer=TEXT, post=TEXT,
        position={"type": "integer"}, at=TIME, code=maybe(TEXT),
    ))),
    "PartBytes": shown(position={"type": "integer"}, role=TEXT, sha256=TEXT, data=FILE),
    "Cases": shown(cases=rows(ref("Case"))),
    "Peer": shown(
        line={"type": "string", "enum": ["direct", "relay", "none"]}, last_heard=MAYBE_TIME, since=MAYBE_TIME,
        holds={"type": ["object", "null"], "description": "of our log: size, behind, at, since"},
        missing={"type": "integer"}, armed={"type": ["boolean", "null"]},
        clock_offset_s={"type": ["integer", "null"]}, version=maybe(TEXT), error=maybe(TEXT),
        digest={"type": ["object", "null"],
                "description": "id of its newest heartbeat; same: true, false, or null if it cannot be told"},
    ),
    "Status": shown(
        logs=rows(shown(
            origin=TEXT, party=TEXT, generation={"type": "integer"}, size={"type": "integer"},
            stopped_at=MAYBE_TIME,
        )),
        start=shown(
            log={"type": ["string", "null"], "enum": ["peers", "operator", None]},
            mirrors={"type": ["string", "null"], "enum": ["peers", "operator", None]},
        ),
        party=TEXT, cell=TEXT, exercise=YES, charter=TEXT, in_force=YES, version=TEXT, time=TIME,
        log={"type": "object"}, signer={"type": "object"}, armed=YES, watch={"type": "object"},
        peers={"type": "object", "additionalProperties": ref("Peer")}, waiting={"type": "object"},
        evidence=rows(TEXT),
    ),
    "Alarm": shown(
        armed=YES, why=maybe(TEXT), outlets={"type": "object"}, tests={"type": "integer"},
        last_heartbeat=MAYBE_TIME, confirmed_at=MAYBE_TIME, pattern=TEXT, ringing=rows({"type": "object"}),
    ),
    "Heartbeat": closed(
        "outlets tests",
        outlets={"type": "object", "additionalProperties": False, "properties": {
            name: {"type": "string", "enum": ["ok", "absent", "failed", "untried"]}
            for name in ("sound", "hook")
        }},
        tests={"type": "integer", "minimum": 0},
    ),
    "WatchPost": closed("", session=TOKEN, post=POST, post_key=YES),
    "NewSession": closed("post", post=POST, post_key=YES),
    "Session": shown(
        session=TOKEN, post=POST, challenge=maybe(TEXT), rp_id=maybe(TEXT), credentials=rows(TEXT),
        not_before=TIME, not_after=TIME, valid_until=MAYBE_TIME,
    ),
    "SignedIn": shown(session=TOKEN, post=POST, valid_until=TIME),
    "Assert": closed("assertion", assertion=ref("Assertion")),
    "NewEnrolment": closed("post", post=POST),
    "Enrolment": shown(link=maybe(TEXT), code=TOKEN, post=POST, valid_until=TIME),
    "Credential": closed(
        "post kind credential_id public rp_id origins",
        post=POST, kind={"type": "string", "enum": ["webauthn"]}, credential_id=BASE64, public=BASE64,
        rp_id={"type": "string", "maxLength": 253}, origins=rows({"type": "string", "maxLength": 300}, 4),
        attestation_object=BASE64, client_data=BASE64,
    ),
    "NewCredential": closed("code credential", code=TOKEN, credential=ref("Credential")),
    "Enrolled": shown(
        state={"type": "string", "enum": ["registered", "pending"]}, id=maybe(ID), proposal=maybe(TOKEN)
    ),
    "NewThin": closed("data path", data=BASE64, path={"type": "string", "enum": list(PATHS)}),
    "SilencedThin": closed("name post", name=TOKEN, post=POST),
    "ThinMessage": _THIN,
    "ThinMessages": shown(thin=rows(ref("ThinMessage"))),
    "Sizes": shown(sizes={"type": "object", "description": "log origin → number of entries"}),
    "CarriedStep": closed(
        "what data",
        what={"type": "string", "enum": ["push", "ahead", "part", "receipt"]},
        data={"type": "string", "maxLength": 90 << 20, "description": "the bytes in base64"},
        **{"from": {"type": "string", "pattern": "[a-z][a-z0-9]{0,15}", "description": "its author"}},
    ),
    "Carried": {
        "type": "object", "required": ["taken"],
        "properties": {"taken": YES, "size": {"type": "integer", "minimum": 0}},
    },
    "Anything": {"type": "object"},
    "Nothing": closed(""),
    "Done": shown(done=YES),
}  # fmt: skip
