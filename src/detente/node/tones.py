"""The alarm's sounds, generated: actual, exercise and test differ in rhythm as well as in pitch.

Nobody must mistake one for another with the door closed: actual is a fast two-tone without pauses, exercise
is three short pips and a long pause, test is one steady tone.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Final, Literal

Pattern = Literal["actual", "exercise", "test"]
RATE: Final = 16000  # samples a second, mono, 16 bits
_VOLUME: Final = 24000
_RAMP_S: Final = 0.005  # without it every tone begins with a click

#: (Hertz, seconds); 0 Hertz is a pause.
PATTERNS: Final[Mapping[Pattern, Sequence[tuple[int, float]]]] = {
    "actual": ((960, 0.2), (720, 0.2)) * 5,
    "exercise": (((440, 0.15), (0, 0.15)) * 3) + ((0, 1.1),),
    "test": ((523, 1.0),),
}


def wav(pattern: Pattern) -> bytes:
    """One round of the pattern as a WAV file."""
    samples = [sample for hertz, seconds in PATTERNS[pattern] for sample in _tone(hertz, seconds)]
    data = struct.pack(f"<{len(samples)}h", *samples)
    form = struct.pack("<HHIIHH", 1, 1, RATE, RATE * 2, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _tone(hertz: int, seconds: float) -> list[int]:
    count, ramp = int(RATE * seconds), RATE * _RAMP_S
    if not hertz:
        return [0] * count
    return [
        int(_VOLUME * min(1.0, at / ramp, (count - at) / ramp) * math.sin(2 * math.pi * hertz * at / RATE))
        for at in range(count)
    ]
