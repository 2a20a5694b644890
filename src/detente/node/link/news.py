"""A counter of what is new here, for peers that can only ask: they wait on it instead of asking often."""

from __future__ import annotations

import asyncio
from typing import Final

#: SPEC: protocol D4. Below the idle limits of common firewalls.
WAIT_S: Final = 20.0


class News:
    """Counts up; one event loop only."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = asyncio.Event()
        self._told: dict[str, int] = {}

    def add(self) -> None:
        """Something is new: whoever waits is woken."""
        self._count += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, peer: str, seconds: float | None = None) -> bool:
        """Come back when something is new since `peer` was last told, or after `seconds`; whether it is."""
        changed = self._changed
        if self._told.get(peer) == self._count:
            try:
                async with asyncio.timeout(WAIT_S if seconds is None else seconds):
                    await changed.wait()
            except TimeoutError:
                return False
        self._told[peer] = self._count
        return True
