"""The talk with a peer: protocol D2 to D6, and cells of pure nodes over bad links."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.record.actions import (
    Answered,
    CosignatureKnown,
    Failed,
    FloorAdded,
    Holds,
    PartHeld,
    PartLacked,
    PeerSaid,
    Pull,
    PullPart,
    SendAhead,
    SendHeads,
    SendProbe,
    SendPush,
    Tick,
    Wait,
)
from detente.record.peersync import PeerSync
from detente.record.sync import push_order
from record.cell_simulator import CellSimulator, log_of

OWN, PEERS, THIRD = log_of("s1"), log_of("s2"), log_of("g1")
PART = b"\5" * 32


class Talk:
    """A PeerSync of s1 with s2, its time and the actions it gave."""

    def __init__(self, **options) -> None:
        self.sync = PeerSync("s1", "s2", **options)
        self.now = 100.0
        self.probe = self.one(Tick(), SendProbe)

    def tell(self, event, after: float = 0.0):
        self.now += after
        return self.sync.receive(event, self.now)

    def one(self, event, kind, after: float = 0.0):
        found = [action for action in self.tell(event, after) if isinstance(action, kind)]
        assert len(found) == 1, found
        return found[0]

    def none(self, event, kind=object, after: float = 0.0) -> None:
        assert [action for action in self.tell(event, after) if isinstance(action, kind)] == []

    def until(self, kind, limit: float = 10.0):
        """Tick as `next_due` says until an action of that kind comes; the action and how long it took."""
        start = self.now
        while (due := self.sync.next_due(self.now)) is not None and due - start <= limit:
            self.now = due
            for action in self.sync.receive(Tick(), self.now):
                if isinstance(action, kind):
                    return action, self.now - start
        raise AssertionError(f"no {kind.__name__}")


def receipt(mirror: str, log: str, size: int = 1, time: int = 5, **more) -> CosignatureKnown:
    note = f"{mirror} {log} {size} {time}".encode()
    return CosignatureKnown(
        f"kadesh.exercise/{mirror}/mirror/{log.split('/')[1]}", log, size, time, note, **more
    )


class TestPush:
    """D2: what the peer lacks of the own log, one push at a time."""

    def test_a_new_entry_is_pushed_at_once(self):
        push = Talk().one(Holds(OWN, 1), SendPush)
        assert (push.log, push.start, push.size) == (OWN, 0, 1)

    def test_what_comes_meanwhile_goes_with_the_next(self):
        talk = Talk()
        first = talk.one(Holds(OWN, 1), SendPush)
        talk.none(Holds(OWN, 2), SendPush)
        talk.none(Holds(OWN, 3), SendPush)
        assert talk.sync.behind() == 3
        second = talk.one(Answered(first, {OWN: 1}), SendPush)
        assert (second.start, second.size) == (1, 3)

    def test_nothing_is_pushed_that_the_peer_holds(self):
        talk = Talk()
        talk.tell(PeerSaid({OWN: 3}))
        talk.none(Holds(OWN, 3), SendPush)

    def test_its_cosignature_says_what_it_holds(self):
        talk = Talk()
        talk.tell(receipt("s2", OWN, 3))
        talk.none(Holds(OWN, 3), SendPush)

    def test_a_conflict_goes_on_from_the_size_in_it(self):
        talk = Talk()
        talk.tell(PeerSaid({OWN: 5}))
        push = talk.one(Holds(OWN, 6), SendPush)
        talk.tell(Failed(push, "conflict", 2))
        again, waited = talk.until(SendPush)
        assert (again.start, again.size) == (2, 6)
        assert waited <= 0.5

    def test_retries_double_up_to_half_a_second(self):
        talk, waits = Talk(), []
        push = talk.one(Holds(OWN, 1), SendPush)
        for _ in range(8):
            talk.tell(Failed(push, "unreachable"))
            push, waited = talk.until(SendPush)
            waits.append(round(waited, 3))
        assert waits[:4] == [0.05, 0.1, 0.2, 0.4]
        assert set(waits[4:]) == {0.5}

    def test_a_sign_of_life_ends_the_wait(self):
        talk = Talk()
        push = talk.one(Holds(OWN, 1), SendPush)
        talk.tell(Failed(push, "unreachable"))
        talk.one(PeerSaid({}), SendPush)

    def test_a_refusal_waits_longer_and_life_does_not_end_it(self):
        talk = Talk()
        push = talk.one(Holds(OWN, 1), SendPush)
        talk.none(Failed(push, "unverified"), SendPush)
        talk.none(PeerSaid({}), SendPush)
        assert talk.until(SendPush)[1] == pytest.approx(3.0)

    def test_a_good_answer_that_moves_nothing_is_no_busy_loop(self):
        talk = Talk()
        push = talk.one(Holds(OWN, 1), SendPush)
        talk.none(Answered(push, {OWN: 0}), SendPush)
        assert talk.until(SendPush)[1] >= 0.5

    def test_a_late_answer_to_an_older_push_frees_nothing_but_counts(self):
        talk = Talk()
        first = talk.one(Holds(OWN, 1), SendPush)
        talk.tell(Failed(first, "unreachable"))
        talk.until(SendPush)
        talk.none(Answered(first, {OWN: 1}), SendPush)
        assert talk.sync.peer_holds(OWN) == 1
        talk.none(Holds(OWN, 2), SendPush)

    def test_an_answer_that_comes_twice_changes_nothing(self):
        talk = Talk()
        push = talk.one(Holds(OWN, 1), SendPush)
        talk.none(Answered(push, {OWN: 1}), SendPush)
        talk.none(Answered(push, {OWN: 1}), SendPush)

    def test_what_a_probe_says_less_is_believed_only_if_asked_later(self):
        talk = Talk()
        push = talk.one(Holds(OWN, 4), SendPush, after=1)
        talk.tell(Answered(push, {OWN: 4}), after=0.1)
        talk.tell(receipt("s2", OWN, 4))
        talk.none(Answered(talk.probe, {OWN: 0}), SendPush)
        later = talk.until(SendProbe)[0]
        push = talk.one(Answered(later, {OWN: 1}), SendPush, after=0.1)
        assert push.start == 1


class TestAhead:
    """D3: catch-up never stops a floor entry."""

    def test_behind_a_long_push_it_goes_ahead(self):
        talk = Talk()
        talk.one(Holds(OWN, 30), SendPush)
        talk.tell(FloorAdded(OWN, 30))
        talk.none(Holds(OWN, 31), SendAhead)
        ahead, waited = talk.until(SendAhead)
        assert (ahead.log, ahead.index) == (OWN, 30)
        assert waited <= 0.25

    def test_behind_many_entries_it_goes_ahead_at_once(self):
        talk = Talk()
        talk.tell(FloorAdded(OWN, 100))
        assert talk.one(Holds(OWN, 101), SendAhead).index == 100

    def test_when_pushes_are_refused_it_goes_ahead_at_once(self):
        talk = Talk()
        push = talk.one(Holds(OWN, 1), SendPush)
        talk.tell(Failed(push, "quota"))
        talk.tell(FloorAdded(OWN, 1))
        assert talk.one(Holds(OWN, 2), SendAhead).index == 1

    def test_each_goes_once(self):
        talk = Talk()
        talk.tell(FloorAdded(OWN, 100))
        talk.tell(FloorAdded(OWN, 101))
        first = talk.one(Holds(OWN, 102), SendAhead)
        second = talk.one(Answered(first), SendAhead)
        assert (first.index, second.index) == (100, 101)
        talk.none(Answered(second), SendAhead)

    def test_an_ordinary_push_needs_none(self):
        talk = Talk()
        talk.tell(FloorAdded(OWN, 0))
        push = talk.one(Holds(OWN, 1), SendPush)
        talk.tell(Answered(push, {OWN: 1}), after=0.05)
        with pytest.raises(AssertionError):
            talk.until(SendAhead)


class TestRelay:
    """D2: heads are passed on, and pulled from whoever holds them."""

    def test_a_head_of_a_third_party_is_told(self):
        talk = Talk()
        talk.tell(Holds(THIRD, 2))
        heads, waited = talk.until(SendHeads)
        assert heads.heads == ((THIRD, 2),)
        assert waited <= 0.02

    def test_the_own_receipt_goes_along(self):
        talk = Talk()
        talk.tell(Holds(THIRD, 2))
        known = receipt("s1", THIRD, 2)
        talk.tell(known)
        assert talk.until(SendHeads)[0].cosignatures == (known.note,)

    def test_it_is_not_told_what_it_holds(self):
        talk = Talk()
        talk.tell(PeerSaid({THIRD: 2}))
        talk.tell(Holds(THIRD, 2))
        with pytest.raises(AssertionError):
            talk.until(SendHeads)

    def test_a_head_that_did_not_arrive_is_told_again(self):
        talk = Talk()
        talk.tell(Holds(THIRD, 2))
        heads = talk.until(SendHeads)[0]
        talk.tell(Failed(heads, "unreachable"))
        again = talk.until(SendHeads, 0.6)[0]
        assert again.heads == heads.heads
        talk.tell(Answered(again))
        with pytest.raises(AssertionError):
            talk.until(SendHeads)

    def test_what_it_holds_more_of_a_third_log_is_pulled_after_a_grace(self):
        talk = Talk()
        talk.tell(Holds(THIRD, 1))
        talk.none(PeerSaid({THIRD: 4}), Pull)
        pull, waited = talk.until(Pull)
        assert (pull.log, pull.start, pull.size, pull.own) == (THIRD, 1, 4, False)
        assert 0 < waited <= 0.1

    def test_what_came_meanwhile_is_not_pulled(self):
        talk = Talk()
        talk.tell(PeerSaid({THIRD: 4}))
        talk.tell(Holds(THIRD, 4), after=0.02)
        with pytest.raises(AssertionError):
            talk.until(Pull)

    def test_the_authors_own_push_is_given_more_time(self):
        talk = Talk()
        talk.tell(PeerSaid({PEERS: 4}))
        assert talk.until(Pull)[1] == pytest.approx(2.0)

    def test_more_of_the_own_log_is_refetched_at_once(self):
        talk = Talk()
        talk.tell(Holds(OWN, 1))
        pull = talk.one(PeerSaid({OWN: 4}), Pull)
        assert (pull.start, pull.size, pull.own) == (1, 4, True)

    def test_one_log_that_cannot_be_pulled_does_not_stop_another(self):
        talk = Talk()
        talk.tell(PeerSaid({THIRD: 4, log_of("o1"): 9}))
        first = talk.until(Pull)[0]
        talk.tell(Failed(first, "not-found"))
        second = talk.until(Pull)[0]
        assert {first.log, second.log} == {THIRD, log_of("o1")}

    def test_a_pull_that_brings_nothing_is_no_busy_loop(self):
        talk = Talk()
        pull = talk.one(PeerSaid({OWN: 4}), Pull)
        talk.none(Answered(pull), Pull)
        assert talk.until(Pull)[1] >= 0.5


class TestGossip:
    """Receipts find their way to the author, whoever got them."""

    def test_the_own_receipt_of_the_peers_log_is_told_at_once(self):
        known = receipt("s1", PEERS)
        assert Talk().one(known, SendHeads).cosignatures == (known.note,)

    def test_what_the_push_answer_carried_is_not_told_again(self):
        talk = Talk()
        talk.tell(receipt("s1", PEERS, told=True))
        with pytest.raises(AssertionError):
            talk.until(SendHeads)

    def test_another_mirrors_receipt_of_the_peers_log_is_told_soon(self):
        talk = Talk()
        known = receipt("g1", PEERS)
        talk.none(known, SendHeads)
        heads, waited = talk.until(SendHeads)
        assert heads.cosignatures == (known.note,)
        assert waited <= 0.2

    def test_what_the_peer_sends_itself_meanwhile_is_not_told(self):
        talk = Talk()
        talk.tell(receipt("g1", PEERS))
        talk.tell(receipt("g1", PEERS, told=True))
        with pytest.raises(AssertionError):
            talk.until(SendHeads)

    def test_the_newest_goes_with_the_next_push(self):
        talk = Talk()
        talk.tell(receipt("g1", OWN, 1))
        newer = receipt("g1", OWN, 2)
        talk.tell(newer)
        talk.none(receipt("g1", OWN, 1), SendHeads)
        push = talk.one(Holds(OWN, 3), SendPush)
        assert push.cosignatures == (newer.note,)
        talk.tell(Answered(push, {OWN: 3}))
        with pytest.raises(AssertionError):
            talk.until(SendHeads)

    def test_a_receipt_whose_answer_was_lost_is_asked_for_by_an_empty_push(self):
        talk = Talk()
        push = talk.one(Holds(OWN, 2), SendPush)
        talk.tell(Failed(push, "unreachable"))
        talk.none(PeerSaid({OWN: 2}), SendPush)  # its probe says what it holds, its receipt is nowhere
        again, after = talk.until(SendPush)
        assert (again.log, again.start, again.size) == (OWN, 2, 2)
        assert 0.9 < after < 1.1
        talk.tell(Answered(again, {OWN: 2}))  # it gives none: asked again, but in no busy loop
        assert talk.until(SendPush, limit=20)[1] > 10
        talk.tell(receipt("s2", OWN, 2))
        talk.none(Tick(), SendPush, after=60)

    def test_its_own_receipts_are_never_told_to_it(self):
        talk = Talk()
        talk.tell(receipt("s2", OWN))
        with pytest.raises(AssertionError):
            talk.until(SendHeads)


class TestParts:
    """D2: parts are pulled; a large one delays no other."""

    def test_a_part_of_the_authors_is_pulled_at_once(self):
        assert Talk().one(PartLacked(PEERS, PART), PullPart).sha256 == PART

    def test_from_another_after_a_grace(self):
        talk = Talk()
        talk.none(PartLacked(THIRD, PART), PullPart)
        assert talk.until(PullPart)[1] <= 0.1

    def test_an_attachment_under_way_stops_no_core(self):
        talk = Talk()
        talk.one(PartLacked(PEERS, b"large", urgent=False), PullPart)
        assert talk.one(PartLacked(PEERS, PART), PullPart).urgent

    def test_what_is_not_there_is_asked_again_later_and_the_next_at_once(self):
        talk = Talk()
        first = talk.one(PartLacked(PEERS, PART), PullPart)
        talk.none(PartLacked(PEERS, b"other"), PullPart)
        assert talk.one(Failed(first, "not-found"), PullPart).sha256 == b"other"
        assert talk.sync.wants() == (PART, b"other")

    def test_a_floor_part_waits_for_no_flood_and_holds_none_up(self):
        talk = Talk()
        asked = [talk.one(PartLacked(PEERS, b"0"), PullPart)]
        for n in range(1, 30):
            talk.none(PartLacked(PEERS, b"%d" % n), PullPart)
        for part in (b"floor 1", b"floor 2", b"floor 3"):
            talk.none(PartLacked(PEERS, part, floor=True), PullPart)
        for _ in range(5):
            asked.append(talk.one(Failed(asked[-1], "not-found"), PullPart))
        floor = [one.sha256.startswith(b"floor") for one in asked]
        assert floor == [False, True, False, True, False, True]

    def test_what_came_another_way_is_asked_no_more(self):
        talk = Talk()
        talk.tell(PartLacked(THIRD, PART))
        talk.tell(PartHeld(PART))
        with pytest.raises(AssertionError):
            talk.until(PullPart)
        assert talk.sync.wants() == ()


class TestProbe:
    """D4: every three seconds."""

    def test_a_probe_every_three_seconds_also_after_failures(self):
        talk = Talk()
        talk.tell(Failed(talk.probe, "unreachable"))
        times = [talk.now]
        for _ in range(3):
            probe = talk.until(SendProbe)[0]
            times.append(talk.now)
            talk.tell(Failed(probe, "unreachable"))
        assert [later - earlier for earlier, later in pairwise(times)] == pytest.approx([3.0] * 3)

    def test_a_probe_under_way_is_not_doubled(self):
        Talk().none(Tick(), SendProbe, after=10)


class TestDialOut:
    """D4: a node that can only dial out works fully by polling."""

    def test_it_keeps_one_wait_open(self):
        talk = Talk(reachable=False)
        wait = next(lane.action for lane in talk.sync._lanes.values() if isinstance(lane.action, Wait))
        talk.none(Tick(), Wait, after=5)
        heads = talk.one(Answered(wait, {PEERS: 2}), SendHeads)
        assert heads.heads == ()
        assert talk.until(Wait)[1] <= 0.1

    def test_it_pulls_without_grace(self):
        assert Talk(reachable=False).one(PeerSaid({PEERS: 2}), Pull).log == PEERS

    def test_it_brings_the_parts_that_the_peer_wants(self):
        talk = Talk(reachable=False)
        push = talk.one(Holds(OWN, 2), SendPush)
        brought = talk.one(Answered(push, {OWN: 2}, wants=(PART,)), SendPush)
        assert (brought.start, brought.size, brought.parts) == (2, 2, (PART,))
        talk.none(Answered(brought, {OWN: 2}, wants=()), SendPush)

    def test_without_a_head_that_both_hold_it_brings_none(self):
        talk = Talk(reachable=False)
        talk.tell(Holds(OWN, 0))
        talk.none(PeerSaid({}, wants=(PART,)), SendPush)
        talk.tell(PeerSaid({OWN: 5}))
        talk.none(Holds(OWN, 3), SendPush)
        assert talk.one(Holds(OWN, 5), SendPush).parts == (PART,)

    def test_whom_we_cannot_dial_we_send_nothing_but_answers(self):
        sync = PeerSync("s1", "s2", dials=False)
        for event in (Tick(), Holds(OWN, 3), Holds(THIRD, 2), receipt("s1", PEERS), PartLacked(PEERS, PART)):
            assert sync.receive(event, 1.0) == ()
        assert sync.next_due(1.0) is None
        answer = sync.answer_notice()
        assert answer.heads == ((THIRD, 2),)
        assert len(answer.cosignatures) == 1
        assert sync.wants() == (PART,)


class TestOrder:
    """D6: the order of pushes to the two addressees alternates."""

    def test_it_alternates_with_every_entry(self):
        first = [push_order(["s2", "g1"], size)[0] for size in range(1, 7)]
        assert first == ["s2", "g1"] * 3

    @given(st.sets(st.sampled_from(["a1", "b1", "c1", "d1"]), min_size=1), st.integers(0, 99))
    def test_everyone_is_in_it_once_and_nobody_is_always_first(self, peers, size):
        orders = [push_order(peers, size + turn) for turn in range(len(peers))]
        assert all(sorted(order) == sorted(peers) for order in orders)
        assert {order[0] for order in orders} == peers


class TestCell:
    """Three nodes in memory: everything arrives, whatever the links do."""

    def test_quiet_links(self):
        cell = CellSimulator().run(1)
        cell.s1.append(floor=True)
        cell.s2.append(3)
        assert cell.run(1).agreed()
        assert not any(node.refusals for node in cell.nodes.values() if set(node.refusals) - {"not-found"})

    @settings(max_examples=25, deadline=None)
    @given(
        seed=st.integers(0, 2**32),
        loss=st.sampled_from([0.0, 0.1, 0.4]),
        doubled=st.sampled_from([0.0, 0.5]),
        delay=st.sampled_from([0.001, 0.2]),
        hidden=st.sampled_from([(), ("s2",), ("g1",)]),
    )
    def test_they_converge(self, seed, loss, doubled, delay, hidden):
        cell = CellSimulator(seed=seed, loss=loss, doubled=doubled, delay=delay, hidden=hidden)
        for turn in range(4):
            cell.s1.append(1 + turn, floor=turn == 2)
            cell.run(0.3)
            cell.s2.append()
            cell.g1.append()
            cell.run(0.3)
        assert cell.run(90).agreed()
        assert not any(node.forks for node in cell.nodes.values())
        assert {code for node in cell.nodes.values() for code in node.refusals} <= {"not-found"}

    @settings(max_examples=15, deadline=None)
    @given(
        seed=st.integers(0, 2**32),
        faults=st.lists(
            st.tuples(
                st.sampled_from(["s1", "s2", "g1"]), st.sampled_from(["crash", "cut"]), st.floats(0.01, 2)
            ),
            max_size=6,
        ),
    )
    def test_crashes_and_cuts_lose_nothing(self, seed, faults):
        cell = CellSimulator(seed=seed, loss=0.1, doubled=0.2, delay=0.05)
        for party, fault, seconds in faults:
            for node in cell.nodes.values():
                node.append(floor=True)
            if fault == "crash":
                cell.nodes[party].crash()
                cell.run(seconds)
                cell.nodes[party].start()
            else:
                cell.cut = {frozenset((party, other)) for other in cell.parties if other != party}
                cell.run(seconds)
                cell.cut = set()
        assert cell.run(60).agreed()
        assert not any(node.forks for node in cell.nodes.values())

    def test_a_cut_link_is_relayed_within_a_second_and_the_receipt_comes_back(self):
        cell = CellSimulator(delay=0.005).run(1)
        cell.cut = {frozenset(("s1", "s2"))}
        cell.run(5)
        cell.s1.append(floor=True)
        cell.run(0.2)
        assert cell.s2.logs[OWN].size == 1
        assert not cell.s2.lacked(OWN)
        cell.run(0.3)
        assert cell.s1.cosignatures["kadesh.exercise/s2/mirror/s1", OWN].head.size == 1

    def test_a_cut_of_a_minute_heals_within_two_seconds(self):
        cell = CellSimulator().run(1)
        cell.cut = {frozenset(("s1", "s2")), frozenset(("s1", "g1"))}
        cell.s1.append(5)
        cell.run(60)
        assert cell.s2.logs[OWN].size == 0
        cell.cut = set()
        cell.run(2)
        assert cell.s2.logs[OWN].size == cell.g1.logs[OWN].size == 5

    def test_a_node_that_lost_its_last_entries_refetches_its_own_log(self):
        cell = CellSimulator().run(1)
        cell.s1.append(5)
        cell.run(1)
        whole = list(cell.s1.logs[OWN].entries)
        cell.s1.crash()
        del cell.s1.logs[OWN].entries[2:]
        cell.s1.logs[OWN].heads = {2: cell.s1.logs[OWN].heads.get(2, b"")}
        cell.s1.cosignatures.clear()
        cell.s1.start()
        cell.run(4)
        assert cell.s1.logs[OWN].entries == whole

    def test_a_replay_of_every_call_changes_nothing(self):
        cell = CellSimulator(delay=0.02).run(1)
        bodies = []
        for node in cell.nodes.values():
            whole = node.answer

            def remember(route, body, caller, *, node=node, whole=whole):
                bodies.append((node, route, body, caller))
                return whole(route, body, caller)

            node.answer = remember
        cell.s1.append(2, floor=True)
        cell.s2.append()
        assert cell.run(5).agreed()
        held = [
            (node.party, log, one.entries[:])
            for node in cell.nodes.values()
            for log, one in node.logs.items()
        ]
        once = tuple(bodies)
        for node, route, body, caller in once:
            node.answer(route, body, caller)
        cell.run(5)
        assert cell.agreed()
        assert held == [
            (node.party, log, one.entries) for node in cell.nodes.values() for log, one in node.logs.items()
        ]

    def test_an_idle_cell_only_probes(self):
        cell = CellSimulator().run(1)
        cell.s1.append()
        cell.run(5)
        cell.calls.clear()
        cell.run(30)
        assert {type(action) for *_, action in cell.calls} == {SendProbe}
        assert len(cell.calls) == 6 * 10
