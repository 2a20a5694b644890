"""How long content lives: when it expires, what was recalled, and who confirmed that (protocol A4, fold F16).

1. Only content and attachments end. Headers and cores stay, and with them that something was said, when, by
   whom, and its hash.
2. Content expires at `valid_until` of its core: at that second it is over, one second before it is not.
3. RECALL ends the parts of the entries of its own party that it refers to; of all that this party said before
   it in the case when it refers to none. It ends them at its own header time, for whoever holds it.
4. A party that could read the parts confirms with CONFIRM, referring to the RECALL, once its bytes, keys and
   plaintexts are gone. A depositary that has no key cannot know of either and is not waited for.
5. What was read before stays read: the receipt says so, a recall changes nothing of it.

Only regular acts count, and nothing here depends on content, on who asks, or on what has been destroyed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from detente.cases.book import Act, Case
from detente.record.names import EntryId

RECALL: Final = "RECALL"
CONFIRM: Final = "CONFIRM"
OUTCOME: Final = "outcome"

EndedBy = Literal["expired", "recalled"]


@dataclass(frozen=True, slots=True)
class End:
    """The content of an entry ends at `at`; `act` is the RECALL, None when it expires by itself."""

    at: int
    by: EndedBy
    act: EntryId | None = None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A party's node says that the recalled parts are gone from it; `outcome` is its code."""

    party: str
    entry: EntryId
    at: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Recall:
    """A recall, what it ends, who confirmed it and who has not; `read` had read an entry of it before."""

    entry: EntryId
    by: str
    at: int
    ends: tuple[EntryId, ...]
    confirmed: tuple[Confirmed, ...]
    waiting: tuple[str, ...]
    read: tuple[str, ...]


def expires_at(handling: Mapping[str, object]) -> int | None:
    """The instant from which content is over (rule 2)."""
    found = handling.get("valid_until")
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def ends(case: Case) -> dict[EntryId, End]:
    """When and by what the content of each entry of a case ends, the earliest end first of all."""
    found: dict[EntryId, End] = {}
    for act in _regular(case):
        at = expires_at(act.handling)
        if at is not None:
            _earlier(found, act.id, End(at, "expired"))
        if act.act == RECALL:
            for entry in recalled_by(case, act):
                _earlier(found, entry, End(act.time, "recalled", act.id))
    return found


def recalled_by(case: Case, recall: Act) -> tuple[EntryId, ...]:
    """Entries whose content a RECALL ends (rule 3)."""
    named = {one.core for one in recall.refers_to}
    return tuple(
        act.id
        for act in _regular(case)
        if act.party == recall.party
        and act.id != recall.id
        and (act.id.log != recall.id.log or act.id.index < recall.id.index)
        and (act.core in named if named else True)
    )


def recalls(case: Case) -> tuple[Recall, ...]:
    """Every recall of a case with its confirmations, in the order of the timeline."""
    return tuple(_recall(case, act) for act in _regular(case) if act.act == RECALL)


def _recall(case: Case, recall: Act) -> Recall:
    ended = recalled_by(case, recall)
    readers = sorted({party for act in _regular(case) if act.id in ended for party in act.content_readers})
    said = {
        act.party: Confirmed(act.party, act.id, act.time, str(act.fields.get(OUTCOME)))
        for act in reversed(_regular(case))  # the first confirmation of a party is the one that counts
        if act.act == CONFIRM and any(one.core == recall.core for one in act.refers_to)
    }
    read = {
        act.party
        for act in _regular(case)
        if act.act in ("READ", "ACK", "ANSWER") and act.about in ended and act.time <= recall.time
    }
    return Recall(
        recall.id,
        recall.party,
        recall.time,
        ended,
        tuple(said[party] for party in sorted(said)),
        tuple(party for party in readers if party not in said),
        tuple(sorted(read)),
    )


def _regular(case: Case) -> list[Act]:
    return [act for act in case.acts if act.verdict.counts]


def _earlier(found: dict[EntryId, End], entry: EntryId, end: End) -> None:
    """Keep the earlier of two ends; of two at one instant the expiry, which needs no act."""
    known = found.get(entry)
    if known is None or (end.at, end.by) < (known.at, known.by):
        found[entry] = end


def due(all_ends: Iterable[tuple[EntryId, End]], as_of: int) -> list[tuple[EntryId, End]]:
    """Those that are over at `as_of`."""
    return [(entry, end) for entry, end in all_ends if end.at <= as_of]
