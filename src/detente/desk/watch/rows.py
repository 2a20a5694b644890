"""What one screen shows, as frozen rows made by selectors. Instants are POSIX seconds UTC."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.safestring import SafeString

from detente.desk.charter import CodeWords, PartyWords
from detente.desk.watch.place import PlaceRow


@dataclass(frozen=True)
class LineRow:
    """The line to one peer and what that peer holds of our record."""

    party: PartyWords
    line: str  # direct | relay | none
    via: PartyWords | None
    since: int | None
    last_heard: int | None
    holds_size: int | None
    behind: int
    held_at: int | None
    missing: int
    armed: bool | None
    clock_offset_s: int

    @property
    def skewed(self) -> bool:
        """V22: more than a minute apart is shown."""
        return abs(self.clock_offset_s) > 60


@dataclass(frozen=True)
class CheckRow:
    """One contact check with its graded result; empty while the answer may still come."""

    id: str
    by: PartyWords
    to: PartyWords | None
    at: int
    slot: str
    result: str
    grade: str  # ok | late | open | silent | declared
    answered_at: int | None
    due: int | None


@dataclass(frozen=True)
class SilenceRow:
    """Contact checks of `by` in a row to which no answer of `of` was received. It states the record only."""

    by: PartyWords
    of: PartyWords
    misses: int
    since: int
    unexplained: bool


@dataclass(frozen=True)
class Option:
    """One code that a digit sends."""

    words: CodeWords
    digit: int
    prepared: str = ""
    extras: tuple[tuple[str, str, str], ...] = ()  # further fields it asks for: (id, type, label)


@dataclass(frozen=True)
class Menu:
    """One act open to this officer on this case."""

    act: str
    key: str
    letter: str
    label: str
    hint: str
    note: str
    weight: str
    field: str
    options: tuple[Option, ...]
    prepared: str = ""


@dataclass(frozen=True)
class ReceiptRow:
    """What one party's record says about an entry. Every fact is a sentence of its own."""

    party: PartyWords
    state: str  # held | parts-missing | relay | none
    at: int | None
    anchored: bool
    by_relay: bool
    via: PartyWords | None
    read_at: int | None
    acknowledged_at: int | None
    acknowledged_as: str
    passed_on: tuple[tuple[str, int], ...]
    answered_at: int | None


@dataclass(frozen=True)
class ActRow:
    """One entry of the timeline."""

    id: str
    party: PartyWords
    post: str
    act: str
    label: str
    time: int
    values: tuple[str, ...]
    sentences: tuple[SafeString, ...]
    text: str
    text_lang: str
    irregular: str
    clause: str
    provisional: bool
    ahead: bool


@dataclass(frozen=True)
class ClockRow:
    """A running or ended duty, in words; the browser only counts down to `due`."""

    rule: str
    label: str
    owed_by: PartyWords
    state: str
    due: int | None


@dataclass(frozen=True)
class CaseRow:
    """One STOP-AND-CHECK. `mine`: opened by this desk's party."""

    id: str
    kind: str
    opened_by: PartyWords
    post: str
    at: int
    state: str
    state_label: str
    is_open: bool
    mine: bool
    meaning: CodeWords
    facts: tuple[tuple[str, str], ...]
    place: PlaceRow | None
    confirmation: str
    confirm_due: int | None
    result: str
    not_held: bool
    timeline: tuple[ActRow, ...]
    receipts: tuple[ReceiptRow, ...]
    clocks: tuple[ClockRow, ...]
    menus: tuple[Menu, ...]
    answered: bool

    @property
    def urgent(self) -> bool:
        """Open, from another party, and nobody here has acted."""
        return self.is_open and not self.mine and not self.answered

    @property
    def acknowledged(self) -> bool:
        """N2 stands wherever a receipt was said by a person."""
        return any(r.acknowledged_at or r.read_at for r in self.receipts)

    @property
    def dom_id(self) -> str:
        return "case-" + self.id.replace(".", "-")


@dataclass(frozen=True)
class Board:
    """Everything beneath the clocks."""

    own_armed: bool
    watch_post: str
    own_size: int
    signer: str
    waiting: int
    lines: tuple[LineRow, ...]
    checks: tuple[CheckRow, ...]
    silences: tuple[SilenceRow, ...]
    open_cases: tuple[CaseRow, ...]
    recent_cases: tuple[CaseRow, ...]
