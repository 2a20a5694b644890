"""Reads a charter (`charter.toml` and its kind files) into a `Charter`.

1. Exactly two sides, one or more guarantors, one cell; the charter's languages are those in which all must
   be said. What is missing in a language is found by `check_charter`, not here: a charter in work loads.
2. Keys stand in `[[keys]]`, one table a party, appended by `new_charter` from the parties' cards. Each party
   has keys for its log, for each other party that it watches, for receiving, and two administrators.
3. What is named must exist: parties, posts, kinds, clocks, lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from detente.charter import model
from detente.charter.digest import charter_digest
from detente.charter.keysets import PartyKeys, read_keys
from detente.charter.kindfile import COMMON, Common, parse_common, parse_kind
from detente.charter.model import (
    Bounds,
    Charter,
    ClockRow,
    Kind,
    KindUse,
    LineSet,
    Named,
    Party,
    Post,
    Quota,
    Step,
    Text,
)
from detente.charter.strict import CLOCK, CODE, LANGUAGE, PARTY, Table, contradiction, parse_toml
from detente.record.errors import Malformed
from detente.record.names import is_cell, is_exercise

_FILE: Final = "charter.toml"
_ZONE: Final = re.compile(r"Etc/(?:UTC|GMT[+-][0-9]{1,2})|[A-Z][A-Za-z]+/[A-Za-z_]+")
_DEGREES: Final = re.compile(r"(-?)(0|[1-9][0-9]{0,2})\.([0-9]{6})")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HEX: Final = re.compile(r"[0-9a-f]{64}")
_PATH: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_PLACE: Final = re.compile(r"P[0-9]{2,4}")
_LINE: Final = re.compile(r"L[0-9]{1,3}")
_DECISIONS: Final = ("any", "all", "chair")
_HANDLING: Final = ("OPEN", "CHANNEL", "RESTRICTED", "CLOSED")
_CLAUSE: Final = "formats/charter 1"


@dataclass(frozen=True)
class PartyRow:
    """A party as the template names it, before its card has come."""

    id: str
    role: Literal["side", "guarantor"]
    names: Text
    language: str
    time_zone: str


def load_charter(toml: bytes, kinds: Mapping[str, bytes]) -> Charter:
    """The charter of these bytes; `kinds` is keyed by file name (`D02.toml`, `common.toml`).

    Raises Malformed or RuleViolation, both naming the path, and nothing else.
    """
    common, by_id = _read_kinds(kinds)
    trial = [name for name in by_id if name.startswith("T")]
    top = parse_toml(toml, _FILE)
    cell = read_cell(top)
    if trial and not is_exercise(cell):
        raise contradiction(_CLAUSE, "kinds", f"{trial[0]} is a kind for tests; this cell is no exercise")
    languages = read_languages(top)
    rows = read_parties(top, languages)
    keys = read_keys(top, cell, tuple(rows))
    found = Charter(
        cell=cell,
        digest=charter_digest(toml, kinds),
        exercise=is_exercise(cell),
        names=top.by_language("name"),
        languages=languages,
        preamble=top.by_language("preamble"),
        decision_rule=_decision(top),
        parties={party: _party(rows[party], keys[party]) for party in rows},
        kinds=by_id,
        uses=_uses(top, by_id),
        lists=common.lists,
        clocks={row.id: row for row in _clocks(top, common)},
        posts={row.id: row for row in _posts(top, by_id)},
        notes=common.notes,
        terms=common.terms,
        gazetteer={row.id: row for row in _gazetteer(top)},
        lines={row.id: row for row in _lines(top, rows)},
        bounds=_bounds(top.table("bounds")),
        quotas=_quotas(top.table("quotas")),
        precision_m=top.integer("precision_m", low=1, high=10000),
        handling=top.choice("handling", _HANDLING),
    )
    top.done()
    return found


def read_template(toml: bytes) -> tuple[str, Mapping[str, PartyRow]]:
    """Cell and parties of a charter text that has no keys yet. Raises Malformed or RuleViolation."""
    top = parse_toml(toml, _FILE)
    if top.has("keys"):
        raise contradiction(_CLAUSE, top.at("keys"), "a template has no keys; cards bring them")
    return read_cell(top), read_parties(top, read_languages(top))


def read_cell(top: Table) -> str:
    """The cell's name."""
    cell = top.text("cell")
    if not is_cell(cell):
        raise Malformed(top.at("cell"), cell[:80])
    return cell


def read_languages(top: Table) -> tuple[str, ...]:
    """The languages in which everything must be said."""
    return top.texts("languages", LANGUAGE, required=True)


def read_parties(top: Table, languages: tuple[str, ...]) -> dict[str, PartyRow]:
    """The parties by id: two sides and at least one guarantor."""
    found: dict[str, PartyRow] = {}
    for row in top.tables("party", required=True):
        one = PartyRow(
            id=row.text("id", PARTY),
            role="side" if row.choice("role", model.PARTY_ROLES) == "side" else "guarantor",
            names=row.by_language("name"),
            language=row.choice("language", languages),
            time_zone=row.text("time_zone", _ZONE),
        )
        row.done()
        if one.id in found:
            raise contradiction(_CLAUSE, row.path, f"{one.id} stands twice")
        found[one.id] = one
    sides = sum(one.role == "side" for one in found.values())
    if sides != 2 or len(found) < 3 or len(found) > 8:
        raise contradiction(_CLAUSE, top.at("party"), "a cell has two sides and one to six guarantors")
    return found


def _read_kinds(kinds: Mapping[str, bytes]) -> tuple[Common, dict[str, Kind]]:
    if COMMON not in kinds:
        raise Malformed(f"kinds/{COMMON}", "is missing")
    common = parse_common(kinds[COMMON])
    found = [parse_kind(name, kinds[name], common) for name in sorted(kinds) if name != COMMON]
    return common, {kind.id: kind for kind in found}


def _party(row: PartyRow, keys: PartyKeys) -> Party:
    return Party(**vars(row), **vars(keys))


def _decision(top: Table) -> Literal["any", "all", "chair"]:
    found = top.choice("decision_rule", _DECISIONS)
    return "any" if found == "any" else "all" if found == "all" else "chair"


def _uses(top: Table, kinds: Mapping[str, Kind]) -> dict[str, KindUse]:
    """The kinds in use: a row for each kind file and no other; the file's own mode is among the allowed."""
    found: dict[str, KindUse] = {}
    for row in top.tables("kind", required=True):
        one = KindUse(
            row.text("id"),
            row.choices("modes", model.MODES, required=True),
            row.choice("level", model.LEVELS),
        )
        row.done()
        kind = kinds.get(one.kind)
        if kind is None or one.kind in found:
            raise contradiction(
                _CLAUSE, row.path, f"{one.kind} has no file" if kind is None else "stands twice"
            )
        if kind.mode not in one.modes:
            raise contradiction(_CLAUSE, row.path, f"{one.kind} is {kind.mode} by its own file")
        found[one.kind] = one
    if missing := kinds.keys() - found.keys():
        raise contradiction(_CLAUSE, top.at("kind"), f"{min(missing)} has a file and no row")
    return found


def _clocks(top: Table, common: Common) -> Iterator[ClockRow]:
    seen: set[str] = set()
    for row in top.tables("clock", required=True):
        by_precedence, by_code = row.maybe_table("by_precedence"), row.maybe_table("by_code")
        found = ClockRow(
            id=row.text("id", CLOCK),
            **row.worded(),
            bound_s=row.integer("bound_s", low=1),
            by_precedence={
                name: by_precedence.integer(name, low=1)
                for name in model.PRECEDENCES
                if by_precedence.has(name)
            },
            by_code={name: by_code.integer(name, low=1) for name in by_code.rest()},
            steps=tuple(_step(one, common) for one in row.tables("steps")),
        )
        by_precedence.done()
        row.done()
        times = [step.at_s for step in found.steps]
        if found.id in seen or (times and (times[0] != found.bound_s or times != sorted(set(times)))):
            raise contradiction(
                "formats/charter 4", row.path, "a clock stands once; its steps rise from its bound"
            )
        seen.add(found.id)
        yield found


def _step(row: Table, common: Common) -> Step:
    found = Step(row.text("code", CODE), row.integer("at_s", low=1))
    row.done()
    if "ladder" not in common.lists or found.code not in common.lists["ladder"].codes:
        raise contradiction("formats/charter 4", row.path, f"the list ladder has no {found.code}")
    return found


def _posts(top: Table, kinds: Mapping[str, Kind]) -> Iterator[Post]:
    seen: set[str] = set()
    for row in top.tables("post", required=True):
        post = row.text("id", CODE)
        may = [(k.id, act.id) for k in kinds.values() for act in k.acts.values() if post in act.posts]
        found = Post(id=post, **row.worded(), roles=_roles(row), may=tuple(sorted(may)))
        row.done()
        if post in seen:
            raise contradiction(_CLAUSE, row.path, f"{post} stands twice")
        seen.add(post)
        yield found


def _roles(row: Table) -> tuple[str, ...]:
    return row.choices("roles", model.PARTY_ROLES, required=True)


def _gazetteer(top: Table) -> Iterator[Named]:
    seen: set[str] = set()
    for row in top.tables("place"):
        found = Named(
            id=row.text("id", _PLACE),
            names=row.by_language("name"),
            lat_e6=_degrees(row, "lat", 90),
            lon_e6=_degrees(row, "lon", 180),
        )
        row.done()
        if found.id in seen:
            raise contradiction(_CLAUSE, row.path, f"{found.id} stands twice")
        seen.add(found.id)
        yield found


def _degrees(row: Table, key: str, most: int) -> int:
    """Millionths of a degree from a text like `-45.123456`; a float would not be the same everywhere."""
    found = _DEGREES.fullmatch(row.text(key, _DEGREES))
    value = int(found[2]) * 1_000_000 + int(found[3]) if found else most * 1_000_001
    if found is None or value > most * 1_000_000 or (found[1] and not value):
        raise Malformed(row.at(key), "out of range")
    return -value if found[1] else value


def _lines(top: Table, parties: Mapping[str, Any]) -> Iterator[LineSet]:
    seen: set[str] = set()
    for row in top.tables("line"):
        status = row.choice("status", ("one-sided", "agreed", "historic"))
        found = LineSet(
            id=row.text("id", _LINE),
            **row.worded(),
            as_of=row.text("as_of", _DATE),
            stated_by=row.choice("stated_by", (*parties, "all")),
            status="agreed" if status == "agreed" else "historic" if status == "historic" else "one-sided",
            uncertainty_m=row.integer("uncertainty_m"),
            file=row.text("file", _PATH),
            sha256=row.text("sha256", _HEX),
        )
        row.done()
        if found.id in seen or (found.status == "agreed") != (found.stated_by == "all"):
            raise contradiction(
                "formats/charter 1", row.path, "agreed is what all have stated; a line stands once"
            )
        seen.add(found.id)
        yield found


def _bounds(row: Table) -> Bounds:
    found = Bounds(
        anchor_s=row.integer("anchor_s", low=1, high=900),  # SPEC: protocol B4: 15 min at most
        late_anchor_s=row.integer("late_anchor_s", low=60),
        met_s=row.integer("met_s", low=1),
        relay_s=row.integer("relay_s", low=1),
        skew_s=row.integer("skew_s", low=1),
    )
    row.done()
    return found


def _quotas(row: Table) -> dict[str, Quota]:
    found: dict[str, Quota] = {}
    for role in model.PARTY_ROLES:
        inner = row.table(role)
        found[role] = Quota(inner.integer("entries", low=1), inner.integer("bytes", low=1 << 20))
        inner.done()
    row.done()
    return found
