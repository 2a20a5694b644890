"""Every write to the record: plain functions, one transaction each, run by the writer thread alone.

1. `append` and its kin move a log forward by one conditional statement; a race ends in Conflict, never in two
   entries at one index.
2. A row that is there is left alone: storing the same thing twice changes nothing.
3. A full disk is `disk-full` and leaves everything as it was before the call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from django.db import transaction
from django.db.models import Q

from detente.node import models as tables
from detente.node.disk import full_disk_named
from detente.node.inserts import change, insert, next_numbers
from detente.node.lists import pack, unpack
from detente.node.opening import OpenedPart
from detente.node.questions import Question
from detente.node.rows import AheadRow, CosignatureRow, HeadRow
from detente.record.errors import Conflict, Equivocation, Malformed
from detente.record.header import Header, PartInfo, parse_header
from detente.record.names import EntryId, parse_origin
from detente.record.parts import sealed_hash
from detente.record.tree import Frontier, leaf_hash

ENTRY, AHEAD, PART, OPENED = "entry", "ahead", "part", "opened"

_POSITION: Final = "position"
_HEAD: Final = ("log_id", "size", "root", "time", "note", "stored_at")
_COSIGNATURE: Final = ("log_id", "size", "root", "mirror", "time", "lines", "stored_at")

_LOG: Final = Question(
    lambda origin: tables.Log.objects.filter(origin=origin).values_list("pk", "origin", "party", "size"), str
)
_ROOT_AT: Final = Question(
    lambda origin, size: tables.Head.objects.filter(log__origin=origin, size=size).values_list("root"),
    str, int,
)  # fmt: skip
_SAME_COSIGNATURE: Final = Question(
    lambda origin, mirror, size, time: tables.Cosignature.objects.filter(
        log__origin=origin, mirror=mirror, size=size, time=time
    ).values_list("pk"),
    str, str, int, int,
)  # fmt: skip
_P = ParamSpec("_P")
_R = TypeVar("_R")


def one_transaction(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """All of the function's writes or none; when it returns they are on disk."""

    @wraps(function)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with full_disk_named(), transaction.atomic(durable=True):
            return function(*args, **kwargs)

    return run


@dataclass(frozen=True, slots=True)
class NewEntries:
    """Entries that continue a log at `start`, with what goes into the same transaction.

    `frontier` is that behind the last of them. `parts` (SHA-256 → bytes) may hold what no header names;
    only what this party keeps is stored. `logged`: core hash → name of the own proposal it fulfils.
    """

    origin: str
    start: int
    entries: Sequence[bytes]
    frontier: Frontier
    at: int
    heads: Sequence[HeadRow] = ()
    parts: Mapping[bytes, bytes] = field(default_factory=dict)
    opened: Sequence[OpenedPart] = ()


@one_transaction
def append(new: NewEntries, *, me: str) -> None:
    """Store entries, heads, part metadata, parts and what was opened. Raises Conflict with the log's size."""
    log = _log(new.origin)
    moved = tables.Log.objects.filter(pk=log.pk, size=new.start).update(
        size=new.frontier.size, frontier=b"".join(new.frontier.hashes)
    )
    if not moved:
        raise Conflict(tables.Log.objects.get(pk=log.pk).size)
    headers = [parse_or_none(one) for one in new.entries]
    _insert_entries(log, new, headers)
    for head in new.heads:
        _insert_head(log, head, new.at)
    named = _named_parts(new.start, headers)
    insert(tables.Part, _PART, (one.part_row(log) for one in named))
    _insert_bytes(log, named, new, me)
    _insert_opened(log, new.opened, new.at)
    if log.party == me:
        _fulfil_proposals(log, new.start, headers)
    else:
        tables.Ahead.objects.filter(log_id=log.pk, index__lt=new.frontier.size).delete()
    _arrive(log, range(new.start, new.frontier.size), ENTRY, new.at)
    # durable from here


@one_transaction
def add_head(head: HeadRow, *, at: int) -> bool:
    """Keep a signed head for ever; False if it was here. Raises Equivocation if its size has another root."""
    return _insert_head(_log(head.origin), head, at)


@one_transaction
def add_cosignatures(rows: Iterable[CosignatureRow], *, at: int) -> list[CosignatureRow]:
    """Keep verified cosignatures; gives those that are new."""
    fresh = []
    for row in rows:
        log = _log(row.origin)
        if not _SAME_COSIGNATURE(row.origin, row.mirror, row.size, row.time):
            one = (log.pk, row.size, row.root, row.mirror, row.time, row.lines, at)
            insert(tables.Cosignature, _COSIGNATURE, (one,))
            fresh.append(row)
    return fresh


@one_transaction
def add_part(data: bytes, opened: Mapping[str, Sequence[OpenedPart]], *, at: int) -> list[tuple[str, int]]:
    """Store a part's bytes; gives (origin, index) of the entries that lacked it. `opened` by origin."""
    sha256 = sealed_hash(data).hex()
    lacked = list(tables.Wanted.objects.filter(sha256=sha256).select_related("log").order_by("id"))
    if tables.Destroyed.objects.filter(sha256=sha256).exists():
        return []
    if not tables.PartBytes.objects.filter(sha256=sha256).exists():
        tables.PartBytes.objects.create(sha256=sha256, data=data, stored_at=at)
    tables.Wanted.objects.filter(sha256=sha256).delete()
    done = []
    for row in lacked:
        found = [one for one in opened.get(row.log.origin, ()) if one.index == row.index]
        _insert_opened(row.log, found, at)
        _arrive(row.log, [row.index], OPENED if found else PART, at)
        done.append((row.log.origin, row.index))
    return done


@one_transaction
def add_ahead(
    row: AheadRow, head: HeadRow, parts: Mapping[bytes, bytes], opened: Sequence[OpenedPart]
) -> bool:
    """Set a floor entry aside until its log covers it; False if it is here already. Keeps its head too."""
    log = _log(row.entry.log)
    _insert_head(log, head, row.stored_at)
    known = tables.Ahead.objects.filter(log_id=log.pk, index=row.entry.index).exists()
    if known or row.entry.index < log.size:
        return False
    tables.Ahead.objects.create(
        log_id=log.pk, index=row.entry.index, header=row.header, note=row.note, proof=b"".join(row.proof),
        stored_at=row.stored_at,
    )  # fmt: skip
    add_bytes(parts, row.stored_at)
    _insert_opened(log, opened, row.stored_at)
    _arrive(log, [row.entry.index], AHEAD, row.stored_at)
    return True


@one_transaction
def destroy_part(
    sha256: bytes, *, reason: str, at: int, act: EntryId | None = None, keep_opened: bool = False
) -> bool:
    """Put up the tombstone and remove a part's bytes and what was opened of it; False if it was not here.

    `act`: the entry that asked for it. `keep_opened`: an author keeps the words it took back itself.
    """
    name = sha256.hex()
    named = list(tables.Part.objects.filter(sha256=name))
    of_part = Q(pk__in=())
    for part in named:
        of_part |= Q(log=part.log_id, index=part.index, position=part.position)
    opened, data = tables.Opened.objects.filter(of_part), tables.PartBytes.objects.filter(sha256=name)
    held = data.exists() or opened.exists()
    if not tables.Destroyed.objects.filter(sha256=name).exists():
        tables.Destroyed.objects.create(
            sha256=name, reason=reason, destroyed_at=at, size=named[0].size if named else None, held=held,
            act_log=act.log if act else None, act_index=act.index if act else None,
        )  # fmt: skip
    tables.Wanted.objects.filter(sha256=name).delete()  # SPEC: B2, destroyed parts are not missing
    if not keep_opened:
        opened.delete()
        for part in named:
            _forget_words(part)
    return bool(data.delete()[0])


@one_transaction
def add_evidence(origin: str, file: bytes, *, at: int) -> bool:
    """Keep two histories of a log and close it (C4); False if this evidence is here already."""
    log = _log(origin)
    tables.Log.objects.filter(pk=log.pk, stopped_at=None).update(stopped_at=at)
    sha256 = hashlib.sha256(file).hexdigest()
    if tables.Evidence.objects.filter(sha256=sha256).exists():
        return False
    tables.Evidence.objects.create(log_id=log.pk, sha256=sha256, file=file, found_at=at)
    return True


def parse_or_none(entry: bytes) -> Header | None:
    """The header, None if it is malformed: a mirror keeps it all the same. SPEC: protocol B1"""
    try:
        return parse_header(entry)
    except Malformed:
        return None


# ---- inside one transaction


@dataclass(frozen=True, slots=True)
class _Log:
    """Key and name of a log that stands in the table."""

    pk: int
    origin: str
    party: str
    size: int


def _log(origin: str) -> _Log:
    found = _LOG.first(origin)
    if found is None:
        _, party, generation = parse_origin(origin)
        tables.Log.objects.create(origin=origin, party=party, generation=generation)
        found = _LOG.first(origin) or ()
    return _Log(*found)


def _insert_entries(log: _Log, new: NewEntries, headers: Sequence[Header | None]) -> None:
    rows = (
        (log.pk, new.start + n, entry, leaf_hash(entry), header is not None and header.floor, new.at)
        for n, (entry, header) in enumerate(zip(new.entries, headers, strict=True))
    )
    insert(tables.Entry, ("log_id", "index", "header", "leaf", "floor", "stored_at"), rows)


def _insert_head(log: _Log, head: HeadRow, at: int) -> bool:
    known = _ROOT_AT.first(log.origin, head.size)
    if known is not None:
        if bytes(known[0]) != head.root:
            raise Equivocation(log.origin, size=head.size)
        return False
    insert(tables.Head, _HEAD, ((log.pk, head.size, head.root, head.time, head.note, at),))
    return True


@dataclass(frozen=True, slots=True)
class _Named:
    """A part that a new entry names."""

    index: int
    position: int
    info: PartInfo

    @property
    def name(self) -> str:
        return self.info.sha256.hex()

    def wanted_row(self, log: _Log) -> tuple[object, ...]:
        return (log.pk, self.index, self.position, self.info.role, self.name, self.info.size)

    def part_row(self, log: _Log) -> tuple[object, ...]:
        return (*self.wanted_row(log), " ".join(self.info.to), " ".join(self.info.keep))


_OPENED: Final = (
    "log_id", "index", "position", "role", "plaintext", "file_key", "failure", "opened_at",
)  # fmt: skip
_WANTED: Final = ("log_id", "index", "position", "role", "sha256", "size")
_PART: Final = (*_WANTED, "to", "keep")


def _named_parts(start: int, headers: Sequence[Header | None]) -> list[_Named]:
    return [
        _Named(start + n, position, info)
        for n, header in enumerate(headers)
        if header is not None
        for position, info in enumerate(header.parts)
    ]


def _insert_bytes(log: _Log, named: Sequence[_Named], new: NewEntries, me: str) -> None:
    """Store the parts that came and are ours to keep; note as wanted those that did not come."""
    ours = [one for one in named if log.party == me or me in one.info.keep]
    here = _held({one.name for one in ours})
    came = {
        one.info.sha256: new.parts[one.info.sha256]
        for one in ours
        if one.name not in here and one.info.sha256 in new.parts
    }
    _insert_part_bytes(came, new.at)
    here |= {sha256.hex() for sha256 in came}
    insert(tables.Wanted, _WANTED, (one.wanted_row(log) for one in ours if one.name not in here))


def _held(names: set[str]) -> set[str]:
    """Which of these parts are here, or were destroyed here."""
    if not names:
        return set()
    here = tables.PartBytes.objects.filter(sha256__in=names).values_list("sha256", flat=True)
    gone = tables.Destroyed.objects.filter(sha256__in=names).values_list("sha256", flat=True)
    return set(here.union(gone))


def add_bytes(parts: Mapping[bytes, bytes], at: int) -> None:
    """Store those parts that are neither here nor destroyed; inside the caller's transaction."""
    known = _held({sha256.hex() for sha256 in parts})
    fresh = {sha256: data for sha256, data in parts.items() if sha256.hex() not in known}
    _insert_part_bytes(fresh, at)


def _insert_part_bytes(parts: Mapping[bytes, bytes], at: int) -> None:
    rows = ((sha256.hex(), data, at) for sha256, data in parts.items())
    insert(tables.PartBytes, ("sha256", "data", "stored_at"), rows)


def _insert_opened(log: _Log | tables.Log, opened: Sequence[OpenedPart], at: int) -> None:
    """Keep what was opened; what came ahead of its log stands here already."""
    if not opened:
        return
    rows = (
        (log.pk, one.index, one.position, one.role, one.plaintext, one.file_key, one.failure, at)
        for one in opened
    )
    insert(tables.Opened, _OPENED, rows, keep=True)


def _fulfil_proposals(log: _Log, start: int, headers: Sequence[Header | None]) -> None:
    """Mark own proposals whose core now stands in the log (A8: a core counts once)."""
    cores = {header.core.hex(): start + n for n, header in enumerate(headers) if header is not None}
    waiting = tables.Proposal.objects.filter(core_sha256__in=cores, log=None).values_list(
        "name", "core_sha256"
    )
    rows = [("logged", log.pk, cores[core], name) for name, core in waiting]
    change(tables.Proposal, ("state", "log_id", "index"), ("name",), rows)


def _forget_words(part: tables.Part) -> None:
    """Of the own proposal that became this entry keep the core alone."""
    for row in tables.Proposal.objects.filter(log=part.log_id, index=part.index):
        row.plaintexts = pack(unpack(bytes(row.plaintexts))[:1])
        row.file_keys = pack(unpack(bytes(row.file_keys))[:1])
        row.save(update_fields=["plaintexts", "file_keys"])


def _arrive(log: _Log | tables.Log, indexes: Iterable[int], what: str, at: int) -> None:
    """Give out the next positions."""
    numbered = list(indexes)
    first = next_numbers(tables.Counter, _POSITION, len(numbered)) - len(numbered) + 1
    rows = ((first + n, log.pk, index, what, at) for n, index in enumerate(numbered))
    insert(tables.Arrival, ("position", "log_id", "index", "what", "at"), rows)
