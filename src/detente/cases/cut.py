"""A cut of the record: what somebody held when writing an entry."""

from collections.abc import Mapping
from dataclasses import dataclass

from detente.cases.entries import VerifiedEntry
from detente.record.header import Seen
from detente.record.names import EntryId


@dataclass(frozen=True, slots=True)
class Cut:
    """How much of each log somebody held, and which parts it lacked: `seen` and own prefix of an entry."""

    sizes: Mapping[str, int]
    lines: tuple[Seen, ...] = ()

    def holds(self, entry: EntryId) -> bool:
        """Whether the entry lies in the cut."""
        return entry.index < self.sizes.get(entry.log, 0)

    def lacks(self, entry: EntryId, role: str) -> bool:
        """Whether the holder of the cut lacked that part of the entry."""
        return any(line.log == entry.log and line.lacks(entry.index, role) for line in self.lines)


def cut_of(entry: VerifiedEntry) -> Cut:
    """What the author of an entry held when it was signed: its log's prefix and its `seen`.

    An entry without a header saw nothing that can be known.
    """
    lines = entry.header.seen if entry.header else ()
    sizes = {line.log: line.size for line in lines}
    return Cut({**sizes, entry.id.log: entry.id.index}, lines)
