"""What selectors give and store functions take: frozen rows, bytes for hashes, tuples for lists."""

from __future__ import annotations

from dataclasses import dataclass

from detente.record.head import SignedHead
from detente.record.names import EntryId


@dataclass(frozen=True, slots=True)
class LogRow:
    """A log held here: `size` entries, all on this disk, with the frontier's hashes (largest first)."""

    origin: str
    party: str
    generation: int
    size: int
    frontier: tuple[bytes, ...]
    stopped_at: int | None


@dataclass(frozen=True, slots=True)
class HeadRow:
    """A signed head as received."""

    origin: str
    size: int
    root: bytes
    time: int
    note: bytes

    @classmethod
    def of(cls, signed: SignedHead) -> HeadRow:
        """The row of a verified head."""
        head = signed.head
        return cls(head.origin, head.size, head.root, signed.time, signed.note)


@dataclass(frozen=True, slots=True)
class CosignatureRow:
    """A mirror's lines over one head; `mirror` is its party."""

    origin: str
    size: int
    root: bytes
    mirror: str
    time: int
    lines: bytes


@dataclass(frozen=True, slots=True)
class PartRow:
    """A part as its header names it, and whether its bytes are here or were destroyed here."""

    entry: EntryId
    position: int
    role: str
    sha256: bytes
    size: int
    to: tuple[str, ...]
    keep: tuple[str, ...]
    held: bool
    destroyed: bool


@dataclass(frozen=True, slots=True)
class WantedRow:
    """A part in our `keep` whose bytes we lack."""

    entry: EntryId
    position: int
    role: str
    sha256: bytes
    size: int


@dataclass(frozen=True, slots=True)
class OpenedRow:
    """A part sealed to us: its plaintext, or the reason why it could not be opened."""

    entry: EntryId
    position: int
    role: str
    plaintext: bytes | None
    failure: str


@dataclass(frozen=True, slots=True)
class AheadRow:
    """A floor entry ahead of its log: header, signed head, inclusion proof."""

    entry: EntryId
    header: bytes
    note: bytes
    proof: tuple[bytes, ...]
    stored_at: int


@dataclass(frozen=True, slots=True)
class ArrivalRow:
    """One step of what became readable here. `header` and `opened` are as they stand now.

    `what`: "entry", "ahead", "part" or "opened"; `in_log` False while the entry is only ahead of its log.
    """

    position: int
    entry: EntryId
    what: str
    at: int
    header: bytes
    in_log: bool
    opened: tuple[OpenedRow, ...]


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """An own entry on its way. `plaintexts[0]` is the core. `entry` once it is in the log.

    `state`: "proposed", "released" (durable, not yet in the log), "logged", "withdrawn".
    """

    name: str
    state: str
    floor: bool
    core_sha256: bytes
    draft: bytes
    plaintexts: tuple[bytes, ...]
    file_keys: tuple[bytes, ...]
    post: str
    made_at: int
    entry: EntryId | None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A watch session; `seed` is wrapped under the storage key, `assertion` empty until signed."""

    name: str
    post: str
    public: bytes
    seed: bytes
    not_before: int
    not_after: int
    assertion: bytes
    ended_at: int | None


@dataclass(frozen=True, slots=True)
class EnrolmentRow:
    """A one-time code (by its SHA-256) to register a passkey for a post."""

    code_sha256: bytes
    post: str
    made_at: int
    valid_until: int
    used_at: int | None


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """Two histories of one log, as the file a stranger checks."""

    origin: str
    sha256: bytes
    file: bytes
    found_at: int
