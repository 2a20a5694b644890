"""What survives a crash of a simulated node: its store, and the journals of its signers, in memory."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from detente.record.errors import DetenteError
from detente.record.head import Cosignature
from detente.record.header import Header, PartInfo
from detente.record.names import party_of
from detente.record.sync import Ahead
from detente.record.tree import Tree, leaf_hash
from simulator.cheap import remembered_header


@lru_cache(maxsize=8192)
def header_of(entry: bytes) -> Header | None:
    """The header of an entry; None for bytes that are none: a mirror holds them all the same (B1)."""
    try:
        return remembered_header(entry)
    except DetenteError:
        return None


class Log:
    """A log as held: entries, their tree, and every signed head that was shown, by size."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self.tree = Tree()
        self.heads: dict[int, bytes] = {}

    @property
    def size(self) -> int:
        return len(self.entries)

    def extend(self, entries: tuple[bytes, ...] | list[bytes]) -> None:
        self.entries += entries
        self.tree.extend(map(leaf_hash, entries))

    def largest(self, within: int | None = None) -> int:
        """Size of the largest head under which every entry is held; 0 if there is none."""
        limit = self.size if within is None else min(within, self.size)
        return max((one for one in self.heads if one <= limit), default=0)


@dataclass
class Draft:
    """A released entry that is not in the log yet, with the bytes of its parts by hash."""

    header: bytes
    core: bytes  # SHA-256: by it the entry is known again in the log
    floor: bool


@dataclass
class Disk:
    """The store. `closed` logs have two histories; `shown` remembers whom evidence was shown to."""

    logs: dict[str, Log]
    parts: dict[bytes, bytes] = field(default_factory=dict)
    cosignatures: dict[tuple[str, str], Cosignature] = field(default_factory=dict)
    aside: dict[tuple[str, int], Ahead] = field(default_factory=dict)
    evidence: dict[str, bytes] = field(default_factory=dict)
    released: list[Draft] = field(default_factory=list)
    journals: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def snapshot(self) -> "Disk":
        """A copy that shares nothing that changes: what a machine's snapshot holds."""
        return copy.deepcopy(self)

    def lacked(self, party: str, log: str) -> list[tuple[int, PartInfo]]:
        """Parts of its own, or in its `keep`, by entry, that are not here."""
        own = party_of(log) == party
        found = []
        for index, entry in enumerate(self.logs[log].entries):
            header = header_of(entry)
            named = header.parts if header else ()
            ours = (part for part in named if own or party in part.keep)
            found += [(index, part) for part in ours if part.sha256 not in self.parts]
        return found


class MemoryJournal:
    """node.journal.Journal in memory. `write` makes each append one durable step of the node."""

    def __init__(self, records: list[dict[str, Any]], write: Any) -> None:
        self._records, self._write = records, write

    def read(self) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from enumerate(self._records)

    def record_at(self, place: int) -> dict[str, Any]:
        return self._records[place]

    def append(self, record: dict[str, Any]) -> int:
        self._write("journal", lambda: self._records.append(record))
        return len(self._records) - 1

    def replace(self, record: dict[str, Any]) -> None:
        self._records[:] = [record]

    def size(self) -> int:
        return 0
