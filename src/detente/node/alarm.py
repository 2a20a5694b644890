"""The alarm, a process of its own: `python -m detente.node.alarm DIR`.

1. It hears of a STOP-AND-CHECK (and of an overdue FLASH) from the local API and from nothing else; browser
   and desk may be dead. What should sound is the API's `ringing` list, a state: after any restart of either
   process the list is read again, so nothing that is still unanswered is missed.
2. The hook runs once for each new entry of the list; the sound goes on until the list is empty.
3. A heartbeat a second tells the node that it is alive and whether its outlets work: that, and an officer who
   heard the test, is what ARMED means (`arming`).
4. It reconnects without end, every RETRY_S. A node that is gone for SILENT_S is itself a reason to sound:
   then nobody would hear a STOP-AND-CHECK.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final, Protocol

from detente.node import logs
from detente.node.client import LocalApi
from detente.node.folder import NodeFolder
from detente.node.outlets import Hook, Ring, Sound
from detente.node.tones import Pattern
from detente.record.errors import DetenteError

BEAT_S: Final = 1.0
RETRY_S: Final = 0.25
ROUND_S: Final = 2.5  # from one round of the sound to the next
SILENT_S: Final = 60.0
NODE_GONE: Final = "NODE"  # the kind given to the hook when the node itself is silent


class Outlets(Protocol):
    """What the alarm asks of an outlet."""

    name: str
    state: Any

    def ring(self, ring: Ring, now: float) -> None: ...

    def look(self, now: float) -> None: ...


class Alarm:
    """What should sound and what has sounded. One thread calls it; no clock inside."""

    def __init__(self, *, exercise: bool, outlets: Sequence[Outlets]) -> None:
        self._pattern: Pattern = "exercise" if exercise else "actual"
        self._outlets = {outlet.name: outlet for outlet in outlets}
        self._ringing: dict[str, str] = {}
        self._rung: set[str] = set()
        self._last_round = float("-inf")
        self.tests = 0

    def hear(self, ringing: Sequence[dict[str, Any]], now: float) -> None:
        """The node's list as it is now: new entries run the hook at once and start the sound."""
        self._ringing = {str(one["id"]): str(one["kind"]) for one in ringing}
        for entry, kind in self._ringing.items():
            if entry not in self._rung:
                self._rung.add(entry)
                self._last_round = now
                self._ring(Ring(self._pattern, entry, kind), now)
                logs.line("alarm", id=entry, kind=kind, state=self._pattern)
        self._rung &= self._ringing.keys()

    def node_gone(self, now: float) -> None:
        """The node has not answered for SILENT_S: ring once, and keep what was ringing."""
        if NODE_GONE not in self._rung:
            self._rung.add(NODE_GONE)
            self._ring(Ring(self._pattern, "", NODE_GONE), now)
            logs.line("alarm-node-gone")

    def test(self, now: float) -> None:
        """Sound the test once, on every outlet."""
        self.tests += 1
        self._ring(Ring("test"), now)
        logs.line("alarm-test", count=self.tests)

    def step(self, now: float) -> None:
        """Go on sounding while something rings; notice what became of the outlets."""
        for outlet in self._outlets.values():
            outlet.look(now)
        if self._ringing and now - self._last_round >= ROUND_S:
            self._last_round = now
            entry, kind = next(iter(self._ringing.items()))
            if "sound" in self._outlets:
                self._outlets["sound"].ring(Ring(self._pattern, entry, kind), now)

    def states(self) -> dict[str, str]:
        """Each outlet's state, for the heartbeat."""
        return {name: outlet.state for name, outlet in self._outlets.items()}

    def untried(self) -> bool:
        """Whether no outlet was ever heard of since this process started."""
        return not self.tests and set(self.states().values()) <= {"untried", "absent"}

    def _ring(self, ring: Ring, now: float) -> None:
        for outlet in self._outlets.values():
            outlet.ring(ring, now)


class Listener(threading.Thread):
    """Follows the node's events and sets `changed` (look at the list) or counts a test."""

    def __init__(self, folder: Path) -> None:
        super().__init__(name="alarm-listener", daemon=True)
        self._folder = folder
        self.changed = threading.Event()
        self._lock = threading.Lock()  # guards _tests
        self._tests = 0

    def run(self) -> None:
        """Until the process ends."""
        while True:
            with contextlib.suppress(DetenteError):
                self._follow()
            time.sleep(RETRY_S)

    def _follow(self) -> None:
        self.changed.set()
        for event in LocalApi(self._folder).events(timeout=12.0):
            if event.type == "alarm-test":
                with self._lock:
                    self._tests += 1
            if event.type in ("alarm", "alarm-test", "entry"):
                self.changed.set()

    def tests_asked(self) -> int:
        """Tests asked for since the last call."""
        with self._lock:
            asked, self._tests = self._tests, 0
        return asked


class Process:
    """The loop: one step every 100 ms or as soon as the node says something."""

    def __init__(self, folder: Path, alarm: Alarm) -> None:
        self._api = LocalApi(folder, timeout=3.0)
        self._alarm = alarm
        self._listener = Listener(folder)
        self._stopping = False
        self._beaten = self._look_due = float("-inf")
        self._answered = time.monotonic()

    def stop(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """End after the present step."""
        self._stopping = True

    def run(self) -> None:
        """Until stopped."""
        self._listener.start()
        while not self._stopping:
            heard = self._listener.changed.wait(0.1)
            self._listener.changed.clear()
            self.step(time.monotonic(), look=heard)

    def step(self, now: float, *, look: bool) -> None:
        """Tests asked for, the list if something changed or a second has gone by, sound, heartbeat."""
        for _ in range(self._listener.tests_asked()):
            self._alarm.test(now)
        self._alarm.step(now)
        if not look and now - self._beaten < BEAT_S:
            return
        self._beaten = now
        body = {"outlets": self._alarm.states(), "tests": self._alarm.tests}
        try:
            # The answer is the list: one call is heartbeat and look at once, and works without the stream.
            state = self._api.post("/v1/alarm/heartbeat", body)
        except DetenteError:
            if now - self._answered > SILENT_S:
                self._alarm.node_gone(now)
            return
        self._answered = now
        if state["confirmed_at"] is not None and self._alarm.untried():
            # Started again under a watch that had heard it: sound the test, or that watch is not armed.
            self._alarm.test(now)
        self._alarm.hear(state["ringing"], now)


def main(arguments: Sequence[str]) -> int:
    """Run until SIGTERM."""
    try:
        folder = NodeFolder.open(arguments[0])
    except DetenteError as exc:
        print(f"detente: {exc.code}: {exc.who} must act", file=sys.stderr)
        return 3
    logs.start(folder.path, "alarm")
    outlets = (Hook(folder.settings.alarm_hook), Sound(wanted=folder.settings.alarm_sound))
    process = Process(folder.path, Alarm(exercise=folder.exercise, outlets=outlets))
    signal.signal(signal.SIGTERM, process.stop)
    signal.signal(signal.SIGINT, process.stop)
    logs.line("alarm-listens")
    process.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
