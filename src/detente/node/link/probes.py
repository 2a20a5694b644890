"""Probes: what this node says of itself every three seconds, and what it notes of others (protocol D4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from detente import __version__
from detente.node.lines import LineBoard
from detente.node.link.ports import Shelf
from detente.record.sync import Probe, encode_probe, parse_probe

_MOST: Final = 64  # logs and parties in one probe; a cell has far fewer


class Probes:
    """Makes own probes and takes in the others'."""

    def __init__(
        self, shelf: Shelf, lines: LineBoard, clock: Callable[[], float], armed: Callable[[], bool]
    ) -> None:
        self._shelf, self._lines, self._clock, self._armed = shelf, lines, clock, armed

    def now(self) -> float:
        """This node's time, POSIX seconds."""
        return self._clock()

    def own(self) -> bytes:
        """The body of our probe, or of our answer to one."""
        holds = dict(sorted(self._shelf.holds().items())[:_MOST])
        hears = dict(sorted(self._lines.hears().items())[:_MOST])
        return encode_probe(Probe(int(self._clock()), self._armed(), holds, hears, __version__))

    def heard(self, peer: str, body: bytes, asked: float | None = None) -> Mapping[str, int]:
        """Take in `peer`'s probe, or its answer to one asked at `asked`; sizes it holds. Raises Malformed."""
        probe = parse_probe(body)
        now = self._clock()
        middle = now if asked is None else (asked + now) / 2
        self._lines.heard(
            peer,
            at=int(now),
            armed=probe.watch_armed,
            clock_offset_s=round(probe.time - middle),
            version=probe.version,
            holds=probe.holds,
            hears=probe.hears,
        )
        return {log: size for log, size in probe.holds.items() if self._shelf.knows(log)}
