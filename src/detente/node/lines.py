"""The line to each peer: direct, relay or none, since when, and what the peer said of itself.

1. The link calls `heard` for every answered or received probe and `failed` for every attempt that got no
   answer. Nothing else moves a line, and nothing of it enters the record (protocol D4).
2. A line is `direct` while the peer was heard within DIRECT_S: two probes of 3 s and the 1 s time-out, so a
   node stopped in mid-run is shown as such within 10 s.
3. Otherwise it is `relay` while another peer, itself direct, says in its probe that it has heard this one
   within the same DIRECT_S (`hears`: party → seconds since it last heard it directly), else `none`.
4. `since` is the time of the last change. Ages are taken on the monotonic clock: a corrected wall clock
   must not make a dead line look alive.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

DIRECT_S: Final = 7.5
Line = Literal["direct", "relay", "none"]


@dataclass(frozen=True)
class PeerState:
    """One peer as last heard; times are this node's POSIX seconds, `holds` maps origin → size."""

    line: Line = "none"
    since: int | None = None
    last_heard: int | None = None
    armed: bool | None = None
    clock_offset_s: int | None = None
    version: str | None = None
    holds: Mapping[str, int] = field(default_factory=dict)
    failures: int = 0
    error: str | None = None


class LineBoard:
    """All peers' lines. Any thread may call any method; `_lock` guards the three mappings."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._states: dict[str, PeerState] = {}
        self._heard: dict[str, float] = {}
        self._through: dict[str, dict[str, float]] = {}  # peer → via → monotonic instant it was heard there

    def expect(self, party: str, *, at: int) -> None:
        """Name a peer before it was ever heard, so that status lists it as `none` since start."""
        with self._lock:
            self._states.setdefault(party, PeerState(since=at))

    def heard(
        self,
        party: str,
        *,
        at: int,
        armed: bool | None = None,
        clock_offset_s: int | None = None,
        version: str | None = None,
        holds: Mapping[str, int] | None = None,
        hears: Mapping[str, int] | None = None,
    ) -> None:
        """A probe of `party`, or its answer to ours, arrived directly at `at`."""
        now = self._monotonic()
        with self._lock:
            old = self._states.get(party, PeerState(since=at))
            self._heard[party] = now
            for other, age_s in (hears or {}).items():
                self._through.setdefault(other, {})[party] = now - age_s
            self._states[party] = replace(
                old, last_heard=at, armed=armed, clock_offset_s=clock_offset_s, version=version,
                holds=dict(holds) if holds is not None else old.holds, failures=0, error=None,
            )  # fmt: skip

    def failed(self, party: str, *, error: str) -> None:
        """An attempt to reach `party` got no good answer; `error` is a stable code (`unreachable`, …)."""
        with self._lock:
            old = self._states.get(party, PeerState())
            self._states[party] = replace(old, failures=old.failures + 1, error=error)

    def _refresh(self, at: int) -> None:
        now = self._monotonic()
        for party, old in self._states.items():
            line = self._line(party, now)
            if line != old.line or old.since is None:
                self._states[party] = replace(old, line=line, since=at)

    def _line(self, party: str, now: float) -> Line:
        if now - self._heard.get(party, float("-inf")) <= DIRECT_S:
            return "direct"
        for via, instant in self._through.get(party, {}).items():
            fresh = now - self._heard.get(via, float("-inf")) <= DIRECT_S
            if fresh and now - instant <= DIRECT_S:
                return "relay"
        return "none"

    def states(self, *, at: int) -> Mapping[str, PeerState]:
        """Every peer's present state, by party id."""
        with self._lock:
            self._refresh(at)
            return dict(self._states)

    def hears(self) -> Mapping[str, int]:
        """For our own probes: party → whole seconds since we heard it directly."""
        now = self._monotonic()
        with self._lock:
            return {party: int(now - instant) for party, instant in self._heard.items()}
