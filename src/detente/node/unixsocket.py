"""Unix sockets in folders of any depth.

A socket address holds 108 bytes, a party's folder may be deeper than that: the last folder is opened first
and named through /proc/self/fd, so that only the file's own name counts.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_ADDRESS_LIMIT: Final = 100  # 108 with the closing zero on Linux; a little room for other systems


@contextmanager
def short_address(path: Path) -> Iterator[str]:
    """An address for `path` that fits into a socket address, good while the context is open."""
    if len(os.fsencode(path)) <= _ADDRESS_LIMIT:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def connect(path: Path, timeout: float | None) -> socket.socket:
    """A connected stream socket; OSError when nobody listens there."""
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.settimeout(timeout)
        with short_address(path) as address:
            link.connect(address)
    except BaseException:
        link.close()
        raise
    return link


def listen(path: Path, backlog: int = 64) -> socket.socket:
    """A listening stream socket with mode 0600; a dead one left by a killed process is taken away first."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short_address(path) as address:
            # The file must never exist with wider rights, not even for an instant.
            before = os.umask(0o177)
            try:
                listener.bind(address)
            finally:
                os.umask(before)
        listener.listen(backlog)
    except BaseException:
        listener.close()
        raise
    return listener
