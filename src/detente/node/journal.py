"""An append-only file of records, each on disk before `append` returns: the signer's memory.

1. One record a line: 16 hex digits of SHA-256 over the rest, a space, strict JSON.
2. Only the last line may be torn (a power cut in the middle of a write). It is cut off at opening: nothing
   was signed for it, because a signature leaves after the write. A torn line elsewhere is `journal-broken`.
3. A write that fails is taken back; if that fails too the journal is closed for good, and its owner with it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from detente.node.disk import full_disk_named
from detente.node.folder import sync_folder
from detente.record import strictjson
from detente.record.errors import Malformed, Refused, declare

JOURNAL_BROKEN: Final = declare(
    "journal-broken", "operator", "the signer's journal is damaged; open the next log (protocol C3)"
)

#: A group of 64 of the largest entries in base64, with room.
RECORD_LIMIT: Final = 8 * 1024 * 1024
_SUM: Final = 16


class Journal:
    """The file at `path`, opened for appending. One process at a time (the caller holds the lock)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        new = not path.exists()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        if new:
            sync_folder(path.parent)
        self._end = 0
        self._broken = False

    def read(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(place, record) from the first on; the torn last line, if there is one, is cut off."""
        self._end = 0
        with self.path.open("rb") as file:
            while line := file.readline(RECORD_LIMIT + 1):
                record = parse_record(line)
                if record is None:
                    if file.read(1):
                        raise Refused(JOURNAL_BROKEN, file=self.path.name, at=self._end)
                    break
                yield self._end, record
                self._end += len(line)
        os.ftruncate(self._file, self._end)
        os.fsync(self._file)

    def record_at(self, place: int) -> dict[str, Any]:
        """The record at a place that `read` or `append` gave. Raises Refused `journal-broken`."""
        with self.path.open("rb") as file:
            file.seek(place)
            record = parse_record(file.readline(RECORD_LIMIT + 1))
        if record is None:
            raise Refused(JOURNAL_BROKEN, file=self.path.name, at=place)
        return record

    def append(self, record: dict[str, Any]) -> int:
        """Have `record` on disk; its place. Raises Refused `disk-full` (nothing changed) or `journal-broken`.

        Call only after `read` has come to its end.
        """
        if self._broken:
            raise Refused(JOURNAL_BROKEN, file=self.path.name)
        body = strictjson.encode(record)
        line = _sum(body) + b" " + body + b"\n"
        if len(line) > RECORD_LIMIT:
            raise Malformed("journal record", len(line))
        try:
            with full_disk_named():
                written = os.write(self._file, line)
                while written < len(line):
                    written += os.write(self._file, line[written:])
                os.fsync(self._file)
        except BaseException:
            self._take_back()
            raise
        place, self._end = self._end, self._end + len(line)
        return place

    def replace(self, record: dict[str, Any]) -> None:
        """Have `record` as the only one, or leave all as it was."""
        body = strictjson.encode(record)
        beside = self.path.with_name(self.path.name + ".new")
        with full_disk_named(), beside.open("wb") as file:
            beside.chmod(0o600)
            file.write(_sum(body) + b" " + body + b"\n")
            file.flush()
            os.fsync(file.fileno())
            end = file.tell()
        beside.replace(self.path)
        sync_folder(self.path.parent)
        os.close(self._file)
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND)
        self._end = end

    def size(self) -> int:
        """Bytes of whole records."""
        return self._end

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _take_back(self) -> None:
        try:
            os.ftruncate(self._file, self._end)
            os.fsync(self._file)
        except OSError:
            # What is on the disk is unknown now: nothing may be signed before a restart has read it.
            self._broken = True


def _sum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:_SUM].encode()


def parse_record(line: bytes) -> dict[str, Any] | None:
    """The record of a line; None if the line is torn."""
    digest, space, body = line[:_SUM], line[_SUM : _SUM + 1], line[_SUM + 1 : -1]
    if not line.endswith(b"\n") or space != b" " or _sum(body) != digest:
        return None
    try:
        record = strictjson.parse(body, limit=RECORD_LIMIT)
    except Malformed:
        return None
    return record if isinstance(record, dict) else None
