"""The mirror's side: take what peers send, store it whole, and only then cosign (protocol B1, C4, D2, D3).

1. Length, root and signatures decide; what a header says never does.
2. Entries, head, parts and what could be opened of them go into one transaction (a long catch-up into
   several, the head first); the cosignature is asked for behind the last.
3. A signed head that contradicts what is held is kept with the one it contradicts, and the log is closed.
4. Everything may come twice, in any order, from anybody: it changes nothing the second time.

All `take_…` methods are jobs of the writer thread.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from detente.charter.model import Charter
from detente.node import nextlogs, selectors, store
from detente.node.charter_keys import log_keys, opened_cosignature, origin_of
from detente.node.disk import Reserve
from detente.node.forks import Forks
from detente.node.opening import OpenedPart, Opener
from detente.node.rows import AheadRow, CosignatureRow, HeadRow
from detente.node.signer_client import SignerClient
from detente.node.writer import Answer
from detente.record.errors import DetenteError, Refused, Unverified, declare
from detente.record.head import Head, open_head, parse_body
from detente.record.header import MAX_RANGES, Header
from detente.record.messages import (
    MAX_COSIGNATURES,
    MAX_WANTS,
    Ahead,
    Notice,
    Push,
    PushAnswer,
)
from detente.record.mirror import Accepted, ForkFound, Mirror, check_ahead
from detente.record.names import EntryId, party_of
from detente.record.note import add_lines, parse_note
from detente.record.parts import sealed_hash
from detente.record.tree import EMPTY_ROOT, Frontier, leaf_hash

LOG_CLOSED: Final = declare(
    "log-closed", "the log's party", "two histories of this log, or its successor, are known; it is closed"
)
NOT_FLOOR: Final = declare("not-floor", "sender", "only floor entries travel ahead of their log")

#: Entries of one transaction in a long catch-up: some 50 ms.
CHUNK: Final = 256
#: Cosignature notes of which is remembered that they are stored.
KEPT: Final = 256

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """A notice after its signatures were checked: heads larger than what is held here, to be pulled."""

    to_pull: tuple[Head, ...]
    new_cosignatures: int


class Receiver:
    """Takes the other parties' logs. All methods but `start_answer` change the record."""

    def __init__(
        self,
        charter: Charter,
        me: str,
        signer: SignerClient,
        opener: Opener,
        reserve: Reserve,
        clock: Callable[[], int],
        *,
        own: str = "",
    ) -> None:
        """`own`: origin of the log that this node's signer writes now; empty: the party's first log."""
        self._own = own or charter.parties[me].log.origin
        self._charter, self._me, self._signer = charter, me, signer
        self._opener, self._reserve, self._clock = opener, reserve, clock
        self._forks = Forks(charter, clock)
        self._doubts: set[tuple[str, str]] = set()  # mirror, origin; the writer's own
        self._kept: OrderedDict[bytes, None] = OrderedDict()  # notes known to be stored; the writer's own

    # ---- jobs

    def take_push(self, peer: str, push: Push) -> Iterator[Answer | None]:
        """Store a push and cosign; its result is a PushAnswer.

        The cosignature is empty when the signer cannot be reached; what came is stored all the same.
        Raises Malformed, Unverified, Conflict(size), Equivocation, Refused `log-closed` or `disk-full`.
        """
        if party_of(push.log) == self._me:
            raise Unverified("origin", origin=push.log)  # the own log grows by its signer alone
        accepted = self._accept(push)
        headers = [store.parse_or_none(one) for one in accepted.entries]
        if accepted.entries and not all(one is not None and one.floor for one in headers):
            self._reserve.require(sum(map(len, push.entries)) + sum(map(len, push.parts)))
        self._reserve.make_room()
        yield from self._store(accepted, headers, push.parts)
        yield None  # the officer's side hears now; the receipt is signed meanwhile
        self._doubts |= self._forks.doubted(accepted, self._me)
        self._take_cosignatures(push.cosignatures)
        origin = push.log
        if accepted.head.head.size == accepted.frontier.size:
            own = self._cosign(accepted.head.head)
        else:  # an old head again: the answer is what we cosigned since
            own = selectors.largest_cosignature(origin, self._me)
        yield Answer(self._answer(origin, accepted.frontier.size, own))
        if own is not None:
            store.add_cosignatures([own], at=self._clock())

    def take_own(self, push: Push) -> int:
        """Entries of the own log that a peer holds and this store lost (C2); the size held then.

        They are stored, then fed to the signer. Raises as `take_push`.
        """
        if party_of(push.log) != self._me:
            raise Unverified("origin", origin=push.log)
        accepted = self._accept(push)
        headers = [store.parse_or_none(one) for one in accepted.entries]
        for _ in self._store(accepted, headers, push.parts):
            pass
        if push.log != self._own:
            return accepted.frontier.size  # a log that this party has left: no signer waits for it
        status = self._signer.status()
        if status.size < accepted.frontier.size:
            entries = selectors.entries(push.log, status.size, accepted.frontier.size)
            self._signer.feed(status.size, entries, push.head)
        return accepted.frontier.size

    def take_notice(self, peer: str, notice: Notice) -> Taken:
        """Keep heads and cosignatures of a notice; says which heads are worth a pull."""
        larger: dict[str, Head] = {}
        for note in notice.heads:
            head = self.take_head(note)
            held = selectors.log(head.origin)
            if (held is None or held.size < head.size) and head.size > larger.get(head.origin, head).size - 1:
                larger[head.origin] = head
        return Taken(tuple(larger.values()), len(self._take_cosignatures(notice.cosignatures)))

    def take_head(self, note: bytes) -> Head:
        """Keep a signed head of any log. Raises Equivocation if it contradicts what is held."""
        head = parse_body(parse_note(note).text)
        signed = open_head(note, log_keys(self._charter, head.origin))
        known = selectors.head_at(head.origin, head.size)
        if head.origin == self._own and (known is None or known.root != head.root):
            # Our own keys signed what this store does not know: the signer judges, and stops if it must (C3).
            self._signer.feed(self._signer.status().size, (), note)
            held = selectors.log(head.origin)
            if held is None or head.size > held.size:
                return head
        self._forks.keep(signed)
        return head

    def take_certificate(self, note: bytes) -> bool:
        """Keep a next log's certificate; False if known (C3). Raises as `nextlogs.keep`."""
        return nextlogs.keep(self._charter, note, at=self._clock()) is not None

    def take_ahead(self, peer: str, ahead: Ahead) -> bool:
        """Set a floor entry aside that came before its predecessors; False if it is known (D3)."""
        self._require_open(ahead.log)
        signed = check_ahead(ahead, log_keys(self._charter, ahead.log))
        header = store.parse_or_none(ahead.entry)
        if header is None or not header.floor:
            raise Refused(NOT_FLOOR, log=ahead.log, index=ahead.index)
        self._reserve.make_room()
        self._forks.keep(signed)
        parts = self._ours(header, ahead.log, ahead.parts)
        opened = self._opener.open_all(party_of(ahead.log), ahead.index, header, parts)
        row = AheadRow(EntryId(ahead.log, ahead.index), ahead.entry, ahead.head, ahead.proof, self._clock())
        return store.add_ahead(row, HeadRow.of(signed), parts, opened)

    def take_part(self, data: bytes) -> list[EntryId]:
        """Store a part that is wanted; the entries that lacked it (none: it was not wanted)."""
        sha256 = sealed_hash(data)
        wanted = selectors.wanted_named(sha256)
        if not wanted:
            return []
        if not any(selectors.is_floor(one.entry) for one in wanted):
            self._reserve.require(len(data))
        opened: dict[str, list[OpenedPart]] = {}
        for one in selectors.parts_named(sha256):
            author = party_of(one.entry.log)
            if self._opener.is_reader(author, one.to):
                part = self._opener.open(one.entry.index, one.position, one.role, data)
                opened.setdefault(one.entry.log, []).append(part)
        done = [EntryId(*one) for one in store.add_part(data, opened, at=self._clock())]
        for origin in sorted({one.log for one in done}):
            self._renew_if_complete(origin)
        return done

    def take_cosignature(self, note: bytes) -> bool:
        """Keep a mirror's cosignature of any log; False if it is known. Raises Malformed or Unverified."""
        return bool(self._take_cosignatures([note], strict=True))

    def take_doubts(self) -> list[tuple[str, str]]:
        """(mirror, origin) of cosignatures that contradict what is held, since the last call (C4)."""
        self._forks.keep_again()
        found, self._doubts = sorted(self._doubts), set()
        return found

    def renew(self, origin: str) -> CosignatureRow | None:
        """Cosign the largest head held of that log again, with the time of now (B2)."""
        head = self._largest(origin)
        own = self._cosign(head) if head else None
        if own is not None:
            store.add_cosignatures([own], at=self._clock())
        return own

    def cosign_owed(self) -> int:
        """Cosign what was stored while the signer could not be asked; how many logs that were (B1).

        Without it the author would learn of the receipt only with its next entry.
        """
        count = 0
        for log in selectors.logs():
            head = self._largest(log.origin)
            if log.party == self._me or log.stopped_at is not None or head is None or head.size == 0:
                continue
            if nextlogs.is_left(self._charter, log.origin, head.size):
                continue
            own = selectors.largest_cosignature(log.origin, self._me)
            if own is None or own.size < head.size:
                count += self.renew(log.origin) is not None
        return count

    def start_answer(self, origin_sha256: bytes) -> bytes:
        """The largest head held of that log, freshly cosigned (C2). Raises Unverified if it is unknown."""
        origin = origin_of(self._charter, origin_sha256)
        if party_of(origin) == self._me:
            raise Unverified("origin", origin=origin)
        head = self._largest(origin) or Head(origin, 0, EMPTY_ROOT)
        row = selectors.head_at(origin, head.size)
        # The log's own lines go along: a word of ours alone would not prove to the asker that it signed this.
        lines = self._signer.cosign(origin, head.size, head.root).lines
        return add_lines(row.note if row else head.body() + b"\n", lines)

    # ---- inside

    def _accept(self, push: Push) -> Accepted:
        if push.certificate:
            self.take_certificate(push.certificate)
        stopped = nextlogs.may_complete(self._charter, push, self._me)
        keys = log_keys(self._charter, push.log)
        log = selectors.log(push.log)
        frontier = Frontier(log.size, log.frontier) if log else Frontier()
        mirror = Mirror(push.log, keys, frontier, past=lambda size: past(push.log, size))
        try:
            accepted = mirror.accept(push)
        except ForkFound as fork:
            self._forks.convict(fork)
            raise
        except Unverified:
            self._forks.keep_unjoined(push.head, keys)
            raise
        if not stopped:  # else the evidence is here, and what is true of the log is completed
            self._forks.check(accepted)
        return accepted

    def _require_open(self, origin: str) -> None:
        log = selectors.log(origin)
        if log is not None and log.stopped_at is not None:
            raise Refused(LOG_CLOSED, log=origin)

    def _store(
        self, accepted: Accepted, headers: Sequence[Header | None], parts: Iterable[bytes]
    ) -> Iterator[None]:
        """Store in transactions of CHUNK entries; the signed head goes with the first of them."""
        origin, at = accepted.head.head.origin, self._clock()
        came = {sealed_hash(data): data for data in parts}
        if not accepted.entries:
            store.add_head(HeadRow.of(accepted.head), at=at)
            for data in came.values():
                self.take_part(data)
            return
        log = selectors.log(origin)
        frontier = Frontier(log.size, log.frontier) if log else Frontier()
        known = selectors.head_at(origin, accepted.head.head.size)
        other = known is not None and known.root != accepted.head.head.root  # of a log with two histories
        heads = () if other else (HeadRow.of(accepted.head),)
        for first in range(0, len(accepted.entries), CHUNK):
            if first:
                yield
            entries = accepted.entries[first : first + CHUNK]
            frontier.extend(leaf_hash(one) for one in entries)
            start = accepted.start + first
            new = store.NewEntries(
                origin, start, entries, frontier, at, heads, came,
                self._opened(origin, start, headers[first : first + CHUNK], came),
            )  # fmt: skip
            store.append(new, me=self._me)

    def _opened(
        self, origin: str, start: int, headers: Sequence[Header | None], came: Mapping[bytes, bytes]
    ) -> list[OpenedPart]:
        """What opens of the parts that came now, and of those that came ahead of the log."""
        author = party_of(origin)
        found = []
        for n, header in enumerate(headers):
            if header is not None and came:
                found += self._opener.open_all(author, start + n, header, came)
        return found

    def _ours(self, header: Header, origin: str, parts: Iterable[bytes]) -> dict[bytes, bytes]:
        """Those parts that the header gives us to keep."""
        came = {sealed_hash(data): data for data in parts}
        ours = {one.sha256 for one in header.parts if party_of(origin) == self._me or self._me in one.keep}
        return {sha256: data for sha256, data in came.items() if sha256 in ours}

    def _cosign(self, head: Head) -> CosignatureRow | None:
        if party_of(head.origin) == self._me or nextlogs.is_left(self._charter, head.origin, head.size):
            return None
        try:
            made = self._signer.cosign(head.origin, head.size, head.root)
        except DetenteError as error:
            # What came is stored; the next push or renewal asks again.
            _log.warning("no cosignature: %s", error.code)
            return None
        return CosignatureRow(head.origin, head.size, head.root, self._me, made.time, made.lines)

    def _answer(self, origin: str, size: int, own: CosignatureRow | None) -> PushAnswer:
        others = [row for row in selectors.cosignatures(origin, size) if row.mirror != self._me]
        wants = selectors.wanted(origin, limit=MAX_WANTS)
        return PushAnswer(
            size,
            _note_of(own) if own else b"",
            selectors.lacking(origin, size)[:MAX_RANGES] if wants else (),
            tuple(row.sha256 for row in wants),
            tuple(_note_of(row) for row in others[:MAX_COSIGNATURES]),
        )

    def _take_cosignatures(self, notes: Iterable[bytes], *, strict: bool = False) -> list[CosignatureRow]:
        """Verify and keep cosignature notes. One bad note does not lose the others, unless `strict`."""
        rows = []
        for note in notes:
            if note in self._kept:  # each comes from two peers, and again with every notice
                continue
            try:
                rows.append((note, opened_cosignature(self._charter, note)))
            except DetenteError as error:
                if strict:
                    raise
                _log.warning("a cosignature was not kept: %s", error.code)
        if not rows:
            return []
        # One over another root than ours says nothing of what we hold: kept, it would pass for a receipt.
        doubted = {row for _, row in rows if self._forks.contradicts(row)}
        self._doubts |= {(row.mirror, row.origin) for row in doubted}
        fresh = store.add_cosignatures([row for _, row in rows if row not in doubted], at=self._clock())
        # Remembered only now: a note whose transaction failed must be taken when it comes again.
        self._kept.update((note, None) for note, _ in rows)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return fresh

    def _renew_if_complete(self, origin: str) -> None:
        """A shorter missing list needs a newer time of holding (B2); one signature a gap, not one a part."""
        if not selectors.wanted(origin, limit=1):
            self.renew(origin)

    def _largest(self, origin: str) -> Head | None:
        log = selectors.log(origin)
        row = selectors.largest_head(origin, within=log.size) if log else None
        return Head(origin, row.size, row.root) if row else None


def past(origin: str, size: int) -> Frontier:
    """Frontier of the first `size` entries held, from their leaf hashes."""
    frontier = Frontier()
    frontier.extend(selectors.leaves(origin, 0, size))
    return frontier


def _note_of(row: CosignatureRow) -> bytes:
    return Head(row.origin, row.size, row.root).body() + b"\n" + row.lines
