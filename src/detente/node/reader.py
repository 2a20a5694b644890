"""Threads that read the record for an event loop, each with a database connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Reader:
    """`run(function, …)` gives a future; in a loop: `await asyncio.wrap_future(reader.run(…))`.

    Under WAL a read neither waits for the writer nor holds it up.
    """

    def __init__(self, threads: int = 2) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="reader")

    def run(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> Future[_R]:
        """Have `function` run in a reader thread."""
        return self._pool.submit(function, *args, **kwargs)

    def stop(self) -> None:
        """Finish what was asked, close the connections, end the threads."""
        self._pool.submit(_close_connections)
        self._pool.shutdown(wait=True)


def _close_connections() -> None:
    from django.db import connections

    connections.close_all()
