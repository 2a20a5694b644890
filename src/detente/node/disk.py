"""Full disk: one named error, and a reserve that is left to the own log and to floor kinds.

1. Below the reserve ordinary entries of others are refused (protocol D5).
2. Other programs fill disks too, and ask nobody. A quarter of the reserve is therefore held by the file
   `reserve` in the node's folder; it is given back piece by piece when nothing else is left, and taken again
   when there is room.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from detente.record.errors import Refused, declare

DISK_FULL: Final = declare(
    "disk-full", "operator", "the reserve of the disk is left to the own log and floor kinds"
)

_MIB: Final = 1024 * 1024
#: Free disk below which the held-back file gives way; the largest transaction of floor entries is smaller.
_LOW: Final = _MIB
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class Reserve:
    """The free disk below which ordinary entries of others and their parts are refused. Any thread."""

    def __init__(self, folder: Path, reserved_mb: int) -> None:
        self._folder, self._file = folder, folder / "reserve"
        self._reserved = reserved_mb * _MIB
        self._held_back = self._reserved // 4

    def free(self) -> int:
        """Bytes free for this user on the folder's disk."""
        found = os.statvfs(self._folder)
        return found.f_bavail * found.f_frsize

    def require(self, needed: int = 0) -> None:
        """Raise Refused `disk-full` unless `needed` bytes fit above the reserve."""
        if self.free() - needed < self._reserved:
            raise Refused(DISK_FULL)

    def make_room(self) -> bool:
        """Give a piece of the held-back disk to those it is held for, if nothing else is left; whether."""
        held = self._held()
        if not held or self.free() >= _LOW:
            return False
        os.truncate(self._file, max(0, held - max(_MIB, self._held_back // 4)))
        return True

    def take_back(self) -> bool:
        """Hold disk back again, if all of it fits above the reserve; whether it is held."""
        held = self._held()
        if held < self._held_back and self.free() - (self._held_back - held) >= self._reserved:
            descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._held_back)
            except OSError:
                os.ftruncate(descriptor, held)
            finally:
                os.close(descriptor)
        return self._held() >= self._held_back

    def _held(self) -> int:
        try:
            return self._file.stat().st_size
        except FileNotFoundError:
            return 0


@contextmanager
def full_disk_named() -> Iterator[None]:
    """Turn any error that means "no room" into Refused `disk-full`; the rest passes unchanged."""
    try:
        yield
    except Exception as error:
        if _says_full(error):
            raise Refused(DISK_FULL) from error
        raise


def _says_full(error: BaseException) -> bool:
    """Whether an error, or what it came from, is the system's or the database's word for a full disk."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in _FULL:
            return True
        # SQLite: sqlite3.OperationalError; PostgreSQL: SQLSTATE 53100.
        if getattr(seen, "sqlite_errorname", "") == "SQLITE_FULL" or getattr(seen, "sqlstate", "") == "53100":
            return True
        seen = seen.__cause__
    return False
