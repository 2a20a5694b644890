"""What this party has seen of the other logs, as its next entry will say it (protocol B2)."""

from __future__ import annotations

from detente.node import models as tables
from detente.node import selectors
from detente.node.nextlogs import old_line
from detente.node.rows import CosignatureRow
from detente.record.header import MAX_RANGES, Seen


def own_seen(me: str) -> tuple[Seen, ...]:
    """For each other log the largest head that we cosigned and whose missing list a header bears.

    In a next log also the line of the log before it (C3).
    """
    rows = [_seen(log.origin, me) for log in selectors.logs() if log.party != me]
    return tuple(row for row in (*rows, old_line(me)) if row is not None)


def _seen(origin: str, me: str) -> Seen | None:
    newest = selectors.largest_cosignature(origin, me)
    if newest is None or newest.size == 0:
        return None
    missing = selectors.lacking(origin, newest.size)
    if len(missing) <= MAX_RANGES:
        return _row(newest, origin)
    return _older(origin, me)


def _older(origin: str, me: str) -> Seen | None:
    """The largest cosigned head below which at most MAX_RANGES ranges are missing."""
    sizes = sorted(
        set(
            tables.Cosignature.objects.filter(log__origin=origin, mirror=me, size__gt=0).values_list(
                "size", flat=True
            )
        )
    )
    low, high = 0, len(sizes)  # ranges below a size only grow with it: the largest that fits, by halving
    while low < high:
        middle = (low + high) // 2
        if len(selectors.lacking(origin, sizes[middle])) <= MAX_RANGES:
            low = middle + 1
        else:
            high = middle
    found = selectors.largest_cosignature(origin, me, within=sizes[low - 1]) if low else None
    return _row(found, origin) if found else None


def _row(found: CosignatureRow, origin: str) -> Seen:
    return Seen(origin, found.size, found.root, found.time, selectors.lacking(origin, found.size))
