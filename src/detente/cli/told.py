"""A case from the local API in the words of its charter: for the terminal, the radio, paper and mail.

1. Codes, kinds, states, acts and clocks are said with the charter's labels in the asked language; what a
   person wrote follows unchanged.
2. Both sides are told alike: every line names the party as the charter names it, and the order is that of
   time, never of party.
3. Nothing is derived here: state, clocks and verdicts are the node's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from detente.cases.book import NOT_HELD, Act, Verdict
from detente.cases.instants import print_instant
from detente.cases.render import Rendered, render_entry, watch_log_line
from detente.charter.model import Charter
from detente.cli.phrases import say
from detente.record.errors import ERRORS, Malformed
from detente.record.names import parse_id

Json = Mapping[str, Any]


def act_of(charter: Charter, kind: str, row: Json) -> Act:
    """A row of a case's timeline as the core's own value; Malformed for an id that is none."""
    verdict = row.get("verdict") or {"state": NOT_HELD}
    return Act(
        id=parse_id(row["id"], charter.cell),
        party=row["party"],
        kind=kind,
        act=row["act"] or "",
        case=None,
        post=row["post"] or "",
        time=row["time"],
        verdict=Verdict(verdict["state"], verdict.get("code"), verdict.get("clause")),
        fields=row.get("fields") or {},
        content=row.get("content"),
        content_state=row.get("content_state") or "none",
        core=b"",
        precedence="",
    )


def messages(charter: Charter, case: Json, language: str) -> Iterator[Rendered]:
    """Every readable entry of a case as a plain-text message, in the order of the timeline."""
    for row in case["timeline"]:
        if case["kind"] in charter.kinds and row["act"] and row["time"] is not None:
            yield render_entry(charter, act_of(charter, case["kind"], row), language)


def log_lines(charter: Charter, case: Json, language: str) -> Iterator[str]:
    """The same as lines of a watch log."""
    for row in case["timeline"]:
        if case["kind"] in charter.kinds and row["act"] and row["time"] is not None:
            yield watch_log_line(charter, act_of(charter, case["kind"], row), language)


def party_name(charter: Charter, party: str, language: str) -> str:
    """The party's own name in the language; its code where it has given none."""
    known = charter.parties.get(party)
    return known.names.get(language, party.upper()) if known else party.upper()


def state_lines(charter: Charter, case: Json, language: str) -> Iterator[str]:
    """State, second signature, what waits for consents."""
    kind = charter.kinds.get(case["kind"] or "")
    states = kind.states if kind else {}
    held = case["state_as_held"]
    label = states[held].label(language) if held in states else held
    if case["state"] == NOT_HELD:
        yield say("state-not-held", language, entries=", ".join(case["not_held"]) or case["id"], state=label)
    else:
        yield say("state", language, state=label)
    confirmation = case.get("confirmation")
    if confirmation == "awaiting" and case.get("confirm_due"):
        yield say("awaiting", language, due=print_instant(case["confirm_due"]))
    elif confirmation in ("confirmed", "unconfirmed"):
        yield say(confirmation, language)
    for put in case.get("puts", ()):
        awaited = ", ".join(party_name(charter, one, language) for one in put["awaited"])
        yield say("put", language, entry=put["entry"], awaited=awaited)


def clock_line(charter: Charter, clock: Json, language: str) -> str:
    """One clock as a whole sentence: who owes what until when, or how it ended."""
    row = charter.clocks.get(clock["rule"])
    holes = {
        "clock": row.label(language) if row else clock["rule"],
        "party": party_name(charter, clock["party"], language),
        "entry": clock["entry"],
        "due": print_instant(clock["due"]) if clock["due"] is not None else "-",
        "met": print_instant(clock["met_at"]) if clock["met_at"] is not None else "-",
    }
    state = "waiting" if clock["state"] == "running" and clock["due"] is None else clock["state"]
    return say(f"clock-{state.replace(' ', '-')}", language, **holes)


def clock_reasons(charter: Charter, clock: Json, language: str) -> Iterator[str]:
    """Why it counts: the event that started it, and the charter's row."""
    if clock["start"] is not None:
        yield say(
            f"start-{clock['start_by']}",
            language,
            start=print_instant(clock["start"]),
            party=party_name(charter, clock["party"], language),
            entry=clock["entry"],
        )
    row = charter.clocks.get(clock["rule"])
    if row is not None:
        # From the node's own instants: the bound may follow the entry's precedence or a code.
        seconds = row.bound_s if None in (clock["start"], clock["due"]) else clock["due"] - clock["start"]
        definition = row.definition.get(language, "")
        yield say("bound", language, seconds=str(seconds), definition=definition).rstrip()


def verdict_lines(row: Json, language: str) -> Iterator[str]:
    """Why an entry counts, stands without effect, or cannot be judged here."""
    verdict = row.get("verdict")
    if row.get("ahead"):
        yield say("ahead", language, entry=row["id"])
    if verdict is None:
        return
    code, clause = verdict.get("code") or "-", verdict.get("clause") or "-"
    if verdict["state"] == "ok":
        yield say("counts", language, entry=row["id"])
    elif verdict["state"] == NOT_HELD:
        yield say("lacking", language, entry=row["id"], code=code)
    else:
        yield say("irregular", language, entry=row["id"], clause=clause, code=code)
        if language == "en" and code in ERRORS:
            yield f"{ERRORS[code][1]} (who must act: {ERRORS[code][0]})"
    for finding in verdict.get("findings", ()):
        yield say("finding", language, code=finding)


def may_line(charter: Charter, case: Json, language: str, *, post: str = "") -> str:
    """The acts that the case's state leaves open to the own party; with `post` those of that post."""
    kind = charter.kinds.get(case["kind"] or "")
    acts = [kind.acts[one] for one in case["may"] if kind and one in kind.acts]
    shown = [act.label(language) for act in acts if not post or post in act.posts]
    return say("may", language, acts=", ".join(shown)) if shown else say("may-none", language)


def board_order(case: Json) -> tuple[int, int, int, str]:
    """FLASH first, then what is late, then what is due next, then the newest; never by party."""
    dues = [one["due"] for one in case["clocks"] if one["state"] == "running" and one["due"] is not None]
    late = any(one["state"] in ("overdue", "no receipt") for one in case["clocks"])
    rank = 0 if case["precedence"] == "FLASH" else 1 if late else 2 if dues else 3
    return rank, min(dues, default=0), -(case["at"] or 0), case["id"]


def board_lines(charter: Charter, case: Json, language: str) -> Iterator[str]:
    """One matter on the board: what, from whom, since when, how it stands, and its clocks."""
    kind = charter.kinds.get(case["kind"] or "")
    precedence = charter.lists["precedence"].codes.get(case["precedence"])
    at = print_instant(case["at"]) if case["at"] is not None else "-"
    yield " | ".join(
        (
            f"\u2068{case['id']}\u2069",
            kind.label(language) if kind else str(case["kind"]),
            precedence.label(language) if precedence else case["precedence"],
            f"\u2068{party_name(charter, case['opened_by'], language)}\u2069",
            f"\u2068{at}\u2069",
        )
    )
    for line in state_lines(charter, case, language):
        yield f"  {line}"
    for clock in case["clocks"]:
        if clock["state"] != "met":
            yield f"  {clock_line(charter, clock, language)}"


def checked_language(charter: Charter, language: str, party: str) -> str:
    """The asked language, or the party's own; Malformed for one that the charter does not have."""
    if not language:
        return charter.parties[party].language
    if language not in charter.languages:
        raise Malformed("language", f"the charter has {', '.join(charter.languages)}")
    return language
