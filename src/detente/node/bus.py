"""The event bus of one process: publish from any thread, read in the event loop.

A subscription has a bounded queue. One that is full is closed rather than allowed to slow the others or to
grow: its reader comes back with the last position it has seen, and the record has the rest.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

QUEUE: Final = 1000  # events a slow reader may lag; an entry event is some 100 bytes
Scalar = str | int | bool | None


@dataclass(frozen=True)
class Event:
    """`type` is entry | status | alarm | peer; `data` holds ids, kinds and states only, never content."""

    type: str
    data: Mapping[str, Scalar] = field(default_factory=dict)
    position: int | None = None


class Subscription:
    """One reader's queue, bound to the event loop it was made in."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(QUEUE)
        self.closed = False

    def offer(self, event: Event) -> None:
        """Queue `event`; called from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._put, event)
        except RuntimeError:  # the loop has ended: so has the reader
            self.close()

    def _put(self, event: Event) -> None:
        if self.closed:
            return
        if self._queue.full():
            self.close()
            self._queue.get_nowait()
            self._queue.put_nowait(None)
            return
        self._queue.put_nowait(event)

    async def next(self, timeout: float | None = None) -> Event | None:
        """The next event, or None after `timeout` seconds or when the subscription was closed."""
        if self.closed:
            return None
        try:
            return await asyncio.wait_for(self._queue.get(), timeout)
        except TimeoutError:
            return None

    def close(self) -> None:
        """Leave the bus; events offered later are dropped."""
        self.closed = True
        self._bus.drop(self)

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


class EventBus:
    """Hands every event to every subscription. `_lock` guards `_subscriptions`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: tuple[Subscription, ...] = ()

    def publish(self, event: Event) -> None:
        """Give `event` to all present readers; never blocks, any thread may call it."""
        for subscription in self._subscriptions:
            subscription.offer(event)

    def subscribe(self) -> Subscription:
        """A new reader; must be called in the event loop that will read it."""
        subscription = Subscription(self)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def drop(self, subscription: Subscription) -> None:
        """Forget a reader (idempotent)."""
        with self._lock:
            self._subscriptions = tuple(s for s in self._subscriptions if s is not subscription)
