"""One lane for each kind of action towards a peer: what is under way, and when the next may begin."""

from collections.abc import Callable, Mapping
from typing import Final

from detente.record.actions import Action, Pull, SendAhead, SendHeads, SendProbe, SendPush, Wait

RETRY_FIRST_S: Final = 0.05
#: SPEC: protocol D4
RETRY_CAP_S: Final = 0.5
#: After the peer refused by name: the same would be refused again until somebody acts.
REFUSED_S: Final = 3.0

#: Codes that say nothing against the content.
_REACH: Final = frozenset({"unreachable", "conflict"})

#: The lane of each kind of action but parts, which have two.
LANES: Final[Mapping[type, str]] = {
    SendPush: "_push",
    SendHeads: "_heads",
    SendAhead: "_ahead",
    Pull: "_pull",
    SendProbe: "_probe",
    Wait: "_wait",
}


class Lane:
    """At most one action of its kind is under way. `make(now)` gives the next one, None if there is none."""

    __slots__ = ("_delay", "_make", "action", "not_before", "refused", "since")

    def __init__(self, make: Callable[[float], Action | None]) -> None:
        self._make = make
        self._delay = 0.0
        self.action: Action | None = None
        self.since = 0.0
        self.not_before = 0.0
        self.refused = False

    def free(self, now: float) -> bool:
        """Whether an action may begin."""
        return self.action is None and now >= self.not_before

    def begin(self, now: float) -> Action | None:
        """The next action, now under way."""
        self.action = self._make(now)
        if self.action is not None:
            self.since = now
        return self.action

    def end(self, action: Action) -> bool:
        """Free the lane if `action` is under way in it; a late answer to an older one does not."""
        if self.action != action:
            return False
        self.action = None
        return True

    def succeed(self) -> None:
        """Forget earlier failures."""
        self.not_before, self._delay, self.refused = 0.0, 0.0, False

    def fail(self, code: str, now: float) -> None:
        """Put off the next action by what the error's code calls for."""
        self.refused = code not in _REACH
        if self.refused:
            self.not_before = now + REFUSED_S
        else:
            self._delay = min(RETRY_CAP_S, 2 * self._delay or RETRY_FIRST_S)
            self.not_before = now + self._delay

    def revive(self) -> None:
        """The peer was heard: what waited for reach alone may begin at once."""
        if self._delay and not self.refused:
            self.not_before, self._delay = 0.0, 0.0
