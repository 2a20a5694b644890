"""What the fold eats: verified entries and the parts that this node could open."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from detente.record.header import Header
from detente.record.names import EntryId


@dataclass(frozen=True, slots=True)
class VerifiedEntry:
    """An entry whose place in its log was proved under a signed head; nothing is said about its meaning.

    `header` is None when the bytes are no header: a result of the fold, never a refusal (protocol B1).
    """

    id: EntryId
    header_bytes: bytes
    header: Header | None


#: Plaintexts that this node opened, by entry and position of the part in its header (0 is the core).
Opened: TypeAlias = Mapping[tuple[EntryId, int], bytes]
