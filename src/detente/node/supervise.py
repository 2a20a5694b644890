"""`detente node DIR`: starts and restarts signer, link, desk and alarm as child processes (protocol C5).

1. One supervisor a folder: a lock on run/node.lock, taken before anything starts.
2. A child that ends is started again, at first at once, then after a growing pause, so that a child that
   cannot start does not eat the machine; one that ran STEADY_S begins anew.
3. SIGTERM or SIGINT: every child gets SIGTERM, the link before the signer, and SIGKILL after GRACE_S.
4. Children die with the supervisor (Linux): a restarted `detente node` must not meet a second signer.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from detente.node import logs
from detente.node.folder import NodeFolder
from detente.record.errors import DetenteError, Refused, declare

ALREADY: Final = declare("node-already-running", "operator", "another `detente node` runs on this folder")
PAUSES_S: Final = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
STEADY_S: Final = 30.0
GRACE_S: Final = 5.0
_STEP_S: Final = 0.1
_PR_SET_PDEATHSIG: Final = 1

#: Started in this order, stopped in the reverse.
Commands = Mapping[str, Sequence[str]]


def commands(folder: NodeFolder) -> Commands:
    """The children of a node, by name."""
    own = (sys.executable, "-m")
    place = str(folder.path)
    found = {
        "signer": (*own, "detente.node.signer", place),
        "link": (*own, "detente.node.link", place),
        "alarm": (*own, "detente.node.alarm", place),
    }
    if folder.settings.desk_listen:
        found["desk"] = (*own, "detente.desk", place)
    return found


def run(folder: NodeFolder | Path | str, children: Commands | None = None) -> int:
    """Run the node until SIGTERM or SIGINT; 0 when everything ended cleanly, 1 when a child had to be killed.

    Raises Refused `node-already-running` or what `NodeFolder.open` refuses.
    """
    place = folder if isinstance(folder, NodeFolder) else NodeFolder.open(folder)
    os.umask(0o077)  # children inherit it: nothing that a node writes is open to other users
    place.run.mkdir(mode=0o700, exist_ok=True)
    with (place.run / "node.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise Refused(ALREADY) from exc
        logs.start(place.path, "node")
        return Supervisor(children if children is not None else commands(place)).run()


@dataclass
class _Child:
    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    ended: float = 0.0
    failures: int = 0

    def due(self, now: float) -> bool:
        pause = PAUSES_S[min(self.failures, len(PAUSES_S)) - 1] if self.failures else 0.0
        return self.process is None and now - self.ended >= pause


class Supervisor:
    """The loop over the children; every method runs in the main thread."""

    def __init__(self, children: Commands) -> None:
        self._children = [_Child(name, command) for name, command in children.items()]
        self._stopping = False

    def run(self) -> int:
        """Until asked to stop."""
        before = {one: signal.signal(one, self._stop) for one in (signal.SIGTERM, signal.SIGINT)}
        try:
            while not self._stopping:
                for child in self._children:
                    self._look(child)
                time.sleep(_STEP_S)
        finally:
            killed = self._end()
            for one, handler in before.items():
                signal.signal(one, handler)
        logs.line("node-ended", count=killed)
        return 1 if killed else 0

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _look(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process is not None and child.process.poll() is not None:
            self._ended(child, child.process.returncode, now)
        if child.due(now) and not self._stopping:
            child.process = subprocess.Popen(
                child.command,
                stdin=subprocess.DEVNULL,
                preexec_fn=_die_with_us,  # noqa: PLW1509 - this process has one thread
            )
            child.started = now
            logs.line("child-started", child=child.name, pid=child.process.pid)

    def _ended(self, child: _Child, code: int, now: float) -> None:
        steady = now - child.started >= STEADY_S
        child.process, child.ended = None, now
        child.failures = 1 if steady else child.failures + 1
        logs.line("child-ended", child=child.name, exit=code, count=child.failures)

    def _end(self) -> int:
        """Stop every child in turn; how many had to be killed."""
        return sum(self._end_one(child) for child in reversed(self._children))

    def _end_one(self, child: _Child) -> int:
        process = child.process
        if process is None or process.poll() is not None:
            return 0
        process.terminate()
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            logs.line("child-killed", child=child.name)
            return 1
        return 0


def _die_with_us() -> None:
    """In the child before exec: SIGTERM when the supervisor dies, however it dies (rule 4)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() == 1:  # it died in between
            os.kill(os.getpid(), signal.SIGTERM)


def main(arguments: Sequence[str]) -> int:
    """`python -m detente.node.supervise DIR`."""
    try:
        return run(arguments[0])
    except DetenteError as exc:
        print(f"detente: {exc.code}: {exc.who} must act", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
