"""What the officer does, each one call to the node, which checks the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from detente.cases.places import place_json
from detente.desk.charter import CharterView, charter
from detente.desk.here import api
from detente.desk.viewer import Viewer
from detente.desk.watch.acts import STOP
from detente.desk.watch.place import Typed

# Domain 10 no. 22: what the three presses do not ask is filled in and can be changed by UPDATE.
DEFAULTS: Final = {"ask": "PAUSE_AND_CHECK", "own_action": "NOT_STATED"}


@dataclass(frozen=True)
class Sent:
    """What the node says once the entry would survive a power cut."""

    id: str
    time: int
    findings: tuple[str, ...]


def send_stop(*, viewer: Viewer, meaning: str, typed: Typed, pressed_at: int) -> Sent:
    """Send under the watch session: no prompt, no second person, no form check before it goes."""
    values: dict[str, Any] = {"meaning": meaning, "since": pressed_at, **DEFAULTS}
    if typed.place is not None:
        values["place"] = place_json(typed.place)
    elif typed.words:
        values["text"] = typed.words
    return _send(viewer, "NEW", values, case=None)


def do_act(*, viewer: Viewer, case_id: str, said: Mapping[str, Any], as_of: int) -> Sent:
    """One act on a case with the chosen code; what the press itself says is filled in.

    `said`: act, field and code, and text and minutes where the code asks for more.
    """
    words, act, field, code = charter(), str(said["act"]), str(said["field"]), str(said["code"])
    values: dict[str, Any] = {field: code} if field and code else {}
    if "passed_at" in words.fields_of(STOP, act):
        values["passed_at"] = as_of
    for name, type_, _label in words.extras(STOP, act, field, code):
        given = as_of + 60 * said["minutes"] if type_ == "time" and said["minutes"] else said["text"]
        if given:
            values[name] = given
    return _send(viewer, act, values, case=case_id)


def _send(viewer: Viewer, act: str, values: Mapping[str, Any], *, case: str | None) -> Sent:
    words = charter()
    fields, content = split(words, values)
    body: dict[str, Any] = {
        "kind": STOP,
        "act": act,
        "post": viewer.post,
        "session": viewer.session,
        "fields": fields,
    }
    if content:
        body["content"] = content
    if case is not None:
        body["case"] = case
    answer = api().post("/v1/send", body)
    return Sent(str(answer["id"]), int(answer["time"]), tuple(str(f) for f in answer.get("findings", ())))


def split(words: CharterView, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(core fields, content fields), as the kind's file places them."""
    fields: dict[str, Any] = {}
    content: dict[str, Any] = {}
    for name, value in values.items():
        inside = words.field(STOP, name).get("where", "core") == "content"
        (content if inside else fields)[name] = value
    return fields, content
