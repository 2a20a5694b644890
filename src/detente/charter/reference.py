"""Reference pages of kinds, made from their files: nobody writes them by hand, a test compares them.

Each page has every field, code, act, state and clock with its words in all languages, and the drawing of
states made from the table. Pages are the same bytes wherever they are made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from detente.charter.model import Charter, ClockRow, CodeList, Column, Field, Kind, State, Text, Worded
from detente.charter.table import ClockUse, Transition, When

LANGUAGES: Final = ("en", "ar", "he")
_LANGUAGE_NAMES: Final = {"en": "English", "ar": "العربية", "he": "עברית"}
_FLOOR: Final = {True: "yes, it cannot be suspended or queued behind others", False: "no"}
_HEAD: Final = "<!-- Made from the kind files by `detente.charter.reference`; do not edit. -->"


def kind_pages(charter: Charter) -> dict[str, str]:
    """File name → page, for `docs/reference/kinds/`: one a kind, `common.md` and `README.md`."""
    pages = {f"{kind.id}.md": _page(_kind(kind)) for kind in charter.kinds.values()}
    pages["common.md"] = _page(_common(charter))
    pages["README.md"] = _page(_index(charter))
    return pages


def state_drawing(kind: Kind) -> str:
    """The kind's states as a mermaid diagram; rows that stay are left out."""
    lines = ["stateDiagram-v2", f"    [*] --> {kind.initial}"]
    for (at, to), acts in _arrows(kind.transitions).items():
        lines.append(f"    {at} --> {to}: {', '.join(acts)}")
    lines += [f"    {one.id} --> [*]" for one in kind.states.values() if one.final]
    return "\n".join(lines)


def _arrows(rows: tuple[Transition, ...]) -> Mapping[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        said = row.act + "".join(f" {'/'.join(codes)}" for codes in row.when.values()) + f" by {row.by}"
        acts = found.setdefault((row.at, row.to), []) if row.at != row.to else []
        if said not in acts:
            acts.append(said)
    return found


def _kind(kind: Kind) -> Iterator[str]:
    yield f"# {kind.id} {kind.label('en')}"
    yield _HEAD
    yield _words_table([kind])
    yield "\n".join(
        [
            f"- version {kind.version}; basket {kind.basket}; precedence {kind.precedence}; mode {kind.mode}",
            f"- safety floor: {_floor(kind)}",
            f"- opened by: {', '.join(kind.opened_by)}; addressees: {kind.addressees}",
            f"- second signature needed by: {', '.join(kind.second_signature) or 'no act'}",
            f"- form checks: {', '.join(kind.checks) or 'none'}",
            f"- handling beside a level: {', '.join(kind.handling) or 'none'}",
            f"- attachments, at most: {kind.attachments}",
            f"- printed: {', '.join(kind.printed) or 'nothing'}",
        ]
    )
    yield "## Fields"
    yield _fields(kind)
    yield _words_table(kind.fields)
    yield "## Acts"
    yield _acts(kind)
    yield _words_table(kind.acts.values())
    yield from _states(kind)
    if kind.clocks:
        yield "## Clocks"
        yield _clocks(kind.clocks)
    for one in kind.lists.values():
        yield from _list(one)
    if kind.prepared:
        yield "## Prepared sentences"
        yield "An entry says every sentence that holds for its codes, in this order."
        yield _prepared(kind)


def _states(kind: Kind) -> Iterator[str]:
    yield "## States"
    yield f"```mermaid\n{state_drawing(kind)}\n```"
    yield _words_table(kind.states.values())
    if kind.transitions:
        yield "Acts that stay where they are:"
        yield _staying(kind.states, kind.transitions)
    if kind.crossed:
        yield "Acts that cross another party's act:"
        rows = [[one.at, f"{one.act} by {one.by}{_when(one.when)}", one.to] for one in kind.crossed]
        yield _table(["case is meanwhile", "act", "then"], rows)
    if kind.closes:
        yield "What closes new matters that the case's author opens or is asked in:"
        rows = [
            [", ".join(one.at), *(name or "" for name in (one.baskets, one.kinds, one.since, one.notice))]
            for one in kind.closes
        ]
        yield _table(["in", "baskets", "kinds", "since", "not before"], rows)
    if kind.consents:
        yield "What moves the case only with the consent of all:"
        rows = [
            [f"{one.put}{_when(one.when)}", f"{one.given}{_when(one.given_when)}", ", ".join(one.of),
             ", ".join(one.at), one.to]
            for one in kind.consents
        ]  # fmt: skip
        yield _table(["put by", "consented to by", "of every", "in", "then"], rows)


def _staying(states: Mapping[str, State], rows: Iterable[Transition]) -> str:
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.at == row.to:
            found.setdefault(f"{row.act} by {row.by}{_when(row.when)}", []).append(row.at)
    every = list(states)
    return _table(
        ["act", "in"], [[act, "every state" if at == every else ", ".join(at)] for act, at in found.items()]
    )


def _fields(kind: Kind) -> str:
    rows = []
    for one in kind.fields:
        form = one.type + (f" of {one.of}" if one.of else "") + (f" `{one.codes}`" if one.codes else "")
        limits = "–".join("" if n is None else str(n) for n in (one.minimum, one.maximum)).strip("–")
        notes = [f"only if{_when(one.when)}"] if one.when else []
        notes += [f"default {one.default}"] if one.default else []
        notes += ["filled by the node"] if one.auto else []
        acts = [*one.required, *(f"{act} (optional)" for act in one.optional)]
        rows.append(
            [f"`{one.id}`", one.part, form, one.unit or "", limits, ", ".join(acts), "; ".join(notes)]
        )
        rows += [_column(one, column) for column in one.columns]
    return _table(["field", "part", "type", "unit", "limits", "acts", "notes"], rows)


def _column(field: Field, one: Column) -> list[str]:
    form = one.type + (f" `{one.codes}`" if one.codes else "")
    limits = "–".join("" if n is None else str(n) for n in (one.minimum, one.maximum)).strip("–")
    notes = [f"only if{_when(one.when)}"] if one.when else []
    needed = "in each row" if one.required else "optional"
    return [f"`{field.id}.{one.id}`", "", form, one.unit or "", limits, needed, "; ".join(notes)]


def _floor(kind: Kind) -> str:
    if kind.floor == kind.touches_floor:
        return _FLOOR[kind.floor]
    return f"its acts {', '.join(one.id for one in kind.acts.values() if one.floor)}"


def _acts(kind: Kind) -> str:
    rows = []
    for one in kind.acts.values():
        signed = "the log alone" if one.approvals == 0 else str(one.approvals)
        if one.unapproved_when:
            signed += f"; the log alone if{_when(one.unapproved_when)}"
        if one.other_post:
            signed += "; another post than the opening entry's"
        if one.floor and not kind.floor:
            signed += "; safety floor"
        rows.append([one.id, ", ".join(one.by), ", ".join(one.posts), signed])
    return _table(["act", "by", "posts", "approvals"], rows)


def _clocks(clocks: Iterable[ClockUse]) -> str:
    rows = [
        [
            one.clock,
            ", ".join(one.on) + _when(one.when),
            _start(one),
            one.of,
            ", ".join(f"{end.act} by {end.by}" for end in one.ends),
            ", ".join(one.lifted),
        ]
        for one in clocks
    ]
    return _table(["clock", "started by", "start", "duty of", "met by", "lifted in"], rows)


def _start(one: ClockUse) -> str:
    start = f"{'before ' if one.before else ''}`{one.field}`" if one.field else one.start
    return f"{start}; bound by `{one.by}`" if one.by else start


def _list(one: CodeList) -> Iterator[str]:
    yield f"## Codes: `{one.id}`"
    yield _words_table(one.codes.values())


def _prepared(kind: Kind) -> str:
    rows = [
        [
            f"`{one.id}`",
            ", ".join(one.act) + _when(one.when),
            *(_cell(one.labels, lang) for lang in LANGUAGES),
        ]
        for one in kind.prepared
    ]
    return _table(["id", "said for", *(_LANGUAGE_NAMES[lang] for lang in LANGUAGES)], rows)


def _common(charter: Charter) -> Iterator[str]:
    yield "# Shared lists, notes and terms"
    yield _HEAD
    for one in charter.lists.values():
        yield from _list(one)
    yield "## Standard notes"
    yield _words_table(charter.notes.values())
    yield "## Terms"
    yield _words_table(charter.terms.values())


def _index(charter: Charter) -> Iterator[str]:
    yield "# Kinds of entries"
    yield _HEAD
    yield "Strings are drafts until their file says who has reviewed them. See [the shared lists](common.md)."
    rows = [
        [
            f"[{one.id}]({one.id}.md)",
            *(_cell(one.labels, lang) for lang in LANGUAGES),
            "yes" if one.floor else _floor(one) if one.touches_floor else "",
        ]
        for one in charter.kinds.values()
    ]
    yield _table(["kind", *(_LANGUAGE_NAMES[lang] for lang in LANGUAGES), "safety floor"], rows)
    yield "## Clocks of the exercise charter"
    yield _clock_rows(charter.clocks.values())


def _clock_rows(clocks: Iterable[ClockRow]) -> str:
    rows = []
    for one in clocks:
        bounds = [
            f"{name} {seconds} s" for name, seconds in (*one.by_precedence.items(), *one.by_code.items())
        ]
        bounds += [f"{step.code} {step.at_s} s" for step in one.steps]
        rows.append([one.id, one.label("en"), f"{one.bound_s} s", "; ".join(bounds)])
    return _table(["clock", "what", "bound", "by precedence, code or step"], rows)


def _words_table(things: Iterable[Worded]) -> str:
    """Label, definition and note of each thing: a row a language, so that they are read side by side."""
    rows = []
    for one in things:
        for lang in LANGUAGES:
            name = f"`{one.id}`" if lang == LANGUAGES[0] else ""
            texts = (one.labels, one.definition, one.not_to_be_read_as)
            rows.append([name, lang, *(_cell(text, lang) for text in texts)])
    return _table(["", "", "label", "definition", "not to be read as"], rows)


def _cell(text: Text, lang: str) -> str:
    return text.get(lang, "").replace("|", "\\|")


def _when(when: When) -> str:
    return "".join(f" {name} = {' or '.join(codes)}" for name, codes in when.items())


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _page(blocks: Iterable[str]) -> str:
    return "\n\n".join(blocks) + "\n"
