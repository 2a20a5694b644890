"""Which parts this node lacks and one peer may have: urgent ones first, each put off by itself."""

from dataclasses import dataclass

from detente.record.messages import MAX_WANTS


@dataclass(slots=True)
class _Part:
    urgent: bool
    not_before: float
    floor: bool


class Lacking:
    """Parts by their hash, in order of being lacked. `urgent`: core or content, else an attachment."""

    def __init__(self) -> None:
        self._parts: dict[bytes, _Part] = {}
        self._floor_next = True

    def lack(self, sha256: bytes, urgent: bool, not_before: float, floor: bool = False) -> None:
        """Lack a part that may be asked for from `not_before` on; told again it changes nothing."""
        self._parts.setdefault(sha256, _Part(urgent, not_before, floor))

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
        a turn, and keep them away for as long as it likes. Parts of floor entries have every other turn: they
        need not wait for all that a flood left to be asked for, and it need not wait for all of them.
        """
        parts = self._parts.items()
        ready = [row for row in parts if row[1].urgent is urgent and row[1].not_before <= now]
        if not ready:
            return None
        first = self._floor_next
        sha256, part = min(ready, key=lambda row: (row[1].floor is not first, row[1].not_before))
        self._floor_next = not part.floor
        return sha256

    def wants(self) -> tuple[bytes, ...]:
        """Hashes to name in a message, urgent ones first."""
        return tuple(sorted(self._parts, key=lambda one: not self._parts[one].urgent))[:MAX_WANTS]

    def dues(self) -> list[float]:
        """Instants from which each part may be asked for."""
        return [part.not_before for part in self._parts.values()]
