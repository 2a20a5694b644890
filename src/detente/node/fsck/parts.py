"""Parts: rows against headers, bytes against names, opened parts against their sealed bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from detente.cases.core import parse_core
from detente.node import models as tables
from detente.node.fsck.findings import Finding
from detente.node.fsck.logs import Scope, is_changed, named
from detente.node.opening import Opener, unwrap
from detente.node.rows import LogRow
from detente.node.store import parse_or_none
from detente.record.errors import DetenteError
from detente.record.header import CORE, Header, PartInfo
from detente.record.parts import open_with_file_key, plaintext_hash, sealed_hash

_STEP = 500
_SAMPLE = 16


@dataclass(frozen=True)
class Unlock:
    """The node's own keys, if they are here: they prove file keys and failures of opened parts."""

    storage: bytes
    opener: Opener


def check_parts(log: LogRow, scope: Scope) -> Iterator[Finding]:
    """Every entry's rows of parts, in pages: what its header names is listed, here, or reported missing."""
    for start in range(0, log.size, _STEP):
        page = range(start, min(start + _STEP, log.size))
        rows, wanted = _rows(tables.Part, log, page), _rows(tables.Wanted, log, page)
        held, gone = _names(tables.PartBytes, rows), _names(tables.Destroyed, rows)
        headers = dict(_headers(log, page))
        for index in page:
            if index not in headers:
                continue  # gone or changed: named already
            header = headers[index]
            parts = header.parts if header is not None else ()
            yield from _check_listed(log, index, parts, rows.get(index, []))
            yield from _check_wanted(log, index, parts, wanted.get(index, []), held)
            missed = {row.position for row in wanted.get(index, [])}
            for position, part in enumerate(parts):
                ours = log.party == scope.own or scope.own in part.keep
                name = part.sha256.hex()
                if ours and position not in missed and name not in held and name not in gone:
                    yield Finding("part-lost", f"{named(log.origin, index)} part {position}", name)
        scope.tell(f"parts {log.origin}", page.stop, log.size)
    yield from _check_outside(log)


def _rows(table: type[tables.Part] | type[tables.Wanted], log: LogRow, page: range) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    rows = table.objects.filter(log__origin=log.origin, index__gte=page.start, index__lt=page.stop)
    for row in rows.order_by("index", "position"):
        found.setdefault(row.index, []).append(row)
    return found


def _names(table: type[tables.PartBytes] | type[tables.Destroyed], rows: dict[int, list[Any]]) -> set[str]:
    names = {row.sha256 for one in rows.values() for row in one}
    return set(table.objects.filter(sha256__in=names).values_list("sha256", flat=True))


def _headers(log: LogRow, page: range) -> Iterator[tuple[int, Header | None]]:
    rows = tables.Entry.objects.filter(log__origin=log.origin, index__gte=page.start, index__lt=page.stop)
    for index, header, leaf in rows.values_list("index", "header", "leaf"):
        if not is_changed(bytes(header), bytes(leaf)):
            yield index, parse_or_none(bytes(header))


def _check_listed(
    log: LogRow, index: int, parts: Sequence[PartInfo], rows: Sequence[Any]
) -> Iterator[Finding]:
    listed = [(row.position, row.role, row.sha256, row.size, row.to, row.keep) for row in rows]
    wanted = [
        (position, one.role, one.sha256.hex(), one.size, " ".join(one.to), " ".join(one.keep))
        for position, one in enumerate(parts)
    ]
    if listed != wanted:
        yield Finding("part-unlisted", named(log.origin, index))


def _check_wanted(
    log: LogRow, index: int, parts: Sequence[PartInfo], rows: Sequence[Any], held: set[str]
) -> Iterator[Finding]:
    for row in rows:
        position: int = row.position
        where = f"{named(log.origin, index)} part {position}"
        part = parts[position] if position < len(parts) else None
        said = (row.role, row.sha256, row.size)
        if part is None or said != (part.role, part.sha256.hex(), part.size):
            yield Finding("part-wanted", where, "not what the header names")
        elif part.sha256.hex() in held:
            yield Finding("part-wanted", where, part.sha256.hex())


def _check_outside(log: LogRow) -> Iterator[Finding]:
    """Rows that name an entry which the log does not have."""
    for table, code in ((tables.Part, "part-unlisted"), (tables.Wanted, "part-wanted")):
        rows = table.objects.filter(log__origin=log.origin)
        for row in rows.exclude(index__gte=0, index__lt=log.size):
            yield Finding(code, f"{named(log.origin, row.index)} part {row.position}", "no such entry")


def check_bytes(scope: Scope) -> Iterator[Finding]:
    """Every sealed part's bytes against its name; a tombstone beside bytes that are still here."""
    total = tables.PartBytes.objects.count()
    for done, row in enumerate(tables.PartBytes.objects.iterator(chunk_size=64)):
        if sealed_hash(bytes(row.data)).hex() != row.sha256:
            yield Finding("part-changed", places_of(row.sha256) or row.sha256)
        elif not _is_named(row.sha256):
            yield Finding("part-stray", row.sha256)
        if not done % _STEP:
            scope.tell("bytes", done, total)
    for gone in tables.Destroyed.objects.iterator(chunk_size=_STEP):
        named_by = tables.Part.objects.filter(sha256=gone.sha256)
        if not named_by.exists():
            yield Finding("part-stray", gone.sha256, "tombstone")
        elif gone.size is not None and not named_by.filter(size=gone.size).exists():
            yield Finding("part-stray", gone.sha256, "tombstone of another size")
        elif not _is_known(gone):
            yield Finding("part-stray", gone.sha256, "tombstone names no act")


def _is_known(gone: tables.Destroyed) -> bool:
    """Whether the act that a tombstone names, if any, stands in its log."""
    if gone.act_log is None or gone.act_index is None:
        return gone.act_log is None and gone.act_index is None
    return tables.Entry.objects.filter(log__origin=gone.act_log, index=gone.act_index).exists()


def places_of(name: str) -> str:
    """Every place in an entry that names a sealed part."""
    rows = tables.Part.objects.filter(sha256=name).select_related("log")
    return ", ".join(f"{named(row.log.origin, row.index)} part {row.position}" for row in rows)


def _is_named(name: str) -> bool:
    """Whether an entry, one ahead of its log, or an own proposal names the part."""
    if tables.Part.objects.filter(sha256=name).exists():
        return True
    waiting = [
        *tables.Ahead.objects.values_list("header", flat=True),
        *tables.Proposal.objects.values_list("draft", flat=True),
    ]
    headers = (parse_or_none(bytes(one)) for one in waiting)
    return any(part.sha256.hex() == name for header in headers if header for part in header.parts)


def check_opened(scope: Scope, unlock: Unlock | None) -> Iterator[Finding]:
    """Plaintexts against the hashes in header and core; file keys and failures against the sealed bytes."""
    rows = tables.Opened.objects.select_related("log").order_by("log_id", "index", "position")
    total, cores = rows.count(), _Cores()
    for done, row in enumerate(rows.iterator(chunk_size=_STEP)):
        where = named(row.log.origin, row.index)
        header, changed = _header_of(row)
        if changed:
            continue
        if header is None or row.position >= len(header.parts):
            yield Finding("opened", f"{where} part {row.position}", "no such part")
            continue
        yield from _check_one(row, header, where, cores)
        yield from _check_secrets(row, header.parts[row.position], where, unlock)
        if not done % _STEP:
            scope.tell("opened", done, total)


class _Cores:
    """Plaintext hashes that the core of the entry at hand names; rows come entry by entry."""

    def __init__(self) -> None:
        self._entry: tuple[int, int] | None = None
        self._hashes: tuple[bytes, ...] = ()

    def take(self, row: tables.Opened) -> None:
        """Remember a core."""
        self._entry, self._hashes = (row.log_id, row.index), ()
        try:
            self._hashes = parse_core(bytes(row.plaintext or b"")).parts
        except DetenteError:
            return

    def of(self, row: tables.Opened) -> bytes | None:
        """The hash that the core names for a later part; None if no core is open here."""
        known = self._entry == (row.log_id, row.index) and row.position <= len(self._hashes)
        return self._hashes[row.position - 1] if known else None


def _check_one(row: tables.Opened, header: Header, where: str, cores: _Cores) -> Iterator[Finding]:
    part = header.parts[row.position]
    if row.role != part.role or (row.plaintext is None) == (row.failure == ""):
        yield Finding("opened", f"{where} part {row.position}", "row differs from header")
    came = tables.Arrival.objects.filter(log=row.log, index=row.index, at=row.opened_at)
    if not came.exists():
        yield Finding("opened", f"{where} part {row.position}", "nothing arrived when it was opened")
    if row.plaintext is None:
        return
    found = plaintext_hash(bytes(row.plaintext))
    if part.role == CORE:
        cores.take(row)
        if found != header.core:
            yield Finding("core-changed", where)
    elif (said := cores.of(row)) is not None and found != said:
        yield Finding("opened", f"{where} part {row.position}", "plaintext is not what the core names")


def check_storage(unlock: Unlock | None) -> Iterator[Finding]:
    """If no wrapped file key opens at all, the storage key changed and not they."""
    rows = tables.Opened.objects.exclude(file_key=None).values_list("file_key", flat=True)[:_SAMPLE]
    found = [] if unlock is None else [bytes(one or b"") for one in rows]
    if found and unlock is not None and not any(_unwraps(unlock.storage, one) for one in found):
        yield Finding("key", "keys/storage.key", "no file key opens under it")


def _unwraps(storage: bytes, wrapped: bytes) -> bool:
    try:
        unwrap(storage, wrapped)
    except DetenteError:
        return False
    return True


def _header_of(row: tables.Opened) -> tuple[Header | None, bool]:
    """The header of the entry that a row is about, and whether its bytes changed."""
    entry = tables.Entry.objects.filter(log_id=row.log_id, index=row.index).first()
    if entry is not None:
        header = bytes(entry.header)
        return parse_or_none(header), is_changed(header, bytes(entry.leaf))
    ahead = tables.Ahead.objects.filter(log_id=row.log_id, index=row.index).first()
    return (None if ahead is None else parse_or_none(bytes(ahead.header))), False


def _check_secrets(
    row: tables.Opened, part: PartInfo, where: str, unlock: Unlock | None
) -> Iterator[Finding]:
    """The wrapped file key opens the sealed bytes to this plaintext; a failure happens again."""
    data = tables.PartBytes.objects.filter(sha256=part.sha256.hex()).values_list("data", flat=True).first()
    if unlock is None or data is None:
        return
    where = f"{where} part {row.position}"
    if row.failure:
        again = unlock.opener.open(row.index, row.position, part.role, bytes(data))
        if again.failure != row.failure:
            yield Finding("opened", where, f"failure {row.failure!r}, now {again.failure!r}")
        return
    try:
        plaintext = open_with_file_key(bytes(data), unwrap(unlock.storage, bytes(row.file_key or b"")))
    except DetenteError as error:
        if sealed_hash(bytes(data)) == part.sha256:  # else the bytes are what changed, and named already
            yield Finding("opened", where, f"file key: {error.code}")
        return
    if plaintext != bytes(row.plaintext or b""):
        yield Finding("opened", where, "plaintext is not that of the sealed bytes")
