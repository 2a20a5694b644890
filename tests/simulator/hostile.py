"""A peer that holds the right keys and lies: each act by itself, drawn from the seed.

It may do whatever its keys allow; TLS and signatures keep it from more. Its own state is nobody's concern.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from detente.record import sync
from detente.record.errors import DetenteError
from detente.record.head import Head, cosign, sign_head
from detente.record.header import Seen, complete, encode_header
from detente.record.names import mirror_name
from simulator.cheap import pair_of
from simulator.disk import Log, header_of
from simulator.drafts import CELL
from simulator.node import Node

if TYPE_CHECKING:
    from simulator.cell import CellSimulator

ACTS: Final = (
    "withholds parts", "withholds receipts", "understates heads", "overstates heads", "stale seen",
    "backdates", "forks", "floods", "nonsense", "refuses", "lies at start",
)  # fmt: skip
BACKDATED_S: Final = 3600


class HostileNode(Node):
    """A node that is hostile in some ways, from its first second on."""

    honest = False

    def __init__(self, cell: "CellSimulator", party: str, acts: frozenset[str]) -> None:
        role = cell.parties.index(party)
        self.acts, self.random = acts, random.Random(f"{cell.seed}/hostile {role}")
        self.split: set[str] = set()  # peers that are shown the other history
        self.other: Log | None = None
        super().__init__(cell, party)

    def does(self, act: str, chance: float = 1.0) -> bool:
        """Whether it does that now; each time counts as a fault."""
        if act not in self.acts or (chance < 1.0 and self.random.random() >= chance):
            return False
        self.cell.tell_story(f"{self.party}: {act}", f"hostile: {act}")
        return True

    def clock(self) -> int:
        return super().clock() - (BACKDATED_S if "backdates" in self.acts else 0)

    def seen(self) -> list[Seen]:
        return [] if self.does("stale seen") else super().seen()

    # ---- forks

    def fork(self) -> None:
        """From now on show one peer other entries than the other peer, perhaps from some that it holds on."""
        log = self.disk.logs[self.own]
        if log.size < 2 or self.other is not None:
            return
        self.split = {self.others[self.random.randrange(len(self.others))]}
        kept = max(1, log.size - self.random.randrange(3))
        self.other = Log()
        self.other.extend(log.entries[:kept])
        self.other.heads = {size: note for size, note in log.heads.items() if size <= kept}
        self._grow(log)
        self.cell.tell_story(f"{self.party}: shows {sorted(self.split)} another history", "hostile: forks")

    def _grow(self, log: Log) -> None:
        """Continue the other history beside the first, entry by entry with another time."""
        if self.other is None or log.size <= self.other.size:
            return
        fresh = [_other_time(one) for one in log.entries[self.other.size :]]
        self.other.extend(fresh)
        head = Head(self.own, self.other.size, self.other.tree.root())
        self.other.heads[head.size] = sign_head(head, pair_of(self.own, self.cell.real), self.clock())

    @contextmanager
    def _as_shown_to(self, peer: str) -> Iterator[None]:
        if peer not in self.split or self.other is None:
            yield
            return
        whole = self.disk.logs[self.own]
        self._grow(whole)
        self.disk.logs[self.own] = self.other
        try:
            yield
        finally:
            self.disk.logs[self.own] = whole

    # ---- what it says

    def ask(self, action: sync.Action, peer: str) -> tuple[str, bytes] | None:
        with self._as_shown_to(peer):
            asked = super().ask(action, peer)
        if asked is None or asked[0] == "probe":
            return asked
        if self.does("nonsense", 0.2):
            return asked[0], self._noise(asked[1])
        return asked

    def answer(self, route: str, body: bytes, caller: str) -> bytes:
        if route in ("push", "ahead", "heads", "pull", "part") and self.does("refuses", 0.3):
            raise DetenteError("quota")
        if route == "part" and self.does("withholds parts"):
            raise DetenteError("not-found")
        with self._as_shown_to(caller):
            answer = super().answer(route, body, caller)
        if route == "push" and self.does("withholds receipts"):
            answer = sync.encode_push_answer(replace(sync.parse_push_answer(answer), cosignature=b""))
        if route == "push" and self.does("understates heads"):
            found = sync.parse_push_answer(answer)
            answer = sync.encode_push_answer(replace(found, size=max(0, found.size - 2), missing=()))
        return self._noise(answer) if self.does("nonsense", 0.2) else answer

    def push_of(self, action: sync.SendPush, peer: str) -> sync.Push | None:
        push = super().push_of(action, peer)
        if push is not None and push.parts and self.does("withholds parts"):
            push = replace(push, parts=())
        if push is not None and self.does("withholds receipts"):
            push = replace(push, cosignatures=())
        return push

    def probe(self, peer: str) -> sync.Probe:
        made = super().probe(peer)
        step = 0
        if self.does("understates heads"):
            step = -2
        elif self.does("overstates heads"):
            step = 5
        return replace(made, holds={log: max(0, size + step) for log, size in made.holds.items()})

    def start_answer(self, origin: str, caller: str) -> bytes:
        if not self.does("lies at start"):
            return super().start_answer(origin, caller)
        log = self.disk.logs[origin]
        size, root = 1000, b"\x01" * 32
        if self.random.random() < 0.5 and log.size:
            size = self.random.randrange(1, log.size + 1)
            root = log.tree.root(size) if self.random.random() < 0.5 else root
        name = mirror_name(CELL, self.party, caller)
        made = cosign(Head(origin, size, root), name, pair_of(name, self.cell.real), self.clock())
        return Head(origin, size, root).body() + b"\n" + made.lines

    def flood(self) -> None:
        """Many entries and calls at once."""
        if not self.up or not self.does("floods"):
            return
        for _ in range(15):
            self.say("calm")
        for peer in self.others:
            for _ in range(10):
                body = self._noise(b"x" * 40) if self.random.random() < 0.5 else b""
                self.cell.ask(self, peer, self.random.choice(_ROUTES), body, lambda *_: None)

    def take(self, push: sync.Push, sender: str) -> Any:
        taken = super().take(push, sender)
        return (taken[0], None) if "withholds receipts" in self.acts else taken

    def _noise(self, body: bytes) -> bytes:
        """Bytes that are nonsense: some flipped, cut short, or all made up."""
        kind = self.random.random()
        if kind < 0.4 or not body:
            return self.random.randbytes(self.random.randrange(200))
        if kind < 0.7:
            return body[: self.random.randrange(len(body))]
        place = self.random.randrange(len(body))
        return body[:place] + bytes([body[place] ^ 1 << self.random.randrange(8)]) + body[place + 1 :]


_ROUTES = ("push", "heads", "ahead", "pull", "part", "probe", "start", "checkpoint", "nothing")


def _other_time(entry: bytes) -> bytes:
    header = header_of(entry)
    assert header is not None
    return encode_header(complete(header, time=header.time + 7, seen=header.seen))
