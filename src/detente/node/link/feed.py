"""What became new in the record, as events for the talks: a cursor over the tables, read in a reader thread.

The first reading tells everything that a talk needs after a restart, cosignatures before sizes: a peer's own
receipt says what it holds, so nothing it has is pushed again.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection
from django.db.models import Exists, OuterRef

from detente.node import models as tables
from detente.node import selectors
from detente.record.head import Head
from detente.record.header import ATTACHMENT
from detente.record.names import mirror_name, parse_origin
from detente.record.sync import CosignatureKnown, Event, FloorAdded, Holds, PartHeld, PartLacked

#: Parts asked for at once; the next ones are told when these have come.
MOST_LACKED = 1000


#: Entries held of all logs, last cosignature, number of parts lacked, last one noted as lacked.
_Mark = tuple[int, int, int, int]
_OF_FLOOR = tables.Entry.objects.filter(log=OuterRef("log"), index=OuterRef("index"), floor=True)
_MARK = (
    "SELECT (SELECT COALESCE(SUM(size), 0) FROM node_log),"
    " (SELECT COALESCE(MAX(id), 0) FROM node_cosignature),"
    " COUNT(*), COALESCE(MAX(id), 0) FROM node_wanted"
)


def _mark() -> _Mark:
    """One small query that tells whether anything is new: a reading is asked for after every write."""
    with connection.cursor() as cursor:
        cursor.execute(_MARK)
        logs, cosignature, lacked, newest = cursor.fetchone()
    return int(logs), int(cosignature), int(lacked), int(newest)


class Feed:
    """One reader at a time calls `read`; `sizes` may be looked at from anywhere."""

    def __init__(self, me: str) -> None:
        self._me = me
        self.sizes: dict[str, int] = {}
        self._cosignature = 0
        self._lacked: set[bytes] = set()
        self._of_floor: list[str] = []  # of them, in hex, those of floor entries
        self._scanned = 0
        self._first = True
        self._mark: _Mark = (-1, -1, -1, -1)

    def read(self) -> tuple[Event, ...]:
        """What is new since the last call."""
        mark = _mark()
        if mark == self._mark:
            return ()
        events: list[Event] = list(self._cosignatures()) if mark[1] != self._mark[1] else []
        for log in selectors.logs() if mark[0] != self._mark[0] else ():
            before = self.sizes.get(log.origin, 0)
            if log.size <= before:
                continue
            if log.party == self._me:
                events += self._floor(log.origin, before if not self._first else self._confirmed(log.origin))
            events.append(Holds(log.origin, log.size))
            self.sizes = self.sizes | {log.origin: log.size}
        if mark[2:] != self._mark[2:]:
            events += self._parts()
        self._mark, self._first = mark, False
        return tuple(events)

    def _cosignatures(self) -> Iterator[CosignatureKnown]:
        """The newest of each mirror and log among those stored since the last reading."""
        found = tables.Cosignature.objects.filter(id__gt=self._cosignature).order_by("size", "time")
        if self._first:
            for log in selectors.logs():
                for row in selectors.largest_cosignatures(log.origin).values():
                    yield _known(
                        row.origin, row.mirror, Head(row.origin, row.size, row.root), row.time, row.lines
                    )
            newest = tables.Cosignature.objects.order_by("-id").values_list("id", flat=True).first()
            self._cosignature = newest or 0
            return
        for new in found.select_related("log"):
            self._cosignature = max(self._cosignature, new.pk)
            head = Head(new.log.origin, new.size, bytes(new.root))
            yield _known(new.log.origin, new.mirror, head, new.time, bytes(new.lines))

    def _floor(self, origin: str, start: int) -> Iterator[FloorAdded]:
        found = tables.Entry.objects.filter(log__origin=origin, index__gte=start, floor=True)
        for index in found.order_by("index").values_list("index", flat=True):
            yield FloorAdded(origin, index)

    def _confirmed(self, origin: str) -> int:
        """Entries that every mirror which ever spoke has confirmed."""
        sizes = [row.size for row in selectors.largest_cosignatures(origin).values()]
        return min(sizes, default=0)

    def _parts(self) -> Iterator[Event]:
        wanted = tables.Wanted.objects.order_by("id").annotate(of_floor=Exists(_OF_FLOOR))
        found = wanted.values_list("sha256", "role", "log__origin", "of_floor")
        rows = [*found.filter(sha256__in=self._floor_lacked()), *found[:MOST_LACKED]]
        lacked = {bytes.fromhex(one): (role, origin, of_floor) for one, role, origin, of_floor in rows}
        for sha256 in self._lacked - lacked.keys():
            yield PartHeld(sha256)
        for sha256, (role, origin, of_floor) in lacked.items():
            if sha256 not in self._lacked:
                yield PartLacked(origin, sha256, urgent=role != ATTACHMENT, floor=of_floor)
        self._lacked = set(lacked)

    def _floor_lacked(self) -> list[str]:
        """Parts of floor entries are told however many others lack before them; each row is read once."""
        fresh = tables.Wanted.objects.filter(id__gt=self._scanned).order_by("id")
        self._of_floor += fresh.filter(Exists(_OF_FLOOR)).values_list("sha256", flat=True)[:MOST_LACKED]
        self._scanned = fresh.values_list("id", flat=True).last() or self._scanned
        still = tables.Wanted.objects.filter(sha256__in=self._of_floor[:MOST_LACKED])
        left = set(still.values_list("sha256", flat=True))
        self._of_floor = [one for one in self._of_floor if one in left]
        return self._of_floor


def _known(origin: str, mirror: str, head: Head, time: int, lines: bytes) -> CosignatureKnown:
    cell, watched, _ = parse_origin(origin)
    name = mirror_name(cell, mirror, watched)
    return CosignatureKnown(name, origin, head.size, time, head.body() + b"\n" + lines)
