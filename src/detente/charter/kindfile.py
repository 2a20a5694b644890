"""Reads one kind file (`kinds/D02.toml`) into a `Kind`, and the file of shared lists into lists and notes.

1. The file's name is its kind's id.
2. A field says in which acts it is required or optional; an act's lists are gathered from that.
3. `from`, `by` and codes may be lists; each row is unfolded, so that one table row has one meaning.
4. Two rows that both fit one situation are refused: no order of rows decides.
5. Whatever a row names must exist: states, acts, fields, codes, lists.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from detente.charter import model
from detente.charter.fieldfile import read_field
from detente.charter.model import ActRule, Code, CodeList, Field, Kind, Prepared, State, Worded
from detente.charter.strict import CLOCK, CODE, NAME, Table, contradiction, parse_toml
from detente.charter.table import ClockEnd, ClockUse, Closing, Consent, Crossed, Transition, When

COMMON: Final = "common.toml"
"""The file of lists, notes and terms that kinds share."""

CHECKS: Final = ("V02", "V03", "V04", "V05", "V06", "V07", "V09", "V10", "V11", "V22", "ECHO")
"""Form checks that a kind may ask for; ECHO: the answer repeats `test_text` byte for byte."""

_KIND_ID: Final = re.compile(r"[DRT][0-9]{2}")
_NOTE_ID: Final = re.compile(r"N[1-9][0-9]?")
_HOLE: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
#: A core names 32 parts at most, the content among them.
_ATTACHMENTS: Final = 31
_STAYS: Final = "stays"
_CLAUSE: Final = "formats/charter 3"


@dataclass(frozen=True)
class Common:
    """What `common.toml` holds."""

    lists: Mapping[str, CodeList]
    notes: Mapping[str, Worded]
    terms: Mapping[str, Worded]


def parse_common(data: bytes) -> Common:
    """Shared lists, standard notes and terms. Raises Malformed or RuleViolation."""
    top = parse_toml(data, f"kinds/{COMMON}")
    lists = _lists(top)
    notes: dict[str, Worded] = {}
    for row in top.tables("note", required=True):
        one = Worded(id=row.text("id", _NOTE_ID), **row.worded())
        row.done()
        _new(one.id, notes, row)
        notes[one.id] = one
    terms: dict[str, Worded] = {}
    for row in top.tables("term", required=True):
        one = Worded(id=row.text("id", NAME), **row.worded())
        row.done()
        _new(one.id, terms, row)
        terms[one.id] = one
    top.done()
    return Common(lists, notes, terms)


def parse_kind(name: str, data: bytes, common: Common) -> Kind:
    """The kind of the file `name`. Raises Malformed or RuleViolation, naming the path."""
    top = parse_toml(data, f"kinds/{name}")
    kind_id = top.text("id", _KIND_ID)
    if name != f"{kind_id}.toml":
        raise contradiction(_CLAUSE, top.at("id"), f"{kind_id} stands in a file called {name}")
    own = _lists(top)
    if both := own.keys() & common.lists.keys():
        raise contradiction(_CLAUSE, top.at("list"), f"{min(both)} is a shared list")
    fields = tuple(read_field(row) for row in top.tables("field"))
    used = {one for field in fields for one in field.named_lists()}
    states = _by_id(_state(row) for row in top.tables("state", required=True))
    floor = top.boolean("floor", False)
    acts = _by_id(_act(row, fields, floor) for row in top.tables("act", required=True))
    rows = Rows(fields, {**common.lists, **own}, acts, states)
    kind = Kind(
        id=kind_id,
        **top.worded(),
        version=top.integer("version", low=1, high=9999),
        floor=floor,
        basket=top.choice("basket", model.BASKETS),
        precedence=top.choice("precedence", model.PRECEDENCES),
        mode=top.choice("mode", model.MODES),
        opened_by=top.choices("opened_by", model.PARTY_ROLES, required=True),
        addressees=_addressees(top),
        initial=rows.known_state(top.text("initial"), top.at("initial")),
        second_signature=rows.known_acts(top.texts("second_signature"), top.at("second_signature")),
        fields=fields,
        lists={key: value for key, value in rows.lists.items() if key in own or key in used},
        acts=acts,
        states=states,
        transitions=tuple(Transition(*row) for row in rows.read(top, "transition")),
        crossed=tuple(Crossed(*row) for row in rows.read(top, "crossed")),
        consents=tuple(rows.consent(row) for row in top.tables("consent")),
        closes=tuple(rows.closing(row) for row in top.tables("closes")),
        clocks=tuple(rows.clock(row) for row in top.tables("clock")),
        prepared=tuple(rows.prepared(row) for row in top.tables("prepared")),
        checks=top.choices("checks", CHECKS),
        printed=rows.known_fields(top.texts("printed"), top.at("printed")),
        handling=top.choices("handling", model.HANDLING),
        attachments=top.maybe_integer("attachments", low=0, high=_ATTACHMENTS) or 0,
    )
    top.done()
    if kind.touches_floor and (kind.handling or "RECALL" in acts):
        # A floor entry must stay readable to whoever has to act on it (protocol A11).
        raise contradiction(_CLAUSE, top.path, "content of a floor kind neither ends nor is only shown")
    if kind.attachments and kind.touches_floor and not kind.floor:
        # No quota counts a floor entry: files that belong to slower acts must not travel as one (D5).
        raise contradiction(_CLAUSE, top.path, "a kind with single floor acts has no attachments")
    if ("RECALL" in acts) != ("CONFIRM" in acts):
        raise contradiction(_CLAUSE, top.path, "RECALL and CONFIRM stand in a kind together")
    if kind.closes and any(one.floor or one.approvals == 0 or one.unapproved_when for one in acts.values()):
        raise contradiction(_CLAUSE, top.path, "what closes kinds is approved by officers, and off the floor")
    rows.check_fields(top.path)
    _by_id(kind.fields)
    _by_id(kind.prepared)
    _by_id(kind.consents)
    return kind


@dataclass(frozen=True)
class Rows:
    """Reads rows that name fields, codes, acts and states of one kind, and refuses names that are nowhere."""

    fields: tuple[Field, ...]
    lists: Mapping[str, CodeList]
    acts: Mapping[str, ActRule]
    states: Mapping[str, State]

    def read(self, top: Table, key: str) -> Iterator[tuple[str, str, str, When, str]]:
        """Unfolded rows of `transition` or `crossed`: (at, act, by, when, to)."""
        seen: list[tuple[str, str, str, When]] = []
        for row in top.tables(key):
            at = row.texts("from", required=True)
            act = self.known_acts((row.text("act"),), row.at("act"))[0]
            by = row.choices("by", model.CASE_ROLES, required=True)
            when = self.known_when(row.when(), row.at("when"))
            to = row.text("to")
            row.done()
            if wrong := [one for one in by if one not in self.acts[act].by]:
                raise contradiction(_CLAUSE, row.at("by"), f"{act} is not for {wrong[0]}")
            for one, role in itertools.product(self._from(at, row), by):
                _unambiguous((one, act, role, when), seen, row)
                yield one, act, role, when, one if to == _STAYS else self.known_state(to, row.at("to"))

    def clock(self, row: Table) -> ClockUse:
        """One `[[clock]]` row."""
        start = row.choice("start", model.STARTS)
        scope = row.choice("scope", ("case", "party")) if row.has("scope") else "case"
        found = ClockUse(
            clock=row.text("clock", CLOCK),
            start=_literal_start(start),
            on=self.known_acts(row.texts("on", required=True), row.at("on")),
            of=row.choice("of", model.CASE_ROLES),
            when=self.known_when(row.when(), row.at("when")),
            ends=tuple(self._end(one) for one in row.tables("ends")),
            lifted=tuple(self.known_state(one, row.at("lifted")) for one in row.texts("lifted")),
            scope="party" if scope == "party" else "case",
            field=row.maybe_text("field", NAME),
            before=row.boolean("before", False),
            by=row.maybe_text("by", NAME),
        )
        row.done()
        for name, kind in ((found.field, "time"), (found.by, "code")):
            if name is not None and not any(
                (one.id, one.type, one.part) == (name, kind, "core") for one in self.fields
            ):
                raise contradiction(_CLAUSE, row.path, f"{name} is no {kind} field of the core")
        if (start == "field") != (found.field is not None) or (found.before and start != "field"):
            raise contradiction(
                _CLAUSE, row.path, "`field` and `before` belong to clocks that start at a field"
            )
        return found

    def consent(self, row: Table) -> Consent:
        """One `[[consent]]` row."""
        found = Consent(
            id=row.text("id", NAME),
            put=self.known_acts((row.text("put"),), row.at("put"))[0],
            when=self.known_when(row.when(), row.at("when")),
            given=self.known_acts((row.text("given"),), row.at("given"))[0],
            given_when=self.known_when(row.when("given_when"), row.at("given_when")),
            of=row.choices("of", model.PARTY_ROLES, required=True),
            at=tuple(self.known_state(one, row.at("from")) for one in row.texts("from", required=True)),
            to=self.known_state(row.text("to"), row.at("to")),
        )
        row.done()
        if found.given in ("NEW", found.put):
            raise contradiction(_CLAUSE, row.at("given"), "one act cannot both put and give")
        for act, when in ((found.put, found.when), (found.given, found.given_when)):
            # What is agreed rests on the act's own words, never on what somebody else may change meanwhile.
            if silent := when.keys() - set(self.acts[act].required):
                raise contradiction(_CLAUSE, row.path, f"{act} need not say {min(silent)}")
        return found

    def closing(self, row: Table) -> Closing:
        """One `[[closes]]` row."""
        found = Closing(
            at=tuple(self.known_state(one, row.at("from")) for one in row.texts("from", required=True)),
            baskets=row.maybe_text("baskets", NAME),
            kinds=row.maybe_text("kinds", NAME),
            since=row.maybe_text("since", NAME),
            notice=row.maybe_text("notice", CLOCK),
        )
        row.done()
        wanted = {found.baskets: ("list", "code"), found.kinds: ("list", "text"), found.since: ("time", None)}
        known = {one.id: (one.type, one.of) for one in self.fields if one.part == "core"}
        if wrong := [name for name, form in wanted.items() if name and known.get(name) != form]:
            raise contradiction(_CLAUSE, row.path, f"{wrong[0]} is no such field of the core")
        if found.baskets and not any((one.id, one.codes) == (found.baskets, "basket") for one in self.fields):
            raise contradiction(_CLAUSE, row.at("baskets"), "is no list of baskets")
        if not found.baskets and not found.kinds:
            raise contradiction(_CLAUSE, row.path, "a row that closes says what")
        return found

    def prepared(self, row: Table) -> Prepared:
        """One prepared sentence; each language has the same holes, and each hole is a field."""
        found = Prepared(
            id=row.text("id", NAME),
            **row.worded(),
            act=self.known_acts(row.texts("act", required=True), row.at("act")),
            when=self.known_when(row.when(), row.at("when")),
            holes=self.known_fields(row.texts("holes"), row.at("holes")),
        )
        row.done()
        for lang, sentence in found.labels.items():
            if sorted(_HOLE.findall(sentence)) != sorted(found.holes) or "{" in _HOLE.sub("", sentence):
                raise contradiction(_CLAUSE, row.at(f"label.{lang}"), "holes differ from those of `holes`")
        return found

    def known_state(self, name: str, path: str) -> str:
        """`name` if it is a state of this kind."""
        if name not in self.states:
            raise contradiction(_CLAUSE, path, f"no state {name[:40]}")
        return name

    def known_acts(self, names: tuple[str, ...], path: str) -> tuple[str, ...]:
        """`names` if all are acts of this kind."""
        if unknown := [one for one in names if one not in self.acts]:
            raise contradiction(_CLAUSE, path, f"no act {unknown[0][:40]}")
        return names

    def known_fields(self, names: tuple[str, ...], path: str) -> tuple[str, ...]:
        """`names` if all are fields of this kind."""
        if unknown := [one for one in names if one not in {field.id for field in self.fields}]:
            raise contradiction(_CLAUSE, path, f"no field {unknown[0][:40]}")
        return names

    def known_when(self, when: When, path: str) -> When:
        """`when` if its fields are code fields of the core and its codes theirs."""
        for name, codes in when.items():
            field = next((one for one in self.fields if one.id == name), None)
            # SPEC: protocol A4: content may be destroyed, so nothing that moves state may rest on it.
            if field is None or field.type != "code" or field.part != "core" or field.codes is None:
                raise contradiction(_CLAUSE, path, f"{name} is no code field of the core")
            known = self.lists[field.codes].codes if field.codes in self.lists else {}
            if unknown := [code for code in codes if code not in known]:
                raise contradiction(_CLAUSE, path, f"{name} has no code {unknown[0][:40]}")
        return when

    def check_fields(self, path: str) -> None:
        """Refuse fields whose lists, conditions, default or acts are nowhere."""
        for field in self.fields:
            where = f"{path}: field {field.id}"
            if unknown := [one for one in field.named_lists() if one not in self.lists]:
                raise contradiction(_CLAUSE, where, f"no list {unknown[0]}")
            self._known_in_row(field, where)
            if field.default is not None and field.codes is not None:
                self.known_when({field.id: (field.default,)}, where)
            self.known_when(field.when, where)
            self.known_acts(field.required + field.optional, where)

    def _known_in_row(self, field: Field, path: str) -> None:
        """Conditions of columns rest on code columns of the same row."""
        codes = {one.id: self.lists[one.codes].codes for one in field.columns if one.codes is not None}
        for column in field.columns:
            for name, wanted in column.when.items():
                if name == column.id or not set(wanted) <= set(codes.get(name, ())):
                    raise contradiction(_CLAUSE, path, f"column {column.id}: {name} decides nothing")

    def _from(self, at: tuple[str, ...], row: Table) -> tuple[str, ...]:
        if at == ("*",):
            return tuple(self.states)
        return tuple(self.known_state(one, row.at("from")) for one in at)

    def _end(self, row: Table) -> ClockEnd:
        act = self.known_acts((row.text("act"),), row.at("act"))[0]
        found = ClockEnd(act, row.choice("by", model.CASE_ROLES))
        row.done()
        return found


def _act(row: Table, fields: tuple[Field, ...], floor: bool) -> ActRule:
    name = row.choice("id", model.ACTS)
    if floor and not row.boolean("floor", True):
        raise contradiction(_CLAUSE, row.at("floor"), "every act of a floor kind is on the floor")
    found = ActRule(
        id=name,
        **row.worded(),
        by=row.choices("by", model.CASE_ROLES, required=True),
        posts=row.texts("posts", CODE, required=True),
        floor=row.boolean("floor", floor),
        approvals=row.integer("approvals", high=4),
        unapproved_when=row.when("unapproved_when"),
        other_post=row.boolean("other_post", False),
        required=tuple(one.id for one in fields if name in one.required),
        optional=tuple(one.id for one in fields if name in one.optional),
    )
    row.done()
    return found


def _state(row: Table) -> State:
    found = State(id=row.text("id", NAME), **row.worded(), final=row.boolean("final", False))
    row.done()
    return found


def _lists(top: Table) -> dict[str, CodeList]:
    found: dict[str, CodeList] = {}
    for row in top.tables("list"):
        list_id = row.text("id", NAME)
        words = row.worded()
        codes: dict[str, Code] = {}
        for inner in row.tables("code", required=True):
            code = Code(id=inner.text("id", CODE), **inner.worded())
            inner.done()
            _new(code.id, codes, inner)
            codes[code.id] = code
        row.done()
        _new(list_id, found, row)
        found[list_id] = CodeList(id=list_id, **words, codes=codes)
    return found


def _addressees(top: Table) -> Literal["none", "one", "all"]:
    match top.choice("addressees", ("none", "one", "all")):
        case "one":
            return "one"
        case "all":
            return "all"
        case _:
            return "none"


def _literal_start(start: str) -> Literal["receipt", "deposit", "earliest", "act", "field"]:
    match start:
        case "receipt" | "deposit" | "earliest" | "field":
            return start
        case _:
            return "act"


def _by_id(things: Iterable[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in things:
        if one.id in found:
            raise contradiction(_CLAUSE, type(one).__name__.lower(), f"{one.id} stands twice")
        found[one.id] = one
    return found


def _new(key: str, found: Mapping[str, object], row: Table) -> None:
    if key in found:
        raise contradiction(_CLAUSE, row.path, f"{key} stands twice")


def _unambiguous(new: tuple[str, str, str, When], seen: list[tuple[str, str, str, When]], row: Table) -> None:
    """Refuse a row that fits a situation which an earlier row fits too (rule 4)."""
    for old in seen:
        shared = old[3].keys() & new[3].keys()
        apart = any(not set(old[3][name]) & set(new[3][name]) for name in shared)
        if old[:3] == new[:3] and not apart:
            raise contradiction(_CLAUSE, row.path, f"two rows for {new[1]} by {new[2]} in {new[0]}")
    seen.append(new)
