"""How the alarm makes itself heard: the sound card and the command hook, each knowing whether it works."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from detente.node import logs
from detente.node.tones import Pattern, wav

State = Literal["ok", "absent", "failed", "untried"]
HOOK_LIMIT_S: Final = 20.0
SOUND_LIMIT_S: Final = 10.0
_CARDS: Final = Path("/proc/asound/cards")


@dataclass(frozen=True)
class Ring:
    """What to sound: the pattern, and the printed id and kind of the entry (empty for a test)."""

    pattern: Pattern
    id: str = ""
    kind: str = ""


class _Running:
    """A child of an outlet, with the second at which it has taken too long."""

    def __init__(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        self.process, self.deadline = process, deadline


class Outlet:
    """One way to be heard. `ring` never waits; `look` notices what came of it."""

    def __init__(self, name: str, state: State) -> None:
        self.name = name
        self.state: State = state
        self._running: list[_Running] = []

    def _watch(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        self._running.append(_Running(process, deadline))

    def _set(self, state: State) -> None:
        if state != self.state:
            logs.line("outlet", outlet=self.name, state=state)
        self.state = state

    def look(self, now: float) -> None:
        """Collect what has ended: exit 0 is ok, anything else failed."""
        for one in list(self._running):
            code = one.process.poll()
            if code is None and now > one.deadline:
                one.process.kill()
                code = one.process.wait()
            if code is not None:
                self._running.remove(one)
                self._set("ok" if code == 0 else "failed")

    def busy(self) -> bool:
        """Whether the last ring still sounds."""
        return bool(self._running)


class Hook(Outlet):
    """The operator's command. Its environment carries pattern, id and kind, nothing else of the record."""

    def __init__(self, command: Sequence[str]) -> None:
        super().__init__("hook", "untried" if command else "absent")
        self._command = list(command)

    def ring(self, ring: Ring, now: float) -> None:
        """Start the command once."""
        if not self._command:
            return
        try:
            process = subprocess.Popen(
                self._command,
                env=hook_environment(ring, os.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            self._set("failed")
            return
        self._watch(process, now + HOOK_LIMIT_S)


def hook_environment(ring: Ring, own: Mapping[str, str]) -> dict[str, str]:
    """The command's whole environment: where programs and the user's home are, and three words of ours."""
    kept = {name: own[name] for name in ("PATH", "HOME", "LANG", "XDG_RUNTIME_DIR") if name in own}
    return kept | {
        "DETENTE_ALARM": ring.pattern,
        "DETENTE_ALARM_ID": ring.id,
        "DETENTE_ALARM_KIND": ring.kind,
    }


class Sound(Outlet):
    """The sound card, through `aplay`."""

    def __init__(self, *, wanted: bool) -> None:
        self._player = shutil.which("aplay") if wanted and has_card() else None
        super().__init__("sound", "untried" if self._player else "absent")

    def ring(self, ring: Ring, now: float) -> None:
        """Play one round of the pattern, unless the last one still plays."""
        if self._player is None or self.busy():
            return
        try:
            process = subprocess.Popen(
                [self._player, "-q", "-"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            self._set("failed")
            return
        if process.stdin is not None:
            _feed(process, wav(ring.pattern))
        self._watch(process, now + SOUND_LIMIT_S)


def _feed(process: subprocess.Popen[bytes], data: bytes) -> None:
    # One round is some 64 KB; a player that does not read must not stop the alarm process.

    def write() -> None:
        try:
            if process.stdin is not None:
                process.stdin.write(data)
                process.stdin.close()
        except OSError:
            pass

    threading.Thread(target=write, daemon=True).start()


def has_card() -> bool:
    """Whether the machine has a sound card that ALSA knows."""
    try:
        text = _CARDS.read_text("ascii", "replace")
    except OSError:
        return False
    return bool(text.strip()) and "no soundcards" not in text
