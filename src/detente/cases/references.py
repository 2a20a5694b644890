"""Which entry a reference means, seen from the entry that makes it (protocol A9).

1. The hash decides; log and index say where to look.
2. A reference without index is to an entry of the own party that stands before this one in the log.
3. An entry of another log that is not in the past yet counts as in it once it is placed here (it may have
   come ahead of its log). Until then the referring act waits.
4. An entry whose past holds the referring one was written later and cannot have been meant.
"""

from dataclasses import dataclass, field

from detente.cases import faults
from detente.cases.causal import Causal, Placed, within
from detente.cases.faults import Fault
from detente.record.names import EntryId, generation_of, parse_origin, party_of
from detente.record.references import Reference


@dataclass(frozen=True, slots=True)
class Waits:
    """The entry cannot be judged before `on` can."""

    on: EntryId
    code: str


@dataclass(slots=True)
class References:
    """Finds entries by reference among those that are placed."""

    causal: Causal
    _by_core: dict[bytes, list[EntryId]] = field(default_factory=dict)

    def add(self, placed: Placed) -> None:
        """Take in a placed entry."""
        if placed.entry.header is not None:
            self._by_core.setdefault(placed.entry.header.core, []).append(placed.entry.id)

    def with_core(self, core: bytes) -> tuple[EntryId, ...]:
        """Placed entries whose header names this core."""
        return tuple(self._by_core.get(core, ()))

    def repeated(self, placed: Placed, core: bytes) -> bool:
        """Whether the core stands earlier in the party's logs. SPEC: protocol A8."""
        return self._earlier(placed, party_of(placed.entry.id.log), core) is not None

    def find(self, reference: Reference, placed: Placed) -> EntryId | Waits | Fault:
        """The entry meant, what to wait for, or why there is none."""
        here = placed.entry.id
        cell, party, _ = parse_origin(reference.log)
        if cell != parse_origin(here.log)[0]:
            return Fault(faults.UNKNOWN_REFERENCE, "V11", reference.log)
        if reference.index is not None:
            named = EntryId(reference.log, reference.index)
            if reference.log != here.log and not within(named, placed.past):
                return self._ahead(named, reference.core, here)
            if within(named, placed.past) and self._core(named) == reference.core:
                return named
        elif party != party_of(here.log):
            return Fault(faults.UNKNOWN_REFERENCE, "A9")
        return self._earlier(placed, party, reference.core) or Fault(faults.UNKNOWN_REFERENCE, "A9")

    def _ahead(self, named: EntryId, core: bytes, here: EntryId) -> EntryId | Waits | Fault:
        """Rules 3 and 4."""
        found = self.causal.placed(named)
        if found is None:
            size = self.causal.placed_count(named.log)
            if size and within(here, self.causal.upto(named.log, size)):
                return Fault(faults.LATER_REFERENCE, "A9")
            return Waits(named, "reference-not-held")
        if within(here, found.past):
            return Fault(faults.LATER_REFERENCE, "A9")
        return named if self._core(named) == core else Fault(faults.UNKNOWN_REFERENCE, "A9")

    def _core(self, entry: EntryId) -> bytes | None:
        placed = self.causal.placed(entry)
        return placed.entry.header.core if placed and placed.entry.header else None

    def _earlier(self, placed: Placed, party: str, core: bytes) -> EntryId | None:
        found = [
            one
            for one in self._by_core.get(core, ())
            if party_of(one.log) == party and within(one, placed.past)
        ]
        return min(found, key=lambda one: (generation_of(one.log), one.index), default=None)
