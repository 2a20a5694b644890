"""Cosigns the heads of one other party's log, and never goes back (protocol B1).

1. What it cosigned last is in a journal on disk before the lines are given out.
2. A smaller head, or another root for the same size, is refused for ever. The same head may be cosigned
   again with a newer time (a renewed `at`, B2; an answer to a start question, C2).
3. Times never fall.
4. One whose journal may be lost (a restored node) signs nothing until it was told how large a head of the log
   peers know, and then none smaller.
5. That the entries are on disk is the caller's word: the process that stores them, under the same user.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from detente.node.journal import Journal
from detente.node.signer_client import Cosigned
from detente.record.errors import Refused, declare
from detente.record.head import Head, cosign
from detente.record.header import Seen
from detente.record.keys import KeyPair
from detente.record.tree import EMPTY_ROOT

COSIGNED_MORE: Final = declare("cosigned-more", "operator", "this mirror has cosigned a larger head already")
COSIGNED_OTHER: Final = declare(
    "cosigned-other", "the log's party", "this mirror has cosigned another root for that size"
)
MIRROR_UNSURE: Final = declare(
    "mirror-unsure", "nobody", "this node was restored and asks its peers what it may have cosigned before"
)

#: Cosigned heads that `seen` may still name; B2 lets it name an older one while too much is missing.
KEPT: Final = 4096
#: The journal is rewritten with what is kept when it has grown beyond this many bytes.
_COMPACT: Final = 4 * 1024 * 1024


class MirrorSigner:
    """The cosigner of one origin. Not thread-safe: the process calls it under one lock."""

    def __init__(
        self,
        origin: str,
        name: str,
        pair: KeyPair,
        journal: Journal,
        *,
        clock: Callable[[], int],
        restored: bool = False,
    ) -> None:
        """`name` is the key name `<cell>/<mirror>/mirror/<watched>`; `restored`: the journal may be lost."""
        self.origin, self._name, self._pair = origin, name, pair
        self._journal, self._clock = journal, clock
        # size -> (root, first time, last time), in the order of sizes
        self._known: OrderedDict[int, tuple[bytes, int, int]] = OrderedDict()
        self.size, self.root, self.time = 0, EMPTY_ROOT, 0
        self._least: int | None = None if restored else 0  # no head below it is cosigned; None: not known yet
        for _, record in journal.read():
            self._least = max(self._least or 0, record.get("least", 0))
            for row in record["heads"]:
                self._remember(row[0], bytes.fromhex(row[1]), row[2], row[3])
        if journal.size() > _COMPACT:
            journal.replace(self._record_all())

    def cosign(self, size: int, root: bytes) -> Cosigned:
        """Our two lines over that head.

        Raises Refused `cosigned-more`, `cosigned-other`, `mirror-unsure` or `disk-full`.
        """
        if self._least is None:
            raise Refused(MIRROR_UNSURE, origin=self.origin)
        if size < max(self.size, self._least):
            raise Refused(COSIGNED_MORE, origin=self.origin, size=max(self.size, self._least))
        if (size == self.size and root != self.root) or (size == 0 and root != EMPTY_ROOT):
            raise Refused(COSIGNED_OTHER, origin=self.origin, size=size)
        time = max(self._clock(), self.time)
        # On disk first: a rollback here would let the log show two histories under our signature.
        self._journal.append({"heads": [[size, root.hex(), time, time]]})
        self._remember(size, root, time, time)
        made = cosign(Head(self.origin, size, root), self._name, self._pair, time)
        return Cosigned(self.origin, size, root, time, made.lines)

    @property
    def unsure(self) -> bool:
        """Whether it waits to be told what it may have cosigned."""
        return self._least is None

    def least(self, size: int) -> None:
        """A head of that size is known to peers: of a restored mirror nothing smaller is signed. Once."""
        if self._least is None:
            self._journal.append({"heads": [], "least": size})
            self._least = size

    def knows(self, seen: Seen) -> bool:
        """Whether this mirror cosigned that head, and did so (also) at a time such as `seen.at`."""
        found = self._known.get(seen.size)
        return found is not None and found[0] == seen.root and found[1] <= seen.at <= found[2]

    def _remember(self, size: int, root: bytes, first: int, last: int) -> None:
        known = self._known.get(size)
        self._known[size] = (root, known[1] if known else first, last)
        self.size, self.root, self.time = size, root, last
        while len(self._known) > KEPT:
            self._known.popitem(last=False)

    def _record_all(self) -> dict[str, Any]:
        rows = [[size, row[0].hex(), row[1], row[2]] for size, row in self._known.items()]
        return {"heads": rows, "least": self._least or 0}
