"""Progress of long work on standard error: one moving line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.status import Status

#: Seconds between two plain lines about one piece of work.
_EVERY_S: Final = 5.0


class Progress:
    """Call it with (what, done, total); total 0 means that nobody knows. Use it as a context."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._moving: Status | None = console.status("…") if console.is_terminal else None
        self._what, self._said = "", 0.0

    def __enter__(self) -> Self:
        if self._moving:
            self._moving.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._moving:
            self._moving.stop()

    @property
    def what(self) -> str:
        """What was begun last."""
        return self._what

    def __call__(self, what: str, done: int = 0, total: int = 0) -> None:
        """Say how far the work is."""
        text = f"{what}: {done} of {total}" if total else what
        if self._moving:
            self._what = what
            self._moving.update(text)
            return
        now = time.monotonic()
        if what != self._what or now - self._said >= _EVERY_S:
            print(f"detente: {text}", file=sys.stderr)
            self._what, self._said = what, now
