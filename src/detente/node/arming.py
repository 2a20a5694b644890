"""Whether the watch is armed: someone on watch has heard an alarm that is alive.

1. Armed = the alarm process sent a heartbeat within HEARTBEAT_S, and at least one of its outlets (sound card
   or command hook) works, and a watch session in force has confirmed hearing it.
2. A change is published at once as a `status` event; the clocks loop turns it into an R03 (protocol A12).
3. Ages are monotonic: setting the clock must not keep a dead alarm armed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

HEARTBEAT_S: Final = 4.0  # status shows NOT ARMED within 5 s: this and the one-second step of the ticker
Outlet = Literal["ok", "absent", "failed", "untried"]


@dataclass(frozen=True)
class Heartbeat:
    """What the alarm process last said of itself."""

    outlets: Mapping[str, Outlet] = field(default_factory=dict)
    tests: int = 0


@dataclass(frozen=True)
class Armed:
    """The state now; `why` names the first reason against: no-alarm, no-outlet, not-confirmed."""

    armed: bool
    why: str | None
    outlets: Mapping[str, Outlet]
    tests: int


class Arming:
    """Keeps the last heartbeat. `confirmed` tells whether a watch session in force has heard the alarm."""

    def __init__(
        self, confirmed: Callable[[], bool], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._confirmed = confirmed
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._last = float("-inf")
        self._beat = Heartbeat()

    def beat(self, heartbeat: Heartbeat) -> None:
        """The alarm process is alive."""
        with self._lock:
            self._last, self._beat = self._monotonic(), heartbeat

    def state(self) -> Armed:
        """Armed or not, and why not."""
        with self._lock:
            alive, beat = self._monotonic() - self._last <= HEARTBEAT_S, self._beat
        why = None
        if not alive:
            why = "no-alarm"
        elif not any(outlet == "ok" for outlet in beat.outlets.values()):
            why = "no-outlet"
        elif not self._confirmed():
            why = "not-confirmed"
        return Armed(why is None, why, beat.outlets if alive else {}, beat.tests)
