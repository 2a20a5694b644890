"""Keeps long parsing off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

_T = TypeVar("_T")
LARGE: Final = 64 << 10  # parsing this much takes about a millisecond


async def in_thread_if_large(parse: Callable[[bytes], _T], body: bytes) -> _T:
    """`parse(body)`, here when it is small."""
    return parse(body) if len(body) < LARGE else await asyncio.to_thread(parse, body)
