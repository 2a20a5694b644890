"""What the fold gives: cases, verdicts, receipts and clocks at one instant.

1. A value that cannot be derived here because an entry or a part is not held is `NOT_HELD`; it is never
   another value (protocol F6).
2. Receipt is never agreement, silence is never guilt: states describe the record, not conduct.
3. Instants are POSIX seconds UTC. Nothing here knows for which party it is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from detente.record.approvals import Credential
from detente.record.names import EntryId
from detente.record.references import Reference

NOT_HELD: Final = "not held here"

VerdictState: TypeAlias = Literal["ok", "irregular", "not held here"]
ClockState: TypeAlias = Literal["running", "met", "overdue", "on hold", "no receipt"]
ClockStart: TypeAlias = Literal["receipt", "deposit", "act", "field"]
Confirmation: TypeAlias = Literal["confirmed", "awaiting", "unconfirmed", "withdrawn", "not held here"]
ReceiptState: TypeAlias = Literal["held", "held, parts missing", "not held"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Judgement of one entry in its causal past; final unless it is `not held here`.

    `code` and `clause` say why it is irregular or what is lacking; `findings` change nothing.
    """

    state: VerdictState
    code: str | None = None
    clause: str | None = None
    findings: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether the entry moves state."""
        return self.state == "ok"


@dataclass(frozen=True, slots=True)
class Act:
    """One entry whose core is open here. `core` is its hash, `fields` the core's fields.

    `content` is None when there is none; `content_state` says whether there is, and whether it is held here.
    `about` is the entry that READ, ACK, PASS_ON and ANSWER speak of; `content_readers` are the parties that
    hold a key to content and attachments, without the author.
    """

    id: EntryId
    party: str
    kind: str
    act: str
    case: EntryId | None
    post: str
    time: int
    verdict: Verdict
    fields: Mapping[str, Any]
    content: Mapping[str, Any] | None
    content_state: Literal["none", "held", "not held here", "differs"]
    core: bytes
    precedence: str
    action: tuple[str, ...] = ()
    info: tuple[str, ...] = ()
    refers_to: tuple[Reference, ...] = ()
    about: EntryId | None = None
    approved_by: tuple[str, ...] = ()
    mode: str = ""
    handling: Mapping[str, Any] = field(default_factory=dict)
    content_readers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldNow:
    """Current value of a field and the entry that set it."""

    value: Any
    set_by: EntryId


@dataclass(frozen=True, slots=True)
class Clock:
    """A duty with its rule and start. `due` is exclusive: at that second it is late.

    `start_by` says which event started it; `due` and `start` are None while nothing has started it.
    """

    rule: str
    case: EntryId | None
    entry: EntryId
    owed_by: str
    state: ClockState
    start: int | None = None
    start_by: ClockStart | None = None
    due: int | None = None
    met_at: int | None = None
    met_by: EntryId | None = None


@dataclass(frozen=True, slots=True)
class PassedOn:
    """A statement that an entry was passed on: echelon code, post that says so, when."""

    echelon: str
    post: str
    at: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one party's log says about one entry (protocol B2, B3).

    `at` is the time of the mirror's cosignature that first covers the entry (for `held`: with core and
    content not missing), `anchored` the header time of the entry that anchors it. `moves_clocks` is False
    for one anchored more than 24 hours after its `at`. The human acts are entries, shown apart; they are
    receipts, never agreement.
    """

    party: str
    state: ReceiptState
    at: int | None = None
    anchored: int | None = None
    anchored_by: EntryId | None = None
    moves_clocks: bool = False
    read_at: int | None = None
    acknowledged_at: int | None = None
    acknowledged_as: str | None = None
    passed_on: tuple[PassedOn, ...] = ()
    answered_at: int | None = None
    answered_by: EntryId | None = None


@dataclass(frozen=True, slots=True)
class ContactCheck:
    """One contact check (D01) and its graded result, None while the answer may still come.

    `rung` is the step of the ladder T8 that is due now: what this is about is the line, not conduct.
    """

    id: EntryId
    by: str
    to: str
    slot: str
    path: str
    sent: int
    due: int | None
    result: str | None
    rung: str | None = None
    answered_at: int | None = None
    echo_matches: bool | None = None


@dataclass(frozen=True, slots=True)
class Put:
    """What was put to others for their consent (`consent`: its id in the kind; `entry` put it).

    `given_by` have consented, who put it among them; `awaited` have not. Nothing moves until all have.
    """

    consent: str
    entry: EntryId
    given_by: tuple[str, ...]
    awaited: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A matter: the entries about it, where it stands, and what is due.

    `state` is `NOT_HELD` while an entry that may belong here is not open here (`not_held` names it);
    `state_as_held` is what the held entries alone give. `answers` is the latest ANSWER of each party, `puts`
    what waits for consents.
    """

    id: EntryId
    kind: str
    opened_by: str
    addressees: tuple[str, ...]
    post: str
    opened_at: int
    precedence: str
    state: str
    state_as_held: str
    confirmation: Confirmation | None
    is_open: bool
    fields: Mapping[str, FieldNow]
    acts: tuple[Act, ...]
    clocks: tuple[Clock, ...]
    answers: Mapping[str, Act] = field(default_factory=dict)
    result: str | None = None
    not_held: tuple[EntryId, ...] = ()
    check: ContactCheck | None = None
    puts: tuple[Put, ...] = ()

    @property
    def addressee(self) -> str | None:
        """The party that is asked to act, where it is one."""
        return self.addressees[0] if len(self.addressees) == 1 else None

    def role(self, party: str) -> str:
        """`author`, `addressee` or `copied`: the only thing a rule knows of a party."""
        if party == self.opened_by:
            return "author"
        return "addressee" if party in self.addressees else "copied"


@dataclass(frozen=True, slots=True)
class Silence:
    """Consecutive contact checks of `by` that `of` has not answered.

    `unexplained` from two hours on; `alarm` says that the own capital is told: three in a row, or one with an
    open FLASH. One miss raises nothing. SPEC: protocol F12.
    """

    by: str
    of: str
    misses: int
    since: int
    unexplained: bool
    alarm: bool


@dataclass(frozen=True, slots=True)
class Armed:
    """Whether a party's watch alarm is heard and confirmed, as its last R03 said."""

    armed: bool
    at: int
    entry: EntryId


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A credential of a pseudonymous post; `entry` is None for the charter's first administrators."""

    credential: Credential
    entry: EntryId | None
    valid_from: int | None = None
    valid_to: int | None = None


@dataclass(frozen=True, slots=True)
class LogLife:
    """One log of a party: its origin, the R01 that opened it (None while it is not judged or irregular), and
    the size at which it is closed, None while it is open or that size is not known here. SPEC: protocol C3
    """

    origin: str
    opened_by: EntryId | None
    closed_at: int | None


@dataclass(frozen=True, slots=True)
class Register:
    """Accession, credentials in force, armed state, logs and receiving keys, as all held entries give them.

    `in_force` is True once every required accession stands; before it only record and floor kinds count.
    `logs` are a party's logs, oldest first.
    """

    in_force: bool
    acceded: Mapping[str, EntryId]
    credentials: Mapping[str, tuple[Enrolled, ...]]
    armed: Mapping[str, Armed]
    logs: Mapping[str, tuple[LogLife, ...]] = field(default_factory=dict)
    receiving_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def receiving(self, party: str) -> tuple[str, ...]:
        """Receiving keys (age recipients) of a party that parts are sealed to, newest first; at least one."""
        return self.receiving_keys[party]
