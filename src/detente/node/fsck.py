"""Check a node's store from its bytes: every hash, root, signature and part is computed again.

`fsck` trusts nothing but entries' bytes and the charter's keys. A finding names the log, entry or part that
one flipped bit broke. It only reads, and in one snapshot: it can run beside a living node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from django.db import connection

from detente.charter.model import Charter
from detente.node import models as tables
from detente.node import selectors
from detente.node.guards import missing_guards
from detente.node.rows import CosignatureRow, HeadRow, LogRow
from detente.node.snapshot import snapshot
from detente.record.errors import DetenteError, Malformed
from detente.record.head import Head, open_cosignature, open_head
from detente.record.header import Header, parse_header
from detente.record.keys import LogKeys
from detente.record.messages import Ahead
from detente.record.mirror import check_ahead
from detente.record.names import EntryId, print_id
from detente.record.parts import plaintext_hash, sealed_hash
from detente.record.tree import Frontier, leaf_hash

#: code of a finding -> what it says.
FINDINGS: Final[Mapping[str, str]] = MappingProxyType({
    "entry-missing": "an entry below the log's size is not here",
    "entry-changed": "an entry's bytes are not those that were stored with it, or not those its heads cover",
    "frontier": "the stored frontier is not that of the entries",
    "head": "a head's signatures do not verify, or its row differs from its note",
    "head-beyond": "a head of the own log is larger than the log; others' heads may be known before entries",
    "cosignature": "a cosignature does not verify",
    "part-changed": "a part's bytes are not those that its entry names",
    "part-unlisted": "a part of an entry has no row, or its row differs from the header",
    "part-lost": "a part of the own log, or one not reported missing, has neither bytes nor tombstone",
    "part-wanted": "a part is reported missing and is here",
    "core-changed": "an opened core is not the one its entry names",
    "ahead": "an entry ahead of its log is not the one its proof covers",
    "guard": "a trigger that keeps a table append-only is gone",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """What does not hold (a row of `FINDINGS`) and where: a log's origin, an entry's id, a part's hash."""

    code: str
    where: str
    detail: str = ""


def fsck(charter: Charter, *, own: str) -> Iterator[Finding]:
    """Every finding in the store, log by log. `own`: the party whose node this is."""
    with snapshot():
        for log in selectors.logs():
            keys = _keys(charter, log)
            yield from _check_log(log, keys, charter, own)
            yield from _check_parts(log, own)
            yield from _check_ahead(log, keys)
        yield from _check_bytes()
        yield from (Finding("guard", name) for name in missing_guards(connection))


def _keys(charter: Charter, log: LogRow) -> LogKeys | None:
    party = charter.parties.get(log.party)
    return party.log if party is not None and party.log.origin == log.origin else None


def _check_log(log: LogRow, keys: LogKeys | None, charter: Charter, own: str) -> Iterator[Finding]:
    heads = {head.size: head for head in _all_heads(log.origin)}
    frontier, reached = Frontier(), 0
    last_good = 0
    for entry, leaf in selectors.iterate_leaves(log.origin):
        if leaf_hash(entry) != leaf:
            # The leaf hash stored beside it names the one entry; without it only the head would be named.
            yield Finding("entry-changed", print_id(EntryId(log.origin, reached)))
            return
        frontier.append(leaf)
        reached += 1
        head = heads.get(reached)
        if head is not None and head.root != frontier.root():
            first, last = (print_id(EntryId(log.origin, n)) for n in (last_good, reached - 1))
            yield Finding("entry-changed", f"{first} to {last}", f"head of size {reached}")
            return  # every later root would differ too
        if head is not None:
            last_good = reached
    if reached != log.size:
        yield Finding("entry-missing", print_id(EntryId(log.origin, reached)), f"size {log.size}")
        return
    if tuple(frontier.hashes) != log.frontier:
        yield Finding("frontier", log.origin)
    for head in heads.values():
        if head.size > log.size and log.party == own:
            yield Finding("head-beyond", f"{log.origin} size {head.size}")
        yield from _check_head(head, log, keys)
    for row in _all_cosignatures(log.origin):
        yield from _check_cosignature(row, charter, log)


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


def _check_cosignature(row: CosignatureRow, charter: Charter, log: LogRow) -> Iterator[Finding]:
    party = charter.parties.get(row.mirror)
    keys = party.mirrors.get(log.party) if party is not None else None
    where = f"{log.origin} size {row.size} by {row.mirror}"
    try:
        found = open_cosignature(row.lines, Head(row.origin, row.size, row.root), keys) if keys else None
    except DetenteError as error:
        yield Finding("cosignature", where, error.code)
        return
    if found is None or found.time != row.time:
        yield Finding("cosignature", where, "unknown key" if found is None else "row differs from lines")


def _check_parts(log: LogRow, own: str) -> Iterator[Finding]:
    wanted = {(row.entry, row.position) for row in selectors.wanted(log.origin, limit=log.size * 16 + 1)}
    for index, data in enumerate(selectors.iterate_entries(log.origin)):
        try:
            header: Header = parse_header(data)
        except Malformed:
            continue  # a mirror keeps it all the same: what it says is for the fold (protocol B1)
        entry = EntryId(log.origin, index)
        rows = selectors.parts_of(entry)
        if [(row.sha256, row.size, row.role) for row in rows] != [
            (part.sha256, part.size, part.role) for part in header.parts
        ]:
            yield Finding("part-unlisted", print_id(entry))
            continue
        for row in rows:
            ours = log.party == own or own in row.keep
            where = f"{print_id(entry)} part {row.position}"
            missed = (entry, row.position) in wanted
            if ours and not (row.held or row.destroyed or missed):
                yield Finding("part-lost", where, row.sha256.hex())
            if missed and row.held:
                yield Finding("part-wanted", where, row.sha256.hex())
        for opened in selectors.opened(entry):
            core = opened.plaintext if opened.position == 0 else None
            if core is not None and plaintext_hash(core) != header.core:
                yield Finding("core-changed", print_id(entry))


def _check_ahead(log: LogRow, keys: LogKeys | None) -> Iterator[Finding]:
    for row in selectors.ahead(log.origin):
        ahead = Ahead(row.entry.log, row.entry.index, row.header, row.note, row.proof)
        try:
            if keys is not None:
                check_ahead(ahead, keys)
        except DetenteError as error:
            yield Finding("ahead", print_id(row.entry), error.code)


def _check_bytes() -> Iterator[Finding]:
    for row in tables.PartBytes.objects.iterator(chunk_size=64):
        if sealed_hash(bytes(row.data)).hex() != row.sha256:
            named = selectors.parts_named(bytes.fromhex(row.sha256))
            where = ", ".join(f"{print_id(one.entry)} part {one.position}" for one in named)
            yield Finding("part-changed", where or row.sha256)


def _all_heads(origin: str) -> Iterator[HeadRow]:
    after = -1
    while page := selectors.heads(origin, after=after):
        yield from page
        after = page[-1].size


def _all_cosignatures(origin: str) -> Iterator[CosignatureRow]:
    for row in tables.Cosignature.objects.filter(log__origin=origin).iterator(chunk_size=256):
        yield CosignatureRow(origin, row.size, bytes(row.root), row.mirror, row.time, bytes(row.lines))
