"""Two histories of one log: found, kept as a file that convicts, and the log closed (protocol C4).

Every signed head that was ever shown is kept, also one beyond what is held. When the entries under it have
come, its root must be that of the tree; if it is not, the log's own keys have signed two histories.
"""

from __future__ import annotations

from collections.abc import Callable

from detente.charter.model import Charter
from detente.node import selectors, store
from detente.node.charter_keys import log_keys
from detente.node.disk import DISK_FULL
from detente.node.rows import CosignatureRow, HeadRow
from detente.record.errors import DetenteError, Equivocation, Refused, Unverified
from detente.record.evidence import (
    TwoHistories,
    encode_two_histories,
    find_two_histories,
    parse_two_histories,
)
from detente.record.head import SignedHead, open_head
from detente.record.keys import LogKeys
from detente.record.mirror import Accepted, ForkFound, fork_evidence
from detente.record.tree import Frontier, Tree, leaf_hash


class Forks:
    """Compares heads with heads and trees. Jobs of the writer thread."""

    def __init__(self, charter: Charter, clock: Callable[[], int]) -> None:
        self._charter, self._clock = charter, clock
        self._trees: dict[str, Tree] = {}  # of the logs held; 64 bytes an entry
        self._unkept: dict[str, TwoHistories] = {}  # by log, found when the disk was full

    def keep(self, signed: SignedHead) -> bool:
        """Keep a verified head; False if it is known. Raises Equivocation, after keeping both, on a fork."""
        head = signed.head
        if head.size == 0:
            return False
        row = HeadRow(head.origin, head.size, head.root, signed.time, signed.note)
        known = selectors.head_at(head.origin, head.size)
        if known is not None and known.root != head.root:
            self._convict(head.origin, known.note, signed.note, None)
        log = selectors.log(head.origin)
        if known is None and log is not None and head.size <= log.size:
            self._compare(signed, log.size)
        return store.add_head(row, at=self._clock())

    def keep_unjoined(self, note: bytes, keys: LogKeys) -> None:
        """Keep the head of a push that cannot be joined to what is held: it may prove two histories later.

        Raises Equivocation if it does so now; what the log's keys did not sign is nothing.
        """
        try:
            signed = open_head(note, keys)
        except DetenteError:
            return
        self.keep(signed)

    def contradicts(self, row: CosignatureRow) -> bool:
        """Whether a mirror confirmed another root than that of the tree held here.

        Nothing signed by the log's keys is in hand then; the mirror has it, and must be asked.
        """
        log = selectors.log(row.origin)
        if log is None or not 0 < row.size <= log.size:
            return False
        head = selectors.head_at(row.origin, row.size)
        if head is not None:
            return head.root != row.root
        return self._tree(row.origin, log.size).root(row.size) != row.root

    def doubted(self, accepted: Accepted, me: str) -> set[tuple[str, str]]:
        """(mirror, origin) of cosignatures that came before the entries under them and contradict these.

        Only now, when `accepted` is stored, can they be compared.
        """
        origin = accepted.head.head.origin
        if not accepted.entries:
            return set()
        known = [row for name, row in selectors.largest_cosignatures(origin).items() if name != me]
        beyond = [row for row in known if row.size > accepted.start]
        return {(row.mirror, origin) for row in beyond if self.contradicts(row)}

    def check(self, accepted: Accepted) -> None:
        """Compare heads shown earlier with the tree that `accepted` brings. Raises Equivocation on a fork."""
        head = accepted.head.head
        shown = [
            row
            for row in selectors.heads(head.origin, after=accepted.start)
            if row.size <= accepted.frontier.size
        ]
        if not shown or not accepted.entries:
            return
        frontier = self._frontier(head.origin)
        expected = {row.size: row for row in shown}
        for entry in accepted.entries:
            frontier.append(leaf_hash(entry))
            row = expected.get(frontier.size)
            if row is not None and row.root != frontier.root():
                held = selectors.leaves(head.origin, 0, accepted.start)
                tree = Tree([*held, *map(leaf_hash, accepted.entries)])
                self._convict(head.origin, row.note, accepted.head.note, tree)

    def convict(self, fork: ForkFound) -> None:
        """Keep the evidence of a fork that a push brought, if a held head contradicts it."""
        origin = fork.head.head.origin
        keys = log_keys(self._charter, origin)
        log = selectors.log(origin)
        leaves = selectors.leaves(origin, 0, log.size if log else 0)
        held = selectors.largest_head(origin, within=len(leaves))
        while held is not None:
            try:
                found = fork_evidence(fork, held.note, leaves, keys)
            except Unverified:  # a head from before the two parted: true in both
                held = selectors.largest_head(origin, within=held.size - 1)
            else:
                self._keep(origin, found)
                return

    def _compare(self, signed: SignedHead, size: int) -> None:
        """A head of no more than what is held must be a head of the tree held."""
        origin = signed.head.origin
        tree = self._tree(origin, size)
        if tree.root(signed.head.size) == signed.head.root:
            return
        held = selectors.largest_head(origin, within=size)
        if held is not None:
            self._convict(origin, held.note, signed.note, tree)

    def _convict(self, origin: str, first: bytes, second: bytes, tree: Tree | None) -> None:
        found = find_two_histories(first, second, log_keys(self._charter, origin), tree)
        if found is not None:
            self._keep(origin, found)
            raise Equivocation(origin)

    def _keep(self, origin: str, found: TwoHistories) -> None:
        """One file for two heads, whatever cosignatures their notes carry today."""
        known = [_heads_of(parse_two_histories(row.file)) for row in selectors.evidence(origin)]
        if _heads_of(found) in known:
            return
        self._unkept.setdefault(origin, found)  # a liar may not show it again
        store.add_evidence(origin, encode_two_histories(found), at=self._clock())
        self._unkept.pop(origin, None)

    def keep_again(self) -> None:
        """Store what was found while the disk was full; it waits on while the disk still is."""
        for origin, found in list(self._unkept.items()):
            try:
                self._keep(origin, found)
            except Refused as error:
                if error.code != DISK_FULL:
                    raise
                return
            self._unkept.pop(origin, None)

    def _tree(self, origin: str, size: int) -> Tree:
        """The tree held here, from memory: every receipt over a size without a head asks for it."""
        tree = self._trees.setdefault(origin, Tree())
        for leaf in selectors.leaves(origin, tree.size, size):
            tree.append(leaf)
        return tree

    def _frontier(self, origin: str) -> Frontier:
        log = selectors.log(origin)
        return Frontier(log.size, log.frontier) if log else Frontier()


def _heads_of(found: TwoHistories) -> set[bytes]:
    """The bodies of the two heads."""
    return {note.partition(b"\n\n")[0] for note in (found.smaller, found.larger)}
