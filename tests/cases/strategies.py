"""Random courses of a cell: who does what, who held what, in which order it arrives."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from cases.cell import PARTIES, Cell, Written, started
from detente.record.header import MissingRange

SIDES = {"s1": "s2", "s2": "s1"}
ANSWERS = ("PAUSED", "CHECKING", "NOT_OURS")

ACTS = (
    "UPDATE", "SIGN", "WITHDRAW", "CORRECT", "MOVE", "READ", "ACK", "PASS_ON", "ANSWER", "COMMENT",
)  # fmt: skip

STEPS = st.one_of(
    st.tuples(st.just("press"), st.sampled_from(["s1", "s2"])),
    st.tuples(st.just("check"), st.sampled_from(["s1", "s2"])),
    st.tuples(
        st.just("act"),
        st.sampled_from(PARTIES),
        st.sampled_from(ACTS),
        st.integers(0, 3),
        st.sampled_from(ANSWERS),
    ),
    st.tuples(st.just("hold"), st.sampled_from(PARTIES), st.sampled_from(PARTIES)),
    st.tuples(st.just("lack"), st.sampled_from(PARTIES), st.sampled_from(PARTIES)),
    st.tuples(st.just("beat"), st.sampled_from(PARTIES)),
    st.tuples(st.just("revoke"), st.sampled_from(PARTIES), st.sampled_from(["REGISTERED", "REVOKED"])),
    st.tuples(st.just("wait"), st.sampled_from([1, 60, 200, 700])),
    st.tuples(st.just("break"), st.sampled_from(PARTIES)),
)

NEXT = st.tuples(st.just("next"), st.sampled_from(PARTIES), st.integers(0, 4))
#: Courses in which parties go on in next logs, and nobody confirms an old log once it holds the new one.
NEXT_COURSES = st.lists(st.one_of(STEPS, STEPS, STEPS, NEXT), min_size=4, max_size=22)

COURSES = st.lists(STEPS, min_size=4, max_size=22)


def play(course: list[tuple[Any, ...]], swap: bool = False) -> Cell:
    """The cell after a course; with `swap` the two sides play each other's part."""
    names = {"s1": "s2", "s2": "s1", "g1": "g1"} if swap else {one: one for one in PARTIES}
    cell, opened, checks = started(), [], []
    for step in course:
        cell.pass_time(1)
        _step(cell, step, names, opened, checks)
    return cell


def _step(
    cell: Cell, step: tuple[Any, ...], names: dict[str, str], opened: list[Written], checks: list[Written]
) -> None:
    match step:
        case ("press", side):
            opened.append(cell.stop_and_check(names[side], names[SIDES[side]], content={"text": "x"}))
        case ("check", side):
            checks.append(cell.contact_check(names[side], names[SIDES[side]]))
        case ("act", party, act, which, answer) if opened:
            _act(cell, names[party], act, opened[which % len(opened)], answer)
        case ("hold", party, of) if party != of:
            cell.hold(names[party], names[of])
        case ("lack", party, of) if party != of:
            _lack(cell, names[party], names[of])
        case ("beat", party):
            cell.heartbeat(names[party])
        case ("revoke", party, change):
            cell.register(names[party], "RELEASE", change)
        case ("wait", seconds):
            cell.pass_time(seconds)
        case ("next", party, back):
            size = len(cell.logs[cell.log(names[party])])
            cell.next_log(names[party], names=max(0, size - back))
        case ("break", party):
            cell.append(names[party], b"no header at %d" % cell.now, None)


def _act(cell: Cell, party: str, act: str, case: Written, answer: str) -> None:
    fields: dict[str, Any] = {
        "ACK": {"ack": "RECEIVED"},
        "PASS_ON": {"echelon": "FIELD", "passed_at": cell.now},
        "ANSWER": {"answer": answer},
        "UPDATE": {"own_action": "HOLDING"},
    }.get(act, {})
    content = {"text": "words"} if act == "COMMENT" else None
    post = "RELEASE" if act == "SIGN" else "WATCH"
    cell.write(party, "D02", act, fields, case=case, content=content, post=post)


def _lack(cell: Cell, party: str, of: str) -> None:
    """The party holds all of the other's log but the core of its newest entry, unless it held that before."""
    size = len(cell.logs[cell.log(of)])
    before = cell.holds[party].get(cell.log(of), (0, 0, ()))[0]
    if size > before:
        cell.hold(party, of, lacks=[MissingRange(size - 1, size - 1, ("core",))])
