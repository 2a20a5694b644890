"""The life of parts on this node: what has ended is destroyed, and a recall is confirmed (protocol A4, F16).

1. When content is over is a pure rule (`cases.life`); this node destroys at that instant or after it, never
   before it. What is read in between is over already: the read model forgets it first.
2. The tombstone stands before any bytes go. Headers and cores stay; so does the author's own copy of words
   that it recalled itself. What expired goes at its author's too.
3. Freed pages are overwritten (`secure_delete`) and the write-ahead log is emptied. What SQLite cannot do:
   reach copies that the file system, the disk or a backup made, and memory of running programs.
4. A party that held a key says CONFIRM by its node alone, once what it had is gone.

Everything is derived from the record: after a restart it is worked out again, and done again without effect.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.db import connection

from detente.cases import life
from detente.node import logs, selectors, store
from detente.node import models as tables
from detente.node.statements import LOG_POST, Statement
from detente.record.names import EntryId, party_of, print_id

if TYPE_CHECKING:
    from detente.cases.casebook import CaseBook
    from detente.node.context import NodeContext
    from detente.node.readmodel import ReadModel
    from detente.node.rows import PartRow

PAGE: Final = 1000
EXPIRED: Final = "expired"
RECALLED: Final = "recalled"


@dataclass
class PartLife:
    """What is going to end and what was recalled, found once as entries become readable.

    `enforce` runs with the read model's lock held; `step` in the clocks' thread.
    """

    context: NodeContext
    model: ReadModel
    _cursor: int = 0
    _expiring: list[tuple[int, EntryId]] = field(default_factory=list)
    _over: dict[EntryId, life.End] = field(default_factory=dict)
    _recalls: dict[EntryId, None] = field(default_factory=dict)
    _taken: set[tuple[EntryId, str]] = field(default_factory=set)
    _owed: bool = False  # the write-ahead log is still to be emptied

    def enforce(self, book: CaseBook) -> None:
        """Let the read model forget what is over by now, before anybody reads (rule 1)."""
        self._look()
        now = self.context.now()
        while self._expiring and self._expiring[0][0] <= now:
            at, entry = self._expiring[0]
            verdict = book.verdicts.get(entry)
            if verdict is None or verdict.state == "not held here":
                break  # not judged yet: what is irregular moves nothing, not even its own end
            heapq.heappop(self._expiring)
            if verdict.counts:
                self._end(entry, life.End(at, "expired"))
        for recall in list(self._recalls):
            for entry, end in self._recalled(book, recall):
                if end.at <= now:
                    self._end(entry, end)

    def step(self) -> int:
        """Destroy what is over; how many parts that were. Runs the writer."""
        with self.model.reading():
            over = dict(self._over)
        count = 0
        for entry, end in over.items():
            count += self._destroy(entry, end)
            self._over.pop(entry, None)
        if count or self._owed:
            self._owed = not self.context.writer.submit(_empty_journal).result(30)
        return count

    def confirmations(self, book: CaseBook) -> list[Statement]:
        """One CONFIRM for each recall of what this party could read, when nothing of it is left here."""
        found = []
        for recall in list(self._recalls):
            act = book.act(recall)
            case = book.cases.get(act.case) if act and act.case else None
            if act is None or case is None or not act.verdict.counts:
                continue
            state = next((one for one in life.recalls(case) if one.entry == recall), None)
            if state is None:
                continue
            left = any(self._left(entry) for entry in state.ends if party_of(entry.log) != self.context.party)
            if self.context.party not in state.waiting:
                if not left and not self._over:
                    self._recalls.pop(recall)  # obeyed and said, or nothing of it was ever for this party
                continue
            kind = self.context.charter.kinds[case.kind]
            role = case.role(self.context.party)
            if left or kind.step(case.state_as_held, life.CONFIRM, role, {}) is None:
                continue
            outcome = "DESTROYED" if self._was_held(recall, state.ends) else "NOT_HELD"
            fields = {life.OUTCOME: outcome}
            found.append(
                Statement(case.kind, life.CONFIRM, LOG_POST, fields, case=case.id, refers_to=(recall,))
            )
        return found

    # ---- inside

    def _look(self) -> None:
        """Note what the entries that became readable since the last look say of ends."""
        while page := self.model.rows.after(self._cursor, PAGE):
            for position, row in page:
                self._cursor = position
                if row.core is None or not row.in_log:
                    continue
                until = life.expires_at(row.core.handling)
                if until is not None and len(row.core.parts):
                    heapq.heappush(self._expiring, (until, row.id))
                if row.core.act == life.RECALL:
                    self._recalls[row.id] = None

    def _recalled(self, book: CaseBook, recall: EntryId) -> Iterator[tuple[EntryId, life.End]]:
        act = book.act(recall)
        case = book.cases.get(act.case) if act and act.case else None
        if act is None or case is None or not act.verdict.counts:
            return
        for entry in life.recalled_by(case, act):
            yield entry, life.End(act.time, "recalled", recall)

    def _end(self, entry: EntryId, end: life.End) -> None:
        row = self.model.rows.get(entry)
        if row is None or row.core is None or (entry, end.by) in self._taken:
            return
        self._taken.add((entry, end.by))
        own_recall = end.by == RECALLED and party_of(entry.log) == self.context.party
        self._over[entry] = end
        if not own_recall:
            self.model.forget(entry)

    def _destroy(self, entry: EntryId, end: life.End) -> int:
        """Tombstones and destruction of one entry's parts behind the core."""
        me = self.context.party
        keep_opened = end.by == RECALLED and party_of(entry.log) == me
        mine = [one for one in selectors.parts_of(entry) if one.position and _is_ours(one, me)]
        count, renew = 0, False
        for part in mine:
            if part.destroyed and not part.held and (keep_opened or not _opened(part)):
                continue
            renew |= not part.held and not part.destroyed
            self.context.writer.submit(
                lambda part=part: store.destroy_part(  # type: ignore[misc]
                    part.sha256, reason=end.by, at=self.context.now(), act=end.act, keep_opened=keep_opened
                )
            ).result(30)
            count += 1
        if count:
            logs.line("parts-destroyed", id=print_id(entry), state=end.by, count=count)
        if renew and party_of(entry.log) != me:
            # SPEC: protocol B2. The missing list shrank, so the time of holding must be newer.
            self.context.writer.submit(lambda: self.context.keeper.receiver.renew(entry.log)).result(30)
        return count

    def _left(self, entry: EntryId) -> bool:
        me = self.context.party
        parts = [one for one in selectors.parts_of(entry) if one.position and _is_ours(one, me)]
        return any(one.held or not one.destroyed or _opened(one) for one in parts)

    def _was_held(self, recall: EntryId, entries: tuple[EntryId, ...]) -> bool:
        names = [one.sha256.hex() for entry in entries for one in selectors.parts_of(entry) if one.position]
        return tables.Destroyed.objects.filter(sha256__in=names, held=True).exists()


def _is_ours(part: PartRow, me: str) -> bool:
    return party_of(part.entry.log) == me or me in part.keep


def _opened(part: PartRow) -> bool:
    of_part = tables.Opened.objects.filter(
        log__origin=part.entry.log, index=part.entry.index, position=part.position
    )
    return of_part.exists()


def _empty_journal() -> bool:
    """Write the journal into the file and cut it to nothing; False if a reader stands in the way."""
    if connection.vendor != "sqlite":
        return True  # PostgreSQL: its own vacuum and archive decide, see docs
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        row = cursor.fetchone()
    return bool(row and row[0] == 0)
