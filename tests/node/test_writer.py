"""The one writer: floor first, groups, steps, refusals."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from detente.node.writer import Answer, Writer
from detente.record.errors import Refused

WAIT = 10


class Gate:
    """A job that holds the writer until it is let go."""

    def __init__(self) -> None:
        self.entered, self.released = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.entered.set()
        assert self.released.wait(WAIT)


@pytest.fixture
def writer() -> Iterator[Writer]:
    made = Writer(queue=20, group=4)
    made.start()
    yield made
    made.stop(WAIT)
    assert not made.is_alive()


@pytest.fixture
def held(writer: Writer) -> Gate:
    """The writer is busy; what is submitted now waits."""
    gate = Gate()
    writer.submit(gate)
    assert gate.entered.wait(WAIT)
    return gate


def done(*futures: Future[Any]) -> list[Any]:
    return [future.result(WAIT) for future in futures]


class TestFloorFirst:
    """Floor jobs overtake everything that waits, and nothing fills their room."""

    def test_floor_jobs_overtake(self, writer: Writer, held: Gate) -> None:
        order: list[str] = []
        jobs = [writer.submit(lambda n=n: order.append(f"ordinary {n}")) for n in range(3)]
        jobs += [writer.submit(lambda n=n: order.append(f"floor {n}"), floor=True) for n in range(2)]
        held.released.set()
        done(*jobs)
        assert order == ["floor 0", "floor 1", "ordinary 0", "ordinary 1", "ordinary 2"]

    def test_a_full_queue_refuses_ordinary_jobs_only(self, writer: Writer, held: Gate) -> None:
        waiting = [writer.submit(int) for _ in range(20)]
        with pytest.raises(Refused, match="writer-busy"):
            writer.submit(int)
        waiting.append(writer.submit(int, floor=True))
        assert writer.waiting() == 21
        held.released.set()
        assert done(*waiting) == [0] * 21

    def test_floor_jobs_go_between_the_steps_of_a_long_one(self, writer: Writer) -> None:
        order: list[str] = []
        first_step, go_on = threading.Event(), threading.Event()

        def long() -> Iterator[None]:
            order.append("step 1")
            first_step.set()
            assert go_on.wait(WAIT)
            yield
            order.append("step 2")

        steps = writer.submit(long)
        assert first_step.wait(WAIT)
        ordinary = writer.submit(lambda: order.append("ordinary"))
        floor = writer.submit(lambda: order.append("floor"), floor=True)
        go_on.set()
        done(steps, ordinary, floor)
        assert order == ["step 1", "floor", "step 2", "ordinary"]

    def test_a_burst_of_stepping_floor_jobs_does_not_nest(self, writer: Writer, held: Gate) -> None:
        depth: list[int] = []
        inside = 0

        def stepping() -> Iterator[None]:
            nonlocal inside
            inside += 1
            depth.append(inside)
            yield
            inside -= 1

        jobs = [writer.submit(stepping, floor=True) for _ in range(15)]
        held.released.set()
        done(*jobs)
        assert max(depth) <= 2

    def test_listeners_hear_of_each_step(self, writer: Writer) -> None:
        heard: list[str] = []
        writer.after_each(lambda: heard.append("told"))

        def long() -> Iterator[None]:
            heard.append("step 1")
            yield
            heard.append("step 2")

        done(writer.submit(long), writer.submit(int))
        assert heard[:3] == ["step 1", "told", "step 2"]


class TestGroups:
    """What waits under one name is done together, at most the group's limit at once."""

    def test_they_share_one_call_and_keep_their_own_results(self, writer: Writer, held: Gate) -> None:
        calls: list[list[int]] = []

        def double(payloads: Sequence[int]) -> list[int | Exception]:
            calls.append(list(payloads))
            return [Refused("odd") if n % 2 else 2 * n for n in payloads]

        writer.group("double", double)
        jobs = [writer.submit_grouped("double", n) for n in range(5)]
        jobs.append(writer.submit_grouped("double", 8, floor=True))
        held.released.set()
        assert jobs[0].result(WAIT) == 0 and jobs[5].result(WAIT) == 16
        with pytest.raises(Refused, match="odd"):
            jobs[3].result(WAIT)
        done(jobs[2], jobs[4])
        assert calls == [[8, 0, 1, 2], [3, 4]]

    def test_one_error_is_everybodys(self, writer: Writer, held: Gate) -> None:
        def failing(_: Sequence[int]) -> list[int]:
            raise Refused("disk-full")

        writer.group("failing", failing)
        jobs = [writer.submit_grouped("failing", n) for n in range(2)]
        held.released.set()
        for job in jobs:
            with pytest.raises(Refused, match="disk-full"):
                job.result(WAIT)


class TestResults:
    """A job's result or error is its future's; the writer lives on."""

    def test_an_error_stops_only_its_job(self, writer: Writer) -> None:
        failed = writer.submit(lambda: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            failed.result(WAIT)
        assert done(writer.submit(lambda: 7)) == [7]

    def test_a_long_job_may_answer_before_its_end(self, writer: Writer) -> None:
        rest = threading.Event()
        ended: list[str] = []

        def job() -> Iterator[Answer]:
            yield Answer("early")
            assert rest.wait(WAIT)
            ended.append("bookkeeping")

        assert writer.submit(job).result(WAIT) == "early"
        assert ended == []
        rest.set()
        done(writer.submit(int))
        assert ended == ["bookkeeping"]

    def test_an_error_behind_the_answer_stops_nothing(self, writer: Writer) -> None:
        def job() -> Iterator[Answer]:
            yield Answer("early")
            raise ZeroDivisionError

        assert writer.submit(job).result(WAIT) == "early"
        assert done(writer.submit(lambda: 7)) == [7]

    def test_a_cancelled_job_is_not_run(self, writer: Writer, held: Gate) -> None:
        ran: list[int] = []
        job = writer.submit(lambda: ran.append(1))
        assert job.cancel()
        held.released.set()
        done(writer.submit(int))
        assert ran == []

    def test_listeners_hear_of_each_success(self, writer: Writer) -> None:
        heard: list[int] = []
        writer.after_each(lambda: heard.append(1))
        with pytest.raises(ZeroDivisionError):
            writer.submit(lambda: 1 // 0).result(WAIT)
        done(writer.submit(int), writer.submit(int))
        done(writer.submit(int))
        assert len(heard) in (2, 3), "the last one's listener runs behind its result"

    def test_stopped_it_finishes_what_waits_and_takes_no_more(self, held: Gate, writer: Writer) -> None:
        waiting = [writer.submit(lambda n=n: n) for n in range(3)]
        threading.Timer(0.05, held.released.set).start()
        writer.stop(WAIT)
        assert done(*waiting) == [0, 1, 2]
        with pytest.raises(Refused, match="writer-stopped"):
            writer.submit(int)
