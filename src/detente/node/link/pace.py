"""How patient to be with one line, and how much to put on it at once; learned from what it carried.

1. A line that answers in 200 ms is given the second of protocol D4. A slower one is given five of its rounds,
   PATIENT_S at most; while nothing is known of it, or it is silent, every third try is patient, so that a
   slow line is found out without a cut one being waited for each time.
2. A body is given the time that its bytes need. A line of which no body was measured yet is tried with a
   small one and taken for slow; one that did not take a body in time counts as a quarter as fast. A slow line
   is given bodies of BODY_S seconds of its own rate: nothing holds it for long (protocol D2).
3. A part is pulled in pieces of about PIECE_S: what must overtake it goes between two of them.
"""

from __future__ import annotations

from typing import Final

#: SPEC: protocol D4
ANSWER_S: Final = 1.0
PATIENT_S: Final = 4.0
ROUNDS: Final = 5
#: Bytes a second. Above FASTEST a line is never what is waited for; below SLOWEST none is of use.
FASTEST: Final = 256 << 10
SLOWEST: Final = 2 << 10
BODY_S: Final = 4.0
LEAST_BODY: Final = 16 << 10
UNKNOWN: Final = 8 << 10
UNKNOWN_S: Final = 4.0
FIRST_BODY: Final = 64 << 10
#: Bodies from which a rate can be read: below, the round counts for more than the bytes.
TELLING: Final = 4 << 10
PIECE_S: Final = 1.5
FIRST_PIECE: Final = 16 << 10
LEAST_PIECE: Final = 2 << 10
LARGEST_PIECE: Final = 256 << 10


class Pace:
    """What is known of one line. No clock: it is told how long things took."""

    def __init__(self) -> None:
        self._round = 0.0  # seconds of a small question and its answer
        self._rate = float(UNKNOWN)
        self._measured = False
        self._missed = 0  # time-outs in a row
        self.piece = FIRST_PIECE

    def patience_s(self) -> float:
        """Seconds for a connection, or for the first word of an answer."""
        if self._missed and self._missed % 3 == 0:
            return PATIENT_S
        return min(PATIENT_S, max(ANSWER_S, ROUNDS * self._round))

    def body_s(self, size: int) -> float:
        """Seconds that a body of this size may take besides."""
        return size / self._rate if self._measured else min(UNKNOWN_S, size / self._rate)

    def room(self) -> int | None:
        """Bytes that one body should have at most; None: as many as the protocol allows."""
        if not self._measured:
            return FIRST_BODY
        return None if self._rate >= FASTEST else max(LEAST_BODY, int(self._rate * BODY_S))

    def answered(self, sent: int, seconds: float) -> None:
        """A body of `sent` bytes was answered after so many seconds."""
        self._missed = 0
        if sent >= TELLING:
            # Half of it: the next body may meet others on the line.
            self._rate = min(FASTEST, max(SLOWEST, sent / max(seconds - self._round, 1e-3) / 2))
            self._measured = True
        else:
            self._round = seconds if not self._round else (3 * self._round + seconds) / 4

    def missed(self, sent: int) -> None:
        """Nothing came in time; `sent`: bytes of the body that was under way, 0 if none was."""
        self._missed += 1
        if sent >= TELLING:
            self._rate = max(SLOWEST, self._rate / 4)
            self._measured = True

    def brought(self, size: int, seconds: float) -> None:
        """A piece of a part of that size came."""
        fits = int(size / max(seconds, 1e-3) * PIECE_S)
        self.piece = max(LEAST_PIECE, min(LARGEST_PIECE, 2 * self.piece, fits))

    def broke(self) -> None:
        """A piece did not come."""
        self.piece = max(LEAST_PIECE, self.piece // 2)
