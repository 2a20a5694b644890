"""Finds what a charter leaves open or lopsided: `detente charter check`.

1. Everything said is said in every language of the charter: label, definition, and for codes and states what
   they are not to be read as.
2. No two codes of a list share a label; no label equals that of another language.
3. No word by which the channel could be used to direct force stands in any code, name or string (V25).
4. Posts and clocks that kinds name are in the charter; the two sides have the same.
5. A floor kind's string that is a draft is an error outside an exercise, and a warning inside one.
6. Every kind's table gives one result for acts that cross (`lint`).

An error means that the parties must not sign this text; a warning, that a person should look at it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from detente.charter.lint import prove_crossings
from detente.charter.model import Charter, CodeList, Kind, Text, Worded
from detente.charter.refused import refused_words

FLOOR: Final = ("D01", "D02", "D28")
"""Kinds of the safety floor in this version; a charter may add, never take away."""


@dataclass(frozen=True)
class Finding:
    """One thing to mend or to look at. `code` is stable; `values` say where."""

    severity: Literal["error", "warning"]
    code: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """A worded thing with the path a person finds it by, and what it must have beside a label."""

    path: str
    thing: Worded
    needs: tuple[str, ...]
    floor: bool


def check_charter(charter: Charter) -> list[Finding]:
    """All findings, in the order of the files; empty means nothing to mend."""
    places = list(_places(charter))
    found = [*_names(charter), *_gaps(charter, places), *_words(charter, places), *_drafts(charter, places)]
    for kind in charter.kinds.values():
        found += _kind(charter, kind)
        found += [
            Finding("error", "crossing-open", {"kind": kind.id, **values}) for values in prove_crossings(kind)
        ]
    found += [
        Finding("error", "floor-kind-missing", {"kind": one}) for one in FLOOR if one not in charter.kinds
    ]
    return found + list(_sides(charter))


def _places(charter: Charter) -> Iterator[Place]:
    for note in charter.notes.values():
        yield Place(f"note {note.id}", note, (), True)
    for term in charter.terms.values():
        yield Place(f"term {term.id}", term, ("definition",), True)
    for post in charter.posts.values():
        yield Place(f"post {post.id}", post, ("definition",), True)
    for clock in charter.clocks.values():
        yield Place(f"clock {clock.id}", clock, ("definition",), True)
    for line in charter.lines.values():
        yield Place(f"line {line.id}", line, ("definition",), False)
    yield from _list_places("common", charter.lists.values(), floor=True)
    for kind in charter.kinds.values():
        own = [one for key, one in kind.lists.items() if key not in charter.lists]
        yield Place(kind.id, kind, ("definition", "not_to_be_read_as"), kind.touches_floor)
        yield from _list_places(kind.id, own, floor=kind.touches_floor)
        for thing in kind.fields:
            yield Place(f"{kind.id} field {thing.id}", thing, ("definition",), kind.touches_floor)
            for column in thing.columns:
                path = f"{kind.id} field {thing.id} column {column.id}"
                yield Place(path, column, ("definition",), kind.touches_floor)
        for act in kind.acts.values():
            yield Place(f"{kind.id} act {act.id}", act, ("definition",), kind.touches_floor)
        for state in kind.states.values():
            # One state only: nothing can be read into it that the kind's own note does not say.
            needs = ("definition", "not_to_be_read_as") if len(kind.states) > 1 else ("definition",)
            yield Place(f"{kind.id} state {state.id}", state, needs, kind.touches_floor)
        for sentence in kind.prepared:
            yield Place(f"{kind.id} prepared {sentence.id}", sentence, (), kind.touches_floor)


def _list_places(owner: str, lists: Iterable[CodeList], *, floor: bool) -> Iterator[Place]:
    for one in lists:
        yield Place(f"{owner} list {one.id}", one, (), floor)
        for code in one.codes.values():
            path = f"{owner} list {one.id} code {code.id}"
            yield Place(path, code, ("definition", "not_to_be_read_as"), floor)


def _names(charter: Charter) -> Iterator[Finding]:
    named: list[tuple[str, Text]] = [("charter name", charter.names), ("charter preamble", charter.preamble)]
    named += [(f"party {one.id}", one.names) for one in charter.parties.values()]
    named += [(f"place {one.id}", one.names) for one in charter.gazetteer.values()]
    for path, texts in named:
        for lang in charter.languages:
            if lang not in texts:
                yield Finding("error", "name-missing", {"path": path, "language": lang})
        yield from (_refused(path, lang, text) for lang, text in texts.items() if refused_words(text, lang))


def _gaps(charter: Charter, places: list[Place]) -> Iterator[Finding]:
    for place in places:
        parts = {"label": place.thing.labels, "definition": place.thing.definition}
        parts["not_to_be_read_as"] = place.thing.not_to_be_read_as
        for part, lang in itertools.product(("label", *place.needs), charter.languages):
            if lang not in parts[part]:
                where = {"path": place.path, "id": place.thing.id, "language": lang}
                yield Finding("error", f"{part.replace('_', '-')}-missing", where)
        for one, other in itertools.combinations(sorted(place.thing.labels), 2):
            if place.thing.labels[one] == place.thing.labels[other]:
                where = {"path": place.path, "languages": f"{one},{other}"}
                yield Finding("error", "label-of-two-languages", where)


def _words(charter: Charter, places: list[Place]) -> Iterator[Finding]:
    lists = itertools.chain(charter.lists.values(), *(kind.lists.values() for kind in charter.kinds.values()))
    groups: list[tuple[str, tuple[Worded, ...]]] = []
    groups += [(f"list {one.id}", tuple(one.codes.values())) for one in lists]
    groups += [(f"{kind.id} states", tuple(kind.states.values())) for kind in charter.kinds.values()]
    groups += [("posts", tuple(charter.posts.values())), ("clocks", tuple(charter.clocks.values()))]
    for path, things in groups:
        yield from _shared(path, things)
    for place in places:
        if refused_words(place.thing.id, "en"):
            yield _refused(place.path, "id", place.thing.id)
        for texts in (place.thing.labels, place.thing.definition, place.thing.not_to_be_read_as):
            for lang, text in texts.items():
                if refused_words(text, lang):
                    yield _refused(place.path, lang, text)


def _shared(path: str, things: tuple[Worded, ...]) -> Iterator[Finding]:
    for one, other in itertools.combinations(things, 2):
        for lang in sorted(one.labels.keys() & other.labels.keys()):
            if one.labels[lang].casefold() == other.labels[lang].casefold():
                where = {"path": path, "ids": f"{one.id},{other.id}", "language": lang}
                yield Finding("error", "label-shared", where)


def _refused(path: str, lang: str, text: str) -> Finding:
    return Finding("error", "word-refused", {"path": path, "language": lang, "text": text, "clause": "V25"})


def _drafts(charter: Charter, places: list[Place]) -> Iterator[Finding]:
    drafts = [one for one in places if one.floor and one.thing.state == "draft"]
    if charter.exercise:
        if drafts:
            yield Finding("warning", "draft-strings", {"count": str(len(drafts))})
        return
    for one in drafts:
        yield Finding("error", "draft-string", {"path": one.path, "id": one.thing.id})


def _kind(charter: Charter, kind: Kind) -> Iterator[Finding]:
    for act in kind.acts.values():
        for post in act.posts:
            if post not in charter.posts:
                yield Finding("error", "post-unknown", {"kind": kind.id, "act": act.id, "post": post})
        if act.approvals == 0 and set(act.posts) != {"LOG"}:
            yield Finding("error", "approval-missing", {"kind": kind.id, "act": act.id})
        roles = {role for post in act.posts if post in charter.posts for role in charter.posts[post].roles}
        if missing := sorted(set(kind.opened_by) - roles):
            yield Finding("error", "post-of-no-party", {"kind": kind.id, "act": act.id, "role": missing[0]})
    for use in kind.clocks:
        if use.clock not in charter.clocks:
            yield Finding("error", "clock-unknown", {"kind": kind.id, "clock": use.clock})
        elif use.start == "earliest" and "T28" not in charter.clocks:
            yield Finding("error", "clock-unknown", {"kind": kind.id, "clock": "T28"})
    for row in kind.closes:
        if row.notice is not None and row.notice not in charter.clocks:
            yield Finding("error", "clock-unknown", {"kind": kind.id, "clock": row.notice})
    if kind.second_signature and "SIGN" not in kind.acts:
        yield Finding("error", "second-signature-without-act", {"kind": kind.id})
    if kind.touches_floor and charter.uses[kind.id].level == "S3":
        yield Finding("error", "floor-kind-envelope-only", {"kind": kind.id})


def _sides(charter: Charter) -> Iterator[Finding]:
    one, other = charter.sides()
    pairs = {
        "thin": (one.thin is None, other.thin is None),
        "names": (set(one.names), set(other.names)),
        "admins": (
            sorted(admin.kind for admin in one.admins),
            sorted(admin.kind for admin in other.admins),
        ),
        "desk": (bool(one.desk_origin), bool(other.desk_origin)),
    }
    for what, (left, right) in pairs.items():
        if left != right:
            yield Finding("error" if what == "thin" else "warning", "sides-differ", {"what": what})
    for lang in charter.languages:
        if one.names.get(lang) == other.names.get(lang):
            yield Finding("error", "sides-share-name", {"language": lang})
    stated = {line.stated_by for line in charter.lines.values() if line.status != "agreed"}
    if stated & {one.id, other.id} and not {one.id, other.id} <= stated:
        yield Finding("warning", "line-of-one-side", {"stated_by": ",".join(sorted(stated))})
    for line in charter.lines.values():
        if line.stated_by in (one.id, other.id) and line.status == "agreed":
            yield Finding("error", "line-not-agreed", {"line": line.id})
