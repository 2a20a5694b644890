"""Events that a `PeerSync` is told and actions that it asks for. Values only; see sync.py.

The shell carries an action out and tells its end with `Answered` or `Failed`, once, late or twice: what an
answer says of the peer counts in any case, and only the action that is under way frees its place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

# Actions. `serial` tells two actions of one PeerSync apart.


@dataclass(frozen=True, slots=True)
class SendPush:
    """POST push: own entries from `start` to a head of at most `size`, with floor parts, and `cosignatures`.

    `start == size` with `parts`: only these parts, which the peer wants and cannot fetch.
    """

    serial: int
    log: str
    start: int
    size: int
    cosignatures: tuple[bytes, ...] = ()
    parts: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class SendHeads:
    """POST heads: `heads` as (log, size), the newest note of each, and `cosignatures` as notes.

    The answer is the peer's own notice.
    """

    serial: int
    heads: tuple[tuple[str, int], ...] = ()
    cosignatures: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class SendAhead:
    """POST ahead: one own floor entry before its predecessors (D3)."""

    serial: int
    log: str
    index: int


@dataclass(frozen=True, slots=True)
class Pull:
    """GET tiles: entries of `log` from `start`, the peer holds `size`. `own`: our own log, C2's refetch."""

    serial: int
    log: str
    start: int
    size: int
    own: bool = False


@dataclass(frozen=True, slots=True)
class PullPart:
    """GET parts/<sha256>, in pieces where it is large. `urgent`: core or content, else an attachment."""

    serial: int
    sha256: bytes
    urgent: bool = True


@dataclass(frozen=True, slots=True)
class SendProbe:
    """POST probe. `at` is the instant of asking: what the answer says of sizes is at least that new."""

    serial: int
    at: float


@dataclass(frozen=True, slots=True)
class Wait:
    """POST wait: a probe that the peer holds open until it has something new; for who only dials out."""

    serial: int
    at: float


Action = SendPush | SendHeads | SendAhead | Pull | PullPart | SendProbe | Wait


# Events.


@dataclass(frozen=True, slots=True)
class Holds:
    """This node holds `size` entries of `log` on disk, its own log or a mirrored one."""

    log: str
    size: int


@dataclass(frozen=True, slots=True)
class FloorAdded:
    """Own entry (log, index) is of a floor kind; told with or before the `Holds` that covers it."""

    log: str
    index: int


@dataclass(frozen=True, slots=True)
class CosignatureKnown:
    """A verified cosignature note which this node keeps.

    `told`: the peer has it already, e.g. from the answer to its own push, or because it sent it.
    """

    mirror: str
    log: str
    size: int
    time: int
    note: bytes
    told: bool = False


@dataclass(frozen=True, slots=True)
class PartLacked:
    """A part in this node's `keep`, of an entry of `log`, is not here, and the peer may have it.

    `floor`: of a floor kind's entry; it need not wait until all others had their turn.
    """

    log: str
    sha256: bytes
    urgent: bool = True
    floor: bool = False


@dataclass(frozen=True, slots=True)
class PartHeld:
    """That part is here now, wherever it came from."""

    sha256: bytes


@dataclass(frozen=True, slots=True)
class PeerSaid:
    """The peer called us. Sizes that it holds by its word: of a probe or notice, or the head of its push.

    `wants`: hashes of parts that it lacks; None when the message has no such list. Logs whose keys this node
    does not know are left out by the shell.
    """

    holds: Mapping[str, int] = field(default_factory=dict)
    wants: tuple[bytes, ...] | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """An action was answered well; `holds` and `wants` as in PeerSaid, for a push the size in its answer.

    What a pull brought is told by `Holds` and `PartHeld`, before this.
    """

    action: Action
    holds: Mapping[str, int] = field(default_factory=dict)
    wants: tuple[bytes, ...] | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """An action failed with an error's code; `size` is that of a conflict."""

    action: Action
    code: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed, at the latest `next_due`."""


Event = Holds | FloorAdded | CosignatureKnown | PartLacked | PartHeld | PeerSaid | Answered | Failed | Tick
