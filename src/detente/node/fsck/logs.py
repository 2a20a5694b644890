"""Logs, their entries, heads and cosignatures: every hash, root and signature is computed again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from detente.charter.model import Charter
from detente.node import models as tables
from detente.node import selectors
from detente.node.charter_keys import log_keys, mirror_keys
from detente.node.fsck.findings import Finding, Tell
from detente.node.rows import CosignatureRow, HeadRow, LogRow
from detente.node.store import parse_or_none
from detente.record.errors import DetenteError, Malformed
from detente.record.head import Head, open_cosignature, open_head, parse_body
from detente.record.keys import LogKeys
from detente.record.messages import Ahead
from detente.record.mirror import check_ahead
from detente.record.names import EntryId, parse_origin, print_id
from detente.record.tree import Frontier, leaf_hash

_STEP = 500


@dataclass(frozen=True)
class Scope:
    """Whose store is checked, under which charter."""

    charter: Charter
    own: str
    tell: Tell


def keys_of(charter: Charter, origin: str) -> LogKeys | None:
    """Keys of a log, None if nobody told them."""
    try:
        return log_keys(charter, origin)
    except DetenteError:
        return None


def named(origin: str, index: int) -> str:
    """An entry as printed, even if a flipped bit made its log's name impossible."""
    try:
        return print_id(EntryId(origin, index))
    except (DetenteError, ValueError, IndexError):
        return f"{origin!r} entry {index}"


def is_changed(header: bytes, leaf: bytes) -> bool:
    """Whether an entry's bytes or leaf hash changed: it is named once, and nothing is concluded from it."""
    return leaf_hash(header) != leaf


def check_log(log: LogRow, scope: Scope) -> Iterator[Finding]:
    """One log's row, entries, heads and cosignatures."""
    try:
        cell, party, generation = parse_origin(log.origin)
    except DetenteError:
        yield Finding("log", repr(log.origin), "not an origin")
        return
    keys = keys_of(scope.charter, log.origin)
    if (cell, party, generation) != (scope.charter.cell, log.party, log.generation) or keys is None:
        yield Finding("log", log.origin, "keys unknown" if keys is None else "row differs from origin")
    yield from _check_stopped(log)
    yield from _check_entries(log, scope)
    for head in all_heads(log.origin):
        if head.size > log.size and party == scope.own:
            yield Finding("head-beyond", f"{log.origin} size {head.size}")
        yield from _check_head(head, log, keys)
    for row in _all_cosignatures(log.origin):
        yield from _check_cosignature(row, scope.charter, party, log)


def _check_stopped(log: LogRow) -> Iterator[Finding]:
    """A log is stopped when, and since, the first evidence was stored (C4)."""
    found = tables.Evidence.objects.filter(log__origin=log.origin).order_by("id").first()
    since = None if found is None else found.found_at
    if log.stopped_at != since:
        yield Finding("stopped", log.origin, f"marked {log.stopped_at}, evidence {since}")


def _check_entries(log: LogRow, scope: Scope) -> Iterator[Finding]:
    heads = {head.size: head for head in all_heads(log.origin)}
    came = _arrived(log.origin)
    frontier, reached, good, sound = Frontier(), 0, 0, True
    rows = tables.Entry.objects.filter(log__origin=log.origin).order_by("index")
    values = rows.values_list("index", "header", "leaf", "floor", "stored_at")
    for index, header, leaf, floor, at in values.iterator(chunk_size=_STEP):
        where = named(log.origin, index)
        if not 0 <= index < log.size:
            yield Finding("entry-beyond", where, f"size {log.size}")
            continue
        if index != reached:
            yield Finding("entry-missing", named(log.origin, reached), f"next held: {index}")
            return
        reached += 1
        frontier.append(bytes(leaf))
        if is_changed(bytes(header), bytes(leaf)):
            # The leaf hash stored beside it names the one entry; without it only the head would be named.
            yield Finding("entry-changed", where)
            sound = False  # roots behind it would differ too, and name nothing
        else:
            yield from _check_row(where, bytes(header), floor, at, came.get(index))
        head = heads.get(reached)
        if head is not None and sound:
            if head.root != frontier.root() and _root_in(head) != frontier.root():
                span = f"{named(log.origin, good)} to {named(log.origin, reached - 1)}"
                yield Finding("entry-changed", span, f"head of size {reached}")
                sound = False
            good = reached
        if not reached % _STEP:
            scope.tell(f"log {log.origin}", reached, log.size)
    if reached != log.size:
        yield Finding("entry-missing", named(log.origin, reached), f"size {log.size}")
    elif sound and tuple(frontier.hashes) != log.frontier:
        yield Finding("frontier", log.origin)


def _root_in(head: HeadRow) -> bytes | None:
    """The root that a head's note says: if it is right, the row is what changed."""
    try:
        return parse_body(head.note.rpartition(b"\n\n")[0] + b"\n").root
    except DetenteError:
        return None


def _check_row(where: str, header: bytes, floor: bool, at: int, came: int | None) -> Iterator[Finding]:
    parsed = parse_or_none(header)
    if bool(floor) != (parsed is not None and parsed.floor):
        yield Finding("entry-row", where, "floor mark")
    if at != came:
        yield Finding("entry-row", where, f"stored at {at}, arrived at {came}")


def _arrived(origin: str) -> dict[int, int]:
    """Index → instant at which each entry of a log came, as the order of arrival says."""
    rows = tables.Arrival.objects.filter(log__origin=origin, what="entry")
    return dict(rows.values_list("index", "at").iterator(chunk_size=_STEP))


def _check_head(head: HeadRow, log: LogRow, keys: LogKeys | None) -> Iterator[Finding]:
    where = f"{log.origin} size {head.size}"
    if keys is None:
        return
    try:
        signed = open_head(head.note, keys)
    except DetenteError as error:
        yield Finding("head", where, error.code)
        return
    if (signed.head.size, signed.head.root, signed.time) != (head.size, head.root, head.time):
        yield Finding("head", where, "row differs from note")


def _check_cosignature(row: CosignatureRow, charter: Charter, party: str, log: LogRow) -> Iterator[Finding]:
    where = f"{log.origin} size {row.size} by {row.mirror}"
    try:
        keys = mirror_keys(charter, row.mirror, party)
        found = open_cosignature(row.lines, Head(row.origin, row.size, row.root), keys)
    except DetenteError as error:
        yield Finding("cosignature", where, error.code)
        return
    if found.time != row.time:
        yield Finding("cosignature", where, "row differs from lines")


def check_ahead_of(log: LogRow, scope: Scope) -> Iterator[Finding]:
    """Floor entries that came before their predecessors."""
    keys = keys_of(scope.charter, log.origin)
    came = dict(
        tables.Arrival.objects.filter(log__origin=log.origin, what="ahead").values_list("index", "at")
    )
    for row in selectors.ahead(log.origin):
        where = named(log.origin, row.entry.index)
        ahead = Ahead(row.entry.log, row.entry.index, row.header, row.note, row.proof)
        try:
            if keys is not None:
                check_ahead(ahead, keys)
        except (DetenteError, Malformed) as error:
            yield Finding("ahead", where, error.code)
            continue
        if row.entry.index < log.size or came.get(row.entry.index) != row.stored_at:
            yield Finding("ahead", where, "its place or time does not fit")


def all_heads(origin: str) -> Iterator[HeadRow]:
    """Every stored head of a log, by size."""
    after = -1
    while page := selectors.heads(origin, after=after):
        yield from page
        after = page[-1].size


def _all_cosignatures(origin: str) -> Iterator[CosignatureRow]:
    for row in tables.Cosignature.objects.filter(log__origin=origin).iterator(chunk_size=256):
        yield CosignatureRow(origin, row.size, bytes(row.root), row.mirror, row.time, bytes(row.lines))
