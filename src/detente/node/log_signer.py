"""Signs the heads of the own log, and nothing that it did not extend itself (protocol C1, C2).

1. It alone knows the log's keys. Entries come in as drafts; it sets index, `time` and `seen`.
2. `time` never falls (B6); what `seen` says never falls (B2) and names only heads that this party's mirrors
   cosigned. Where the caller knows less than the last entry said, what that entry said is repeated.
3. Header bytes, size and root are in the journal, on disk, before a signature is given out.
4. After a start it signs nothing until a peer's fresh answer is not above its journal, or an operator
   confirmed size and root. If a peer knows more, entries are fed to it under a head that these very keys
   signed; only their root decides.
5. Anything that shows a second history stops it for good; the party opens its next log (C3).
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from detente.node.journal import Journal
from detente.node.signer_client import SIGNER_BEHIND, SIGNER_NOT_STARTED, SignedGroup, SignerStatus
from detente.record.encoding import encode_base64, parse_base64
from detente.record.errors import DetenteError, Malformed, Refused, RuleViolation, Unverified, declare
from detente.record.head import Head, open_cosignature, open_head, parse_body, sign_head
from detente.record.header import Header, Seen, check_seen_step, complete, encode_header, parse_header
from detente.record.keys import KeyPair, MirrorKeys
from detente.record.tree import Frontier, Tree, leaf_hash

SIGNER_STOPPED: Final = declare(
    "signer-stopped", "operator", "two histories of the own log exist; open the next log (protocol C3)"
)
ANSWER_STALE: Final = declare("answer-stale", "peer", "the answer to the start question is not of now")
NOT_THAT_SIZE: Final = declare(
    "not-that-size", "operator", "the size or root confirmed is not that of the signer's journal"
)

ASKING, BEHIND, STARTED, STOPPED = "asking", "behind", "started", "stopped"

#: A start answer may be this old, or ahead of our clock by as much: two clocks and a slow line.
ANSWER_AGE_S: Final = 300
#: Bytes of entries that one answer to `groups` carries.
_GROUPS_BYTES: Final = 1024 * 1024

#: Whether one of our mirrors cosigned this head of another log at this time.
Knows = Callable[[Seen], bool]


@dataclass(frozen=True, slots=True)
class _Group:
    """One journal record: entries from `start`, and what their head says."""

    start: int
    entries: tuple[bytes, ...]
    size: int
    root: bytes
    time: int


class LogSigner:
    """The signer of one log. Not thread-safe: the process calls it under one lock."""

    def __init__(
        self,
        origin: str,
        pair: KeyPair,
        journal: Journal,
        *,
        peers: Mapping[str, MirrorKeys],
        knows: Knows,
        clock: Callable[[], int],
    ) -> None:
        """`peers`: keys of the mirrors that watch this log, by party; `clock`: POSIX seconds now."""
        self.origin, self._pair, self._journal = origin, pair, journal
        self._keys = pair.log_keys(origin)
        self._peers, self._knows, self._clock = peers, knows, clock
        self._tree = Tree()
        self._sizes, self._places = array("q"), array("q")  # of each journal record: size behind it, place
        self._last: Header | None = None
        self._time = 0
        self._state, self._wanted, self._cause = ASKING, 0, ""
        self._fed: list[bytes] = []
        for place, record in journal.read():
            self._remember(_group_of(record), place)

    # ---- what it says

    def status(self) -> SignerStatus:
        """State, size and root of the journal."""
        size, root = self._tree.size, self._tree.root()
        return SignerStatus(self._state, self.origin, size, root, self._time, self._wanted, self._cause)

    def groups(self, have: int) -> tuple[SignedGroup, ...]:
        """Groups behind `have` entries, oldest first, at most about a megabyte. Raises Refused."""
        self._require_started()
        found: list[SignedGroup] = []
        size = 0
        for number in range(bisect_right(self._sizes, have), len(self._sizes)):
            group = _behind(_group_of(self._journal.record_at(self._places[number])), have)
            size += sum(map(len, group.entries))
            if found and size > _GROUPS_BYTES:
                break
            found.append(self._signed(group))
        return tuple(found)

    # ---- signing

    def append(self, drafts: Sequence[bytes], seen: Sequence[Seen], *, have: int) -> tuple[SignedGroup, ...]:
        """As `SignerClient.append`."""
        self._require_started()
        if have > self._tree.size:
            raise Refused(SIGNER_BEHIND, store=have, signer=self._tree.size)
        if have < self._tree.size:
            return self.groups(have)
        if not drafts:
            return ()
        entries, last = self._complete(drafts, seen)
        group = self._extended(tuple(entries), last.time)
        self._keep(group)
        return (self._signed(group),)

    def _complete(self, drafts: Sequence[bytes], seen: Sequence[Seen]) -> tuple[list[bytes], Header]:
        """The drafts as entry bytes, and the header of the last."""
        previous, entries = self._last, []
        for draft in drafts:
            parsed = parse_header(draft)
            if parsed.log != self.origin:
                raise Malformed("draft", "not of this log")
            following = self._next_seen(previous, seen)
            time = max([self._clock(), self._time, *(one.at for one in following)])
            previous = complete(parsed, time=time, seen=following)
            entries.append(encode_header(previous))
        if previous is None:
            raise Malformed("draft", "none")
        return entries, previous

    def _next_seen(self, previous: Header | None, offered: Sequence[Seen]) -> tuple[Seen, ...]:
        """For each other log the offered row if it may stand behind the last one, else the last one again."""
        before = {one.log: one for one in previous.seen} if previous else {}
        after = dict(before)
        for row in offered:
            if self._knows(row) and _may_follow(previous, before.get(row.log), row):
                after[row.log] = row
        return tuple(after[log] for log in sorted(after))

    # ---- starting (C2)

    def start_answer(self, body: bytes, lines: bytes) -> SignerStatus:
        """Judge a peer's answer to "what is the largest head of my log?". Raises DetenteError."""
        head = parse_body(body)
        if head.origin != self.origin:
            raise Unverified("start answer", origin=head.origin)
        time = self._answered_at(head, lines)
        if abs(self._clock() - time) > ANSWER_AGE_S:
            raise Refused(ANSWER_STALE, at=time)
        if self._state not in (ASKING, BEHIND):
            return self.status()
        beyond = head.size > self._tree.size
        if beyond or self._tree.root(head.size) != head.root:
            # A peer's word alone could keep this party silent, or stop it for good. Whoever holds such a head
            # of this log has these keys' signatures under it, and shows them. Raises Unverified.
            open_head(body + b"\n" + lines, self._keys)
        if beyond:
            self._state, self._wanted = BEHIND, max(self._wanted, head.size)
        elif self._tree.root(head.size) != head.root:
            # The peer cosigned another tree under our name, or our journal is not what we once signed. Both
            # mean that we cannot be sure of our largest head (C3).
            self._stop("start-answer")
        elif self._tree.size >= self._wanted:
            self._state = STARTED
        return self.status()

    def feed(self, start: int, entries: Sequence[bytes], note: bytes) -> SignerStatus:
        """Take entries of the own log behind the journal, under a head that our keys signed.

        The entries may come in several calls under one head; the journal takes them when the last is here.
        Raises Unverified if the head is not ours or they are not its entries.
        """
        if self._state == STOPPED:
            raise Refused(SIGNER_STOPPED, cause=self._cause)
        signed = open_head(note, self._keys)
        if signed.head.size <= self._tree.size:
            if self._tree.root(signed.head.size) != signed.head.root:
                self._stop("own-head")
            return self.status()
        if self._state == STARTED:
            # Our keys signed what this signer did not: another one runs, or the keys are stolen (C3).
            self._stop("own-head-unknown")
            return self.status()
        if start != self._tree.size + len(self._fed):
            self._fed = []
            if start != self._tree.size:
                raise Unverified("feed", start=start, size=self._tree.size)
        self._fed += entries
        if self._tree.size + len(self._fed) >= signed.head.size:
            self._take_fed(signed.head, signed.time)
        return self.status()

    def confirm(self, size: int, root: bytes) -> SignerStatus:
        """An operator's word that this is the largest head ever signed. Raises Refused `not-that-size`."""
        if self._state == STOPPED:
            raise Refused(SIGNER_STOPPED, cause=self._cause)
        if (size, root) != (self._tree.size, self._tree.root()):
            raise Refused(NOT_THAT_SIZE, size=self._tree.size)
        self._state = STARTED
        return self.status()

    def freeze(self, cause: str) -> None:
        """Sign nothing more, for good: the caller keeps the mark of it on disk (C3)."""
        self._stop(cause)

    # ---- inside

    def _answered_at(self, head: Head, lines: bytes) -> int:
        """Time of the answer, by whichever peer's keys it verifies. Raises Unverified."""
        for keys in self._peers.values():
            try:
                return open_cosignature(lines, head, keys).time
            except DetenteError:
                continue
        raise Unverified("start answer", origin=self.origin)

    def _take_fed(self, head: Head, time: int) -> None:
        entries, self._fed = self._fed, []
        whole = self._extended(tuple(entries), time)
        if (whole.size, whole.root) != (head.size, head.root):
            raise Unverified("fed entries", size=head.size)
        for piece in _pieces(entries):
            self._keep(self._extended(piece, time))
        if self._state == BEHIND and self._tree.size >= self._wanted:
            # The answer that sent us here was fresh, and we hold now what it named.
            self._state = STARTED

    def _extended(self, entries: tuple[bytes, ...], time: int) -> _Group:
        frontier: Frontier = self._tree.frontier()
        frontier.extend(leaf_hash(one) for one in entries)
        return _Group(self._tree.size, entries, frontier.size, frontier.root(), time)

    def _keep(self, group: _Group) -> None:
        place = self._journal.append(_record(group))
        # durable from here: the journal holds these entries, and no others will ever stand at their indexes
        self._remember(group, place)

    def _remember(self, group: _Group, place: int) -> None:
        for one in group.entries:
            self._tree.append(leaf_hash(one))
        if (self._tree.size, self._tree.root()) != (group.size, group.root):
            raise Unverified("journal", size=group.size)
        self._sizes.append(group.size)
        self._places.append(place)
        self._last = parse_header(group.entries[-1])
        self._time = max(self._time, group.time, self._last.time)

    def _signed(self, group: _Group) -> SignedGroup:
        note = sign_head(Head(self.origin, group.size, group.root), self._pair, group.time)
        return SignedGroup(group.start, group.entries, group.size, group.root, group.time, note)

    def _require_started(self) -> None:
        if self._state == STOPPED:
            raise Refused(SIGNER_STOPPED, cause=self._cause)
        if self._state != STARTED:
            raise Refused(SIGNER_NOT_STARTED, state=self._state, wanted=self._wanted)

    def _stop(self, cause: str) -> None:
        self._state, self._cause = STOPPED, cause


def _behind(group: _Group, have: int) -> _Group:
    """The group without the entries that lie below `have`."""
    if group.start >= have:
        return group
    return replace(group, start=have, entries=group.entries[have - group.start :])


def _pieces(entries: Sequence[bytes]) -> Iterator[tuple[bytes, ...]]:
    """Entries in runs that a journal record bears."""
    piece: list[bytes] = []
    size = 0
    for one in entries:
        if piece and size + len(one) > _GROUPS_BYTES:
            yield tuple(piece)
            piece, size = [], 0
        piece.append(one)
        size += len(one)
    yield tuple(piece)


def _may_follow(previous: Header | None, before: Seen | None, row: Seen) -> bool:
    """Whether `row` may stand behind `before`, which the entry `previous` said."""
    if previous is None or before is None:
        return True
    one = complete(previous, time=previous.time, seen=(before,))
    try:
        check_seen_step(one, complete(previous, time=max(previous.time, row.at), seen=(row,)))
    except RuleViolation:
        return False
    return True


def _record(group: _Group) -> dict[str, Any]:
    return {
        "start": group.start,
        "entries": [encode_base64(one) for one in group.entries],
        "size": group.size,
        "root": group.root.hex(),
        "time": group.time,
    }


def _group_of(record: dict[str, Any]) -> _Group:
    return _Group(
        record["start"],
        tuple(parse_base64(one, "entry") for one in record["entries"]),
        record["size"],
        bytes.fromhex(record["root"]),
        record["time"],
    )
