"""Which parts this node lacks and one peer may have: urgent ones first, each put off by itself."""

from dataclasses import dataclass

from detente.record.messages import MAX_WANTS


@dataclass(slots=True)
class _Part:
    urgent: bool
    not_before: float


class Lacking:
    """Parts by their hash, in order of being lacked. `urgent`: core or content, else an attachment."""

    def __init__(self) -> None:
        self._parts: dict[bytes, _Part] = {}

    def lack(self, sha256: bytes, urgent: bool, not_before: float) -> None:
        """Lack a part that may be asked for from `not_before` on; told again it changes nothing."""
        self._parts.setdefault(sha256, _Part(urgent, not_before))

    def hold(self, sha256: bytes) -> None:
        """The part is here, from whomever."""
        self._parts.pop(sha256, None)

    def put_off(self, sha256: bytes, until: float) -> bool:
        """Ask this peer no sooner than `until`; False if the part is lacked no more."""
        part = self._parts.get(sha256)
        if part is not None:
            part.not_before = until
        return part is not None

    def next(self, now: float, *, urgent: bool) -> bytes | None:
        """The part to ask for now: the one whose turn came first.

        Never the first of the list: parts that a peer withholds would come round again before the others had
        a turn, and keep them away for as long as it likes.
        """
        ready = [(part.not_before, one) for one, part in self._parts.items() if part.urgent is urgent]
        turn, chosen = min(ready, key=lambda row: row[0], default=(now, None))
        return chosen if turn <= now else None

    def wants(self) -> tuple[bytes, ...]:
        """Hashes to name in a message, urgent ones first."""
        return tuple(sorted(self._parts, key=lambda one: not self._parts[one].urgent))[:MAX_WANTS]

    def dues(self) -> list[float]:
        """Instants from which each part may be asked for."""
        return [part.not_before for part in self._parts.values()]
