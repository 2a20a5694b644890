"""Reads a bundle's folder as what it is: files that a stranger may have made (protocol E2).

1. Only files that the manifest names, at paths of the bundle's pattern. Every step of a path is opened by
   itself and never through a link; what is no plain file is refused unread (a device could answer for ever).
2. No more is read than the manifest says and the pattern allows, and the hash is compared before anything
   is done with the bytes.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from detente.record.bundle import (
    CHANGED,
    INCOMPLETE,
    MANIFEST,
    MAX_MANIFEST,
    NOT_FOR_US,
    OTHER_CELL,
    STRANGE,
    File,
    Manifest,
    parse_manifest,
    size_limit,
)  # fmt: skip
from detente.record.errors import Refused

#: No waiting for a pipe's other end, no following of links, no terminal taken over.
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class Stick:
    """One bundle folder. Raises Refused by name, and Malformed for a manifest out of form."""

    def __init__(self, place: Path, *, cell: str, me: str) -> None:
        self._place = place
        self.manifest: Manifest = parse_manifest(_read(place, MANIFEST, MAX_MANIFEST))
        if self.manifest.cell != cell:
            raise Refused(OTHER_CELL, cell=self.manifest.cell, expected=cell)
        if self.manifest.reader != me or self.manifest.author == me:
            raise Refused(NOT_FOR_US, made_for=self.manifest.reader, made_by=self.manifest.author)
        self._files = {one.path: one for one in self.manifest.files}

    def paths(self, below: str = "") -> list[str]:
        """Paths that the manifest names below a folder (with its stroke), sorted."""
        return [path for path in self._files if path.startswith(below)]

    def find(self, path: str) -> File | None:
        """What the manifest says of a path."""
        return self._files.get(path)

    def read(self, path: str) -> bytes:
        """A file's bytes, compared with the manifest. Raises Refused `bundle-…` naming the file."""
        said = self._files.get(path)
        if said is None:
            raise Refused(INCOMPLETE, file=path)
        data = _read(self._place, path, min(said.size, size_limit(path)))
        if len(data) < said.size:
            raise Refused(INCOMPLETE, file=path, bytes=len(data), expected=said.size)
        if hashlib.sha256(data).digest() != said.sha256:
            raise Refused(CHANGED, file=path)
        return data


def _read(place: Path, path: str, limit: int) -> bytes:
    *folders, name = path.split("/")
    with _named_errors(path):
        place_fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for folder in folders:
                inner = os.open(folder, _FLAGS | os.O_DIRECTORY, dir_fd=place_fd)
                os.close(place_fd)
                place_fd = inner
            file = os.open(name, _FLAGS, dir_fd=place_fd)
        finally:
            os.close(place_fd)
        try:
            return b"".join(_pieces(file, path, limit))
        finally:
            os.close(file)


def _pieces(file: int, path: str, limit: int) -> Iterator[bytes]:
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        raise Refused(STRANGE, file=path)
    if found.st_size > limit:
        raise Refused(CHANGED, file=path, bytes=found.st_size, expected=limit)
    left = limit
    while left > 0 and (piece := os.read(file, min(left, 1 << 20))):
        left -= len(piece)
        yield piece


@contextmanager
def _named_errors(path: str) -> Iterator[None]:
    """What the system says of a path, in a bundle's words; a broken medium stays the system's own error."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise Refused(INCOMPLETE, file=path) from error
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO, errno.EISDIR, errno.EINVAL):
            raise Refused(STRANGE, file=path) from error
        raise
