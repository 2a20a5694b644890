"""The state digest of heartbeats (protocol B8): ours, at the cut it will have, and the others'.

1. Ours is computed for the prefix and `seen` that the signer will set. It counts only if they are still the
   same when the writer signs; otherwise the heartbeat is made again (`Speaker.heartbeat`).
2. Another party's is compared as soon as all that its cut names is read here. A difference is shown and
   logged at once: one of the two nodes folds wrongly, or was told another story.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from detente.cases.casebook import CaseBook
from detente.cases.cut import Cut, cut_of
from detente.cases.entries import VerifiedEntry
from detente.node import logs
from detente.record.names import print_id

if TYPE_CHECKING:
    from detente.node.readmodel import ReadModel
    from detente.node.rowbook import EntryRow, RowBook
    from detente.record.header import Seen

HEARTBEAT = "R03"


def own_digest(book: CaseBook, rows: RowBook, log: str, size: int, seen: Iterable[Seen]) -> str | None:
    """Hex digest for our next entry, or None while not everything below its cut is read here."""
    lines = tuple(seen)
    sizes = {line.log: line.size for line in lines} | {log: size}
    if any(rows.size_of(one) < held for one, held in sizes.items()):
        return None
    return book.state_digest(Cut(sizes, lines)).hex()


@dataclass(frozen=True)
class Compared:
    """What came of comparing a party's newest digest; `same` is None while it cannot be told."""

    id: str
    same: bool | None


@dataclass
class DigestWatch:
    """Compares each other party's newest heartbeat once it can be."""

    party: str
    found: dict[str, Compared] = field(default_factory=dict)

    def look(self, model: ReadModel) -> list[str]:
        """Parties whose state differs from ours by a heartbeat compared now."""
        differing = []
        for row in self._newest(model.rows):
            known = self.found.get(row.party)
            if known is not None and known.id == print_id(row.id) and known.same is not None:
                continue
            same = _same(model, row)
            self.found[row.party] = Compared(print_id(row.id), same)
            if same is False:
                differing.append(row.party)
                logs.line("state-differs", peer=row.party, id=print_id(row.id))
        return differing

    def _newest(self, rows: RowBook) -> list[EntryRow]:
        newest: dict[str, EntryRow] = {}
        for row in rows.of_kind(HEARTBEAT):
            known = newest.get(row.party)
            if row.party != self.party and row.in_log and (known is None or row.id > known.id):
                newest[row.party] = row
        return list(newest.values())


def _same(model: ReadModel, row: EntryRow) -> bool | None:
    said = row.core.fields.get("state_digest") if row.core else None
    cut = cut_of(VerifiedEntry(row.id, row.header_bytes, row.header))
    if said is None or any(model.rows.size_of(log) < size for log, size in cut.sizes.items()):
        return None
    with model.reading() as book:
        if not book.verdict(row.id).counts:
            return None
        return bool(book.state_digest(cut).hex() == said)
