"""The charter's words as the desk shows them: labels, codes, notes, names, by language."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import get_language

from detente.desk.here import api

FRESH_S: Final = 20.0  # an amendment shows on the next page after this
Words = Mapping[str, str]


@dataclass(frozen=True)
class PartyWords:
    """A party as drawn: `tone` is tone-1, tone-2 (the sides, in charter order) or tone-g."""

    id: str
    code: str
    name: str
    role: str
    tone: str
    language: str
    time_zone: str | None


@dataclass(frozen=True)
class CodeWords:
    """One code of a list with the charter's words for it."""

    id: str
    label: str
    definition: str
    not_to_be_read_as: str


class CharterView:
    """The answer of GET /v1/charter in one language. Unknown ids are shown as they are, never dropped."""

    def __init__(self, raw: Mapping[str, Any], language: str) -> None:
        self.raw = raw
        self.language = language
        self.exercise = bool(raw.get("exercise"))
        self.cell = str(raw["cell"])
        self.me = str(raw["me"])

    def words(self, words: Words | None, default: str = "") -> str:
        """The text in the page's language, else English, else any."""
        table = words or {}
        return table.get(self.language) or table.get("en") or next(iter(table.values()), default)

    @property
    def name(self) -> str:
        return self.words(self.raw.get("name"), self.cell)

    def parties(self) -> tuple[PartyWords, ...]:
        """All parties: sides in the order of the charter, then the guarantor."""
        sides = [p for p in self.raw["parties"] if p["role"] == "side"]
        others = [p for p in self.raw["parties"] if p["role"] != "side"]
        drawn = [self._party(p, f"tone-{number}") for number, p in enumerate(sides, start=1)]
        return (*drawn, *(self._party(p, "tone-g") for p in others))

    def _party(self, raw: Mapping[str, Any], tone: str) -> PartyWords:
        code = str(raw["id"]).upper()
        return PartyWords(
            id=str(raw["id"]),
            code=code,
            name=self.words(raw.get("names"), code),
            role=str(raw["role"]),
            tone=tone,
            language=str(raw.get("language", "en")),
            time_zone=raw.get("time_zone"),
        )

    def party(self, party: str) -> PartyWords:
        for words in self.parties():
            if words.id == party:
                return words
        return PartyWords(party, party.upper(), party.upper(), "side", "tone-g", "en", None)

    def is_side(self, party: str) -> bool:
        return self.party(party).role == "side"

    def post_label(self, post: str) -> str:
        for raw in self.raw.get("posts", ()):
            if raw["id"] == post:
                return self.words(raw.get("labels"), post)
        return post

    def posts_of(self, party: str) -> tuple[Mapping[str, Any], ...]:
        """Posts are the same for every party of a role (charter), or named for one party."""
        role = self.party(party).role
        return tuple(
            p for p in self.raw.get("posts", ()) if p.get("party") == party or role in p.get("roles", ())
        )

    def may(self, post: str, kind: str, act: str) -> bool:
        """True if the charter lets `post` do `act`: decides what is drawn, never what is allowed."""
        for raw in self.raw.get("posts", ()):
            if raw["id"] == post:
                return act in raw.get("may", {}).get(kind, ())
        return False

    def note(self, note: str) -> str:
        return self.words(self.raw.get("notes", {}).get(note))

    def kind(self, kind: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.raw["kinds"].get(kind, {})
        return found

    def kind_label(self, kind: str) -> str:
        return self.words(self.kind(kind).get("labels"), kind)

    def state_label(self, kind: str, state: str) -> str:
        return self.words(self.kind(kind).get("states", {}).get(state, {}).get("labels"), state)

    def act_label(self, kind: str, act: str) -> str:
        return self.words(self.kind(kind).get("acts", {}).get(act, {}).get("labels"), act)

    def fields_of(self, kind: str, act: str) -> Sequence[str]:
        fields: Sequence[str] = self.kind(kind).get("acts", {}).get(act, {}).get("fields", ())
        return fields

    def field(self, kind: str, field: str) -> Mapping[str, Any]:
        for raw in self.kind(kind).get("fields", ()):
            if raw["id"] == field:
                found: Mapping[str, Any] = raw
                return found
        return {}

    def prepared(self, kind: str, act: str, values: Mapping[str, Any]) -> tuple[str, ...]:
        """The kind's prepared sentences for an entry with these values, holes still open, in file order."""
        rows = self.kind(kind).get("prepared", ())
        said = (
            r
            for r in rows
            if act in r["act"] and all(values.get(k) in v for k, v in r.get("when", {}).items())
        )
        return tuple(self.words(row["labels"]) for row in said)

    def listed(self, name: str, code: str) -> str:
        """The label of a code from the common list called `name`."""
        for raw in self.raw.get("lists", {}).get(name, ()):
            if raw["id"] == code:
                return self.words(raw.get("labels"), code)
        return code

    def extras(self, kind: str, act: str, field: str, code: str) -> tuple[tuple[str, str, str], ...]:
        """Further fields that `code` asks for in `act`: (id, type, label)."""
        found = (self.field(kind, name) for name in self.fields_of(kind, act))
        wanted = [raw for raw in found if code in raw.get("when", {}).get(field, ())]
        return tuple((raw["id"], raw["type"], self.words(raw["labels"], raw["id"])) for raw in wanted)

    def codes(self, kind: str, field: str) -> tuple[CodeWords, ...]:
        return tuple(
            CodeWords(
                id=str(raw["id"]),
                label=self.words(raw.get("labels"), str(raw["id"])),
                definition=self.words(raw.get("definition")),
                not_to_be_read_as=self.words(raw.get("not_to_be_read_as")),
            )
            for raw in self.field(kind, field).get("codes", ())
        )

    def code(self, kind: str, field: str, code: str) -> CodeWords:
        for words in self.codes(kind, field):
            if words.id == code:
                return words
        return CodeWords(code, code, "", "")


_cached: tuple[float, Mapping[str, Any]] | None = None


def charter() -> CharterView:
    """The charter in the page's language; asked from the node at most every FRESH_S."""
    global _cached  # noqa: PLW0603 - one value a process; two threads asking at once do no harm
    now = time.monotonic()
    if _cached is None or now - _cached[0] > FRESH_S:
        _cached = (now, api().get("/v1/charter"))
    return CharterView(_cached[1], (get_language() or "en")[:2])
