"""An entry as text in a charter language: for print, radio, mail and the watch log.

1. Every sentence is a whole one, prepared in the charter for its code (`charter.prepared`). Where the charter
   has none, the field is a line of label and value: no sentence is glued here.
2. What a person wrote follows unchanged and last, and is not translated.
3. Ids, instants and grids stand between isolates, so that they keep their order in right-to-left lines;
   digits are ASCII.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from detente.cases.book import NOT_HELD, Act, Case
from detente.cases.grids import print_grid
from detente.cases.instants import print_group, print_instant
from detente.cases.places import Place, parse_place
from detente.charter.model import Charter, Column, Field, Kind
from detente.charter.prepared import FIRST_STRONG_ISOLATE, POP_ISOLATE, fill, sentences
from detente.record.errors import Malformed
from detente.record.names import print_id

_EXERCISE_NOTE: Final = "N8"
_FREE_TEXT: Final = "text"
#: Acts that change what stands: their text says how the matter stands now.
_RESTATES: Final = ("UPDATE",)


@dataclass(frozen=True, slots=True)
class Rendered:
    """An entry in one language: heading, its whole sentences, then label-and-value lines, then own words."""

    language: str
    heading: str
    sentences: tuple[str, ...]
    lines: tuple[str, ...]
    own_words: str | None = None

    @property
    def text(self) -> str:
        """All of it as plain text."""
        words = () if self.own_words is None else (self.own_words,)
        return "\n".join((self.heading, *self.sentences, *self.lines, *words))


def render_entry(charter: Charter, act: Act, language: str, *, case: Case | None = None) -> Rendered:
    """The entry's text in a language of the charter; with `case` an UPDATE restates the current values."""
    kind = charter.kinds[act.kind]
    own = {**act.fields, **(act.content or {})}
    values = {**_current(case), **own} if act.act in _RESTATES else own
    said = tuple(one for one in sentences(kind, act.act, values) if all(hole in values for hole in one.holes))
    holes = {name: show_value(charter, kind, name, value, language) for name, value in values.items()}
    spoken = {name for one in said for name in (*one.when, *one.holes)}
    rest = [name for name in own if name not in spoken and name != _FREE_TEXT]
    words = own.get(_FREE_TEXT)
    return Rendered(
        language,
        heading(charter, act, language),
        tuple(fill(one, language, holes) for one in said),
        tuple(_line(charter, kind, name, own[name], language) for name in rest),
        words if isinstance(words, str) else None,
    )


def heading(charter: Charter, act: Act, language: str) -> str:
    """Exercise note, id, kind, act, party and post, instant."""
    kind = charter.kinds[act.kind]
    party, post = charter.parties[act.party], charter.posts.get(act.post)
    parts = (
        *((charter.notes[_EXERCISE_NOTE].label(language),) if charter.exercise else ()),
        _isolated(print_id(act.id)),
        kind.label(language),
        kind.acts[act.act].label(language) if act.act in kind.acts else act.act,
        _isolated(party.names.get(language, party.id.upper())),
        post.label(language) if post else act.post,
        _isolated(print_instant(act.time)),
    )
    return " | ".join(parts)


def watch_log_line(charter: Charter, act: Act, language: str) -> str:
    """One line for the watch log: date-time group, id, party, kind, act and the coded values."""
    kind = charter.kinds[act.kind]
    party = charter.parties[act.party]
    codes = [
        kind.codes(field)[value].label(language)
        for name, value in act.fields.items()
        if (field := kind.field(name)) and field.type == "code" and value in kind.codes(field)
    ]
    return " | ".join(
        (
            _isolated(print_group(act.time)),
            _isolated(print_id(act.id)),
            _isolated(party.names.get(language, party.id.upper())),
            kind.label(language),
            kind.acts[act.act].label(language) if act.act in kind.acts else act.act,
            *codes,
        )
    )


def show_value(charter: Charter, kind: Kind, name: str, value: Any, language: str) -> str:
    """A field's value as a person reads it; codes by their label, never by their id."""
    field = kind.field(name)
    if value == NOT_HELD or field is None:
        return str(value)
    if field.type == "list" and isinstance(value, list):
        return ", ".join(_show_one(charter, kind, field, field.of or "", one, language) for one in value)
    if field.type == "table" and isinstance(value, list):
        return "; ".join(_show_row(charter, kind, field, one, language) for one in value)
    return _show_one(charter, kind, field, field.type, value, language)


def _show_row(charter: Charter, kind: Kind, field: Field, row: Any, language: str) -> str:
    """A row of a table: each label with its value, in the order of the columns."""
    known = [one for one in field.columns if isinstance(row, dict) and one.id in row]
    return ", ".join(
        f"{one.label(language)}: {_show_one(charter, kind, one, one.type, row[one.id], language)}"
        for one in known
    )


def show_place(charter: Charter, place: Place, language: str) -> str:
    """Name in the language where there is one, grid with zone, precision in metres."""
    named = charter.gazetteer.get(place.gazetteer_id or "")
    name = place.free_name or (named.names.get(language) if named else None)
    grid = f"{_isolated(print_grid(place.mgrs))} (±{place.precision_m} m)"
    return f"{_isolated(name)}, {grid}" if name else grid


def _show_one(
    charter: Charter, kind: Kind, field: Field | Column, type_: str, value: Any, language: str
) -> str:
    match type_:
        case "code":
            known = kind.codes(field).get(value)
            return known.label(language) if known else str(value)
        case "time":
            return print_instant(value) if isinstance(value, int) else str(value)
        case "place":
            try:
                return show_place(charter, parse_place(value), language)
            except Malformed:
                return str(value)
        case _:
            return str(value)


def _line(charter: Charter, kind: Kind, name: str, value: Any, language: str) -> str:
    field = kind.field(name)
    label = field.label(language) if field else name
    return f"{label}: {_isolated(show_value(charter, kind, name, value, language))}"


def _current(case: Case | None) -> Mapping[str, Any]:
    fields = case.fields.items() if case else ()
    return {name: now.value for name, now in fields if now.value != NOT_HELD}


def _isolated(text: str) -> str:
    return f"{FIRST_STRONG_ISOLATE}{text}{POP_ISOLATE}"
