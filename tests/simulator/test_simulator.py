"""The simulator itself: it replays, it mirrors, it shrinks, and each of its invariants can fall."""

from dataclasses import replace

import pytest

from simulator import mutants
from simulator.cell import CellSimulator, Noise
from simulator.hostile import ACTS, HostileNode
from simulator.invariants import INVARIANTS
from simulator.scenario import Event, Scenario, draw, play, shrink

SIDES = {"s1": "s2", "s2": "s1"}
FLOOR = tuple(Event(0.6 + n / 3, "floor", n % 3, (0 if n % 3 else 1,)) for n in range(5))
BUSY = FLOOR + tuple(Event(0.5 + n / 3, "calm", n % 3, (2,)) for n in range(5))
CRASHES = tuple(Event(1.0 + n, "crash", n % 3, (0.5,)) for n in range(4))
ROLLBACK = (Event(1.0, "snapshot", 0), Event(5.1, "rollback", 0, (True,)))
LATER = Event(10.105, "calm", 0, (2,))
FORK = (Event(3.0, "forks", 1), Event(3.1, "calm", 1, (1,)))


class TestSeeds:
    """A seed is all that a run depends on."""

    @pytest.mark.parametrize("seed", [3, 7, 16, 34])
    def test_it_replays_exactly(self, seed):
        first, second = (play(draw(seed), trace=True) for _ in range(2))
        assert first.trace == second.trace
        assert len(first.trace) > 100
        assert first.faults == second.faults

    def test_the_trace_and_the_count_tell_of_the_same_faults(self):
        out = play(draw(11), trace=True)
        lost = sum("[lost]" in line for line in out.trace)
        assert lost == out.faults["lost"] > 0

    def test_without_faults_nothing_is_counted(self):
        out = play(Scenario(1, events=BUSY))
        assert (out.broken, dict(out.faults)) == ({}, {})


class TestSides:
    """P9: with the sides' names exchanged only names change."""

    @pytest.mark.parametrize("seed", [0, 5, 12, 17, 33, 100, 199, 271])
    def test_the_exchanged_run_mirrors(self, seed):
        scenario = draw(seed)
        first = play(scenario, trace=True)
        second = play(scenario, trace=True, swapped=True)
        assert sorted(map(plain, first.trace)) == sorted(plain(exchanged(line)) for line in second.trace)
        assert first.faults == second.faults

    def test_a_rule_that_favours_a_side_is_seen(self):
        class Slower(mutants.Node):
            def work(self):
                if self.party == "s2":
                    self.cell.at(self.cell.now + 0.3, super().work)
                else:
                    super().work()

        scenario, both = Scenario(1, events=BUSY), {"s1": Slower, "s2": Slower}
        first = play(scenario, trace=True, makers=both)
        second = play(scenario, trace=True, makers=both, swapped=True)
        assert sorted(map(plain, first.trace)) != sorted(plain(exchanged(line)) for line in second.trace)


class TestMutants:
    """Each invariant falls when the rule behind it is broken."""

    @pytest.mark.parametrize(
        ("mutant", "role", "scenario", "named"),
        [
            (mutants.CosignsBeforeStoring, "g1", Scenario(1, events=BUSY), "receipt-on-disk"),
            (mutants.SkipsStartQuestion, "s1", Scenario(1, events=(*BUSY, *ROLLBACK, LATER)), "one-history"),
            (mutants.FloorWaitsBehindOthers, "s1", Scenario(1, events=BUSY), "floor-delivered"),
            (mutants.ForgetsReceived, "g1", Scenario(1, events=(*BUSY, *CRASHES)), "receipt-kept"),
            (mutants.KeepsForksToItself, "s1",
             Scenario(1, events=(*BUSY, *FORK), hostile=1, acts=frozenset({"forks"})), "fork-proven"),
            (mutants.AccusesTheHonest, "s2", Scenario(1, events=BUSY), "honest-not-convicted"),
            (mutants.LosesParts, "s2", Scenario(1, events=BUSY), "equal-states"),
        ],
        ids=lambda one: getattr(one, "__name__", None),
    )  # fmt: skip
    def test_the_broken_rule_is_named(self, mutant, role, scenario, named):
        assert play(scenario).broken == {}, "the same scenario passes with a node that keeps the rule"
        assert named in play(scenario, makers={role: mutant}).broken

    def test_all_invariants_have_one(self):
        parametrize = self.test_the_broken_rule_is_named.pytestmark[0]
        assert {row[3] for row in parametrize.args[1]} == set(INVARIANTS)

    def test_a_failing_scenario_shrinks_to_what_it_needs(self):
        scenario = replace(Scenario(1, Noise(loss=0.05), (*BUSY, *CRASHES)), skew=(2, 0, 0))
        makers = {"g1": mutants.CosignsBeforeStoring}
        small = shrink(scenario, "receipt-on-disk", makers=makers)
        assert not small.noise.loss
        assert not [event for event in small.events if event.fault]
        assert "receipt-on-disk" in play(small, makers=makers).broken


class TestHostile:
    """Every act of a hostile peer alone harms nobody."""

    @pytest.mark.parametrize("act", ACTS)
    @pytest.mark.parametrize("role", [0, 2])
    def test_it_harms_nobody(self, act, role):
        more = [Event(2.0, act, role), Event(2.1, "calm", role, (1,))] if act in ("forks", "floods") else []
        crash = Event(2.5, "crash", 1, (0.5,))  # so that a start question is asked of it too
        out = play(Scenario(5, events=(*BUSY, *more, crash), hostile=role, acts=frozenset({act})))
        assert out.broken == {}
        assert act == "backdates" or out.faults[f"hostile: {act}"] > 0

    def test_a_fork_shown_to_two_is_proven_by_both(self):
        makers = {"g1": lambda cell, party: HostileNode(cell, party, frozenset({"forks"}))}
        cell = CellSimulator(seed=3, makers=makers)
        cell.run(2)
        cell.nodes["g1"].say("calm")
        cell.run(1)
        cell.nodes["g1"].fork()
        cell.nodes["g1"].say("calm")
        cell.run(8)
        assert [len(cell.nodes[side].disk.evidence) for side in ("s1", "s2")] == [1, 1]
        cell.watch.judge(folded=False)
        assert cell.watch.broken == {}


def exchanged(line: str) -> str:
    """A line with the sides' names exchanged."""
    return line.replace("s1", "\0").replace("s2", "s1").replace("\0", "s2")


def plain(line: str) -> str:
    """A line without hashes, which names go into."""
    words = line.split(" releases ")
    return line if len(words) == 1 else f"{words[0]} releases {words[1].split()[0]}"
