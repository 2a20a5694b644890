"""Which cosignatures one peer has not been told yet, the newest of each mirror and log."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from detente.record.actions import CosignatureKnown
from detente.record.messages import MAX_COSIGNATURES
from detente.record.names import parse_mirror, party_of

#: Another mirror's cosignature of the peer's own log, which the mirror mostly tells it itself; and the own
#: one of a third log, which mostly goes with a head.
RECEIPT_S: Final = 0.1
#: Any other cosignature goes with the next message, or after this.
GOSSIP_S: Final = 0.5


@dataclass(slots=True)
class _Untold:
    note: bytes
    due: float


class Gossip:
    """Cosignatures for `peer`. What is told is struck off only when the peer has answered."""

    def __init__(self, me: str, peer: str) -> None:
        self._me, self._peer = me, peer
        self._untold: dict[tuple[str, str], _Untold] = {}
        self._newest: dict[tuple[str, str], tuple[int, int]] = {}

    def learn(self, event: CosignatureKnown, now: float) -> None:
        """Keep a cosignature if it is newer than the one known, and due if the peer does not have it."""
        key, rank = (event.mirror, event.log), (event.size, event.time)
        newest = self._newest.get(key, (-1, 0))
        if event.told and rank >= newest:
            self._untold.pop(key, None)
        elif rank > newest:
            due = self._untold[key].due if key in self._untold else now + self._pause(event)
            self._untold[key] = _Untold(event.note, due)
        self._newest[key] = max(rank, newest)

    def strike(self, notes: Iterable[bytes]) -> None:
        """The peer answered a message with these."""
        told = set(notes)
        self._untold = {key: one for key, one in self._untold.items() if one.note not in told}

    def notes(self) -> tuple[bytes, ...]:
        """What to add to a message that goes anyway."""
        return tuple(one.note for one in self._untold.values())[:MAX_COSIGNATURES]

    def dues(self) -> list[float]:
        """Instants at which a message must go for their sake."""
        return [one.due for one in self._untold.values()]

    def _pause(self, event: CosignatureKnown) -> float:
        own = parse_mirror(event.mirror)[1] == self._me
        theirs = party_of(event.log) == self._peer
        if own and theirs:
            return 0.0
        return RECEIPT_S if own or theirs else GOSSIP_S
