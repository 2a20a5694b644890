"""Quotas per log and day: a peer that floods its own log does not fill this disk (protocol D5).

Non-floor entries and bytes of one UTC day, by the charter's row for the party's role. Floor entries are never
counted; while a quota holds a push back, they come ahead of the log (D3).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from detente.charter.model import Charter
from detente.node import models as tables
from detente.node import selectors
from detente.node.store import parse_or_none
from detente.record.errors import Refused, declare
from detente.record.names import party_of
from detente.record.sync import Push

QUOTA: Final = declare("quota", "the log's party", "the log's quota of the day is used up; floor kinds go on")
DAY_S: Final = 86_400


@dataclass
class _Day:
    number: int
    entries: int = 0
    size: int = 0  # bytes
    held: int = 0  # size of the log up to which it was counted


class Quotas:
    """Counts what came today. Reader threads call `check`; `_lock` guards `_days`."""

    def __init__(self, charter: Charter, now: Callable[[], int]) -> None:
        self._charter, self._now = charter, now
        self._lock = threading.Lock()
        self._days: dict[str, _Day] = {}

    def check(self, push: Push) -> None:
        """Raise Refused `quota` if the push would bring more than the day allows."""
        party = self._charter.parties.get(party_of(push.log))
        quota = self._charter.quotas.get(party.role) if party else None
        if quota is None or not push.entries:
            return
        with self._lock:
            day = self._today(push.log)
            fresh = push.entries[max(0, day.held - push.start) :]
            entries, size = _ordinary(fresh)
        if entries and (day.entries + entries > quota.entries or day.size + size > quota.bytes):
            raise Refused(QUOTA, log=push.log)

    def _today(self, origin: str) -> _Day:
        """Counted up to what is held now; what was refused or failed was never counted."""
        number = self._now() // DAY_S
        day = self._days.get(origin)
        if day is None or day.number != number:
            day = self._days[origin] = _Day(number, held=_held_before(origin, number * DAY_S))
        log = selectors.log(origin)
        while log is not None and day.held < log.size:
            page = selectors.entries(origin, day.held, min(log.size, day.held + selectors.PAGE))
            entries, size = _ordinary(page)
            day.entries, day.size, day.held = day.entries + entries, day.size + size, day.held + len(page)
        return day


def _held_before(origin: str, instant: int) -> int:
    """Entries that were stored here before `instant`."""
    found = tables.Entry.objects.filter(log__origin=origin, stored_at__gte=instant)
    first = found.order_by("index").values_list("index", flat=True).first()
    log = selectors.log(origin)
    return first if first is not None else (log.size if log else 0)


def _ordinary(entries: tuple[bytes, ...]) -> tuple[int, int]:
    """Number and bytes of the non-floor entries, sealed parts included by the sizes their headers name."""
    count = size = 0
    for entry in entries:
        header = parse_or_none(entry)
        if header is None or not header.floor:
            count += 1
            size += len(entry) + sum(part.size for part in (header.parts if header else ()))
    return count, size
