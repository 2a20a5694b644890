"""One thread follows the node's events and hands each to every open page.

1. A page's queue is bounded; a full one ends the stream, and the browser comes back with Last-Event-ID.
2. The last events are kept, so that coming back misses none; who was away longer is told to look at all.
3. Events carry ids, kinds and states only: what a page may read is decided by the view it then asks.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from detente.desk.api import Api

KEPT: Final = 500
QUEUE: Final = 200
RETRY_S: Final = 0.5  # as the link's own retry: a restarted node is followed again at once
CARRIED: Final = ("id", "kind", "act", "case", "party", "state", "line", "armed")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Notice:
    """One event for the pages; `number` only rises and is what a page resumes from."""

    number: int
    type: str
    data: str


class Reader:
    """One open page, in the event loop that serves it."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.queue: asyncio.Queue[Notice | None] = asyncio.Queue(QUEUE)

    def offer(self, notice: Notice) -> None:
        try:
            self.queue.put_nowait(notice)
        except asyncio.QueueFull:
            self.queue.get_nowait()
            self.queue.put_nowait(None)


class Feed:
    """Follows the node. `_lock` guards `_kept`, `_readers` and `_last`."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._kept: deque[Notice] = deque(maxlen=KEPT)
        self._readers: tuple[Reader, ...] = ()
        self._last = time.time_ns() // 1_000_000  # a number of an earlier process is never mistaken for ours
        self._position: int | None = None
        self._started = False

    def join(self, after: int | None) -> tuple[Reader, tuple[Notice, ...]]:
        """A reader and what it missed since `after`; one `resync` notice when that is no longer known."""
        reader = Reader()
        with self._lock:
            if not self._started:
                self._started = True
                threading.Thread(target=self._follow, name="desk-feed", daemon=True).start()
            self._readers = (*self._readers, reader)
            missed = tuple(n for n in self._kept if after is not None and n.number > after)
            known = after is None or after == self._last or (bool(missed) and missed[0].number == after + 1)
            return reader, missed if known else (Notice(self._last, "resync", "{}"),)

    def leave(self, reader: Reader) -> None:
        with self._lock:
            self._readers = tuple(r for r in self._readers if r is not reader)

    def publish(self, type_: str, data: Mapping[str, Any]) -> None:
        """Keep and hand on one event; called from the following thread."""
        carried = {key: data[key] for key in CARRIED if key in data}
        with self._lock:
            self._last += 1
            notice = Notice(self._last, type_, json.dumps(carried))
            self._kept.append(notice)
            readers = self._readers
        for reader in readers:
            try:
                reader.loop.call_soon_threadsafe(reader.offer, notice)
            except RuntimeError:  # that loop has ended, and its page with it
                self.leave(reader)

    def _follow(self) -> None:
        while True:
            try:
                self._read()
            except Exception as error:  # whatever ends the stream, pages must be told and it must begin again
                logger.info("events of the node ended: %s", type(error).__name__)
            self.publish("status", {"state": "node-lost"})
            threading.Event().wait(RETRY_S)

    def _read(self) -> None:
        start = None if self._position is None else self._position + 1
        for event in self._api.events("/v1/events", from_=start):
            if event.id is not None:  # entries only; a state is true now or not at all
                self._position = int(event.id)
            self.publish(str(event.type), event.data)
