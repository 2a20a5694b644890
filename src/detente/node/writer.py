"""The one thread that writes the record.

1. Everything that changes the database runs here, one job after another; nobody else writes.
2. Floor jobs go first. An ordinary queue that is full refuses ordinary jobs only; floor jobs have a room of
   their own that nothing else can fill.
3. A job may be a generator: it yields between its transactions, each of at most some 50 ms, and floor jobs
   go in between (one level deep). Catching up with a long log therefore never holds a floor entry back.
   Listeners hear of each step, since what it did is on disk.
4. Grouped jobs: what waits under one name when its turn comes is given to the group's function together, so
   that own entries released in the same moment get one head.
5. The result, or the error, is in the job's future; by then the transaction is on disk.
6. A generator job may give its result before its end, `yield Answer(result)`: what follows is bookkeeping
   that nobody waits for.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from types import GeneratorType
from typing import Any, Final

from detente.record.errors import Refused, declare

WRITER_BUSY: Final = declare("writer-busy", "caller", "too many writes wait; try again in a second")
WRITER_STOPPED: Final = declare("writer-stopped", "operator", "the node is stopping; nothing was written")

_log = logging.getLogger(__name__)

#: Gets the payloads of one group, gives one result or exception for each, in order.
GroupFunction = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(eq=False)
class _Job:
    future: Future[Any]
    call: Callable[[], Any] | None = None
    group: str | None = None
    payload: Any = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a generator job yields to give its result before it ends."""

    result: Any


class Writer(threading.Thread):
    """The writer thread. `start()` it once; `submit` from any thread; `stop()` finishes what waits."""

    def __init__(self, *, queue: int = 1024, group: int = 64) -> None:
        super().__init__(name="writer", daemon=True)
        self._limit = queue
        self._group_limit = group
        self._changed = threading.Condition()  # guards the queues and _stopping
        self._floor: deque[_Job] = deque()
        self._ordinary: deque[_Job] = deque()
        self._stopping = False
        self._groups: dict[str, GroupFunction] = {}
        self._after: list[Callable[[], None]] = []
        self._between = False  # a floor job runs between the steps of another; the writer thread's own

    def group(self, name: str, function: GroupFunction) -> None:
        """Say what does the grouped jobs of that name; before the first of them."""
        self._groups[name] = function

    def after_each(self, call: Callable[[], None]) -> None:
        """Have `call()` run in the writer thread after each job or step that succeeded; it sets a flag."""
        self._after.append(call)

    def submit(self, job: Callable[[], Any], *, floor: bool = False) -> Future[Any]:
        """Have `job()` run in the writer thread. Raises Refused `writer-busy` or `writer-stopped`."""
        return self._put(_Job(Future(), call=job), floor=floor)

    def submit_grouped(self, name: str, payload: Any, *, floor: bool = False) -> Future[Any]:
        """Have the function of group `name` do `payload`, together with others that wait then."""
        return self._put(_Job(Future(), group=name, payload=payload), floor=floor)

    def waiting(self) -> int:
        """Jobs that wait now."""
        with self._changed:
            return len(self._floor) + len(self._ordinary)

    def stop(self, timeout: float | None = None) -> None:
        """Refuse new jobs, finish the waiting ones and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self.is_alive():
            self.join(timeout)

    def run(self) -> None:
        """Take jobs until stopped; floor first."""
        try:
            while (jobs := self._next()) is not None:
                self._do(jobs)
        finally:
            _close_connections()

    def _put(self, job: _Job, *, floor: bool) -> Future[Any]:
        with self._changed:
            if self._stopping:
                raise Refused(WRITER_STOPPED)
            queue = self._floor if floor else self._ordinary
            if len(queue) >= self._limit:
                raise Refused(WRITER_BUSY, waiting=len(queue))
            queue.append(job)
            self._changed.notify()
        return job.future

    def _next(self) -> list[_Job] | None:
        """The next job, with all others of its group that wait; None when stopped and empty."""
        with self._changed:
            while not self._floor and not self._ordinary:
                if self._stopping:
                    return None
                self._changed.wait()
            return self._take()

    def _take(self) -> list[_Job]:
        queue = self._floor or self._ordinary
        jobs = [queue.popleft()]
        name = jobs[0].group
        if name is None:
            return jobs
        for waiting in (self._floor, self._ordinary):
            joined = [one for one in waiting if one.group == name][: self._group_limit - len(jobs)]
            for one in joined:
                waiting.remove(one)
            jobs += joined
        return jobs

    def _do(self, jobs: list[_Job]) -> None:
        running = [one for one in jobs if one.future.set_running_or_notify_cancel()]
        if not running:
            return
        first = running[0]
        if first.group is not None:
            self._do_group(first.group, running)
            return
        try:
            result = self._step(first)
        except Exception as error:
            if first.future.done():
                _log.exception("a job failed behind its answer")
            else:
                first.future.set_exception(error)
        else:
            self._done(first, result)

    def _step(self, job: _Job) -> Any:
        """Run a job; floor jobs that come meanwhile go in between its steps."""
        result = job.call() if job.call else None
        if not isinstance(result, GeneratorType):
            return result
        while True:
            try:
                given = next(result)
            except StopIteration as end:
                return end.value
            if isinstance(given, Answer):
                self._done(job, given.result)
            else:
                self._tell()
            self._floor_now()

    def _floor_now(self) -> None:
        """Do the floor jobs that wait; their own steps let nobody between, or a burst would nest them."""
        if self._between:
            return
        self._between = True
        try:
            while True:
                with self._changed:
                    if not self._floor:
                        return
                    jobs = self._take()
                self._do(jobs)
        finally:
            self._between = False

    def _do_group(self, name: str, jobs: list[_Job]) -> None:
        try:
            results = self._groups[name]([one.payload for one in jobs])
        except Exception as error:
            results = [error] * len(jobs)
        for job, result in zip(jobs, results, strict=True):
            if isinstance(result, BaseException):
                job.future.set_exception(result)
            else:
                self._done(job, result)

    def _done(self, job: _Job, result: Any) -> None:
        if not job.future.done():
            job.future.set_result(result)
        self._tell()

    def _tell(self) -> None:
        for call in self._after:
            try:
                call()
            except Exception:
                _log.exception("a listener of the writer failed")


def _close_connections() -> None:
    from django.db import connections

    connections.close_all()
