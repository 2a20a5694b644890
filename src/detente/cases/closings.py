"""What a party has closed on its own part (`[[closes]]` rows of a kind), judged in the causal past.

1. A case whose kind has such rows closes new matters of the baskets and kinds that its fields list, while it
   is in a state of the row. Closed are matters that the case's author opens or is asked to act in, and no
   others: a party speaks for itself alone.
2. Floor kinds, record kinds and kinds that close others never close. SPEC: formats/charter 3, V20
3. It closes from the instant that the row names, and never before the notice has passed since the opening
   entry: both are compared with the new entry's own header time, so no clock decides.
4. What was written without knowing of it stands: that is the crossed result. Acts in open cases go on.
5. Only a case that all parties hold closes anything: else two nodes would judge differently.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from detente.cases import faults
from detente.cases.casebook import CaseBook
from detente.cases.casefile import CaseFile
from detente.cases.causal import Past
from detente.cases.core import Core
from detente.cases.faults import Fault
from detente.cases.register import is_register
from detente.cases.unheld import Lacked, Unheld
from detente.charter.model import Charter, Kind
from detente.charter.table import Closing
from detente.record.names import EntryId

#: Delivery modes in which every party holds the core (protocol A10).
_TO_ALL: Final = ("COPY", "RELAY")


def never_closes(kind: Kind) -> bool:
    """Whether no party can close new matters of the kind (rule 2)."""
    return kind.acts["NEW"].floor or is_register(kind) or bool(kind.closes)


def named_faults(charter: Charter, kind: Kind, act: str, fields: Mapping[str, Any]) -> Iterator[Fault]:
    """What an opening entry may not list as closed. SPEC: V20"""
    if not kind.closes or act != "NEW":
        return
    names = {one for row in kind.closes for one in (row.baskets, row.kinds) if one}
    if not names & fields.keys():
        yield Fault(faults.MISSING_FIELD, kind.id, min(names))
    for one in sorted({row.kinds for row in kind.closes if row.kinds}):
        for named in fields.get(one, ()):
            known = charter.kinds.get(named)
            if known is None or never_closes(known):
                yield Fault(faults.FLOOR_NAMED, "V20", named)


def closed_in_book(
    book: CaseBook, charter: Charter, kind: Kind, parties: Iterable[str], as_of: int
) -> Fault | None:
    """The fault that opening the kind now would be: what the author's node refuses (protocol F14)."""
    if never_closes(kind):
        return None
    parties = set(parties)
    for case in book.cases.values():
        rules = charter.kinds[case.kind]
        if rules.closes and case.opened_by in parties:
            opening = next(one for one in case.acts if one.id == case.id)
            values = {name: now.value for name, now in case.fields.items()}
            at = (case.state_as_held, values, case.opened_at)
            if opening.mode in _TO_ALL and _closes(charter, rules.closes, kind, at, as_of):
                return Fault(faults.CHANNEL_CLOSED, rules.id, case.state_as_held)
    return None


@dataclass(slots=True)
class Closings:
    """Cases that may close kinds, as the docket files them; `waiting` are their acts not judged yet."""

    charter: Charter
    unheld: Unheld
    cases: list[CaseFile] = field(default_factory=list)
    waiting: set[EntryId] = field(default_factory=set)

    def file(self, case: CaseFile) -> None:
        """A case was opened."""
        if case.kind.closes and case.acts[0].core.mode in _TO_ALL:
            self.cases.append(case)

    def wait(self, entry: EntryId, core: Core) -> None:
        """An entry that is open here waits to be judged."""
        kind = self.charter.kinds.get(core.kind)
        if kind is not None and kind.closes and core.mode in _TO_ALL:
            self.waiting.add(entry)

    def unknown(
        self, kind: Kind, core: Core, past: Past, lacked: Lacked, counts: Callable[[EntryId], bool]
    ) -> tuple[EntryId, bool] | None:
        """An entry in the past that may close the kind and is not judged here; True: its core is closed."""
        if core.act != "NEW" or never_closes(kind):
            return None
        closers = [one.id for one in self.charter.kinds.values() if one.closes]
        for one in closers:
            if (found := self.unheld.of_kind(one, past, lacked)) is not None:
                return found, True
        waits = min((one for one in self.waiting if counts(one)), default=None)
        return None if waits is None else (waits, False)

    def fault(self, kind: Kind, core: Core, time: int, past: Past, lacked: Lacked) -> Fault | None:
        """Whether the matter was closed for its author, as far as that author knew (rules 1 and 3)."""
        if core.act != "NEW" or never_closes(kind):
            return None
        parties = {core.party_id, *core.action_parties}
        for case in self.cases:
            if case.opened_by not in parties:
                continue
            mask = case.before(past, lacked)
            if not mask & 1:
                continue
            moved = case.moved(mask)
            at = (moved.state, moved.values({}), case.acts[0].time)
            if _closes(self.charter, case.kind.closes, kind, at, time):
                return Fault(faults.CHANNEL_CLOSED, case.kind.id, moved.state)
        return None


def _closes(
    charter: Charter, rows: Iterable[Closing], kind: Kind, at: tuple[str, Mapping[str, Any], int], time: int
) -> bool:
    """Whether a case in a state, with values, opened then, closes a kind for an entry of that time."""
    state, values, opened = at
    for row in rows:
        named = kind.basket in values.get(row.baskets or "", ()) or kind.id in values.get(row.kinds or "", ())
        notice = charter.clocks[row.notice].bound_s if row.notice and row.notice in charter.clocks else 0
        if state in row.at and named and time >= max(values.get(row.since or "", 0), opened + notice):
            return True
    return False
