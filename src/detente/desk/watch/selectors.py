"""Reads the node's answers into the rows of the watch page. No rule of the record is decided here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.utils.html import format_html
from django.utils.safestring import SafeString

from detente.cases.grids import print_grid
from detente.cases.places import parse_place
from detente.desk.charter import CharterView, CodeWords, PartyWords, charter
from detente.desk.here import api
from detente.desk.templatetags.marks import ltr, utc
from detente.desk.viewer import Viewer
from detente.desk.watch.acts import ACTS, CHECK, STOP
from detente.desk.watch.place import PlaceRow, place_row, words_row
from detente.desk.watch.rows import (
    ActRow,
    Board,
    CaseRow,
    CheckRow,
    ClockRow,
    LineRow,
    Menu,
    Option,
    ReceiptRow,
    SilenceRow,
)
from detente.record.errors import Malformed

RECENT: Final = 12
CHECKS: Final = 8
GRADES: Final = {"OK": "ok", "OK_LATE": "late", "LINE_ALIVE_NO_ANSWER": "silent", "LINE_DEAD": "silent"}
SECOND: Final = "T30"  # its due instant stands in the confirmation line
UNSAID: Final = "NOT_STATED"
HANDLED: Final = ("ANSWER", "ACK", "READ")
Raw = Mapping[str, Any]


def board(viewer: Viewer) -> Board:
    """The whole watch page beneath its clocks."""
    words, status = charter(), api().get("/v1/status")
    cases, checks = stop_cases(viewer, words), api().get("/v1/checks")
    newest: list[Raw] = sorted(checks["checks"], key=lambda raw: -int(raw["sent"]))
    return Board(
        own_armed=bool(status.get("armed")),
        watch_post=words.post_label(viewer.post),
        own_size=int(status.get("log", {}).get("size", 0)),
        signer=str(status.get("signer", {}).get("state", "")),
        waiting=_count(status.get("waiting")),
        lines=line_rows(words, status),
        checks=tuple(_check_row(words, raw) for raw in newest[:CHECKS]),
        silences=tuple(_silence_row(words, raw) for raw in checks.get("silences", ())),
        open_cases=tuple(row for row in cases if row.is_open),
        recent_cases=tuple(row for row in cases if not row.is_open)[:RECENT],
    )


def _count(waiting: Any) -> int:
    if isinstance(waiting, Mapping):
        return sum(int(number) for number in waiting.values())
    return len(waiting) if isinstance(waiting, list) else int(waiting or 0)


def line_rows(words: CharterView, status: Raw | None = None) -> tuple[LineRow, ...]:
    """One row a peer, sides in the order of the charter, then the guarantor."""
    status = status if status is not None else api().get("/v1/status")
    peers: Mapping[str, Raw] = status.get("peers", {})
    return tuple(_line_row(words, p.id, peers[p.id]) for p in words.parties() if p.id in peers)


def _line_row(words: CharterView, party: str, raw: Raw) -> LineRow:
    holds: Raw = raw.get("holds") or {}
    return LineRow(
        party=words.party(party),
        line=str(raw.get("line", "none")),
        via=_third(words, words.me, party),
        since=raw.get("since"),
        last_heard=raw.get("last_heard"),
        holds_size=holds.get("size"),
        behind=int(holds.get("behind") or 0),
        held_at=holds.get("at"),
        missing=_count(raw.get("missing")),
        armed=raw.get("armed"),
        clock_offset_s=int(raw.get("clock_offset_s") or 0),
    )


def _third(words: CharterView, one: str, other: str) -> PartyWords | None:
    """The party through which a relay between two goes; None where more than one could be it."""
    rest = [p for p in words.parties() if p.id not in (one, other)]
    return rest[0] if len(rest) == 1 else None


def _silence_row(words: CharterView, raw: Raw) -> SilenceRow:
    return SilenceRow(
        by=words.party(str(raw["by"])),
        of=words.party(str(raw["of"])),
        misses=int(raw["misses"]),
        since=int(raw["since"]),
        unexplained=bool(raw.get("unexplained")),
    )


def _check_row(words: CharterView, raw: Raw) -> CheckRow:
    result = str(raw.get("result") or "")
    return CheckRow(
        id=str(raw["id"]),
        by=words.party(str(raw["by"])),
        to=words.party(str(raw["to"])) if raw.get("to") else None,
        at=int(raw["sent"]),
        slot=words.code(CHECK, "slot", str(raw.get("slot", ""))).label,
        result=words.listed("result", result) if result else "",
        grade=GRADES.get(result, "declared") if result else "open",
        answered_at=raw.get("answered_at"),
        due=raw.get("due"),
    )


def stop_cases(viewer: Viewer, words: CharterView) -> tuple[CaseRow, ...]:
    """STOP-AND-CHECK entries, open ones first, newest first."""
    raws: list[Raw] = api().get("/v1/cases", kind=STOP)["cases"]
    return tuple(case_row(viewer, words, raw) for raw in raws)


def stop_case(viewer: Viewer, case_id: str) -> CaseRow:
    """One case. DetenteError `not-found` if it is not there for this officer."""
    return case_row(viewer, charter(), api().get(f"/v1/cases/{case_id}"))


def case_row(viewer: Viewer, words: CharterView, raw: Raw) -> CaseRow:
    """A case as the API gives it, in the words of the charter."""
    kind, case_id, opened_by = str(raw["kind"]), str(raw["id"]), str(raw["opened_by"])
    values: Raw = {name: field.get("value") for name, field in raw.get("fields", {}).items()}
    timeline: list[Raw] = list(raw.get("timeline", ()))
    return CaseRow(
        id=case_id,
        kind=kind,
        opened_by=words.party(opened_by),
        post=words.post_label(str(timeline[0]["post"])) if timeline else "",
        at=int(raw["at"]),
        state=str(raw["state"]),
        state_label=words.state_label(kind, str(raw["state"])),
        is_open=bool(raw.get("open")),
        mine=opened_by == words.me,
        meaning=_meaning(words, kind, values),
        facts=_facts(words, kind, values),
        place=_place(words, values),
        confirmation=str(raw.get("confirmation") or ""),
        confirm_due=raw.get("confirm_due"),
        result=str(raw.get("result") or ""),
        not_held=str(raw["state"]) == "not held here",
        timeline=tuple(act_row(words, kind, act) for act in timeline),
        receipts=tuple(receipt_row(words, kind, opened_by, one) for one in raw.get("receipts", ())),
        clocks=tuple(_clock_row(words, one) for one in raw.get("clocks", ()) if one["rule"] != SECOND),
        menus=menus(viewer, words, kind, _still_open(words, raw)),
        answered=_answered(words, opened_by, timeline),
    )


def _still_open(words: CharterView, raw: Raw) -> list[str]:
    """What the record leaves open, without READ once this party has said it."""
    own: Raw = next((one for one in raw.get("receipts", ()) if one["party"] == words.me), {})
    return [act for act in raw.get("may", ()) if act != "READ" or not own.get("read_at")]


def _answered(words: CharterView, opened_by: str, timeline: Iterable[Raw]) -> bool:
    """True once who is asked to act has: on a side's page itself, on the guarantor's the other side."""
    asked = {words.me} if words.is_side(words.me) else {p.id for p in words.parties()} - {opened_by}
    return any(act["party"] in asked and act["act"] in HANDLED for act in timeline)


def _meaning(words: CharterView, kind: str, values: Raw) -> CodeWords:
    if "meaning" not in values:
        return CodeWords("", words.kind_label(kind), "", "")
    return words.code(kind, "meaning", str(values["meaning"]))


def _facts(words: CharterView, kind: str, values: Raw) -> tuple[tuple[str, str], ...]:
    """The coded values beside meaning and place: (field, words)."""
    facts = []
    for name in ("ask", "own_action", "area_radius_m", "minutes"):
        value = values.get(name)
        if value is None or value == UNSAID:
            continue
        label = words.words(words.field(kind, name).get("labels"), name)
        facts.append((label, words.code(kind, name, str(value)).label))
    return tuple(facts)


def _place(words: CharterView, values: Raw) -> PlaceRow | None:
    place = values.get("place")
    if place is None:
        return None
    try:
        return place_row(words, parse_place(place))
    except Malformed:  # an irregular place of the other side is shown as it came
        return words_row(str(place))


def act_row(words: CharterView, kind: str, raw: Raw) -> ActRow:
    """One entry of the timeline, its codes in words and its own text untouched."""
    fields: Raw = raw.get("fields") or {}
    content: Raw = raw.get("content") or {}
    verdict: Raw = raw.get("verdict") or {}
    party, act = str(raw["party"]), str(raw["act"])
    coded = [
        words.code(kind, name, str(code)).label
        for name, code in fields.items()
        if words.codes(kind, name) and code != UNSAID
    ]
    return ActRow(
        id=str(raw["id"]),
        party=words.party(party),
        post=words.post_label(str(raw.get("post") or "")),
        act=act,
        label=words.act_label(kind, act),
        time=int(raw["time"]),
        values=tuple(coded),
        sentences=_sentences(words, kind, act, fields, content),
        text=str(content.get("text") or ""),
        text_lang=str(content.get("lang") or words.party(party).language),
        irregular=str(verdict.get("code") or "") if verdict.get("state") == "irregular" else "",
        clause=str(verdict.get("clause") or ""),
        provisional=bool(raw.get("provisional")),
        ahead=bool(raw.get("ahead")),
    )


def _sentences(words: CharterView, kind: str, act: str, fields: Raw, content: Raw) -> tuple[SafeString, ...]:
    """The prepared sentences of an entry in the reader's language, their holes filled and isolated."""
    filled: dict[str, Any] = {
        name: ltr(value) for name, value in fields.items() if isinstance(value, (int, str))
    }
    if isinstance(fields.get("since"), int):
        filled["since"] = utc(fields["since"], fields["since"])
    place = content.get("place")
    if isinstance(place, Mapping):
        filled["place"] = ltr(print_grid(str(place.get("mgrs", ""))))
    filled.setdefault("place", "—")
    sentences = words.prepared(kind, act, fields)
    return tuple(format_html(sentence, **filled) for sentence in sentences)


def receipt_row(words: CharterView, kind: str, author: str, raw: Raw) -> ReceiptRow:
    """One party's receipt; the four states of the API in short names for the template."""
    states = {"held": "held", "held, parts missing": "parts-missing", "held for relay": "relay"}
    as_code = str(raw.get("acknowledged_as") or "")
    return ReceiptRow(
        party=words.party(str(raw["party"])),
        state=states.get(str(raw.get("state")), "none"),
        at=raw.get("at"),
        anchored=raw.get("anchored") is not None,
        by_relay=raw.get("by_path") == "relay",
        via=_third(words, author, str(raw["party"])),
        read_at=raw.get("read_at"),
        acknowledged_at=raw.get("acknowledged_at"),
        acknowledged_as=_any_code(words, kind, "ACK", as_code),
        passed_on=tuple(
            (_any_code(words, kind, "PASS_ON", str(p.get("echelon", ""))), int(p["at"]))
            for p in raw.get("passed_on") or ()
        ),
        answered_at=raw.get("answered_at"),
    )


def _any_code(words: CharterView, kind: str, act: str, code: str) -> str:
    for field in words.fields_of(kind, act):
        for found in words.codes(kind, field):
            if found.id == code:
                return found.label
    return code


def _clock_row(words: CharterView, raw: Raw) -> ClockRow:
    rule = str(raw["rule"])
    return ClockRow(
        rule=rule,
        label=words.words(words.raw.get("clocks", {}).get(rule, {}).get("labels"), rule),
        owed_by=words.party(str(raw.get("owed_by") or raw.get("party") or "")),
        state=str(raw["state"]),
        due=raw.get("due"),
    )


def menus(viewer: Viewer, words: CharterView, kind: str, may: Iterable[str]) -> tuple[Menu, ...]:
    """The acts that lie open to this officer, in their order on the screen."""
    if viewer.locked:
        return ()
    allowed = {act for act in may if words.may(viewer.post, kind, act)}
    return tuple(_menu(words, kind, row.act) for row in ACTS if row.act in allowed)


def _menu(words: CharterView, kind: str, act: str) -> Menu:
    row = next(row for row in ACTS if row.act == act)
    field = next((name for name in words.fields_of(kind, act) if words.codes(kind, name)), "")
    codes = words.codes(kind, field) if field else ()
    return Menu(
        act=act,
        key=row.key,
        letter=row.letter,
        label=str(row.label),
        hint=str(row.hint) if row.hint is not None else "",
        note=words.note(row.note) if row.note else "",
        weight=row.weight,
        field=field,
        options=tuple(
            Option(
                code,
                digit,
                " ".join(words.prepared(kind, act, {field: code.id})),
                words.extras(kind, act, field, code.id),
            )
            for digit, code in enumerate(codes, start=1)
        ),
        prepared=" ".join(words.prepared(kind, act, {})),
    )
