"""One case as its acts make it, for any causal past.

1. Only regular acts move it; each is applied once. Irregular acts stand in the timeline and move nothing.
2. For each act its predecessors in the case are those in its past. An act that its author says it could not
   read (missing in its `seen`) is none: nobody acts on what it does not have.
3. The state of a set of acts is that of any order that respects their pasts: the kind's table commutes, or
   names the crossed result (protocol F7). The order used is by depth, then act, then hash of the core: even
   a table with a gap gives every node the same state, and no party's name decides.
4. Fields are set by the party that opened the case; what others say stands in their acts.
5. What needs consent moves the case with the last one needed, once; who put it has consented, a consent
   stays given, and the conditions rest on the act's own codes (formats/charter 3).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from detente.cases.causal import Past
from detente.cases.core import Core
from detente.cases.unheld import Lacked
from detente.charter.model import Kind
from detente.charter.table import Consent
from detente.record.names import EntryId

SETS_FIELDS: Final = ("NEW", "UPDATE", "CORRECT")


@dataclass(frozen=True, slots=True)
class Moved:
    """Where a set of acts leads: the state, since which act, and the opener's core fields in force.

    `consents`: for what was put (the consent's id and the entry), the parties that have consented.
    """

    state: str
    since: int
    fields: Mapping[str, tuple[Any, EntryId]]
    consents: Mapping[tuple[str, EntryId], frozenset[str]] = field(default_factory=dict)

    def values(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """What conditions are read over: the act's own fields over the case's current ones."""
        return {**{name: value for name, (value, _) in self.fields.items()}, **own}


@dataclass(frozen=True, slots=True)
class CaseAct:
    """A regular act of a case. `before` is the set of its predecessors as a bit mask over `CaseFile.acts`."""

    id: EntryId
    role: str
    core: Core
    core_hash: bytes
    time: int
    before: int
    depth: int
    approvers: frozenset[tuple[str, bytes]]
    past: Past
    lacked: Lacked


@dataclass(slots=True)
class CaseFile:
    """All regular acts of one case; `acts[0]` opened it. Bits of masks are positions in `acts`."""

    kind: Kind
    holders: frozenset[str]
    roles: Mapping[str, str] = field(default_factory=dict)  # party → its role in the cell
    acts: list[CaseAct] = field(default_factory=list)
    irregular: list[EntryId] = field(default_factory=list)
    _moved: dict[int, Moved] = field(default_factory=dict)
    _last: dict[str, int] = field(default_factory=dict)
    _bits: dict[EntryId, int] = field(default_factory=dict)
    _by_core: dict[bytes, EntryId] = field(default_factory=dict)

    @property
    def id(self) -> EntryId:
        """The case is named by its opening entry. SPEC: protocol A1."""
        return self.acts[0].id

    @property
    def opened_by(self) -> str:
        """The party that opened the case."""
        return self.acts[0].core.party_id

    @property
    def all(self) -> int:
        """Mask of all acts."""
        return (1 << len(self.acts)) - 1

    def role(self, party: str) -> str:
        """`author`, `addressee` or `copied`: the only thing a rule knows of a party."""
        if party == self.opened_by:
            return "author"
        return "addressee" if party in self.acts[0].core.action_parties else "copied"

    def parties(self, role: str) -> tuple[str, ...]:
        """The parties in the role `author` or `addressee`."""
        return (self.opened_by,) if role == "author" else tuple(sorted(self.acts[0].core.action_parties))

    def needed(self, consent: Consent) -> frozenset[str]:
        """Parties whose consent is asked for: those of its roles that hold the case."""
        return frozenset(one for one in self.holders if self.roles.get(one) in consent.of)

    def before(self, past: Past, lacked: Lacked) -> int:
        """Mask of the acts in a past, without those in `lacked` (rule 2)."""
        if not lacked and all(last < past.get(log, 0) for log, last in self._last.items()):
            return self.all
        return sum(
            1 << bit
            for bit, act in enumerate(self.acts)
            if act.id.index < past.get(act.id.log, 0) and act.id not in lacked
        )

    def add(
        self,
        entry: EntryId,
        core: Core,
        *,
        core_hash: bytes,
        time: int,
        before: int,
        approvers: frozenset[tuple[str, bytes]],
        past: Past,
        lacked: Lacked,
    ) -> None:
        """Take in a regular act whose predecessors have been taken in."""
        role = self.role(core.party_id) if self.acts else "author"
        depth = self._depth(before)
        self.acts.append(CaseAct(entry, role, core, core_hash, time, before, depth, approvers, past, lacked))
        self._bits[entry] = len(self.acts) - 1
        self._by_core.setdefault(core_hash, entry)
        self._last[entry.log] = max(self._last.get(entry.log, -1), entry.index)

    def moved(self, mask: int) -> Moved:
        """Where the acts of a mask lead; the mask holds the opening act."""
        chain: list[int] = []
        found = self._moved.get(mask)
        while found is None:
            top = mask.bit_length() - 1
            rest = mask & ~(1 << top)
            if not rest or self.acts[top].before != rest:
                found = self._sorted(mask)
                break
            chain.append(top)
            mask = rest
            found = self._moved.get(mask)
        self._moved[mask] = found
        for bit in reversed(chain):
            mask |= 1 << bit
            found = self._moved[mask] = self._step(found, bit)
        return found

    def may_consent(self, mask: int, core: Core) -> bool:
        """Whether an act that gives a consent refers to what was put, in a state in which it holds."""
        moved = self.moved(mask)
        about = self._about(core)
        given = [one for one in self.kind.consents if one.is_given(core.act, core.fields)]
        return not given or any((one.id, about) in moved.consents and moved.state in one.at for one in given)

    def entry_acts(self, *names: str) -> Iterator[CaseAct]:
        """Acts of these names."""
        return (act for act in self.acts if act.core.act in names)

    def bit(self, entry: EntryId) -> int | None:
        """Position of an act."""
        return self._bits.get(entry)

    def act(self, entry: EntryId) -> CaseAct | None:
        """A regular act of the case."""
        bit = self._bits.get(entry)
        return None if bit is None else self.acts[bit]

    def about(self, act: CaseAct) -> EntryId:
        """The entry of the case that an act speaks of: the first it refers to, else the opening one."""
        return self._about(act.core)

    def _about(self, core: Core) -> EntryId:
        wanted = core.refers_to[0].core if core.refers_to else None
        return self.id if wanted is None else self._by_core.get(wanted, self.id)

    def _depth(self, before: int) -> int:
        """Longest chain of predecessors: fixed by the pasts alone, whatever arrived first."""
        if not before:
            return 0
        top = before.bit_length() - 1
        # An act that stands behind all the others is the deepest of them: no need to look at each.
        if self.acts[top].before == before & ~(1 << top):
            return 1 + self.acts[top].depth
        return 1 + max(act.depth for bit, act in enumerate(self.acts) if before >> bit & 1)

    def _sorted(self, mask: int) -> Moved:
        bits = [bit for bit in range(len(self.acts)) if mask >> bit & 1]
        bits.sort(key=lambda bit: (self.acts[bit].depth, self.acts[bit].core.act, self.acts[bit].core_hash))
        found = Moved(self.kind.initial, self.acts[bits[0]].time, {})
        for bit in bits:
            found = self._step(found, bit)
        return found

    def _step(self, now: Moved, bit: int) -> Moved:
        act = self.acts[bit]
        core = act.core
        state, since = now.state, now.since
        if core.act != "NEW":
            state = self.kind.crossed_step(now.state, core.act, act.role, now.values(core.fields))
        consents, state = self._consented(now, act, state)
        since = now.since if state == now.state else act.time
        fields = now.fields
        if act.role == "author" and core.act in SETS_FIELDS and core.fields:
            fields = {**fields, **{name: (value, act.id) for name, value in core.fields.items()}}
        return Moved(state, since, fields, consents)

    def _consented(
        self, now: Moved, act: CaseAct, state: str
    ) -> tuple[Mapping[tuple[str, EntryId], frozenset[str]], str]:
        """The consents with those of this act, and the state it leads to (rule 5)."""
        consents, party = now.consents, act.core.party_id
        for consent in self.kind.consents:
            key = (consent.id, self.about(act))
            if consent.is_put(act.core.act, act.core.fields):
                key = (consent.id, act.id)
                before = frozenset[str]()
            elif key in consents and consent.is_given(act.core.act, act.core.fields):
                before = consents[key]
            else:
                continue
            needed = self.needed(consent)
            after = before | ({party} & needed)
            consents = {**consents, key: after}
            if after == needed != before:
                state = consent.step(state)
        return consents, state
