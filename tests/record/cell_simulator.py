"""Three (or two) pure nodes joined by lossy links in memory, with a settable time; real ends, no mocks.

A node here is what a shell must be: a store that survives a crash, a signer, a PeerSync for each peer. Every
call goes through the real codecs. No signature leaves before its entries are stored.
"""

import hashlib
import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import replace

from detente.record import sync
from detente.record.errors import Conflict, DetenteError, Unreachable
from detente.record.head import Cosignature, Head, cosign, open_head, sign_head
from detente.record.keys import KeyPair
from detente.record.names import mirror_name, party_of
from detente.record.sync import (
    Ahead,
    Answered,
    CosignatureKnown,
    Failed,
    FloorAdded,
    Holds,
    Mirror,
    Notice,
    PartHeld,
    PartLacked,
    PeerSaid,
    PeerSync,
    Probe,
    Pull,
    PullPart,
    Push,
    PushAnswer,
    SendAhead,
    SendHeads,
    SendProbe,
    SendPush,
    Tick,
    Wait,
)
from detente.record.tree import Frontier, inclusion_proof, leaf_hash

CELL = "kadesh.exercise"
EPOCH = 1_800_000_000
ANSWER_S = 1.0
WAIT_S = 5.0


def seeds(name: str) -> KeyPair:
    return KeyPair(
        hashlib.sha256(b"e" + name.encode()).digest(), hashlib.sha256(b"m" + name.encode()).digest()
    )


def log_of(party: str) -> str:
    return f"{CELL}/{party}/1"


class Log:
    """A log as held: entries, every signed head note by size."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self.heads: dict[int, bytes] = {}

    @property
    def size(self) -> int:
        return len(self.entries)

    def frontier(self, size: int) -> Frontier:
        frontier = Frontier()
        frontier.extend(leaf_hash(entry) for entry in self.entries[:size])
        return frontier


class Node:
    """One party's node. `logs`, `parts`, `cosignatures` survive a crash; the rest does not."""

    def __init__(self, cell: "CellSimulator", party: str) -> None:
        self.cell, self.party = cell, party
        self.logs = {log_of(name): Log() for name in cell.parties}
        self.parts: dict[bytes, bytes] = {}
        self.cosignatures: dict[tuple[str, str], Cosignature] = {}
        self.aside: dict[int, Ahead] = {}
        self.forks: list[sync.ForkFound] = []
        self.refusals: list[str] = []
        self.life = 0
        self.news = 0
        self.start()

    # Life.

    def start(self) -> None:
        self.life += 1
        self.up = True
        others = [name for name in self.cell.parties if name != self.party]
        self.peers = {
            name: PeerSync(
                self.party,
                name,
                dials=name not in self.cell.hidden,
                reachable=self.party not in self.cell.hidden,
            )
            for name in others
        }
        for name in others:
            for (mirror, log), known in self.cosignatures.items():
                self.tell(name, known_event(mirror, log, known))
            for log, held in self.logs.items():
                self.tell(name, Holds(log, held.size))
                for sha256 in self.lacked(log):
                    self.tell(name, PartLacked(log, sha256))

    def crash(self) -> None:
        self.life += 1
        self.up = False

    # Acts.

    def append(self, number: int = 1, *, floor: bool = False) -> None:
        log = self.logs[log_of(self.party)]
        self.news += 1
        first = log.size
        for index in range(first, first + number):
            part = f"part {index} of {self.party}".encode()
            self.parts[hashlib.sha256(part).digest()] = part
            log.entries.append(hashlib.sha256(part).digest() + (b" floor" if floor else b" calm"))
        head = Head(log_of(self.party), log.size, log.frontier(log.size).root())
        log.heads[log.size] = sign_head(head, seeds(head.origin), self.cell.time())
        for name in sync.push_order(self.peers, log.size):
            for index in range(first, log.size) if floor else ():
                self.tell(name, FloorAdded(head.origin, index))
            self.tell(name, Holds(head.origin, log.size))

    def lacked(self, log: str) -> list[bytes]:
        if party_of(log) == self.party:
            return []
        return [entry[:32] for entry in self.logs[log].entries if entry[:32] not in self.parts]

    # Everything below is the shell.

    def tell(self, peer: str, event: sync.Event) -> None:
        if not self.up:
            return
        machine = self.peers[peer]
        for action in machine.receive(event, self.cell.now):
            self.cell.call(self, peer, action)
        due = machine.next_due(self.cell.now)
        if due is not None:
            life = self.life
            self.cell.at(due, lambda: self.tell(peer, Tick()) if self.life == life else None)

    def tell_all(self, event: sync.Event, but: str | None = None) -> None:
        for name in self.peers:
            if name != but:
                self.tell(name, event)

    def take(self, push: Push, sender: str) -> int:
        """Store a push or pull of any log; the size now held."""
        self.news += 1
        log = self.logs[push.log]
        mirror = Mirror(
            push.log, seeds(push.log).log_keys(push.log), log.frontier(log.size), past=log.frontier
        )
        try:
            accepted = mirror.accept(push)
        except sync.ForkFound as fork:
            self.forks.append(fork)
            raise
        self.parts |= {hashlib.sha256(part).digest(): part for part in push.parts}
        for part in push.parts:
            self.tell_all(PartHeld(hashlib.sha256(part).digest()))
        log.entries += accepted.entries
        log.heads[accepted.head.head.size] = push.head
        if accepted.entries:
            self.tell(sender, PeerSaid(holds={push.log: log.size}))
            self.tell_all(Holds(push.log, log.size))
            if party_of(push.log) != self.party:
                self.receipt(push.log, sender)
            for sha256 in self.lacked(push.log):
                self.tell_all(PartLacked(push.log, sha256))
        return log.size

    def receipt(self, log: str, sender: str) -> None:
        """Cosign what is stored; who sent its own log gets the cosignature as the answer."""
        held = self.logs[log]
        name = mirror_name(CELL, self.party, party_of(log))
        made = cosign(
            Head(log, held.size, held.frontier(held.size).root()), name, seeds(name), self.cell.time()
        )
        self.cosignatures[name, log] = made
        for peer in self.peers:
            self.tell(peer, replace(known_event(name, log, made), told=peer == sender == party_of(log)))

    def learn(self, note: bytes, sender: str) -> None:
        head = sync.cosigned_head(note)
        self.news += 1
        for party in self.cell.parties:
            if party == party_of(head.origin):
                continue
            name = mirror_name(CELL, party, party_of(head.origin))
            if name.encode() in note:
                found = sync.open_cosignature_note(note, seeds(name).mirror_keys(name))
                old = self.cosignatures.get((name, head.origin))
                if old is None or (old.head.size, old.time) < (head.size, found.time):
                    self.cosignatures[name, head.origin] = found
                for peer in self.peers:
                    event = known_event(name, head.origin, found)
                    self.tell(peer, replace(event, told=peer == sender))

    def notice(self, action: SendHeads, peer: str) -> Notice:
        heads = tuple(self.newest(log) for log, _ in action.heads)
        return Notice(heads, action.cosignatures, self.peers[peer].wants())

    def newest(self, log: str) -> bytes:
        return self.logs[log].heads[self.logs[log].size]

    def probe(self) -> Probe:
        holds = {log: held.size for log, held in self.logs.items()}
        return Probe(self.cell.time(), True, holds, {}, "1")

    def ask(self, action: sync.Action, peer: str) -> tuple[str, bytes]:
        """Route and body of an action."""
        match action:
            case SendPush():
                log = self.logs[action.log]
                size = max((one for one in log.heads if action.start <= one <= action.size), default=log.size)
                entries = tuple(log.entries[action.start : size])
                floor = tuple(self.parts[entry[:32]] for entry in entries if entry.endswith(b"floor"))
                wanted = tuple(self.parts[one] for one in action.parts if one in self.parts)
                push = Push(
                    action.log, action.start, entries, log.heads[size], floor + wanted, action.cosignatures
                )
                return "push", sync.encode_push(push)
            case SendHeads():
                return "heads", sync.encode_notice(self.notice(action, peer))
            case SendAhead():
                log = self.logs[action.log]
                proof = sync_proof(log, action.index)
                entry = log.entries[action.index]
                ahead = Ahead(
                    action.log, action.index, entry, self.newest(action.log), proof, (self.parts[entry[:32]],)
                )
                return "ahead", sync.encode_ahead(ahead)
            case Pull():
                return "pull", f"{action.log} {action.start}".encode()
            case PullPart():
                return "part", action.sha256
            case SendProbe() | Wait():
                return "probe", sync.encode_probe(self.probe())

    def answer(self, route: str, body: bytes, caller: str) -> bytes:
        """What this node answers `caller`. Raises DetenteError."""
        match route:
            case "push":
                push = sync.parse_push(body)
                size = self.take(push, caller)
                for note in push.cosignatures:
                    self.learn(note, caller)
                own = self.cosignatures.get((mirror_name(CELL, self.party, caller), push.log))
                return sync.encode_push_answer(
                    PushAnswer(
                        size, sync.cosignature_note(own) if own else b"", (), self.peers[caller].wants()
                    )
                )
            case "heads":
                self.read_notice(sync.parse_notice(body), caller)
                return sync.encode_notice(self.notice(self.peers[caller].answer_notice(), caller))
            case "ahead":
                ahead = sync.parse_ahead(body)
                sync.check_ahead(ahead, seeds(ahead.log).log_keys(ahead.log))
                self.aside[ahead.index] = ahead
                return b""
            case "pull":
                log, start = body.decode().split()
                held = self.logs[log]
                push = Push(log, int(start), tuple(held.entries[int(start) :]), self.newest(log))
                return sync.encode_push(push)
            case "part":
                if body not in self.parts:
                    raise DetenteError("not-found")
                return self.parts[body]
            case _:
                probe = sync.parse_probe(body)
                self.tell(caller, PeerSaid(holds=probe.holds))
                return sync.encode_probe(self.probe())

    def read_notice(self, notice: Notice, sender: str) -> dict[str, int]:
        for note in notice.cosignatures:
            self.learn(note, sender)
        opened = [open_head(note, seeds(log_in(note)).log_keys(log_in(note))) for note in notice.heads]
        holds = {one.head.origin: one.head.size for one in opened}
        self.tell(sender, PeerSaid(holds, notice.wants))
        return holds

    def read(self, action: sync.Action, body: bytes, peer: str) -> None:
        """The good answer to an action."""
        match action:
            case SendPush():
                answer = sync.parse_push_answer(body)
                if answer.cosignature:
                    self.learn(answer.cosignature, peer)
                self.tell(peer, Answered(action, {action.log: answer.size}, answer.wants))
            case SendHeads():
                notice = sync.parse_notice(body)
                self.tell(peer, Answered(action, self.read_notice(notice, peer), notice.wants))
            case Pull():
                self.take(sync.parse_push(body), peer)
                self.tell(peer, Answered(action))
            case PullPart():
                self.parts[action.sha256] = body
                self.tell_all(PartHeld(action.sha256))
                self.tell(peer, Answered(action))
            case SendProbe() | Wait():
                self.tell(peer, Answered(action, sync.parse_probe(body).holds))
            case SendAhead():
                self.tell(peer, Answered(action))


class CellSimulator:
    """Nodes, links and time. `loss`, `doubled` are chances a message; `cut` holds pairs of parties."""

    def __init__(
        self, parties=("s1", "s2", "g1"), *, seed=0, loss=0.0, doubled=0.0, delay=0.01, hidden=()
    ) -> None:
        self.parties, self.hidden = tuple(parties), frozenset(hidden)
        self.loss, self.doubled, self.delay = loss, doubled, delay
        self.random = random.Random(seed)
        self.now = 0.0
        self.cut: set[frozenset[str]] = set()
        self.calls: list[tuple[float, str, str, sync.Action]] = []
        self._order = itertools.count()
        self._heap: list[tuple[float, int, Callable[[], object]]] = []
        self.nodes: dict[str, Node] = {}
        for party in self.parties:
            self.nodes[party] = Node(self, party)

    def __getattr__(self, party: str) -> Node:
        if party in self.__dict__.get("nodes", {}):
            return self.nodes[party]
        raise AttributeError(party)

    def time(self) -> int:
        return EPOCH + int(self.now)

    def at(self, instant: float, act: Callable[[], object]) -> None:
        heapq.heappush(self._heap, (instant, next(self._order), act))

    def run(self, seconds: float) -> "CellSimulator":
        end = self.now + seconds
        while self._heap and self._heap[0][0] <= end:
            self.now, _, act = heapq.heappop(self._heap)
            act()
        self.now = end
        return self

    def lost(self, one: str, other: str) -> bool:
        return frozenset((one, other)) in self.cut or self.random.random() < self.loss

    def call(self, caller: Node, peer: str, action: sync.Action) -> None:
        assert peer not in self.hidden, "a node that cannot be dialled was called"
        self.calls.append((self.now, caller.party, peer, action))
        route, body = caller.ask(action, peer)
        life, ended = caller.life, []

        def end(answer: bytes | DetenteError) -> None:
            if caller.life != life:
                return
            late = bool(ended)
            ended.append(True)
            try:
                if isinstance(answer, DetenteError):
                    if not late:
                        caller.tell(peer, Failed(action, answer.code, getattr(answer, "size", None)))
                else:
                    caller.read(action, answer, peer)
            except DetenteError as error:
                caller.refusals.append(error.code)
                caller.tell(peer, Failed(action, error.code))

        patience = self.now + (WAIT_S if isinstance(action, Wait) else 0.0)

        def arrive(news: int | None = None) -> None:
            there = self.nodes[peer]
            if not there.up:
                return
            if self.now < patience and news in {None, there.news}:
                self.at(self.now + 0.05, lambda: arrive(there.news))
                return
            try:
                answer: bytes | DetenteError = there.answer(route, body, caller.party)
            except DetenteError as error:
                answer = error
                if not isinstance(error, Conflict):
                    there.refusals.append(error.code)
            if not self.lost(caller.party, peer):
                for _ in range(1 + (self.random.random() < self.doubled)):
                    self.at(self.now + self.some_delay(), lambda: end(answer))

        if not self.lost(caller.party, peer):
            for _ in range(1 + (self.random.random() < self.doubled)):
                self.at(self.now + self.some_delay(), arrive)
        self.at(max(self.now, patience) + ANSWER_S, lambda: None if ended else end(Unreachable(peer)))

    def some_delay(self) -> float:
        return self.delay * (0.5 + self.random.random())

    def agreed(self) -> bool:
        """All nodes hold the same logs and parts, and know every other's receipt for all of it."""
        for party in self.parties:
            log, size = log_of(party), self.nodes[party].logs[log_of(party)].size
            for node in self.nodes.values():
                if node.logs[log].entries != self.nodes[party].logs[log].entries or node.lacked(log):
                    return False
                for mirror in self.parties:
                    if mirror != party and size:
                        known = node.cosignatures.get((mirror_name(CELL, mirror, party), log))
                        if known is None or known.head.size != size:
                            return False
        return True


def known_event(mirror: str, log: str, known: Cosignature) -> CosignatureKnown:
    return CosignatureKnown(mirror, log, known.head.size, known.time, sync.cosignature_note(known))


def log_in(note: bytes) -> str:
    return note.split(b"\n", 1)[0].decode()


def sync_proof(log: Log, index: int) -> tuple[bytes, ...]:
    return inclusion_proof([leaf_hash(entry) for entry in log.entries], index, log.size)
