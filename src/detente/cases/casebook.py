"""The case book: what the fold of the record gives at one instant."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from detente.cases.book import NOT_HELD, Act, Case, Clock, ContactCheck, Receipt, Register, Silence, Verdict
from detente.cases.contact_checks import silences
from detente.cases.cut import Cut
from detente.charter.model import Charter
from detente.record.names import EntryId


class Reader(Protocol):
    """Answers for single entries, from the folder that made the book."""

    def receipt(self, entry: EntryId, party: str, as_of: int) -> Receipt | None:
        """None if the entry is not held here or the party is its author."""
        ...

    def act(self, entry: EntryId) -> Act | None:
        """The entry as far as its core is open here."""
        ...

    def digest(self, cut: Cut | None) -> bytes:
        """State digest of what is held, or of a cut of it."""
        ...


@dataclass(frozen=True)
class CaseBook:
    """The record at one instant: same entries, same opened parts, same `as_of`, same book on every node.

    `due` and `register` are values; `cases`, `verdicts`, `act`, `receipts` and `state_digest` read the folder
    that made the book: ask them before it is fed again. A book made by `fold` has a folder of its own.
    """

    as_of: int
    charter: Charter
    cases: Mapping[EntryId, Case]
    verdicts: Mapping[EntryId, Verdict]
    register: Register
    due: tuple[Clock, ...]
    changes_at: int | None
    reader: Reader

    @cached_property
    def checks(self) -> tuple[ContactCheck, ...]:
        """All contact checks, oldest first."""
        found = (case.check for case in self.cases.values() if case.check is not None)
        return tuple(sorted(found, key=lambda one: (one.sent, one.by, one.id.index)))

    @cached_property
    def silences(self) -> tuple[Silence, ...]:
        """Runs of unanswered checks that still stand. SPEC: protocol F12."""
        flash = [one for one in self.cases.values() if one.is_open and one.precedence == "FLASH"]
        return silences(self.charter, self.checks, flash, self.as_of)

    def act(self, entry: EntryId) -> Act | None:
        """The entry as far as its core is open here; None otherwise."""
        return self.reader.act(entry)

    def verdict(self, entry: EntryId) -> Verdict:
        """Judgement of an entry; `not held here` also for one that never arrived."""
        return self.verdicts.get(entry) or Verdict(NOT_HELD, "entry-not-held")

    def receipts(self, entry: EntryId, party: str) -> Receipt | None:
        """What `party`'s log says about the entry; None if not held here or `party` is its author."""
        return self.reader.receipt(entry, party, self.as_of)

    def next_due(self) -> int | None:
        """First instant after `as_of` at which this book would read differently without a new entry."""
        return self.changes_at

    def state_digest(self, cut: Cut | None = None) -> bytes:
        """SHA-256 over the states of cases that all parties hold, of all or of a cut. SPEC: protocol B8."""
        return self.reader.digest(cut)
