"""The agreed rules as values: what a charter and its kind files say, once read.

Everything here is frozen and made by `load_charter`. Rules that the values keep, and that tests cite:

1. An act is permitted in a state if and only if the kind has a row for (state, act, case role, values).
2. A case role is one of `author` (the party that opened the case), `addressee` (the party that holds an
   action post in the opening entry) and `copied` (every other party). The three never overlap, and no rule
   knows a party by its name.
3. `crossed` rows say where an act leads that was permitted in its own causal past, but meets a state to which
   a concurrent act of another party has moved the case. `lint.prove_crossings` proves that they suffice.
4. A number of seconds stands once, in the charter's clock row; kinds only say what starts and what ends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from detente.charter.table import ClockUse, Closing, Consent, Crossed, Transition, When, first_row
from detente.record.approvals import Credential
from detente.record.keys import LogKeys, MirrorKeys

Text = Mapping[str, str]
"""Language code → string."""

StringState = Literal["draft", "checked", "agreed"]

FOLD_VERSION: Final = 1
"""The version of the fold that a charter's digest covers (formats/charter 2)."""

ACTS: Final = (
    *("NEW", "UPDATE", "CORRECT", "WITHDRAW", "READ", "ACK", "PASS_ON", "ANSWER", "MOVE", "SIGN", "COMMENT"),
    *("RECALL", "CONFIRM"),
)
"""All acts; a kind uses some of them."""

CASE_ROLES: Final = ("author", "addressee", "copied")
PARTY_ROLES: Final = ("side", "guarantor")
BASKETS: Final = ("MIL", "DIP", "INF", "HUM", "ECO", "ALL")
PRECEDENCES: Final = ("FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE")
MODES: Final = ("DIRECT", "COPY", "RELAY", "SEALED")
HANDLING: Final = ("SHOW", "EXPIRES")
"""What a kind may allow beside a level: content that is shown and not given, content that expires."""
LEVELS: Final = ("S0", "S1", "S2", "S3")
STARTS: Final = ("receipt", "deposit", "earliest", "act", "field")
COLUMN_TYPES: Final = ("code", "text", "time", "place", "int", "bool", "ref", "hex")
FIELD_TYPES: Final = (*COLUMN_TYPES, "list", "table")


@dataclass(frozen=True)
class Worded:
    """A thing with an id and agreed words; `state` and `reviewed_by` say who has looked at them."""

    id: str
    labels: Text
    definition: Text
    not_to_be_read_as: Text
    state: StringState
    reviewed_by: tuple[str, ...]

    def label(self, lang: str) -> str:
        """The label in `lang`; the bare id where the charter has a gap (`check_charter` names it)."""
        return self.labels.get(lang, self.id)


@dataclass(frozen=True)
class Code(Worded):
    """One code of a list."""


@dataclass(frozen=True)
class CodeList(Worded):
    """A closed list of codes, in the order in which they are shown."""

    codes: Mapping[str, Code]


@dataclass(frozen=True)
class Column(Worded):
    """One column of a table field: limits as a field's, `when` over code columns of the same row.

    With `when` it may stand only where that holds; `required`: there it must.
    """

    type: str
    codes: str | None
    unit: str | None
    minimum: int | None
    maximum: int | None
    required: bool
    when: When


@dataclass(frozen=True)
class Field(Worded):
    """One field of a kind; its id is its name in the core's or content's `fields`.

    `minimum` and `maximum` bound the value of an int, the characters of a text, the items of a list and
    the bytes of a hex, the rows of a table. `of` is the element type of a list. A field with `when` may
    stand only where the condition holds; there it is required in the acts of `required`. `auto`: filled by
    the node.
    """

    part: Literal["core", "content"]
    type: str
    of: str | None
    codes: str | None
    unit: str | None
    minimum: int | None
    maximum: int | None
    required: tuple[str, ...]
    optional: tuple[str, ...]
    when: When
    default: str | None
    auto: bool
    columns: tuple[Column, ...] = ()

    def named_lists(self) -> tuple[str, ...]:
        """Names of the code lists that it uses, in its columns too."""
        return tuple(one for one in (self.codes, *(column.codes for column in self.columns)) if one)


@dataclass(frozen=True)
class ActRule(Worded):
    """One act of a kind; its id is one of `ACTS`.

    `by`: case roles that may. `posts`: posts that may (any of them). `floor`: whether its entries belong to
    the safety floor. `approvals`: how many posts must approve, 0 = signed by the log alone; with
    `unapproved_when` the log alone is enough where it holds for the case's values. `other_post`: the post
    must differ from the one that approved the opening entry.
    `refers_to`: whether the act points at one entry beside its case.
    """

    by: tuple[str, ...]
    posts: tuple[str, ...]
    floor: bool
    approvals: int
    unapproved_when: When
    other_post: bool
    required: tuple[str, ...]
    optional: tuple[str, ...]


@dataclass(frozen=True)
class State(Worded):
    """A state of a case. `final`: the matter is over; only acts that stay are permitted."""

    final: bool


@dataclass(frozen=True)
class Prepared(Worded):
    """A whole prepared sentence with named holes; `labels` hold the sentence.

    It is said for an entry with `act` where `when` holds for its values. An entry's text is every
    sentence that applies, in file order: whole sentences one after the other, never pieces.
    """

    act: tuple[str, ...]
    when: When
    holes: tuple[str, ...]


@dataclass(frozen=True)
class Kind(Worded):
    """One kind of entry, from its data file. `floor`: every act of it is; else each act says so itself."""

    version: int
    floor: bool
    basket: str
    precedence: str
    mode: str
    opened_by: tuple[str, ...]
    addressees: Literal["none", "one", "all"]
    initial: str
    second_signature: tuple[str, ...]
    fields: tuple[Field, ...]
    lists: Mapping[str, CodeList]
    acts: Mapping[str, ActRule]
    states: Mapping[str, State]
    transitions: tuple[Transition, ...]
    crossed: tuple[Crossed, ...]
    consents: tuple[Consent, ...]
    closes: tuple[Closing, ...]
    clocks: tuple[ClockUse, ...]
    prepared: tuple[Prepared, ...]
    checks: tuple[str, ...]
    printed: tuple[str, ...]
    handling: tuple[str, ...]
    attachments: int

    @property
    def touches_floor(self) -> bool:
        """Whether any entry of it belongs to the safety floor."""
        return any(act.floor for act in self.acts.values())

    def field(self, name: str) -> Field | None:
        """The field called `name`."""
        return next((field for field in self.fields if field.id == name), None)

    def codes(self, field: Field | Column) -> Mapping[str, Code]:
        """The codes that a field or column may hold (of its elements, for a list); empty for other types."""
        return self.lists[field.codes].codes if field.codes is not None else {}

    def step(self, at: str, act: str, by: str, values: Mapping[str, object]) -> str | None:
        """State after a permitted act; `None` where the table has no row (rule 1)."""
        return first_row(self.transitions, at, act, by, values)

    def crossed_step(self, at: str, act: str, by: str, values: Mapping[str, object]) -> str:
        """State after an act that was permitted in its own past, applied to where the case now is (rule 3).

        A permitted row wins; then a `crossed` row; else the case stays.
        """
        permitted = first_row(self.transitions, at, act, by, values)
        if permitted is not None:
            return permitted
        crossed = first_row(self.crossed, at, act, by, values)
        return at if crossed is None else crossed


@dataclass(frozen=True)
class Step:
    """One rung of a clock's ladder: `code` of the common list `ladder`, from the clock's start."""

    code: str
    at_s: int


@dataclass(frozen=True)
class ClockRow(Worded):
    """A clock's agreed numbers (formats/charter 4). `steps`: ladders only; `bound_s` is the first."""

    bound_s: int
    by_precedence: Mapping[str, int]
    by_code: Mapping[str, int]
    steps: tuple[Step, ...]

    def bound(self, precedence: str, code: object = None) -> int:
        """Seconds from start to due, for an entry of `precedence` whose deciding field says `code`."""
        known = self.by_code.get(code) if isinstance(code, str) else None
        return self.by_precedence.get(precedence, self.bound_s) if known is None else known


@dataclass(frozen=True)
class Post(Worded):
    """A post, the same for every party of `roles`. `may`: (kind, act) pairs, gathered from the kind files."""

    roles: tuple[str, ...]
    may: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Party:
    """A party of the cell with its own names and the keys its card brought."""

    id: str
    role: Literal["side", "guarantor"]
    names: Text
    language: str
    time_zone: str
    log: LogKeys
    mirrors: Mapping[str, MirrorKeys]
    receiving: str
    recovery: str
    admins: tuple[Credential, ...]
    thin: str | None
    ca_fingerprint: str
    rp_id: str
    desk_origin: str


@dataclass(frozen=True)
class KindUse:
    """How this cell uses a kind: delivery modes allowed and the level of supervision S0 to S3."""

    kind: str
    modes: tuple[str, ...]
    level: str


@dataclass(frozen=True)
class Named:
    """A gazetteer place: every recorded name, none of them main. Degrees times 1,000,000, WGS84."""

    id: str
    names: Text
    lat_e6: int
    lon_e6: int


@dataclass(frozen=True)
class LineSet(Worded):
    """A line or zone as one side or an agreed text states it."""

    as_of: str
    stated_by: str
    status: Literal["one-sided", "agreed", "historic"]
    uncertainty_m: int
    file: str
    sha256: str


@dataclass(frozen=True)
class Bounds:
    """The cell's own bounds, seconds: protocol B3, B4, B6, D4 and the relay limit of A10; V22."""

    anchor_s: int
    late_anchor_s: int
    met_s: int
    relay_s: int
    skew_s: int


@dataclass(frozen=True)
class Quota:
    """Non-floor entries and bytes a day for one party of a role (protocol D5)."""

    entries: int
    bytes: int


@dataclass(frozen=True)
class Charter:
    """One agreed rule set. `digest` names it: SHA-256 as in `digest.charter_digest`."""

    cell: str
    digest: bytes
    exercise: bool
    names: Text
    languages: tuple[str, ...]
    preamble: Text
    decision_rule: Literal["any", "all", "chair"]
    parties: Mapping[str, Party]
    kinds: Mapping[str, Kind]
    uses: Mapping[str, KindUse]
    lists: Mapping[str, CodeList]
    clocks: Mapping[str, ClockRow]
    posts: Mapping[str, Post]
    notes: Mapping[str, Worded]
    terms: Mapping[str, Worded]
    gazetteer: Mapping[str, Named]
    lines: Mapping[str, LineSet]
    bounds: Bounds
    quotas: Mapping[str, Quota]
    precision_m: int
    handling: str

    def sides(self) -> tuple[Party, ...]:
        """The two sides, by id."""
        return tuple(self.parties[i] for i in sorted(self.parties) if self.parties[i].role == "side")

    def guarantors(self) -> tuple[Party, ...]:
        """The guarantors, by id."""
        return tuple(self.parties[i] for i in sorted(self.parties) if self.parties[i].role == "guarantor")

    def name(self, lang: str) -> str:
        """The cell's own name in `lang`."""
        return self.names.get(lang, self.cell)
