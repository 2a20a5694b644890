"""A mirror of one log: takes what continues it, by length, root and signatures alone (protocol B1).

1. Entries are hashed onto the mirror's own frontier and the root compared with the signed head. What a header
   says is never looked at: a mirror that chose what to hold could deny having received it.
2. Entries that begin beyond what is held: `Conflict` with the size; the sender goes on from there.
3. What is held already may come again in any piece, and changes nothing.
4. A head that both keys of the log signed, and that cannot be true together with what is held, is
   `ForkFound`: the caller keeps both heads (C4). A root that matches nothing is `Unverified`: nothing
   proves a fork then.
5. A closed log has an `end`: no head beyond it is taken, whoever signed it (protocol C3). A fork is still
   found.

`accept` changes nothing. The caller stores what it gives, and only then cosigns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from detente.record.errors import Conflict, Equivocation, Malformed, Refused, Unverified
from detente.record.evidence import TwoHistories, find_two_histories
from detente.record.head import SignedHead, open_head
from detente.record.keys import LogKeys
from detente.record.messages import Ahead, Push
from detente.record.nextlog import LOG_CLOSED
from detente.record.tiles import MAX_ENTRY
from detente.record.tree import Frontier, Tree, leaf_hash, verify_inclusion

#: Frontier of the first n entries held; asked only for an old head or an overlap.
Past = Callable[[int], Frontier]


@dataclass(frozen=True, slots=True)
class Accepted:
    """Entries to store at `start` (none for a repeat), and frontier and signed head behind them."""

    start: int
    entries: tuple[bytes, ...]
    frontier: Frontier
    head: SignedHead


class ForkFound(Equivocation):
    """A signed head that contradicts what is held. `start` and `entries` are those it came with."""

    def __init__(self, head: SignedHead, start: int, entries: tuple[bytes, ...]) -> None:
        super().__init__(head.head.origin, size=head.head.size)
        self.head = head
        self.start = start
        self.entries = entries


class Mirror:
    """What is held of the log `origin`, as far as taking more needs it. Never changed by its methods."""

    __slots__ = ("end", "frontier", "keys", "origin", "past")

    def __init__(
        self,
        origin: str,
        keys: LogKeys,
        frontier: Frontier,
        *,
        past: Past | None = None,
        end: int | None = None,
    ) -> None:
        """`end`: size at which the log is closed, if its party has gone on in a next one."""
        if keys.origin != origin:
            raise Unverified("origin", origin=keys.origin, expected=origin)
        self.origin, self.keys, self.frontier, self.past, self.end = origin, keys, frontier, past, end

    def accept(self, push: Push) -> Accepted:
        """What to store of a push. Raises Malformed, Unverified, Conflict, ForkFound (an Equivocation),
        or Refused `log-closed`."""
        head = self._open(push)
        held = self.frontier.size
        if push.start > held:
            raise Conflict(held)
        if head.head.size <= held:
            return self._repeat(push, head)
        fresh = push.entries[held - push.start :]
        frontier = self.frontier.copy()
        frontier.extend(leaf_hash(entry) for entry in fresh)
        if frontier.root() != head.head.root:
            self._judge_overlap(push, head)
            raise Unverified("root", origin=self.origin, size=head.head.size)
        if self.end is not None and head.head.size > self.end:
            raise Refused(LOG_CLOSED, log=self.origin, size=self.end)
        return Accepted(held, fresh, frontier, head)

    def after(self, accepted: Accepted) -> "Mirror":
        """The mirror once `accepted` is stored."""
        return Mirror(self.origin, self.keys, accepted.frontier.copy(), past=self.past, end=self.end)

    def _open(self, push: Push) -> SignedHead:
        if push.log != self.origin:
            raise Unverified("origin", origin=push.log, expected=self.origin)
        if any(len(entry) > MAX_ENTRY for entry in push.entries):
            raise Malformed("entry", f"longer than {MAX_ENTRY} bytes")
        head = open_head(push.head, self.keys)
        if head.head.size != push.start + len(push.entries):
            raise Malformed("push", "the head does not stand behind the last entry")
        return head

    def _repeat(self, push: Push, head: SignedHead) -> Accepted:
        """A head of no more than what is held: nothing to store, unless it contradicts (rules 3, 4)."""
        size = head.head.size
        if size == self.frontier.size:
            known = self.frontier
        elif self.past is None:
            raise Conflict(self.frontier.size)
        else:
            known = self.past(size)
        if known.root() != head.head.root:
            raise ForkFound(head, push.start, push.entries)
        return Accepted(self.frontier.size, (), self.frontier.copy(), head)

    def _judge_overlap(self, push: Push, head: SignedHead) -> None:
        """Raise ForkFound if the signed root is that of our start and the sender's different overlap."""
        if push.start == self.frontier.size:
            return
        if self.past is None:
            raise Conflict(self.frontier.size)
        other = self.past(push.start)
        other.extend(leaf_hash(entry) for entry in push.entries)
        if other.root() == head.head.root:
            raise ForkFound(head, push.start, push.entries)


def fork_evidence(
    fork: ForkFound, held_head: bytes, held_leaves: Sequence[bytes], keys: LogKeys
) -> TwoHistories:
    """The file that convicts, from a fork and what is held: the note of a held head and all leaf hashes.

    Raises Unverified if they do not contradict each other, e.g. a held head from before the two parted.
    """
    larger = max(open_head(held_head, keys).head, fork.head.head, key=lambda one: one.size)
    pushed = [leaf_hash(entry) for entry in fork.entries]
    trees = (Tree(held_leaves), Tree([*held_leaves[: fork.start], *pushed]))
    known = [one for one in trees if one.size >= larger.size and one.root(larger.size) == larger.root]
    evidence = find_two_histories(held_head, fork.head.note, keys, known[0] if known else None)
    if evidence is None:
        raise Unverified("one history", origin=keys.origin)
    return evidence


def check_ahead(ahead: Ahead, keys: LogKeys) -> SignedHead:
    """The signed head under which a floor entry came ahead of its log (protocol D3).

    Raises Malformed or Unverified. The entry is then the log's word, and nothing is said of those before it.
    """
    head = open_head(ahead.head, keys)
    if ahead.log != keys.origin:
        raise Unverified("origin", origin=ahead.log, expected=keys.origin)
    verify_inclusion(leaf_hash(ahead.entry), ahead.index, head.head.size, ahead.proof, head.head.root)
    return head
