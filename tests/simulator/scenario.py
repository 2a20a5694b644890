"""What happens to a cell, drawn from a seed: who says what, which faults come when; and how it is played.

Roles are places in the list of parties, so the same scenario can be played with the sides exchanged.
"""

import gc
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, Final

from simulator.cell import QUIET, CellSimulator, Noise
from simulator.drafts import PARTIES
from simulator.hostile import ACTS, HostileNode
from simulator.invariants import SAMPLE_S
from simulator.node import Node

FAULTS_S: Final = 5.0
QUIET_S: Final = 45.0
#: Two clocks are never further apart than a signer lets them be at its start (`ANSWER_AGE_S`).
SKEWED_S: Final = 140
#: How long a machine is away that comes back as its snapshot: longer than any message is under way.
AWAY_S: Final = 5.0
SWAPPED: Final = ("s2", "s1", "g1")
#: Of so many seeds one is folded; of so many one signs with the real keys.
FOLDED_EACH: Final = 16
REAL_EACH: Final = 50


@dataclass(frozen=True)
class Event:
    """Something at an instant: `what` by or to `role`, with words of its own. A fault may be left out."""

    at: float
    what: str
    role: int
    more: tuple[Any, ...] = ()

    @property
    def fault(self) -> bool:
        return self.what not in ("floor", "calm")


@dataclass(frozen=True)
class Scenario:
    """All that a run depends on."""

    seed: int
    noise: Noise = QUIET
    events: tuple[Event, ...] = ()
    skew: tuple[int, ...] = (0, 0, 0)
    hostile: int | None = None
    acts: frozenset[str] = frozenset()
    real: bool = False
    folded: bool = False


@dataclass
class Outcome:
    """How a run ended. `broken`: name of the invariant -> what was seen."""

    seed: int
    broken: dict[str, str]
    faults: Counter[str]
    events: int
    slowest: float
    quiet: float
    trace: list[str] = field(default_factory=list)


def draw(seed: int) -> Scenario:
    """The scenario of a seed."""
    chance = random.Random(seed)
    noise = Noise(
        chance.choice((0.0, 0.05, 0.15, 0.3)),
        chance.choice((0.0, 0.1, 0.3)),
        chance.choice((0.0, 0.02, 0.08)),
        chance.choice((0.002, 0.02, 0.15)),
        mixed=True,
    )
    hostile = chance.randrange(3) if chance.random() < 0.5 else None
    acts = frozenset(chance.sample(ACTS, chance.randrange(1, 5))) if hostile is not None else frozenset()
    events = _said(chance) + _faults(chance, rollback=hostile is None)
    if hostile is not None:
        events += [Event(chance.uniform(1, 4), one, hostile) for one in ("forks", "floods") if one in acts]
        events += [Event(one.at + 0.1, "calm", hostile, (1,)) for one in events if one.what == "forks"]
    skew = tuple(chance.choice((0, 0, -40, 2, 60)) for _ in range(3))
    return Scenario(
        seed,
        noise,
        tuple(sorted(events, key=lambda one: one.at)),
        skew,
        hostile,
        acts,
        seed % REAL_EACH == 7,
        seed % FOLDED_EACH == 3,
    )


def _said(chance: random.Random) -> list[Event]:
    said = []
    for role in range(3):
        for _ in range(chance.randrange(1, 3)):
            to = chance.choice([one for one in (0, 1) if one != role])
            said.append(Event(chance.uniform(0.3, FAULTS_S), "floor", role, (to,)))
        calm = range(chance.randrange(1, 3))
        said += [
            Event(chance.uniform(0.3, FAULTS_S), "calm", role, (chance.choice((1, 1, 2, 6)),)) for _ in calm
        ]
    return said


def _faults(chance: random.Random, *, rollback: bool) -> list[Event]:
    made = []
    for _ in range(chance.randrange(2, 10)):
        at, role = chance.uniform(0.0, FAULTS_S - 1), chance.randrange(3)
        other = (role + chance.randrange(1, 3)) % 3
        until = chance.uniform(at, FAULTS_S)
        made.append(
            chance.choice(
                (
                    Event(at, "cut", role, (other, until, False)),
                    Event(at, "cut", role, (other, until, True)),
                    Event(at, "crash", role, (chance.uniform(0.1, 3.0),)),
                    Event(at, "trap", role, (chance.randrange(0, 6), chance.choice(("not done", "done")))),
                    Event(at, "trap", role, (chance.randrange(0, 6), chance.choice(("not done", "done")))),
                    Event(at, "jump", role, (chance.choice((-90, -30, -2, 3, 30, 90)),)),
                    Event(at, "disk", role, (chance.choice(("reserve", "none")), until)),
                )
            )
        )
    if rollback and chance.random() < 0.3:
        role, taken = chance.randrange(3), chance.uniform(0.5, 4.0)
        made.append(Event(taken, "snapshot", role))
        made.append(Event(FAULTS_S + 0.1, "rollback", role, (chance.random() < 0.6,)))
    return made


class Play:
    """A scenario on a cell. `makers` puts mutants in."""

    def __init__(
        self, scenario: Scenario, *, swapped: bool = False, trace: bool = False, makers: Any = None
    ) -> None:
        self.scenario = scenario
        self.parties = SWAPPED if swapped else PARTIES
        made = dict(makers or {})
        if scenario.hostile is not None:
            made[self.parties[scenario.hostile]] = lambda cell, party: HostileNode(cell, party, scenario.acts)
        self.cell = CellSimulator(
            self.parties,
            seed=scenario.seed,
            noise=scenario.noise,
            real=scenario.real,
            trace=trace,
            makers=made,
        )
        self.snapshots: dict[int, Any] = {}

    def run(self) -> Outcome:
        """Faults, then quiet until all agree, then judgement."""
        cell, scenario = self.cell, self.scenario
        for node, skew in zip(cell.nodes.values(), scenario.skew, strict=True):
            node.clock_offset = skew
            if skew:
                cell.faults["clock skew"] += 1
        for event in scenario.events:
            cell.at(event.at, lambda event=event: self._happen(event))
        self._sample()
        cell.run(FAULTS_S)
        cell.noise = Noise(delay=scenario.noise.delay)
        for node in cell.nodes.values():
            node.room, node.trap = "all", None
        for link in cell.links.values():
            link.cuts = 0
        cell.tell_story("quiet")
        cell.run(1.5)
        cell.run(QUIET_S, until=lambda: cell.agreed() and not cell.watch.pressed)
        quiet = cell.now - FAULTS_S
        cell.run(2.5)  # what is found beside the talk, e.g. two histories, is looked for once a second
        cell.run(10.0, until=cell.agreed)
        cell.watch.judge(folded=scenario.folded)
        return Outcome(
            scenario.seed,
            cell.watch.broken,
            cell.faults,
            cell.events,
            cell.watch.slowest,
            quiet,
            cell.trace or [],
        )

    def _sample(self) -> None:
        self.cell.watch.sample()
        self.cell.at(self.cell.now + SAMPLE_S, self._sample)

    def _happen(self, event: Event) -> None:
        node = self.cell.nodes[self.parties[event.role]]
        getattr(self, f"_{event.what}")(node, *event.more)

    def _floor(self, node: Node, to: int) -> None:
        if node.up:
            core = node.say("floor", self.parties[to])
            self.cell.watch.press(node, self.parties[to], core)

    def _calm(self, node: Node, number: int) -> None:
        for _ in range(number if node.up else 0):
            node.say("calm")

    def _cut(self, node: Node, other: int, until: float, one_way: bool) -> None:
        cell, there = self.cell, self.parties[other]
        cell.tell_story(
            f"cut {node.party} {'->' if one_way else '-'} {there}", "cut one way" if one_way else "cut"
        )
        cell.cut(node.party, there, one_way=one_way)

        def heal() -> None:
            if cell.now < FAULTS_S:
                cell.cut(node.party, there, by=-1, one_way=one_way)
                cell.tell_story(f"heal {node.party} {'->' if one_way else '-'} {there}")

        cell.at(until, heal)

    def _crash(self, node: Node, down: float) -> None:
        if not node.up:
            return
        self.cell.tell_story(f"{node.party}: crash", "crash")
        node.crash()
        life = node.life
        self.cell.at(self.cell.now + down, lambda: node.start() if node.life == life else None)

    def _trap(self, node: Node, steps: int, fate: str) -> None:
        node.trap = (steps, fate)

    def _jump(self, node: Node, seconds: int) -> None:
        self.cell.tell_story(f"{node.party}: clock jumps by {seconds} s", "clock jump")
        node.clock_offset = max(-SKEWED_S, min(SKEWED_S, node.clock_offset + seconds))

    def _disk(self, node: Node, room: str, until: float) -> None:
        self.cell.tell_story(f"{node.party}: disk, room for {room}", f"disk full, {room} left")
        node.room = room

        def free() -> None:
            node.room = "all"

        self.cell.at(until, free)

    def _snapshot(self, node: Node) -> None:
        self.snapshots[self.cell.parties.index(node.party)] = node.disk.snapshot()

    def _rollback(self, node: Node, journal_too: bool) -> None:
        taken = self.snapshots[self.cell.parties.index(node.party)].snapshot()
        words = "store and journals" if journal_too else "store"
        self.cell.tell_story(f"{node.party}: {words} rolled back", f"rollback of {words}")
        self.cell.watch.forget(node.party)
        node.crash()
        if not journal_too:
            taken.journals = node.disk.journals
        before, node.disk = node.disk, taken
        life = node.life

        def resume() -> None:
            # A signer trusts one peer's answer (C2). While a peer that knows more is away, or its own last
            # words are under way, a resumed snapshot can only be told from a restart by its operator.
            if not all(one.up for one in self.cell.nodes.values() if one is not node):
                self.cell.at(self.cell.now + 0.5, resume)
            elif node.life == life:
                if self._lost_for_good(node):
                    self.cell.tell_story(f"{node.party}: the snapshot is not used, entries are nowhere else")
                    node.disk = before
                node.start()

        self.cell.at(self.cell.now + AWAY_S, resume)

    def _lost_for_good(self, node: Node) -> bool:
        """Whether others were shown a head of its log under which nobody else holds every entry (C3).

        That party cannot get its log back from anybody and must open its next one, which is not played here.
        """
        logs = [one.disk.logs[node.own] for one in self.cell.nodes.values() if one is not node]
        shown = max((size for log in logs for size in log.heads), default=0)
        return shown > max(log.largest() for log in logs)

    def _forks(self, node: Node) -> None:
        node.fork()  # type: ignore[attr-defined]

    def _floods(self, node: Node) -> None:
        node.flood()  # type: ignore[attr-defined]


def play(scenario: Scenario, **options: Any) -> Outcome:
    """One run. Garbage waits for its end: a life is short, and looking for rings in it costs a sixth."""
    gc.disable()
    try:
        return Play(scenario, **options).run()
    finally:
        gc.enable()


def shrink(scenario: Scenario, name: str, **options: Any) -> Scenario:
    """The scenario with every fault left out that the broken invariant `name` does not need."""
    quieter = replace(scenario, noise=Noise(delay=scenario.noise.delay))
    if name in play(quieter, **options).broken:
        scenario = quieter
    for event in scenario.events:
        less = replace(scenario, events=tuple(one for one in scenario.events if one is not event))
        if name in play(less, **options).broken:
            scenario = less
    return scenario
