"""Bytes as letters that people read to each other: sixteen of each script, two check letters a line.

1. Six bytes a line: twelve letters of four bits, then two check letters. The last line is filled with zeros.
2. No digits: a digit among Arabic or Hebrew letters is drawn in the other direction, and is read in the wrong
   order. No two letters of one alphabet that are easily taken for each other in print; each has a word.
3. The check letters are a Reed-Solomon code over GF(16) with the line's number in it: any one or two wrong
   letters of a line are found, and so is a line in another's place. What passes all that is caught by the
   signature.
4. Reading forgives what writing does to letters: case, spaces, vowel signs, final and joined forms.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from detente.record.errors import Malformed, Refused, declare

BYTES_A_LINE: Final = 6
LETTERS_A_LINE: Final = 2 * BYTES_A_LINE
CHECKS: Final = 2
MAX_LINES: Final = 20

ALPHABETS: Final[Mapping[str, str]] = {
    "latin": "ABCFHJKLMQRTWXYZ",
    "arabic": "ابجدرسطعفكلمنهوي",
    "hebrew": "אבגהזטילמנספצקרש",
}
LINE_WRONG: Final = declare(
    "thin-line-wrong", "reader", "the letters of a line do not agree with its check letters; hear it again"
)
LINE_MISSING: Final = declare("thin-line-missing", "reader", "a line of the message was not read")

#: Other shapes of the same letter, as people write it or keyboards send it.
_SAME: Final = str.maketrans(
    {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ئ": "ي", "ک": "ك", "ة": "ه", "ؤ": "و",
     "ם": "מ", "ן": "נ", "ף": "פ", "ץ": "צ"}
)  # fmt: skip
_NUMBERED: Final = re.compile(r"\s*(\d{1,2})(?:\s*[.:)/]|\s)(.*)", re.DOTALL)
_NOTHING: Final = frozenset("\u0640\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069.,-·|")
_POLYNOMIAL: Final = 0b10011  # x^4 + x + 1, of which x is a generator


def _powers() -> tuple[int, ...]:
    found = [1]
    while len(found) < 15:
        found.append(found[-1] << 1 ^ (_POLYNOMIAL if found[-1] & 8 else 0))
    return tuple(found)


_POWERS: Final = _powers()


@dataclass(frozen=True, slots=True)
class Heard:
    """One line as it was read: its number, its letters, and its bytes if the check letters agree.

    `line` is None where the letters belong to no line of a message.
    """

    line: int | None
    letters: str
    data: bytes | None


def write_lines(data: bytes, script: str) -> Iterator[str]:
    """The lines of a message, from 1 on: groups of four letters and the two check letters."""
    alphabet = ALPHABETS[script]
    for number, first in enumerate(range(0, len(data), BYTES_A_LINE), 1):
        values = _values(data[first : first + BYTES_A_LINE].ljust(BYTES_A_LINE, b"\x00"))
        letters = "".join(alphabet[one] for one in (*values, *_check(values, number)))
        yield " ".join(letters[place : place + 4] for place in range(0, len(letters), 4))


def read_line(text: str, number: int) -> Heard | None:
    """The line that `text` is, taken for line `number` unless it says another; None when it has no letters.

    A line whose letters are not those of one script comes back with the letters it has and no bytes.
    """
    numbered = _NUMBERED.fullmatch(text)
    if numbered:
        number, text = int(numbered[1]), numbered[2]
    letters = _plain(text)
    if not letters:
        return None
    if not 1 <= number <= MAX_LINES:
        return Heard(None, letters, None)
    values = _of_one_script(letters)
    if values is None or len(values) != LETTERS_A_LINE + CHECKS:
        return Heard(number, letters, None)
    body, check = values[:LETTERS_A_LINE], values[LETTERS_A_LINE:]
    return Heard(number, letters, _bytes(body) if check == _check(body, number) else None)


def join_lines(lines: Mapping[int, bytes], length: int) -> bytes:
    """The message of `length` bytes from its good lines. Raises Refused `thin-line-missing`, Malformed."""
    count = -(-length // BYTES_A_LINE)
    for number in range(1, count + 1):
        if number not in lines:
            raise Refused(LINE_MISSING, line=number)
    found = b"".join(lines[number] for number in range(1, count + 1))
    if found[length:].strip(b"\x00"):
        raise Malformed("thin", "the last line is not filled with zeros")
    return found[:length]


def _plain(text: str) -> str:
    """The letters of a text in their one form; anything else that is visible stays, and makes it wrong."""
    shown = unicodedata.normalize("NFKC", text)
    kept = (one for one in shown if not (one.isspace() or one in _NOTHING or unicodedata.combining(one)))
    return "".join(kept).upper().translate(_SAME)


def _of_one_script(letters: str) -> tuple[int, ...] | None:
    for alphabet in ALPHABETS.values():
        if all(one in alphabet for one in letters):
            return tuple(alphabet.index(one) for one in letters)
    return None


def _values(data: bytes) -> tuple[int, ...]:
    return tuple(half for byte in data for half in (byte >> 4, byte & 15))


def _bytes(values: Iterable[int]) -> bytes:
    halves = iter(values)
    return bytes(high << 4 | low for high, low in zip(halves, halves, strict=True))


def _check(values: tuple[int, ...], number: int) -> tuple[int, int]:
    """Two check values over the line's values and, as two more of them, its number."""
    plain = weighted = 0
    for place, value in enumerate((*values, number & 15, number >> 4)):
        plain ^= value
        weighted ^= _times(value, _POWERS[place])
    return plain, weighted


def _times(one: int, other: int) -> int:
    return 0 if 0 in (one, other) else _POWERS[(_POWERS.index(one) + _POWERS.index(other)) % 15]


class Reading:
    """One message as its lines come in, in any order and again if need be."""

    def __init__(self) -> None:
        self.good: dict[int, bytes] = {}
        self.last = 0

    def hear(self, text: str, number: int | None = None) -> Heard | None:
        """Take a line that says its own number, or is `number`, or else the one behind the last."""
        heard = read_line(text, self.last + 1 if number is None else number)
        if heard is None:
            return None
        if heard.line is not None:
            self.last = heard.line
        if heard.line is not None and heard.data is not None:
            self.good[heard.line] = heard.data
        return heard

    def lines(self, length: Callable[[bytes], int | None]) -> int | None:
        """How many lines the message has; None until the first is good. `length` of its first bytes."""
        size = length(self.good.get(1, b""))
        return None if size is None else -(-size // BYTES_A_LINE)

    def missing(self, length: Callable[[bytes], int | None]) -> tuple[int, ...]:
        """Numbers of the lines that are not there yet."""
        count = self.lines(length) or 1
        return tuple(number for number in range(1, count + 1) if number not in self.good)

    def message(self, length: Callable[[bytes], int | None]) -> bytes:
        """All its bytes. Raises Refused `thin-line-missing`, Malformed."""
        return join_lines(self.good, length(self.good.get(1, b"")) or BYTES_A_LINE)
