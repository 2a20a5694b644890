"""Keeps long work off the event loop: a small pool of reader threads, a database connection each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

_T = TypeVar("_T")
LARGE: Final = 64 << 10  # parsing this much takes about a millisecond
_pool: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="link-read")


async def in_thread(call: Callable[[], _T]) -> _T:
    """The result of `call()`, run in a reader thread."""
    return await asyncio.get_running_loop().run_in_executor(_pool, call)


async def in_thread_if_large(parse: Callable[[bytes], _T], body: bytes) -> _T:
    """`parse(body)`, here when it is small."""
    return parse(body) if len(body) < LARGE else await in_thread(lambda: parse(body))
