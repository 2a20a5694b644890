"""Lines and arming: states by age, on a clock that cannot be set."""

from __future__ import annotations

import pytest

from detente.node.arming import HEARTBEAT_S, Arming, Heartbeat
from detente.node.lines import DIRECT_S, LineBoard


class Clock:
    """A steady clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(clock) -> LineBoard:
    made = LineBoard(clock)
    for party in ("s2", "g1"):
        made.expect(party, at=50)
    return made


class TestLines:
    """Rules 2 and 3 of `lines`: direct by own hearing, relay by a third party's, else none."""

    def test_a_peer_never_heard_is_none_since_start(self, board):
        state = board.states(at=60)["s2"]
        assert (state.line, state.since, state.last_heard) == ("none", 50, None)

    def test_a_peer_that_answers_is_direct(self, board):
        board.heard("s2", at=61, armed=True, clock_offset_s=-1, version="1")
        state = board.states(at=62)["s2"]
        assert (state.line, state.since, state.last_heard, state.armed) == ("direct", 62, 61, True)

    def test_a_stopped_peer_is_none_within_ten_seconds(self, board, clock):
        board.heard("s2", at=61)
        board.states(at=61)
        clock.now += DIRECT_S + 1.5
        state = board.states(at=70)["s2"]
        assert (state.line, state.since, state.last_heard) == ("none", 70, 61)
        assert DIRECT_S + 1.5 < 10

    def test_the_guarantor_hears_it_so_the_line_is_relay(self, board, clock):
        board.heard("s2", at=61)
        clock.now += 30
        board.heard("g1", at=91, hears={"s2": 2})
        assert board.states(at=91)["s2"].line == "relay"

    def test_a_relay_that_is_itself_gone_carries_nothing(self, board, clock):
        board.heard("g1", at=91, hears={"s2": 2})
        clock.now += 30
        assert board.states(at=121)["s2"].line == "none"

    def test_a_relay_that_has_not_heard_it_lately_carries_nothing(self, board):
        board.heard("g1", at=91, hears={"s2": 60})
        assert board.states(at=91)["s2"].line == "none"

    def test_failures_are_counted_until_it_is_heard(self, board):
        board.failed("s2", error="unreachable")
        board.failed("s2", error="unreachable")
        assert (board.states(at=1)["s2"].failures, board.states(at=1)["s2"].error) == (2, "unreachable")
        board.heard("s2", at=2)
        assert (board.states(at=2)["s2"].failures, board.states(at=2)["s2"].error) == (0, None)

    def test_own_probes_say_whom_we_hear(self, board, clock):
        board.heard("s2", at=61)
        clock.now += 3.9
        assert board.hears() == {"s2": 3}


class TestArmed:
    """Armed: the alarm lives, an outlet works, and someone on watch has heard it."""

    @pytest.mark.parametrize(
        ("beats", "outlets", "heard", "later", "why"),
        [
            (True, {"hook": "ok"}, True, 0.0, None),
            (True, {"hook": "failed", "sound": "ok"}, True, 0.0, None),
            (False, {}, True, 0.0, "no-alarm"),
            (True, {"hook": "ok"}, True, HEARTBEAT_S + 0.1, "no-alarm"),
            (True, {"hook": "failed", "sound": "absent"}, True, 0.0, "no-outlet"),
            (True, {"hook": "untried"}, True, 0.0, "no-outlet"),
            (True, {"hook": "ok"}, False, 0.0, "not-confirmed"),
        ],
    )
    def test_each_lack_is_named(self, clock, beats, outlets, heard, later, why):
        arming = Arming(lambda: heard, clock)
        if beats:
            arming.beat(Heartbeat(outlets, 1))
        clock.now += later
        assert (arming.state().armed, arming.state().why) == (why is None, why)

    def test_not_armed_is_seen_within_five_seconds(self):
        assert HEARTBEAT_S + 1 <= 5
