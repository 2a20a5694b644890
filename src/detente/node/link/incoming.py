"""Large parts on their way here: what came of them stays on disk through a cut and a restart (protocol D2).

1. One file a part in the node's folder, named by its hash; it grows piece by piece, nothing in it counts
   before the whole has that hash.
2. One peer at a time brings a part. Who goes on may be another than who began: after a turn, a failure, or
   STALE_S without a piece.
3. A whole that has another hash is dropped. If one peer brought all of it, that peer is not asked for this
   part again for BROKEN_S; otherwise it is brought again, by one peer alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from detente.node import selectors
from detente.node.disk import full_disk_named
from detente.node.reader import Reader

_P = ParamSpec("_P")
_R = TypeVar("_R")
#: What this node knows of a part that it lacks: its size by the header, and whether the disk's reserve is
#: for it; None if nobody here wants it.
Known = Callable[[bytes], tuple[int, bool] | None]

FOLDER: Final = "incoming"
BROKEN_S: Final = 600.0
STALE_S: Final = 3.0
#: Stands for whoever brought what was here at the start.
_EARLIER: Final = ""


def lacked(sha256: bytes) -> tuple[int, bool] | None:
    """What the record says of a part that is lacked. In a reader thread."""
    found = selectors.wanted_named(sha256)
    if not found:
        return None
    return found[0].size, any(selectors.is_floor(one.entry) for one in found)


class Incoming:
    """The parts under way. All methods in one event loop; the files are a reader thread's."""

    def __init__(self, folder: Path, known: Known, require: Callable[[int], None]) -> None:
        """`require(bytes)` raises Refused `disk-full` where only the disk's reserve is left."""
        self._files, self._known, self._require = _Files(folder / FOLDER), known, require
        self._reader = Reader(1)
        self._busy: dict[bytes, tuple[str, float]] = {}
        self._from: dict[bytes, set[str]] = {}
        self._alone: dict[bytes, str] = {}
        self._broken: dict[tuple[bytes, str], float] = {}

    def close(self) -> None:
        """End the thread."""
        self._reader.stop()

    async def _do(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        return await asyncio.wrap_future(self._reader.run(function, *args, **kwargs))

    # Who brings.

    def may(self, sha256: bytes, peer: str, now: float) -> bool:
        """Whether `peer` may be asked for that part at all."""
        return self._broken.get((sha256, peer), 0.0) <= now and self._alone.get(sha256, peer) == peer

    def claim(self, sha256: bytes, peer: str, now: float) -> bool:
        """Whether `peer` is the one that brings that part now; asked again before every piece."""
        who, since = self._busy.get(sha256, (peer, now))
        if who != peer and now - since < STALE_S:
            return False
        self._busy[sha256] = (peer, now)
        return True

    def release(self, sha256: bytes, peer: str) -> None:
        """Let another peer go on with it."""
        if self._busy.get(sha256, ("", 0.0))[0] == peer:
            del self._busy[sha256]

    def broken(self, sha256: bytes, peer: str, now: float) -> bool:
        """The whole has another hash; whether `peer` alone brought it (rule 3)."""
        if self._from.pop(sha256, {peer}) == {peer}:
            self._broken[sha256, peer] = now + BROKEN_S
            self._alone.pop(sha256, None)
            return True
        self._alone[sha256] = peer
        return False

    # What is here.

    async def size_of(self, sha256: bytes, *, more: int = 0) -> int | None:
        """The part's size; None if nobody here wants it. Raises Refused `disk-full` if `more` has no room."""
        known = await self._do(self._known, sha256)
        if known is None:
            return None
        if not known[1]:
            self._require(more)
        return known[0]

    async def held(self, sha256: bytes) -> int:
        """Bytes that are here of it."""
        held = await self._do(self._files.held, sha256)
        if held:
            self._from.setdefault(sha256, {_EARLIER})
        return held

    async def add(self, sha256: bytes, peer: str, first: int, data: bytes) -> int:
        """Write the bytes from `first` on if they are the next; bytes that are here then.

        Raises Refused `disk-full`.
        """
        self._from.setdefault(sha256, set()).add(peer)
        return await self._do(self._files.add, sha256, first, data)

    async def whole(self, sha256: bytes) -> bytes | None:
        """The part, if what is here has its hash; None, and nothing is here any more, if not."""
        return await self._do(self._files.whole, sha256)

    async def drop(self, sha256: bytes) -> None:
        """It is stored, or not wanted any more."""
        self._from.pop(sha256, None)
        self._alone.pop(sha256, None)
        await self._do(self._files.drop, sha256)

    async def sweep(self) -> None:
        """Remove what nobody wants any more; once, at the start."""
        for sha256 in await self._do(self._files.all):
            if await self._do(self._known, sha256) is None:
                await self.drop(sha256)


class _Files:
    """The files, from one thread."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def held(self, sha256: bytes) -> int:
        try:
            return self._file(sha256).stat().st_size
        except FileNotFoundError:
            return 0

    def add(self, sha256: bytes, first: int, data: bytes) -> int:
        if (held := self.held(sha256)) != first:
            return held
        self._place.mkdir(mode=0o700, exist_ok=True)
        with full_disk_named():
            descriptor = os.open(self._file(sha256), os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                return first + os.pwrite(descriptor, data, first)
            finally:
                os.close(descriptor)

    def whole(self, sha256: bytes) -> bytes | None:
        data = self._file(sha256).read_bytes()
        if hashlib.sha256(data).digest() == sha256:
            return data
        self.drop(sha256)
        return None

    def drop(self, sha256: bytes) -> None:
        self._file(sha256).unlink(missing_ok=True)

    def all(self) -> list[bytes]:
        names = [one.name for one in self._place.iterdir()] if self._place.is_dir() else []
        return [bytes.fromhex(name) for name in names if len(name) == 64]

    def _file(self, sha256: bytes) -> Path:
        return self._place / sha256.hex()
