"""Reads of the record: frozen rows, each function one or two queries.

Call them from the writer or a reader thread, never from an event loop. Rights are the caller's: these give
what is on the disk (but `part_for`, which is what a peer may read).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from detente.node import asked
from detente.node import models as tables
from detente.node.from_tables import (
    ahead_row,
    cosignature_row,
    head_row,
    log_row,
    opened_row,
    proposal_row,
    session_row,
    wanted_row,
)
from detente.node.rows import (
    AheadRow,
    ArrivalRow,
    CosignatureRow,
    EnrolmentRow,
    EvidenceRow,
    HeadRow,
    LogRow,
    OpenedRow,
    PartRow,
    ProposalRow,
    SessionRow,
    WantedRow,
)
from detente.record.header import MissingRange, missing_ranges
from detente.record.names import EntryId

PAGE = asked.PAGE

# ---- logs and heads


def log(origin: str) -> LogRow | None:
    """The log of that origin, if it is held here."""
    row = asked.THE_LOG.first(origin)
    return log_row(row) if row else None


def logs() -> tuple[LogRow, ...]:
    """All logs held here, by party and generation."""
    return tuple(log_row(row) for row in asked.LOGS())


def entries(origin: str, start: int, end: int) -> tuple[bytes, ...]:
    """Header bytes of entries start..end (end excluded), as many as are held."""
    found = tables.Entry.objects.filter(log__origin=origin, index__gte=start, index__lt=end).order_by("index")
    return tuple(bytes(one) for one in found.values_list("header", flat=True))


def entry(entry_id: EntryId) -> bytes | None:
    """Header bytes of one entry in its log."""
    found = entries(entry_id.log, entry_id.index, entry_id.index + 1)
    return found[0] if found else None


def leaves(origin: str, start: int, end: int) -> list[bytes]:
    """Leaf hashes of entries start..end (end excluded), as many as are held."""
    found = tables.Entry.objects.filter(log__origin=origin, index__gte=start, index__lt=end).order_by("index")
    return [bytes(one) for one in found.values_list("leaf", flat=True)]


def is_floor(entry_id: EntryId) -> bool:
    """Whether an entry in its log is of a floor kind, as its header says."""
    return tables.Entry.objects.filter(log__origin=entry_id.log, index=entry_id.index, floor=True).exists()


def iterate_entries(origin: str, start: int = 0) -> Iterator[bytes]:
    """Header bytes of a whole log from `start`, read in pages."""
    while page := entries(origin, start, start + PAGE):
        yield from page
        start += len(page)


def iterate_leaves(origin: str) -> Iterator[tuple[bytes, bytes]]:
    """(header bytes, leaf hash as stored beside them) of a whole log, read in pages."""
    start = 0
    while True:
        found = tables.Entry.objects.filter(log__origin=origin, index__gte=start).order_by("index")[:PAGE]
        page = list(found.values_list("header", "leaf"))
        yield from ((bytes(header), bytes(leaf)) for header, leaf in page)
        start += len(page)
        if not page:
            return


def largest_head(origin: str, *, within: int | None = None) -> HeadRow | None:
    """The largest signed head that is stored, at most of size `within` when given."""
    return _head(origin, asked.LARGEST_HEAD.first(origin, asked.ANY if within is None else within))


def head_at(origin: str, size: int) -> HeadRow | None:
    """The signed head of exactly that size."""
    return _head(origin, asked.HEAD_AT.first(origin, size))


def head_for_push(origin: str, start: int, limit: int) -> HeadRow | None:
    """The head to push to a peer that holds `start` entries.

    The largest within `limit` entries behind `start`, else the smallest that lies behind it at all; None
    if there is none above `start`.
    """
    within = asked.HEAD_WITHIN.first(origin, start, start + limit)
    return _head(origin, within or asked.HEAD_BEHIND.first(origin, start))


def heads(origin: str, *, after: int = -1, limit: int = PAGE) -> tuple[HeadRow, ...]:
    """Signed heads by size, those larger than `after`."""
    if limit == PAGE:
        return tuple(head_row(origin, row) for row in asked.HEADS(origin, after))
    found = asked.heads(origin).filter(size__gt=after).order_by("size")[:limit]
    return tuple(head_row(origin, row) for row in found)


# ---- cosignatures


def cosignatures(origin: str, size: int) -> tuple[CosignatureRow, ...]:
    """For each mirror the newest cosignature of exactly that head, of the root held here if there is one."""
    newest: dict[str, CosignatureRow] = {}
    head = head_at(origin, size)
    for found in asked.COSIGNATURES(origin, size):
        row = cosignature_row(origin, found)
        if head is None or row.root == head.root:
            newest[row.mirror] = row
    return tuple(newest.values())


def largest_cosignature(origin: str, mirror: str, *, within: int | None = None) -> CosignatureRow | None:
    """The newest cosignature of the largest head that `mirror` cosigned, of size `within` at most."""
    row = asked.LARGEST_COSIGNATURE.first(origin, mirror, asked.ANY if within is None else within)
    return cosignature_row(origin, row) if row else None


def first_cosignature_covering(origin: str, mirror: str, index: int) -> CosignatureRow | None:
    """The earliest cosignature of `mirror` that covers entry `index`: its receipt in hand (B3)."""
    row = asked.FIRST_COVERING.first(origin, mirror, index)
    return cosignature_row(origin, row) if row else None


def largest_cosignatures(origin: str) -> dict[str, CosignatureRow]:
    """For each mirror that ever cosigned the log, its largest and newest cosignature."""
    found = {mirror: largest_cosignature(origin, mirror) for (mirror,) in sorted(asked.MIRRORS(origin))}
    return {mirror: row for mirror, row in found.items() if row}


# ---- parts


def parts_of(entry_id: EntryId) -> tuple[PartRow, ...]:
    """The parts of one entry, in order."""
    return _part_rows(
        tables.Part.objects.filter(log__origin=entry_id.log, index=entry_id.index).order_by("position")
    )


def parts_named(sha256: bytes) -> tuple[PartRow, ...]:
    """Every place in any header that names a sealed part by that hash."""
    return _part_rows(tables.Part.objects.filter(sha256=sha256.hex()))


def part_for(sha256: bytes, peer: str) -> bytes | None:
    """A sealed part's bytes, if that peer is its author or in `keep` of it. SPEC: protocol D1"""
    for row in parts_named(sha256):
        if peer in row.keep or row.entry.log.split("/")[1] == peer:
            return part_bytes(sha256)
    return None


def part_bytes(sha256: bytes) -> bytes | None:
    """A sealed part's bytes."""
    found = tables.PartBytes.objects.filter(sha256=sha256.hex()).values_list("data", flat=True).first()
    return None if found is None else bytes(found)


def wanted(origin: str | None = None, *, limit: int = PAGE) -> tuple[WantedRow, ...]:
    """Parts in our `keep` that are not here, oldest first."""
    if origin is not None and not asked.WANTED_AT_ALL.first(origin):
        return ()  # the ordinary case
    found = tables.Wanted.objects.select_related("log").order_by("id")
    if origin is not None:
        found = found.filter(log__origin=origin)
    return tuple(wanted_row(row) for row in found[:limit])


def wanted_named(sha256: bytes) -> tuple[WantedRow, ...]:
    """Where a sealed part with that hash is wanted."""
    found = tables.Wanted.objects.filter(sha256=sha256.hex()).select_related("log").order_by("id")
    return tuple(wanted_row(row) for row in found)


def lacking(origin: str, size: int) -> tuple[MissingRange, ...]:
    """All missing ranges below `size`; they may be more than a header bears. SPEC: protocol B2"""
    roles: dict[int, set[str]] = {}
    for index, role in asked.LACKING(origin, size):
        roles.setdefault(index, set()).add(role)
    return missing_ranges(roles)


# ---- opened parts, arrivals


def opened(entry_id: EntryId) -> tuple[OpenedRow, ...]:
    """What of an entry could be opened, and what could not."""
    return _opened_rows([entry_id]).get(entry_id, ())


def cannot_open(*, limit: int = PAGE) -> tuple[OpenedRow, ...]:
    """Parts that are sealed to us and do not open: what R06 is about."""
    found = tables.Opened.objects.exclude(failure="").select_related("log").order_by("id")[:limit]
    return tuple(opened_row(row) for row in found)


def last_position() -> int:
    """The last position given out; 0 when nothing ever arrived."""
    found = asked.POSITION.first("position")
    return int(found[0]) if found else 0


def arrivals(after: int, *, limit: int = PAGE) -> tuple[ArrivalRow, ...]:
    """What became readable behind position `after`, in order, with header and opened parts as of now."""
    found = list(
        tables.Arrival.objects.filter(position__gt=after).select_related("log").order_by("position")[:limit]
    )
    ids = [EntryId(row.log.origin, row.index) for row in found]
    headers, waiting = _headers(tables.Entry, ids), _headers(tables.Ahead, ids)
    opened_rows = _opened_rows(ids)
    return tuple(
        ArrivalRow(
            row.position, one, row.what, row.at,
            headers.get(one) or waiting.get(one, b""), one in headers, opened_rows.get(one, ()),
        )
        for row, one in zip(found, ids, strict=True)
    )  # fmt: skip


def ahead(origin: str) -> tuple[AheadRow, ...]:
    """Floor entries that wait for their predecessors in that log."""
    found = tables.Ahead.objects.filter(log__origin=origin).select_related("log").order_by("index")
    return tuple(ahead_row(row) for row in found)


# ---- own entries on their way, sessions, evidence, local state


def proposal(name: str) -> ProposalRow | None:
    """An own entry on its way, by name."""
    row = tables.Proposal.objects.filter(name=name).select_related("log").first()
    return proposal_row(row) if row else None


def proposal_of_core(core_sha256: bytes) -> ProposalRow | None:
    """The proposal with that core. SPEC: protocol A8"""
    row = tables.Proposal.objects.filter(core_sha256=core_sha256.hex()).select_related("log").first()
    return proposal_row(row) if row else None


def proposals(state: str, *, limit: int = PAGE) -> tuple[ProposalRow, ...]:
    """Own entries in that state; floor ones first, then in the order they were made."""
    found = tables.Proposal.objects.filter(state=state).select_related("log")
    return tuple(proposal_row(row) for row in found.order_by("-floor", "made_at", "name")[:limit])


def sessions() -> tuple[SessionRow, ...]:
    """Watch sessions that were not ended, newest first; who asks looks at their times."""
    found = tables.WatchSession.objects.filter(ended_at=None).order_by("-not_before")
    return tuple(session_row(row) for row in found)


def session(name: str) -> SessionRow | None:
    """A watch session, ended or not."""
    row = tables.WatchSession.objects.filter(name=name).first()
    return session_row(row) if row else None


def enrolment(code_sha256: bytes) -> EnrolmentRow | None:
    """A one-time code."""
    row = tables.Enrolment.objects.filter(code_sha256=code_sha256.hex()).first()
    if row is None:
        return None
    return EnrolmentRow(code_sha256, row.post, row.made_at, row.valid_until, row.used_at)


def evidence(origin: str | None = None) -> tuple[EvidenceRow, ...]:
    """Two histories that were found, oldest first."""
    found = tables.Evidence.objects.select_related("log").order_by("id")
    if origin is not None:
        found = found.filter(log__origin=origin)
    return tuple(
        EvidenceRow(row.log.origin, bytes.fromhex(row.sha256), bytes(row.file), row.found_at) for row in found
    )


def local(name: str) -> str | None:
    """A small fact of this node that outlives a restart."""
    return tables.LocalState.objects.filter(name=name).values_list("value", flat=True).first()


# ---- inside


def _head(origin: str, row: tuple[Any, ...] | None) -> HeadRow | None:
    return head_row(origin, row) if row else None


def _part_rows(found: QuerySet[tables.Part]) -> tuple[PartRow, ...]:
    same = OuterRef("sha256")
    found = found.select_related("log").annotate(
        held=Exists(tables.PartBytes.objects.filter(sha256=same)),
        destroyed=Exists(tables.Destroyed.objects.filter(sha256=same)),
    )
    return tuple(
        PartRow(
            EntryId(row.log.origin, row.index), row.position, row.role, bytes.fromhex(row.sha256), row.size,
            tuple(row.to.split()), tuple(row.keep.split()), row.held, row.destroyed,
        )
        for row in found
    )  # fmt: skip


def _opened_rows(ids: Sequence[EntryId]) -> dict[EntryId, tuple[OpenedRow, ...]]:
    found: dict[EntryId, list[OpenedRow]] = {}
    for origin, indexes in _by_log(ids).items():
        rows = tables.Opened.objects.filter(log__origin=origin, index__in=indexes).select_related("log")
        for row in rows.order_by("index", "position"):
            found.setdefault(EntryId(origin, row.index), []).append(opened_row(row))
    return {one: tuple(rows) for one, rows in found.items()}


def _headers(table: type[tables.Entry] | type[tables.Ahead], ids: Sequence[EntryId]) -> dict[EntryId, bytes]:
    return {
        EntryId(origin, index): bytes(header)
        for origin, indexes in _by_log(ids).items()
        for index, header in table.objects.filter(log__origin=origin, index__in=indexes).values_list(
            "index", "header"
        )
    }


def _by_log(ids: Iterable[EntryId]) -> dict[str, set[int]]:
    grouped: dict[str, set[int]] = {}
    for one in ids:
        grouped.setdefault(one.log, set()).add(one.index)
    return grouped
