"""Entries whose core is not open here, and whose judgement of others they could change.

1. The header says enough to know what a closed entry cannot be: an act of a case is sealed to the parties
   of the case and has its kind's floor mark, a register act is sealed to all and approved.
2. What could matter makes an entry "not held here" instead of giving it another verdict than elsewhere (F6).
3. An author who says in its own `seen` that it lacked a core did not act on it: that entry cannot matter to
   what the author wrote. So a party that withholds a core silences nobody but itself.
"""

from bisect import insort
from dataclasses import dataclass, field
from typing import Final

from detente.cases.causal import Past
from detente.charter.model import Charter, Kind
from detente.record.header import CORE, Header, Seen
from detente.record.names import EntryId, party_of

_Class = tuple[frozenset[str], bool, bool]


def holders_of(header: Header) -> frozenset[str]:
    """Parties that have a key to the core, the author included."""
    return frozenset(header.parts[0].to) | {header.party}


@dataclass(frozen=True, slots=True)
class Lacked:
    """Cores that the author of an entry says it lacked when writing it (rule 3), as a membership test.

    What the act refers to counts as in its past all the same (protocol A9): the author knew its hash.
    """

    lines: tuple[Seen, ...] = ()
    referred: tuple[EntryId, ...] = ()

    def __contains__(self, entry: object) -> bool:
        if not isinstance(entry, EntryId) or entry in self.referred:
            return False
        return any(line.log == entry.log and line.lacks(entry.index, CORE) for line in self.lines)

    def __bool__(self) -> bool:
        return any(line.missing for line in self.lines)


NOTHING: Final = Lacked()


@dataclass(slots=True)
class Unheld:
    """Placed entries whose core is not open here, by what their header says."""

    charter: Charter
    _by_class: dict[_Class, dict[str, list[int]]] = field(default_factory=dict)

    def add(self, entry: EntryId, header: Header) -> None:
        """Note a closed entry."""
        logs = self._by_class.setdefault(_class(header), {})
        insort(logs.setdefault(entry.log, []), entry.index)

    def remove(self, entry: EntryId, header: Header) -> None:
        """Forget it: its core was opened."""
        indexes = self._by_class.get(_class(header), {}).get(entry.log, [])
        if entry.index in indexes:
            indexes.remove(entry.index)

    def credentials(self, party: str, past: Past) -> EntryId | None:
        """A closed entry of the party that may have changed its credentials."""
        found = self._in_past(frozenset(self.charter.parties), "D28", past, NOTHING)
        return next((one for one in found if party_of(one.log) == party), None)

    def accession(self, past: Past, lacked: Lacked) -> EntryId | None:
        """A closed entry that may be an accession."""
        return next(iter(self._in_past(frozenset(self.charter.parties), "R02", past, lacked)), None)

    def of_kind(self, kind: str, past: Past, lacked: Lacked) -> EntryId | None:
        """A closed entry that may be one of a kind that is sealed to all."""
        return next(iter(self._in_past(frozenset(self.charter.parties), kind, past, lacked)), None)

    def case_act(
        self,
        kind: Kind,
        holders: frozenset[str],
        opened: Past,
        past: Past | None = None,
        lacked: Lacked = NOTHING,
    ) -> tuple[EntryId, ...]:
        """Closed entries that may be acts of a case; `past` None: anywhere. `opened` is its opener's past."""
        rules = kind.acts.values()
        free = {rule.floor for rule in rules if rule.approvals == 0 or rule.unapproved_when}
        classes = {(rule.floor, approved) for rule in rules for approved in (True, rule.floor not in free)}
        found = []
        for floor, approved in sorted(classes):
            for log, indexes in self._by_class.get((holders, floor, approved), {}).items():
                end = None if past is None else past.get(log, 0)
                for index in indexes:
                    inside = index >= opened.get(log, 0) and (end is None or index < end)
                    if inside and EntryId(log, index) not in lacked:
                        found.append(EntryId(log, index))
        return tuple(sorted(found))

    def _in_past(self, holders: frozenset[str], kind: str, past: Past, lacked: Lacked) -> list[EntryId]:
        floor = self.charter.kinds[kind].floor if kind in self.charter.kinds else True
        found = []
        for log, indexes in self._by_class.get((holders, floor, True), {}).items():
            end = past.get(log, 0)
            found += [EntryId(log, one) for one in indexes if one < end and EntryId(log, one) not in lacked]
        return sorted(found)


def _class(header: Header) -> _Class:
    return holders_of(header), header.floor, bool(header.approvals)
