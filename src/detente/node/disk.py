"""Full disk: one named error, and a reserve that is left to the own log and to floor kinds.

SPEC: protocol D5
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
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class Reserve:
    """The free disk below which ordinary entries of others and their parts are refused."""

    def __init__(self, folder: Path, reserved_mb: int) -> None:
        self._folder = folder
        self._reserved = reserved_mb * _MIB

    def free(self) -> int:
        """Bytes free for this user on the folder's disk."""
        found = os.statvfs(self._folder)
        return found.f_bavail * found.f_frsize

    def require(self, needed: int = 0) -> None:
        """Raise Refused `disk-full` unless `needed` bytes fit above the reserve."""
        if self.free() - needed < self._reserved:
            raise Refused(DISK_FULL)


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
