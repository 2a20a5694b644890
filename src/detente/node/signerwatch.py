"""What the signer is doing, asked once a second in a thread of its own: status must not wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from detente.node import logs
from detente.node.folder import NodeFolder
from detente.node.signer_client import SignerClient, SignerStatus
from detente.record.errors import DetenteError

EVERY_S: Final = 1.0
ANSWER_S: Final = 2.0  # a stopped signer is shown as such within a few seconds


class SignerWatch:
    """The signer's last known state. It has its own connection, so that a slow append is not in its way."""

    def __init__(self, folder: NodeFolder, ask: Callable[[], SignerStatus] | None = None) -> None:
        self._ask = ask or SignerClient(folder, timeout_s=ANSWER_S).status
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="signer-watch", daemon=True)
        self.last: SignerStatus | None = None
        self.state = "unreachable"

    def start(self) -> None:
        """Begin asking."""
        self._thread.start()

    def stop(self) -> None:
        """Stop asking."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(ANSWER_S + 1)

    def _run(self) -> None:
        while not self._stop.is_set():
            self.look()
            self._stop.wait(EVERY_S)

    def look(self) -> None:
        """Ask once."""
        try:
            self.last = self._ask()
            state = self.last.state
        except DetenteError:
            state = "unreachable"
        if state != self.state:
            logs.line("signer-state", state=state)
        self.state = state

    def shown(self) -> dict[str, Any]:
        """For status: `state`, and what is wanted while the log is refetched, and why it stopped."""
        last = self.last
        return {
            "state": self.state,
            "size": last.size if last else None,
            "wanted": last.wanted if last else None,
            "cause": last.cause if last else None,
        }
