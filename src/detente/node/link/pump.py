"""The loop of one peer: drives the pure `PeerSync`, carries its actions out, and ticks it when it is due.

The state machine decides what is said and when; here is only its clock (the loop's), its tasks and its
timer. An action that fails, in whatever way, ends as `Failed`, so that its place is freed.
"""

from __future__ import annotations

import asyncio

from detente.node import logs
from detente.node.link.errands import Errands
from detente.node.link.errors import NOT_FOUND
from detente.record.errors import Conflict, DetenteError
from detente.record.sync import Action, Event, Failed, PeerSync, Tick

#: A tick at least this often: no arithmetic of due times may let a line sleep for good.
LONGEST_S = 3.0


class Pump:
    """Talk with one peer. All methods in the loop's thread."""

    def __init__(self, sync: PeerSync, errands: Errands | None) -> None:
        self.sync, self._errands = sync, errands
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def peer(self) -> str:
        return self.sync.peer

    def tell(self, event: Event) -> None:
        """Tell the state machine an event and begin what it then wants done."""
        if self._closed:
            return
        now = self._loop.time()
        for action in self.sync.receive(event, now):
            task = self._loop.create_task(self._carry_out(action))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._arm(now)

    async def close(self) -> None:
        """End timer and tasks, and the sockets of the dialling end."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._errands is not None:
            await self._errands.client.close()

    def _arm(self, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due = self.sync.next_due(now)
        instant = now + LONGEST_S if due is None else min(max(due, now), now + LONGEST_S)
        self._timer = self._loop.call_at(instant, self.tell, Tick())

    async def _carry_out(self, action: Action) -> None:
        if self._errands is None:
            return
        try:
            event: Event = await self._errands.carry_out(action)
        except Conflict as conflict:
            event = Failed(action, conflict.code, conflict.size)
        except DetenteError as error:
            if error.code not in ("unreachable", NOT_FOUND):
                logs.line("link-refused", peer=self.peer, code=error.code, kind=type(action).__name__)
            event = Failed(action, error.code)
        except Exception as error:
            logs.failure("link-action-failed", error, peer=self.peer, kind=type(action).__name__)
            event = Failed(action, "internal")
        self.tell(event)
