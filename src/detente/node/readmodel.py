"""The read model: what this node's own tools see, folded after each append from a cursor.

1. One thread owns it. It reads arrivals behind its cursor, gives them to the fold, and only then publishes
   one `entry` event for each position: whoever is told of an entry finds it judged.
2. A fold that fails never stops the link nor the model: the case that broke it is quarantined, which means
   that its parts are withheld from the fold, so its values become `not held here` and nothing else changes.
   The entry itself is still listed and still sounds.
3. `book` is valid until `book.changes_at`; the clocks loop asks for a new one then.
4. Nothing here is written to the database: after a restart the whole record is folded again.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, Protocol

from detente.cases.casebook import CaseBook
from detente.cases.entries import Opened, VerifiedEntry
from detente.node import logs
from detente.node.bus import Event, Scalar
from detente.node.context import NodeContext
from detente.node.ringing import Ringing, ringing_now
from detente.node.rowbook import EntryRow, RowBook
from detente.node.rows import ArrivalRow
from detente.record.names import EntryId, print_id

PAGE: Final = 500
IDLE_S: Final = 1.0  # a lost wake-up costs at most this


class Folding(Protocol):
    """What is asked of `cases.Folder`."""

    def add(self, entries: Iterable[VerifiedEntry]) -> None: ...

    def open(self, opened: Opened) -> None: ...

    def forget(self, parts: Iterable[tuple[EntryId, int]]) -> None: ...

    def at(self, as_of: int) -> CaseBook: ...


class ReadModel:
    """Rows, book and ringing list of one node. `start` it once; readers may call from any thread."""

    def __init__(
        self,
        context: NodeContext,
        make_folder: Callable[[], Folding],
        arrivals: Callable[[int, int], tuple[ArrivalRow, ...]],
    ) -> None:
        self._context = context
        self._make = make_folder
        self._arrivals = arrivals
        self._folder = make_folder()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="read-model", daemon=True)
        self._lock = threading.RLock()  # guards _folder and what is set together below
        self.rows = RowBook()
        self.book: CaseBook = self._folder.at(context.now())
        self.ringing: tuple[Ringing, ...] = ()
        self.quarantined: frozenset[EntryId] = frozenset()
        self.ended: set[EntryId] = set()
        # Asked before every reading: lets what is over by now be forgotten first.
        self.enforce: Callable[[CaseBook], None] = lambda _book: None
        self.position = 0
        self.ready = threading.Event()
        self._stepped = threading.Condition()

    def start(self) -> None:
        """Fold what is there, then follow."""
        self._context.on_grown(self._wake.set)
        self._thread.start()

    def stop(self) -> None:
        """End the thread after its present step."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._wake.clear()
                try:
                    grown = self.step()
                except Exception as exc:
                    logs.failure("read-model-fault", exc)
                    grown = 0
                if grown < PAGE:
                    self.ready.set()
                    self._wake.wait(IDLE_S)
        finally:
            _close_connections()

    def step(self) -> int:
        """Take one page of arrivals; how many there were. In the model's thread, or in a test's."""
        page = self._arrivals(self.position, PAGE)
        if not page:
            self._renew()
            return 0
        with self._lock:
            rows = [self.rows.take(self._without_ended(arrival)) for arrival in page]
            self._fold(rows)
            self.position = page[-1].position
            self._ring()
        for arrival in page:
            self._publish(arrival)
        with self._stepped:
            self._stepped.notify_all()
        return len(page)

    def forget(self, entry: EntryId) -> None:
        """Hold of an entry the core alone, now and whenever it arrives again. Under the lock of `reading`."""
        with self._lock:
            row = self.rows.get(entry)
            if row is None or entry in self.ended:
                return
            self.ended.add(entry)
            self._folder.forget((entry, position) for position in row.opened)
            self.rows.forget(entry)
            self.book = self._folder.at(max(self._context.now(), self.book.as_of))

    def _without_ended(self, arrival: ArrivalRow) -> ArrivalRow:
        """What was read from the disk just before it was destroyed there is not taken in."""
        if arrival.entry not in self.ended:
            return arrival
        return replace(arrival, opened=tuple(one for one in arrival.opened if one.position == 0))

    def wait_folded(self, entry: EntryId, seconds: float = 5.0) -> bool:
        """Wait until an own entry that was just stored is in the book; False if it is not by then."""
        with self._stepped:
            return self._stepped.wait_for(lambda: self._is_folded(entry), seconds)

    def _is_folded(self, entry: EntryId) -> bool:
        """The cursor moves behind the fold, the row comes before it."""
        row = self.rows.get(entry)
        return row is not None and row.position <= self.position

    @contextmanager
    def reading(self) -> Iterator[CaseBook]:
        """The book as of now, which nobody feeds meanwhile: verdicts and receipts are read from its folder.

        Call it in a worker thread, never in the event loop: it waits for a fold that runs.
        """
        with self._lock:
            self._renew()
            self.enforce(self.book)
            yield self.book

    def _renew(self) -> None:
        """Fold again, but only if the time has changed what the book says."""
        with self._lock:
            now, changes = self._context.now(), self.book.changes_at
            if changes is None or now < changes or now <= self.book.as_of:
                return
            try:
                self.book = self._folder.at(now)
            except Exception as exc:
                logs.failure("fold-fault", exc)
                return
            self._ring()

    # ---- folding, with quarantine

    def _fold(self, rows: list[EntryRow]) -> None:
        try:
            self._add(self._folder, [row for row in rows if row.in_log])
            self.book = self._folder.at(max(self._context.now(), self.book.as_of))
        except Exception as exc:
            logs.failure("fold-fault", exc)
            self._quarantine(rows)

    def _add(self, folder: Folding, rows: list[EntryRow]) -> None:
        entries = [VerifiedEntry(row.id, row.header_bytes, row.header) for row in rows]
        opened: dict[tuple[EntryId, int], bytes] = {}
        for row in rows:
            if self.rows.case_of(row) not in self.quarantined and row.id not in self.quarantined:
                opened |= {(row.id, position): data for position, data in row.opened.items()}
        folder.open(opened)
        folder.add(entries)

    def _quarantine(self, rows: list[EntryRow]) -> None:
        """Withhold the parts of the case that breaks the fold: each suspect alone, then all of them."""
        suspects = list(dict.fromkeys(self.rows.case_of(row) or row.id for row in rows))
        for trial in (*({one} for one in suspects), set(suspects)):
            before = self.quarantined
            self.quarantined = before | trial
            if self._fold_anew():
                for case in trial:
                    logs.line("case-quarantined", id=print_id(case))
                return
            self.quarantined = before
        logs.line("fold-stopped", count=len(suspects))

    def _fold_anew(self) -> bool:
        folder = self._make()
        try:
            self._add(folder, [row for row in self.rows.all() if row.in_log])
            self.book = folder.at(self._context.now())
        except Exception as exc:
            logs.failure("fold-fault", exc)
            return False
        self._folder = folder
        return True

    # ---- what others are told

    def _ring(self) -> None:
        found = ringing_now(self._context.charter, self._context.party, self.rows, self.book)
        if found == self.ringing:
            return
        known = {one.entry for one in self.ringing}
        self.ringing = found
        fresh = [one for one in found if one.entry not in known]
        for one in fresh:
            said: dict[str, Scalar] = {"id": print_id(one.entry), "kind": one.kind, "count": len(found)}
            self._context.bus.publish(Event("alarm", said))
        if not fresh:
            self._context.bus.publish(Event("alarm", {"count": len(found)}))

    def _publish(self, arrival: ArrivalRow) -> None:
        self._context.bus.publish(self._event(arrival.position, arrival.entry))

    def _event(self, position: int, entry: EntryId) -> Event:
        row = self.rows.get(entry)
        core = row.core if row else None
        case = self.rows.case_of(row) if row else None
        data = {
            "id": print_id(entry),
            "kind": core.kind if core else None,
            "act": core.act if core else None,
            "case": print_id(case) if case else None,
        }
        return Event("entry", data, position)

    def events_after(self, position: int, limit: int) -> list[Event]:
        """Past `entry` events behind a position, for a reader that comes back."""
        return [self._event(at, row.id) for at, row in self.rows.after(position, limit)]

    async def wait_behind(self, position: int, seconds: float) -> bool:
        """Whether something lies behind `position`, waiting up to `seconds` for it."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        with self._context.bus.subscribe() as subscription:
            while self.position <= position:
                left = end - loop.time()
                if left <= 0 or subscription.closed:
                    return self.position > position
                await subscription.next(left)
        return True


def _close_connections() -> None:
    from django.db import connections

    connections.close_all()
