"""The one time source of a node: the machine's clock, and in an exercise cell what was added to it.

1. An actual cell takes the machine's clock as it is: nothing can be added to it.
2. In an exercise cell two numbers of seconds are added: `clock_offset_s` of node.toml, which stands from
   the start, and the number in `run/clock-ahead`, which moves while the node runs (`detente play`).
3. What moves while the node runs only ever goes forward: what is signed with a later time must not be
   followed by an earlier one.
"""

from __future__ import annotations

import contextlib
import re
import time
from typing import Final

from detente.node.folder import NodeFolder, write_private
from detente.record.errors import Refused, declare

NO_EXERCISE: Final = declare(
    "clock-not-settable", "operator", "the clock of an actual cell is the machine's; only an exercise's moves"
)
MOST_S: Final = 10 * 366 * 86_400
_NUMBER: Final = re.compile(rb"[0-9]{1,9}\n", re.ASCII)


class NodeClock:
    """POSIX seconds of the node, as a float; call it. Every process of the node has its own."""

    def __init__(self, folder: NodeFolder) -> None:
        self._path = folder.run / "clock-ahead"
        self._moves = folder.exercise
        self._offset = folder.settings.clock_offset_s
        self._ahead = 0
        self._read_at: int | None = None

    def __call__(self) -> float:
        return time.time() + self._offset + (self._look() if self._moves else 0)

    def now(self) -> int:
        """Whole seconds."""
        return int(self())

    def _look(self) -> int:
        """Seconds that the exercise was moved; read again only when the file was written anew."""
        with contextlib.suppress(FileNotFoundError):
            changed = self._path.stat().st_mtime_ns
            if changed != self._read_at:
                said = self._path.read_bytes()
                self._ahead = max(self._ahead, int(said) if _NUMBER.fullmatch(said) else 0)
                self._read_at = changed
        return self._ahead


def move_clock(folder: NodeFolder, ahead_s: int) -> None:
    """Set an exercise node's clock `ahead_s` seconds (in all) before the machine's, for all its processes.

    Raises Refused `clock-not-settable` outside exercise cells, ValueError beyond ten years or below zero.
    """
    if not folder.exercise:
        raise Refused(NO_EXERCISE, cell=folder.cell)
    if not 0 <= ahead_s <= MOST_S:
        raise ValueError(ahead_s)
    write_private(folder.run / "clock-ahead", b"%d\n" % ahead_s, replace=True)
