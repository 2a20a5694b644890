"""The charter as JSON for screens: parties, posts, kinds with their codes and words, clocks, places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detente.charter.model import Charter, CodeList, Field, Kind, Worded


def charter_json(charter: Charter, me: str) -> dict[str, Any]:
    """Everything a desk draws forms and sentences from; no key."""
    return {
        "cell": charter.cell, "digest": charter.digest.hex(), "exercise": charter.exercise, "me": me,
        "name": dict(charter.names), "languages": list(charter.languages),
        "parties": [
            {
                "id": party.id, "role": party.role, "names": dict(party.names), "language": party.language,
                "time_zone": party.time_zone or None, "rp_id": party.rp_id,
            }
            for party in charter.parties.values()
        ],
        "posts": [
            {**_words(post), "roles": list(post.roles), "may": _may(post.may)}
            for post in charter.posts.values()
        ],
        "kinds": {name: _kind(kind, charter) for name, kind in charter.kinds.items()},
        "lists": {
            name: [_words(code) for code in found.codes.values()] for name, found in _lists(charter).items()
        },
        "clocks": {
            name: {**_words(row), "bound_s": row.bound_s, "by_precedence": dict(row.by_precedence),
                   "by_code": dict(row.by_code),
                   "steps": [{"code": step.code, "at_s": step.at_s} for step in row.steps]}
            for name, row in charter.clocks.items()
        },
        "notes": {name: dict(note.labels) for name, note in charter.notes.items()},
        "terms": {name: dict(term.labels) for name, term in charter.terms.items()},
        "places": [
            {
                "id": place.id, "names": dict(place.names), "lat_e6": place.lat_e6, "lon_e6": place.lon_e6,
            }
            for place in charter.gazetteer.values()
        ],
        "lines": [
            {**_words(line), "as_of": line.as_of, "stated_by": line.stated_by, "status": line.status,
             "uncertainty_m": line.uncertainty_m, "file": line.file}
            for line in charter.lines.values()
        ],
        "precision_m": charter.precision_m, "handling": charter.handling,
    }  # fmt: skip


def _lists(charter: Charter) -> dict[str, CodeList]:
    """The common lists, and those of kinds that no field holds (results)."""
    found = dict(charter.lists)
    for kind in charter.kinds.values():
        held = {field.codes for field in kind.fields}
        found |= {name: one for name, one in kind.lists.items() if name not in held}
    return found


def _words(thing: Worded) -> dict[str, Any]:
    return {
        "id": thing.id, "labels": dict(thing.labels), "definition": dict(thing.definition),
        "not_to_be_read_as": dict(thing.not_to_be_read_as), "string_state": thing.state,
    }  # fmt: skip


def _may(pairs: tuple[tuple[str, str], ...]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for kind, act in pairs:
        found.setdefault(kind, []).append(act)
    return found


def _kind(kind: Kind, charter: Charter) -> dict[str, Any]:
    modes = list(charter.uses[kind.id].modes) if kind.id in charter.uses else [kind.mode]
    return {
        **_words(kind), "version": kind.version, "floor": kind.floor, "basket": kind.basket,
        "precedence": kind.precedence, "mode": kind.mode, "modes": modes,
        "fields": [_field(field, kind) for field in kind.fields],
        "acts": {
            act: {
                **_words(rule), "by": list(rule.by), "posts": list(rule.posts), "approvals": rule.approvals,
                "other_post": rule.other_post, "floor": rule.floor, "required": list(rule.required),
                "fields": [*rule.required, *rule.optional],
            }
            for act, rule in kind.acts.items()
        },
        "states": {name: {**_words(state), "final": state.final} for name, state in kind.states.items()},
        "prepared": [
            {**_words(one), "act": list(one.act), "when": {k: list(v) for k, v in one.when.items()},
             "holes": list(one.holes)}
            for one in kind.prepared
        ],
        "printed": list(kind.printed), "checks": list(kind.checks),
    }  # fmt: skip


def _field(field: Field, kind: Kind) -> dict[str, Any]:
    return {
        **_words(field), "type": field.type, "of": field.of, "unit": field.unit, "where": field.part,
        "required": list(field.required), "optional": list(field.optional),
        "when": {name: list(codes) for name, codes in field.when.items()}, "default": field.default,
        "auto": field.auto, "minimum": field.minimum, "maximum": field.maximum,
        "codes": [_words(code) for code in kind.codes(field).values()],
        "columns": [
            {
                **_words(one), "type": one.type, "unit": one.unit, "required": one.required,
                "when": {name: list(codes) for name, codes in one.when.items()},
                "minimum": one.minimum, "maximum": one.maximum,
                "codes": [_words(code) for code in kind.codes(one).values()],
            }
            for one in field.columns
        ],
    }  # fmt: skip
