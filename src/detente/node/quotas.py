"""Quotas per log and day: a peer that floods its own log does not fill this disk (protocol D5).

1. Non-floor entries and their bytes, sealed parts included, of one UTC day, by the charter's row for the
   party's role. Floor entries are never counted; while a quota holds a push back, they come ahead (D3).
2. The day is that of the header's time, so that catching up after a long cut is never held back: those
   entries kept to their own days. Times never fall within a log; one in the future, or none, counts today.
3. The author's own node holds back what would pass its quota, and earlier: a tenth of the day is left for
   what the node itself says, since receipts travel in its heartbeats.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from detente.charter.model import Charter, Quota
from detente.node import selectors
from detente.node.store import parse_or_none
from detente.record.errors import Refused, declare
from detente.record.names import party_of
from detente.record.sync import Push

QUOTA: Final = declare("quota", "the log's party", "the log's quota of the day is used up; floor kinds go on")
QUOTA_HELD: Final = declare(
    "quota-held", "nobody", "released; it goes into the log when the next UTC day begins. Floor kinds go on"
)
DAY_S: Final = 86_400
#: Of an own quota this share (1/n) is left for heartbeats and other record kinds.
OWN_SHARE: Final = 10
#: After a start so many days' worth of the log's end is counted; earlier days are over.
RECOUNTED_DAYS: Final = 2


@dataclass
class _Counted:
    """What is held of a log, by day. Every entry below `size` is counted or older than what matters."""

    size: int = 0
    entries: Counter[int] = field(default_factory=Counter)
    bytes: Counter[int] = field(default_factory=Counter)


class Quotas:
    """Reader threads call `check`; `_lock` guards `_logs`."""

    def __init__(self, charter: Charter, now: Callable[[], int]) -> None:
        self._charter, self._now = charter, now
        self._lock = threading.Lock()
        self._logs: dict[str, _Counted] = {}

    def check(self, push: Push) -> None:
        """Raise Refused `quota` if the push would bring more of a day than it allows."""
        party = self._charter.parties.get(party_of(push.log))
        quota = self._charter.quotas.get(party.role) if party else None
        if quota is None or not push.entries:
            return
        with self._lock:
            held = self._held(push.log, quota)
            fresh = _Counted()
            self._count(fresh, push.entries[max(0, held.size - push.start) :])
            for day in fresh.entries:
                entries = held.entries[day] + fresh.entries[day]
                size = held.bytes[day] + fresh.bytes[day]
                if entries > quota.entries or size > quota.bytes:
                    rest = DAY_S - self._now() % DAY_S
                    raise Refused(QUOTA, log=push.log, day=day, retry_after=rest)

    def hold_back(self, origin: str, entries: Sequence[bytes]) -> list[Refused | None]:
        """For each further own entry, a draft's header: why it waits, None if the day takes it (rule 3).

        They are ordinary entries of persons; in the writer.
        """
        party = self._charter.parties.get(party_of(origin))
        quota = self._charter.quotas.get(party.role) if party else None
        if quota is None:
            return [None] * len(entries)
        with self._lock:
            held, today = self._held(origin, quota), self._now() // DAY_S
            count, size = held.entries[today], held.bytes[today]
        waits = Refused(QUOTA_HELD, log=origin, until=(today + 1) * DAY_S)
        found: list[Refused | None] = []
        for entry in entries:
            fresh = _Counted()
            self._count(fresh, [entry])
            more, bytes_more = fresh.entries.total(), fresh.bytes.total()
            fits = (
                count + more <= quota.entries - quota.entries // OWN_SHARE
                and size + bytes_more <= quota.bytes - quota.bytes // OWN_SHARE
            )
            if fits:
                count, size = count + more, size + bytes_more
            found.append(None if fits else waits)
        return found

    def _held(self, origin: str, quota: Quota) -> _Counted:
        """Counted up to what is stored now: what was refused or failed never was."""
        log = selectors.log(origin)
        size = log.size if log else 0
        held = self._logs.get(origin)
        if held is None:
            held = self._logs[origin] = _Counted(max(0, size - RECOUNTED_DAYS * quota.entries))
        while held.size < size:
            page = selectors.entries(origin, held.size, min(size, held.size + selectors.PAGE))
            self._count(held, page)
            held.size += len(page)
        return held

    def _count(self, counted: _Counted, entries: Iterable[bytes]) -> None:
        today = self._now() // DAY_S
        for entry in entries:
            header = parse_or_none(entry)
            if header is not None and header.floor:
                continue
            day = min(today, header.time // DAY_S) if header else today
            counted.entries[day] += 1
            counted.bytes[day] += len(entry) + sum(part.size for part in (header.parts if header else ()))
