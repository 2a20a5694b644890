"""Receipts of the own log that a peer owes: it holds the entries, and its answer was lost."""

from collections.abc import Mapping
from typing import Final

from detente.record.names import generation_of, party_of

#: Seconds from the peer's word that it holds them to asking, and from asking to asking again.
GRACE_S: Final = 1.0
AGAIN_S: Final = 15.0


class Owed:
    """What one peer's mirror has cosigned of the logs of `me`, and when to ask it for more."""

    def __init__(self, me: str) -> None:
        self._me = me
        self._receipted: dict[str, int] = {}
        self._claimed: dict[str, float] = {}
        self._newest, self._known = "", 0  # the newest own log among so many logs

    def learn(self, log: str, size: int) -> None:
        """The peer's mirror cosigned `log` at `size`."""
        self._receipted[log] = max(size, self._receipted.get(log, 0))

    def due(
        self, mine: Mapping[str, int], holds: Mapping[str, int], said: Mapping[str, float]
    ) -> tuple[str, float] | None:
        """The newest own log and the instant to ask from; None if nothing is owed.

        `mine` and `holds` are sizes here and at the peer, `said` when the peer's last moved. No log leaves
        `mine`.
        """
        if len(mine) != self._known:
            own = (one for one in mine if party_of(one) == self._me)
            self._newest, self._known = max(own, key=generation_of, default=""), len(mine)
        log = self._newest
        size = mine.get(log, 0)
        if not 0 < size == holds.get(log, 0) or self._receipted.get(log, 0) >= size:
            return None
        return log, max(said.get(log, 0.0) + GRACE_S, self._claimed.get(log, 0.0))

    def claim(self, log: str, now: float) -> None:
        """It is asked for now."""
        self._claimed[log] = now + AGAIN_S
