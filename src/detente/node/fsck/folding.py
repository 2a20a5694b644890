"""Folds the record again: as a whole, in the order of arrival, and to what the own heartbeat signed.

The read model of a running node lives in memory and is fed in the order of arrival; it can be wrong only if
this order matters, or if a heartbeat was signed over another state than the entries give.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from detente.cases.casebook import CaseBook
from detente.cases.core import Core, parse_core
from detente.cases.cut import cut_of
from detente.cases.entries import VerifiedEntry
from detente.cases.fold import Folder
from detente.charter.model import Charter
from detente.node import models as tables
from detente.node.fsck.findings import Finding
from detente.node.fsck.logs import Scope, named
from detente.node.store import parse_or_none
from detente.record.errors import DetenteError
from detente.record.names import EntryId

_PAGE = 500
_HEARTBEAT = "R03"


@dataclass
class Held:
    """Everything that the fold eats, as the store has it."""

    entries: dict[EntryId, VerifiedEntry] = field(default_factory=dict)
    opened: dict[tuple[EntryId, int], bytes] = field(default_factory=dict)

    def core(self, entry: EntryId) -> Core | None:
        """An entry's core, if it is open here and one."""
        try:
            return parse_core(self.opened[entry, 0])
        except (KeyError, DetenteError):
            return None

    def cores(self, party: str) -> Iterator[Core]:
        """The cores of a party's logs that are open here."""
        mine = (self.core(one) for one in sorted(self.entries) if one.log.split("/")[1] == party)
        return (one for one in mine if one is not None)


def read_all() -> Held:
    """Entries and opened parts of every log."""
    held = Held()
    rows = tables.Entry.objects.order_by("log_id", "index").values_list("log__origin", "index", "header")
    for origin, index, header in rows.iterator(chunk_size=_PAGE):
        entry, data = EntryId(origin, index), bytes(header)
        held.entries[entry] = VerifiedEntry(entry, data, parse_or_none(data))
    parts = tables.Opened.objects.exclude(plaintext=None)
    values = parts.values_list("log__origin", "index", "position", "plaintext")
    for origin, index, position, plaintext in values.iterator(chunk_size=_PAGE):
        held.opened[EntryId(origin, index), position] = bytes(plaintext or b"")
    return held


def folded(charter: Charter, held: Held, as_of: int) -> CaseBook:
    """The book of everything held, at once."""
    folder = Folder(charter)
    folder.open(held.opened)
    folder.add(held.entries.values())
    return folder.at(as_of)


def check_fold(scope: Scope, held: Held, book: CaseBook) -> Iterator[Finding]:
    """The same entries in the order of arrival give the same states and verdicts."""
    other = Folder(scope.charter)
    order = tables.Arrival.objects.filter(what="entry").order_by("position")
    known: set[EntryId] = set()
    ids = [EntryId(*one) for one in order.values_list("log__origin", "index").iterator(chunk_size=_PAGE)]
    for start in range(0, len(ids), _PAGE):
        page = [held.entries[one] for one in ids[start : start + _PAGE] if one in held.entries]
        known.update(one.id for one in page)
        other.add(page)
        scope.tell("fold", start, len(ids))
    other.open({key: data for key, data in held.opened.items() if key[0] in known})
    again = other.at(book.as_of)
    for entry, verdict in sorted(book.verdicts.items()):
        if again.verdicts.get(entry) != verdict:
            yield Finding("fold", named(entry.log, entry.index), "another verdict in the order of arrival")
    for case in sorted(book.cases):
        if again.cases.get(case) != book.cases[case]:
            yield Finding("fold", named(case.log, case.index), "another state in the order of arrival")
    yield from _check_heartbeats(scope, held, book)


def _check_heartbeats(scope: Scope, held: Held, book: CaseBook) -> Iterator[Finding]:
    """The newest heartbeat of the own log signed the state that its cut folds to (B8)."""
    mine = [one for one in held.entries if one.log.split("/")[1] == scope.own]
    for entry in sorted(mine, reverse=True):
        said = held.core(entry)
        if said is None or said.kind != _HEARTBEAT or "state_digest" not in said.fields:
            continue
        if not book.verdict(entry).counts:
            continue
        if book.state_digest(cut_of(held.entries[entry])).hex() != said.fields["state_digest"]:
            yield Finding("fold", named(entry.log, entry.index), "it signed another state digest")
        return
