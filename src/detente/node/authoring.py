"""From a draft to an entry that would survive a power cut (protocol A6, A7, C1, C2).

    prepare   any thread: seal the parts to their readers
    propose   writer: parts and draft on disk, waiting for approvals
    release   writer: approvals fixed, then as `append`
    append    writer, grouped: parts on disk → signer (journal on disk) → entries and head on disk → answer

1. Whatever is lost on the way, an entry stands in the log once: a proposal is known by its core (A8), and
   before anything new is signed the store takes what the journal has more.
2. An answer means: header in the journal, parts, entry and head in the store.
3. Without a started signer a proposal stays `released`; `resume` takes it up again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from detente.cases.core import parse_core
from detente.node import selectors, store
from detente.node.opening import OpenedPart, Opener
from detente.node.rows import HeadRow, ProposalRow
from detente.node.seeing import own_seen
from detente.node.signer_client import SignedGroup, SignerClient
from detente.node.statements import LOG_POST
from detente.node.store_own import (
    LOGGED,
    NO_PROPOSAL,
    PROPOSED,
    RELEASED,
    release_proposal,
    save_proposal,
    save_proposals,
    withdraw_proposal,
)
from detente.record.approvals import Approval
from detente.record.errors import DetenteError, Malformed, Refused, Unverified, declare
from detente.record.header import CORE, VERSION, Header, PartInfo, encode_header, parse_header
from detente.record.names import EntryId, cell_of, generation_of
from detente.record.parts import plaintext_hash, seal, sealed_hash
from detente.record.tiles import MAX_ENTRY
from detente.record.tree import Frontier, leaf_hash

RECIPIENT_UNKNOWN: Final = declare(
    "recipient-unknown", "operator", "the charter names no receiving key for a party the part is for"
)
STORE_OTHER: Final = declare(
    "store-differs", "operator", "the store's own log is not the signer's; run fsck, then restore the store"
)

LOG_NOT_OPENED: Final = declare(
    "log-not-opened", "nobody", "the next log's first entry is not in it yet; what was released follows it"
)

#: The kind whose field `state_digest` is of the cut it was drafted at.
HEARTBEAT: Final = "R03"
#: Name of the writer's group for `append`.
GROUP: Final = "append"
#: Parts that go into one head's transaction, bytes.
_GROUP_BYTES: Final = 4 * 1024 * 1024
_FILE_KEY: Final = 16
#: Left in a header for `seen`: a draft that is taken must never turn out too long at the signer, where it
#: would hold up those that wait with it.
_SEEN_ROOM: Final = 32 * 1024


#: A log and drafts for it → why each waits, None if it does not.
HoldBack: TypeAlias = Callable[[str, Sequence[bytes]], list[Refused | None]]


def _no_quota(_log: str, drafts: Sequence[bytes]) -> list[Refused | None]:
    return [None] * len(drafts)


@dataclass(frozen=True, slots=True)
class DraftPart:
    """A part before sealing. `to` holds a key, `keep` stores the bytes; neither names the author."""

    role: str
    plaintext: bytes
    to: tuple[str, ...]
    keep: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """What an officer or the node itself wants to say. Part 0 is the core; `charter` its digest in force."""

    floor: bool
    to: tuple[str, ...]
    charter: bytes
    parts: tuple[DraftPart, ...]
    post: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A sealed draft: the row to store and the sealed parts by SHA-256."""

    row: ProposalRow
    parts: Mapping[bytes, bytes]

    @property
    def core(self) -> bytes:
        """SHA-256 of the core: what officers approve."""
        return self.row.core_sha256


@dataclass(frozen=True, slots=True)
class Release:
    """A stored proposal with the approvals its charter asks for."""

    name: str
    approvals: tuple[Approval, ...]


@dataclass(frozen=True, slots=True)
class Logged:
    """An own entry that is durable: its id, header and the head that covers it."""

    entry: EntryId
    header: bytes
    time: int
    head: HeadRow


class Author:
    """Writes the own log. `prepare` in any thread; everything else runs in the writer."""

    def __init__(
        self,
        origin: str,
        me: str,
        signer: SignerClient,
        opener: Opener,
        recipients: Callable[[], Mapping[str, str]],
        clock: Callable[[], int],
        make_room: Callable[[], object] = lambda: None,
        hold_back: Callable[[str, Sequence[bytes]], list[Refused | None]] = lambda _, rows: (
            [None] * len(rows)
        ),
    ) -> None:
        """`recipients`: receiving key (age1pq…) of every party in force, the own included; `make_room`: asks
        the reserve for disk before the own log is written; `hold_back(log, drafts)`: why ordinary drafts wait
        for another day (protocol D5)."""
        self._make_room = make_room
        self._hold_back = hold_back
        self.origin, self.me = origin, me
        self._signer, self._opener, self._recipients, self._clock = signer, opener, recipients, clock

    # ---- any thread

    def prepare(
        self, draft: Draft, approvals: Sequence[Approval] = (), *, name: str | None = None
    ) -> Prepared:
        """Seal a draft. Raises Malformed (form), Refused `recipient-unknown`."""
        keys = self._recipients()
        sealed, infos, wrapped = {}, [], []
        for part in draft.parts:
            file_key = secrets.token_bytes(_FILE_KEY)
            data = seal(
                part.plaintext, self._readers(part, keys), file_key=file_key, nonce=secrets.token_bytes(16)
            )
            sha256 = sealed_hash(data)
            sealed[sha256] = data
            to, keep = tuple(sorted(part.to)), tuple(sorted(part.keep))
            infos.append(PartInfo(part.role, sha256, len(data), to, keep))
            wrapped.append(self._opener.wrap(file_key))
        if not draft.parts or draft.parts[0].role != CORE:
            raise Malformed("draft", "part 0 is not the core")
        core = plaintext_hash(draft.parts[0].plaintext)
        header = Header(
            VERSION, cell_of(self.origin), self.origin, draft.floor, 1, draft.charter,
            tuple(sorted(draft.to)), tuple(infos), (), core, tuple(approvals),
        )  # fmt: skip
        encoded = encode_header(header)
        if len(encoded) > MAX_ENTRY - _SEEN_ROOM:
            raise Malformed("draft", "header too long")
        row = ProposalRow(
            name or secrets.token_hex(10), PROPOSED, draft.floor, core, encoded,
            tuple(part.plaintext for part in draft.parts), tuple(wrapped), draft.post, self._clock(), None,
        )  # fmt: skip
        return Prepared(row, sealed)

    # ---- writer jobs

    def propose(self, prepared: Prepared) -> str:
        """Keep a draft that waits for approvals; its name. Raises Refused `core-repeated`, `disk-full`."""
        self._make_room()
        save_proposal(prepared.row, prepared.parts)
        return prepared.row.name

    def append(self, payloads: Sequence[Prepared | Release]) -> list[Logged | DetenteError]:
        """The function of the writer's group `append`: one result or refusal for each payload, in order."""
        self._make_room()
        rows = self._released(payloads)
        fit, held = self._within_quota([one for one in rows if isinstance(one, ProposalRow)])
        logged, failure = self._log_released(fit)
        return [
            one if isinstance(one, DetenteError) else self._result(one, logged, held.get(one.name, failure))
            for one in rows
        ]

    def resume(self) -> list[Logged]:
        """Take up again what was released and is not in the log yet; gives those that are now."""
        self._give_up_heartbeats()
        waiting, _ = self._within_quota(selectors.proposals(RELEASED, limit=64))
        logged, failure = self._log_released(waiting)
        if failure is not None:
            raise failure
        return [logged[row.core_sha256] for row in waiting]

    def catch_up(self) -> int:
        """Store what the signer's journal has more than the store; how many entries that were (C1)."""
        log = selectors.log(self.origin)
        frontier = Frontier(log.size, log.frontier) if log else Frontier()
        first = frontier.size
        while groups := self._signer.groups(frontier.size):
            for group in groups:
                self._store(group, frontier, {})
        return frontier.size - first

    def feed_signer(self) -> int:
        """Give the signer what the store has of the own log and its journal lacks; its size then (C2)."""
        status = self._signer.status()
        head = selectors.head_for_push(self.origin, status.size, 4096)
        while head is not None and status.state != "stopped" and head.size <= self._size():
            entries = selectors.entries(self.origin, status.size, head.size)
            status = self._signer.feed(status.size, entries, head.note)
            head = selectors.head_for_push(self.origin, status.size, 4096)
        return status.size

    # ---- inside

    def _within_quota(self, rows: Sequence[ProposalRow]) -> tuple[list[ProposalRow], dict[str, DetenteError]]:
        """Those that may go into the log today; by name, why others stay released (D5)."""
        ordinary = [row for row in rows if row.entry is None and not row.floor and row.post != LOG_POST]
        waits = self._hold_back(self.origin, [row.draft for row in ordinary]) if ordinary else []
        held: dict[str, DetenteError] = {
            row.name: one for row, one in zip(ordinary, waits, strict=True) if one is not None
        }
        return [row for row in rows if row.name not in held], held

    def _give_up_heartbeats(self) -> None:
        """A heartbeat's state digest is that of one cut (B8): signed later it would be false.

        What the journal has of them was signed at its cut, and is stored first. The next beat says it anew.
        """
        if any(_is_heartbeat(row) for row in selectors.proposals(RELEASED)):
            self.catch_up()
            for row in filter(_is_heartbeat, selectors.proposals(RELEASED)):
                withdraw_proposal(row.name, state=RELEASED)

    def _readers(self, part: DraftPart, keys: Mapping[str, str]) -> list[str]:
        parties = sorted({self.me, *part.to})
        if unknown := [one for one in parties if one not in keys]:
            raise Refused(RECIPIENT_UNKNOWN, parties=", ".join(unknown))
        return [keys[one] for one in parties]

    def _released(self, payloads: Sequence[Prepared | Release]) -> list[ProposalRow | DetenteError]:
        """Have payloads on disk as released proposals, those that are sealed already in one transaction."""
        found: list[ProposalRow | DetenteError] = []
        new = [(replace(one.row, state=RELEASED), one.parts) for one in payloads if isinstance(one, Prepared)]
        saved = iter(zip(new, save_proposals(new), strict=True))
        for payload in payloads:
            (row, _), known = next(saved) if isinstance(payload, Prepared) else ((None, None), False)
            try:
                found.append(row if row is not None and known is True else self._known(payload, known))
            except DetenteError as error:
                found.append(error)
        return found

    def _known(self, payload: Prepared | Release, known: bool | DetenteError) -> ProposalRow:
        """The row of a payload that stood here before."""
        if isinstance(known, DetenteError):
            raise known
        name = payload.row.name if isinstance(payload, Prepared) else payload.name
        proposal = selectors.proposal(name)
        if isinstance(payload, Release) and proposal is not None and proposal.state == PROPOSED:
            header = replace(parse_header(proposal.draft), approvals=payload.approvals)
            release_proposal(name, encode_header(header))
            proposal = selectors.proposal(name)
        if proposal is None or proposal.state not in (RELEASED, LOGGED):
            raise Refused(NO_PROPOSAL, proposal=name)
        return proposal

    def _log_released(self, rows: Sequence[ProposalRow]) -> tuple[dict[bytes, Logged], DetenteError | None]:
        """Bring released proposals into the log: core hash → entry, and what stopped it, if anything did."""
        logged: dict[bytes, Logged] = {}
        waiting = {row.core_sha256: row for row in rows if row.entry is None}
        try:
            # Each round stores what the journal had more, or signs some of what waits.
            while waiting:
                drafts = [self._draft(row) for row in _one_head(self._first_first(waiting.values()))]
                log = selectors.log(self.origin)
                frontier = Frontier(log.size, log.frontier) if log else Frontier()
                groups = self._signer.append(drafts, own_seen(self.me), have=frontier.size)
                for group in groups:
                    logged |= self._store(group, frontier, waiting)
                waiting = {core: row for core, row in waiting.items() if core not in logged}
        except DetenteError as error:
            return logged, error
        return logged, None

    def _draft(self, row: ProposalRow) -> bytes:
        """Its header for the log written now: what was released before goes into the next log (A4)."""
        header = parse_header(row.draft)
        return row.draft if header.log == self.origin else encode_header(replace(header, log=self.origin))

    def _first_first(self, rows: Iterable[ProposalRow]) -> Iterable[ProposalRow]:
        """Entry 0 of a next log is its R01 and stands alone under its head; all else waits for it (C3).

        Raises Refused `log-not-opened`.
        """
        if generation_of(self.origin) == 1 or self._size() > 0:
            return rows
        opening = [row for row in rows if parse_core(row.plaintexts[0]).kind == "R01"][:1]
        if not opening:
            raise Refused(LOG_NOT_OPENED, log=self.origin)
        return opening

    def _store(
        self, group: SignedGroup, frontier: Frontier, rows: Mapping[bytes, ProposalRow]
    ) -> dict[bytes, Logged]:
        """Entries, head and plaintexts of one signed group, in one transaction; `frontier` moves on.

        `rows`: proposals at hand by core; others are looked up.
        """
        frontier.extend(leaf_hash(one) for one in group.entries)
        if frontier.size != group.size or frontier.root() != group.root:
            raise Refused(STORE_OTHER, size=group.start)
        head = HeadRow(self.origin, group.size, group.root, group.time, group.note)
        headers = [parse_header(one) for one in group.entries]
        opened = [
            one for n, header in enumerate(headers) for one in self._own_opened(group.start + n, header, rows)
        ]
        store.append(
            store.NewEntries(
                self.origin, group.start, group.entries, frontier, self._clock(), (head,), {}, opened
            ),
            me=self.me,
        )
        return {
            header.core: Logged(EntryId(self.origin, group.start + n), group.entries[n], header.time, head)
            for n, header in enumerate(headers)
        }

    def _own_opened(self, index: int, header: Header, rows: Mapping[bytes, ProposalRow]) -> list[OpenedPart]:
        """What the proposal knows of its parts; an entry whose proposal is gone is opened with our keys."""
        row = rows.get(header.core) or selectors.proposal_of_core(header.core)
        if row is not None and len(row.plaintexts) == len(header.parts):
            return [
                OpenedPart(index, position, part.role, row.plaintexts[position], row.file_keys[position])
                for position, part in enumerate(header.parts)
            ]
        found = {part.sha256: selectors.part_bytes(part.sha256) for part in header.parts}
        held = {sha256: data for sha256, data in found.items() if data is not None}
        return self._opener.open_all(self.me, index, header, held)

    def _result(
        self, row: ProposalRow, logged: Mapping[bytes, Logged], failure: DetenteError | None
    ) -> Logged | DetenteError:
        if row.core_sha256 in logged:
            return logged[row.core_sha256]
        if row.entry is None:
            return failure or Unverified("proposal", name=row.name)
        header = selectors.entry(row.entry)  # logged before: a retry gets the same answer
        head = selectors.head_for_push(self.origin, row.entry.index, 0)
        if header is None or head is None:
            return Refused(STORE_OTHER, index=row.entry.index)
        return Logged(row.entry, header, parse_header(header).time, head)

    def _size(self) -> int:
        log = selectors.log(self.origin)
        return log.size if log else 0


def _one_head(rows: Iterable[ProposalRow]) -> list[ProposalRow]:
    """As many of the rows as one head should cover, at least one."""
    found: list[ProposalRow] = []
    size = 0
    for row in rows:
        size += sum(map(len, row.plaintexts)) + len(row.draft)
        if found and size > _GROUP_BYTES:
            break
        found.append(row)
    return found


def _is_heartbeat(row: ProposalRow) -> bool:
    try:
        return parse_core(row.plaintexts[0]).kind == HEARTBEAT
    except DetenteError:  # not for this question to refuse
        return False
