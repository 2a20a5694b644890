"""Three nodes, the links between them, and time: everything that happens, happens here and by one seed.

1. Time is virtual; what is due next happens next, and two things of one instant in the order of planning.
2. Each directed link has its own stream of random numbers, made of the seed and the two *roles* (places in
   `parties`), so that a cell with the sides' names exchanged draws the same numbers for the same role.
3. Every fault that is injected is counted by its type, and told in the trace if one is kept.
"""

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from detente.record import sync
from detente.record.errors import Conflict, DetenteError, Unreachable
from detente.record.sync import Failed, Tick, Wait
from simulator.drafts import PARTIES
from simulator.invariants import Watch
from simulator.node import Crash, Node

EPOCH = 1_800_000_000
ANSWER_S = 1.0
WAIT_S = 5.0
RESTART_S = 0.4


@dataclass(frozen=True)
class Noise:
    """Chances a message: lost, doubled, late (after its time-out). `delay` is the usual one, in seconds.

    `mixed`: messages of one link overtake each other; else they come in their order.
    """

    loss: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    delay: float = 0.01
    mixed: bool = False


QUIET = Noise()


class Link:
    """One direction between two nodes."""

    def __init__(self, stream: random.Random) -> None:
        self.random = stream
        self.last = 0.0
        self.cuts = 0

    @property
    def cut(self) -> bool:
        return self.cuts > 0


class CellSimulator:
    """The world. `makers` gives other classes than Node to some roles: mutants and hostile nodes."""

    def __init__(
        self,
        parties: tuple[str, ...] = PARTIES,
        *,
        seed: int = 0,
        noise: Noise = QUIET,
        real: bool = False,
        hidden: tuple[str, ...] = (),
        trace: bool = False,
        makers: dict[str, Callable[["CellSimulator", str], Node]] | None = None,
    ) -> None:
        self.parties, self.seed, self.noise, self.real = tuple(parties), seed, noise, real
        self.hidden = frozenset(hidden)
        self.now, self.events = 0.0, 0
        self.trace: list[str] | None = [] if trace else None
        self.faults: Counter[str] = Counter()
        self.watch = Watch(self)
        self._order = itertools.count()
        self._heap: list[tuple[float, int, Callable[[], object]]] = []
        self._wakes: dict[tuple[str, int, str], float] = {}
        self._wishes: dict[tuple[str, int, str], float] = {}
        roles = list(enumerate(self.parties))
        self.links = {
            (one, other): Link(random.Random(f"{seed}/{i}>{j}"))
            for i, one in roles
            for j, other in roles
            if i != j
        }
        makers = makers or {}
        self.nodes = {party: makers.get(party, Node)(self, party) for party in self.parties}
        for node in self.nodes.values():
            node.start()

    @property
    def honest(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.honest]

    # ---- time

    def time(self) -> int:
        return EPOCH + int(self.now)

    def at(self, instant: float, act: Callable[[], object]) -> None:
        heapq.heappush(self._heap, (instant, next(self._order), act))

    def wake(self, node: Node, peer: str, due: float) -> None:
        """Tick a talk at `due`, its newest wish; one pending wake-up that is not later serves it."""
        key, life = (node.party, node.life, peer), node.life
        self._wishes[key] = due
        if self.now < self._wakes.get(key, -1.0) <= due:
            return
        self._wakes[key] = due

        def tick() -> None:
            if node.life != life:
                return
            if self._wishes[key] > self.now:  # it was put off since
                self.wake(node, peer, self._wishes[key])
            else:
                node.tell(peer, Tick())

        self.at(due, tick)

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> "CellSimulator":
        """Let time pass; with `until`, no longer than it takes, asked four times a second."""
        end, ask = self.now + seconds, self.now + 0.25
        while self._heap and self._heap[0][0] <= end:
            if self._heap[0][0] > ask and until is not None:
                self.now, ask = ask, ask + 0.25
                if until():
                    return self
                continue
            self.now, _, act = heapq.heappop(self._heap)
            self.events += 1
            self._do(act)
        self.now = end
        return self

    def _do(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Crash as crash:
            node = self.nodes[crash.args[0]]
            node.crash()
            life = node.life
            self.at(self.now + RESTART_S, lambda: node.start() if node.life == life else None)

    # ---- the story

    def tell_story(self, text: str, fault: str = "") -> None:
        """Write a line of the trace, and count the fault that it tells of."""
        if fault:
            self.faults[fault] += 1
        if self.trace is not None:
            self.trace.append(f"{self.now:8.3f}  {text}{f'  [{fault}]' if fault else ''}")

    # ---- links

    def cut(self, one: str, other: str, *, by: int = 1, one_way: bool = False) -> None:
        """Cut a link, or heal it with `by` -1; cuts of one link may overlap."""
        self.links[one, other].cuts += by
        if not one_way:
            self.links[other, one].cuts += by

    def call(self, caller: Node, peer: str, action: sync.Action) -> None:
        """Carry an action out."""
        assert peer not in self.hidden, "a node that cannot be dialled was called"
        asked = caller.ask(action, peer)
        life, ended = caller.life, []

        def end(answer: bytes | DetenteError) -> None:
            if caller.life != life:
                return
            late = bool(ended)
            ended.append(True)
            try:
                if not isinstance(answer, DetenteError):
                    caller.read(action, answer, peer)
                elif not late:
                    caller.tell(peer, Failed(action, answer.code, getattr(answer, "size", None)))
            except DetenteError as error:
                caller.refusals.append(error.code)
                caller.tell(peer, Failed(action, error.code))

        if asked is None:
            self.at(self.now, lambda: end(DetenteError("not-found")))
            return
        patience = WAIT_S if isinstance(action, Wait) else 0.0
        self._carry(caller, peer, *asked, end, patience)
        self.at(self.now + patience + ANSWER_S, lambda: None if ended else end(Unreachable(peer)))

    def ask(
        self, caller: Node, peer: str, route: str, body: bytes, then: Callable[[bytes, str], object]
    ) -> None:
        """A question outside the talk: nothing is said when no good answer comes."""
        life = caller.life

        def end(answer: bytes | DetenteError) -> None:
            if caller.life != life or isinstance(answer, DetenteError):
                return
            try:
                then(answer, peer)
            except DetenteError as error:
                caller.refusals.append(error.code)

        if peer not in self.hidden:
            self._carry(caller, peer, route, body, end, 0.0)

    def _carry(
        self,
        caller: Node,
        peer: str,
        route: str,
        body: bytes,
        end: Callable[[bytes | DetenteError], None],
        patience: float,
    ) -> None:
        there, until = self.nodes[peer], self.now + patience

        def arrive(news: int | None = None) -> None:
            if not there.up:
                return
            if self.now < until and news in {None, there.news}:
                self.at(self.now + 0.05, lambda: arrive(there.news))
                return
            try:
                answer: bytes | DetenteError = there.answer(route, body, caller.party)
            except DetenteError as error:
                answer = error
                if not isinstance(error, Conflict):
                    there.refusals.append(error.code)
                    self.tell_story(f"{peer}: refuses {route} of {caller.party}: {error.code}")
            self._send(peer, caller.party, f"answer to {route}", lambda: end(answer))

        self._send(caller.party, peer, route, arrive)

    def _send(self, sender: str, receiver: str, what: str, arrive: Callable[[], None]) -> None:
        """Put a message on a link, which may do to it what links do."""
        link, noise = self.links[sender, receiver], self.noise
        draw = link.random.random
        lost, doubled, late = draw() < noise.loss, draw() < noise.doubled, draw() < noise.late
        pause, again, jitter = draw(), draw(), noise.delay
        words = f"{sender} -> {receiver} {what}"
        if link.cut or lost:
            self.tell_story(words, "sent into a cut" if link.cut else "lost")
            return
        delay = jitter * (0.5 + pause) + (ANSWER_S + 3 * again if late else 0.0)
        if late:
            self.faults["late"] += 1
        if self.now + delay < link.last and noise.mixed:
            self.faults["reordered"] += 1
        elif self.now + delay < link.last:
            delay = link.last - self.now
        link.last = max(link.last, self.now + delay)
        self.tell_story(words, "late" if late and self.trace is not None else "")
        if late and self.trace is not None:
            self.faults["late"] -= 1
        self.at(self.now + delay, arrive)
        if doubled:
            self.faults["doubled"] += 1
            self.at(self.now + delay + jitter * again, arrive)

    # ---- what is so

    def agreed(self) -> bool:
        """All honest nodes hold the same of every honest log, all parts of it, and every honest receipt."""
        honest = self.honest
        for author in honest:
            log = author.own
            held = author.disk.logs[log]
            if author.disk.released or not author.up:
                return False
            for node in honest:
                if node.disk.logs[log].entries != held.entries or self._lacks(node, log):
                    return False
            # Its receipts a rolled back author gets again with the mirrors' next ones.
            if author.party not in self.watch.rolled_back and not self._receipted(author, held.size):
                return False
        accused = {log for node in honest for log in node.disk.evidence}
        return all(set(node.disk.evidence) == accused for node in honest)

    def _lacks(self, node: Node, log: str) -> bool:
        """Whether the node lacks a part that some honest node has: a rolled back author may have lost it."""
        lacked = node.disk.lacked(node.party, log)
        return any(part.sha256 in one.disk.parts for _, part in lacked for one in self.honest)

    def _receipted(self, author: Node, size: int) -> bool:
        known = author.disk.cosignatures.values()
        got = {one.mirror for one in known if one.head.origin == author.own and one.head.size == size}
        return not size or len(got) >= len(self.honest) - 1
