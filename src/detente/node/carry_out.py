"""Writes the bundle for a peer: what a stick carries to it when no line does (protocol E2, D1).

1. The peer gets what it could pull from us over a line, and nothing else: headers, heads and receipts of
   every log, and the parts that it is in `keep` of.
2. It begins where the peer's own receipt ends, unless told otherwise; what the peer says it lacks goes along.
3. A file that is there already, whole, is not written again: an interrupted export goes on. The manifest is
   written last. # durable from here
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from detente.node import models as tables
from detente.node import nextlogs, selectors
from detente.node.folder import NodeFolder
from detente.node.link.outgoing import Outgoing
from detente.node.pairing import node_charter
from detente.node.rows import HeadRow, LogRow
from detente.record.bundle import (
    MANIFEST,
    MAX_FILES,
    MAX_PART,
    MAX_TOTAL,
    TOO_LARGE,
    Carried,
    File,
    Manifest,
    encode_manifest,
    log_place,
)  # fmt: skip
from detente.record.errors import Malformed, Refused, declare
from detente.record.head import Head
from detente.record.header import parse_header
from detente.record.messages import encode_ahead
from detente.record.tiles import TILE_WIDTH, bundle_path, encode_bundle

NO_SUCH_PEER: Final = declare("no-such-peer", "caller", "the charter names no other party of that name")
MEDIUM_FULL: Final = declare("medium-full", "carrier", "the stick or disk is full; what is written stays")

#: Entries and bytes of one step of the import: a transaction of the link's usual size.
STEP: Final = 2048
STEP_BYTES: Final = 8 << 20
#: Floor entries of a long bundle that are taken before everything else; older ones wait for their turn.
AHEAD: Final = 32

#: Told of every file: its path, its bytes, whether it was there already.
Told = Callable[[str, int, bool], None]


@dataclass
class Written:
    """What an export did. `left_out`: parts too large for a bundle; they come by the next line."""

    files: list[File] = field(default_factory=list)
    logs: list[Carried] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    bytes: int = 0


class CarryOut:
    """One export for one peer. Django is configured; only reads of the record."""

    def __init__(self, folder: NodeFolder, peer: str, place: Path, told: Told) -> None:
        if peer == folder.party or peer not in node_charter(folder).parties:
            raise Refused(NO_SUCH_PEER, peer=peer)
        self._folder, self._peer, self._place, self._told = folder, peer, place, told
        self._done = Written()
        self._parts: dict[bytes, None] = {}  # in order, each once
        self._outgoing = Outgoing()

    def write(self, *, since: int | None, made_at: int) -> Written:
        """Write everything. `since` None: from the peer's receipts; else from the heads of that time."""
        for log in selectors.logs():
            self._log(log, since)
        self._lacked()
        for sha256 in self._parts:
            self._part(sha256)
        done = self._done
        done.files.sort(key=lambda one: one.path)
        logs = tuple(sorted(done.logs, key=lambda one: one.origin))
        if len(done.files) > MAX_FILES or sum(one.size for one in done.files) > MAX_TOTAL:
            raise Refused(TOO_LARGE, files=len(done.files))
        cell, me = self._folder.cell, self._folder.party
        manifest = encode_manifest(Manifest(cell, me, self._peer, made_at, logs, tuple(done.files)))
        self._store(MANIFEST, manifest)
        return done

    def _log(self, log: LogRow, since: int | None) -> None:
        head = selectors.largest_head(log.origin, within=log.size)
        if head is None:
            return
        place = log_place(log.origin)
        self._file(place + "checkpoint", head.note)
        if certificate := nextlogs.certificate(log.origin):
            self._file(place + "certificate", certificate)
        for mirror, row in selectors.largest_cosignatures(log.origin).items():
            body = Head(row.origin, row.size, row.root).body()
            self._file(f"{place}receipts/{mirror}", body + b"\n" + row.lines)
        start = head.size if log.party == self._peer else self._start(log.origin, head, since)
        self._done.logs.append(Carried(log.origin, start, head.size))
        if start == head.size:
            return
        if head.size - start > STEP:
            self._ahead(log.origin, place, start, head.size)
        for one in self._entries(log.origin, place, start, head.size):
            if one.size != head.size:
                self._file(f"{place}heads/{one.size}", one.note)

    def _start(self, origin: str, head: HeadRow, since: int | None) -> int:
        """Where the entries begin: behind what the peer receipted, at a whole bundle of entries."""
        if since is None:
            held = selectors.largest_cosignature(origin, self._peer, within=head.size)
            size = held.size if held else 0
        else:
            before = tables.Head.objects.filter(log__origin=origin, time__lte=since, size__lte=head.size)
            size = before.order_by("-size").values_list("size", flat=True).first() or 0
        return size if size == head.size else size - size % TILE_WIDTH

    def _entries(self, origin: str, place: str, start: int, size: int) -> Iterator[HeadRow]:
        """Write the entries; the signed heads at which a reader may take a step."""
        steps, room = start, STEP_BYTES
        for first in range(start, size, TILE_WIDTH):
            entries = selectors.entries(origin, first, min(first + TILE_WIDTH, size))
            self._file(place + bundle_path(first // TILE_WIDTH, len(entries)), encode_bundle(entries))
            self._named(origin, first, first + len(entries))
            end, room = first + len(entries), room - sum(map(len, entries))
            if end - steps >= STEP or room < 0 or end == size:
                head = selectors.largest_head(origin, within=end)
                if head is not None and head.size > steps:
                    yield head
                    steps, room = head.size, STEP_BYTES

    def _named(self, origin: str, first: int, end: int) -> None:
        """Note the parts of these entries that the peer may have. SPEC: protocol D1"""
        rows = tables.Part.objects.filter(log__origin=origin, index__gte=first, index__lt=end)
        for sha256, keep in rows.order_by("index", "position").values_list("sha256", "keep"):
            if self._peer in keep.split():
                self._parts[bytes.fromhex(sha256)] = None

    def _lacked(self) -> None:
        """Note the parts that the peer's newest entry calls missing. SPEC: protocol B2"""
        for log in selectors.logs():
            if log.party != self._peer or not log.size:
                continue
            try:
                header = parse_header(selectors.entries(log.origin, log.size - 1, log.size)[0])
            except Malformed:
                continue
            for seen in header.seen:
                for one in seen.missing:
                    self._named(seen.log, one.first, one.last + 1)

    def _ahead(self, origin: str, place: str, start: int, size: int) -> None:
        found = tables.Entry.objects.filter(
            log__origin=origin, index__gte=start, index__lt=size, floor=True
        ).order_by("-index")
        for index in found.values_list("index", flat=True)[:AHEAD]:
            if ahead := self._outgoing.ahead(origin, index, self._peer):
                self._file(f"{place}ahead/{index}", encode_ahead(ahead))

    def _part(self, sha256: bytes) -> None:
        data = selectors.part_for(sha256, self._peer)
        if data is not None and len(data) > MAX_PART:
            self._done.left_out.append(sha256.hex())
        elif data is not None:
            self._file(f"parts/{sha256.hex()}", data)

    def _file(self, path: str, data: bytes) -> None:
        self._done.files.append(File(path, len(data), hashlib.sha256(data).digest()))
        self._store(path, data)

    def _store(self, path: str, data: bytes) -> None:
        place = self._place / path
        there = _is_there(place, data)
        try:
            if not there:
                _write(place, data)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise Refused(MEDIUM_FULL, file=path, bytes=len(data)) from error
            raise
        self._done.bytes += len(data)
        self._told(path, len(data), there)


def _is_there(place: Path, data: bytes) -> bool:
    if place.is_symlink() or not place.is_file() or place.stat().st_size != len(data):
        return False
    return place.read_bytes() == data


def _write(place: Path, data: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(place.name + ".new")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(place)  # never through a link that lies there
