"""The demo's stage: scenes with checks, told at the speed of a reader, in a live table of who holds what.

Every check is a sentence with a condition and a time within which it must come true; the demo ends with 0
only if all held. On a terminal the table is live; elsewhere (a log, a pipe) lines are printed as they come.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from detente.cli.words import clock, isolate, party
from detente.record.errors import DetenteError

LOOK_S = 0.1
ASK_S = 0.5
ROWS = 10
READ_S = 2.5  # time that a reader gets for a sentence, without --fast


@dataclass
class Check:
    """One sentence that must come true; `took` in seconds, None if it did not."""

    sentence: str
    took: float | None


@dataclass
class Shown:
    """An entry on the table: what it says in a word, and its receipts as each party gave them."""

    id: str
    says: str
    sent: int
    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def author(self) -> str:
        """The party in whose log it stands."""
        return self.id.partition("-")[0].lower()

    @property
    def complete(self) -> bool:
        """Whether everyone holds it."""
        return bool(self.receipts) and all(one["state"] == "held" for one in self.receipts.values())


class Stage:
    """Tells scenes, waits for conditions, keeps the checks."""

    def __init__(self, parties: tuple[str, ...], *, fast: bool, console: Console) -> None:
        self.parties = parties
        self.checks: list[Check] = []
        self._fast = fast
        self._console = console
        self._shown: list[Shown] = []
        self._scene = ""
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        #: Asks the author's node for an entry's receipts; set by whoever plays.
        self.receipts_of: Callable[[str], dict[str, dict[str, Any]]] = lambda _entry: {}
        self._asked = 0.0

    def __enter__(self) -> Stage:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._live:
            self._live.stop()

    def scene(self, sentence: str) -> None:
        """Begin a scene."""
        self._scene = sentence
        console = self._live.console if self._live else self._console
        console.print(f"\n== {sentence}", highlight=False, style="bold")
        self._draw()
        if not self._fast:
            time.sleep(READ_S)

    def say(self, sentence: str) -> None:
        """A sentence for the reader."""
        if self._live:
            self._live.console.print(f"   {sentence}", highlight=False, markup=False)
        else:
            self._console.print(f"   {sentence}", highlight=False, markup=False)
        if not self._fast:
            time.sleep(READ_S / 2)

    def expect(self, sentence: str, condition: Callable[[], bool], *, within: float) -> bool:
        """Wait until `condition` holds; note the check either way."""
        started = time.monotonic()
        held = False
        while not held and time.monotonic() - started < within:
            try:
                held = condition()
            except (DetenteError, OSError):
                held = False  # a node that is stopped on purpose does not answer
            if not held:
                time.sleep(LOOK_S)
            self._draw()
        took = time.monotonic() - started if held else None
        self.checks.append(Check(sentence, took))
        mark = f"yes, {took:.1f} s" if took is not None else f"NO, not within {within:.0f} s"
        self.say(f"[{mark}] {sentence}")
        return held

    def fault(self, sentence: str) -> None:
        """Something that must not happen did."""
        self.checks.append(Check(sentence, None))
        self.say(f"[NO] {sentence}")

    def show(self, entry: str, says: str, sent: int) -> Shown:
        """Put an entry on the table."""
        shown = Shown(entry, says, sent)
        self._shown.append(shown)
        if self._live is None:
            self._console.print(f"   {entry}  {isolate(says)}  sent {clock(sent)}", highlight=False)
        self._draw()
        return shown

    @property
    def all_held(self) -> bool:
        return bool(self.checks) and all(check.took is not None for check in self.checks)

    def _draw(self) -> None:
        if self._live:
            self._ask_receipts()
            self._live.update(Group(Text(self._scene, style="bold"), self._table()), refresh=True)

    def _ask_receipts(self) -> None:
        """Bring the table up to date, now and then: a node that is stopped on purpose does not answer."""
        if time.monotonic() - self._asked < ASK_S:
            return
        self._asked = time.monotonic()
        for shown in self._shown[-ROWS:]:
            if not shown.complete:
                with contextlib.suppress(DetenteError, OSError):
                    shown.receipts = self.receipts_of(shown.id)

    def _table(self) -> Table:
        table = Table(pad_edge=False)
        for head in ("entry", "says", "sent", *(party(p) for p in self.parties)):
            table.add_column(head, no_wrap=head == "entry")
        for shown in self._shown[-ROWS:]:
            cells = ["author" if p == shown.author else cell(shown.receipts.get(p)) for p in self.parties]
            table.add_row(shown.id, shown.says, clock(shown.sent), *cells)
        return table


def cell(receipt: dict[str, Any] | None) -> str:
    """What one party did with an entry, in few words."""
    if receipt is None:
        return "·"
    at = clock(receipt.get("at"))
    if receipt["state"] in ("not held", "held for relay"):
        return str(receipt["state"])
    words = [f"holds {at}" + (" relay" if receipt.get("by_path") == "relay" else "")]
    for key, word in (("acknowledged_at", "ack"), ("answered_at", "answered")):
        if receipt.get(key):
            words.append(f"{word} {clock(receipt[key])}")
    return "\n".join(words)
