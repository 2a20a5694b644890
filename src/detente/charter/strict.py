"""Strict reading of TOML: every key known, every type checked, every refusal names the path.

1. A file is UTF-8 without byte order mark, at most its limit, and one table.
2. A key that the reader does not know is refused: a misspelt rule must not vanish in silence.
3. Floats and dates are refused: numbers in a charter are whole, instants are texts of one form.
4. Strings are in Unicode normal form C, without control letters and without the marks that turn the
   direction of a line: what a lawyer sees is what is hashed.

A broken form is `Malformed`; a well-formed statement that contradicts another is `RuleViolation`.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any, Final

from detente.charter.model import StringState, Text
from detente.charter.table import When
from detente.record.errors import Malformed, RuleViolation, declare

FILE_LIMIT: Final = 1 << 20
"""Bytes of one file: three times the largest that we ship, so that a stray file cannot eat memory."""

TEXT_LIMIT: Final = 2000
"""Letters of one string. Prepared sentences and the preamble are the longest."""

INTEGER_LIMIT: Final = 2**53 - 1

CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,47}")
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,47}")
LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
PARTY: Final = re.compile(r"[a-z][a-z0-9]{0,15}")
CLOCK: Final = re.compile(r"T[1-9][0-9]?")
ANY: Final = re.compile(r".+", re.DOTALL)

# Marks that embed, override or isolate direction; display adds its own isolates.
_TURNING: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_STATES: Final[tuple[StringState, ...]] = ("draft", "checked", "agreed")

CONTRADICTION: Final = declare(
    "charter-contradiction", "charter authors", "two statements of the charter or of a kind file contradict"
)


def contradiction(clause: str, path: str, detail: str) -> RuleViolation:
    """The refusal of a well-formed file that says two things at once, or names what is nowhere."""
    return RuleViolation(clause, CONTRADICTION, path=path, detail=detail)


def parse_toml(data: bytes, path: str) -> Table:
    """The table that a whole file is. Raises Malformed, nothing else."""
    if not data.strip():
        raise Malformed(path, "the file is empty")
    if len(data) > FILE_LIMIT:
        raise Malformed(path, f"longer than {FILE_LIMIT} bytes")
    try:
        return Table(tomllib.loads(data.decode("utf-8")), path)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise Malformed(path, str(error)[:200]) from error


class Table:
    """One TOML table being read. `done` refuses what nobody asked for."""

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise Malformed(path, "not a table")
        self._left: dict[str, Any] = dict(value)
        self.path = path

    def at(self, key: str) -> str:
        """The path of a key, for messages."""
        return f"{self.path}: {key}" if ": " not in self.path else f"{self.path}.{key}"

    def has(self, key: str) -> bool:
        """Whether the key stands here and was not taken yet."""
        return key in self._left

    def done(self) -> None:
        """Refuse keys that nobody took."""
        if self._left:
            raise Malformed(self.at(min(self._left)[:60]), "unknown key")

    def text(self, key: str, pattern: re.Pattern[str] = ANY, *, limit: int = TEXT_LIMIT) -> str:
        """A string that the pattern matches whole."""
        return clean_text(self._take(key), self.at(key), pattern, limit)

    def maybe_text(self, key: str, pattern: re.Pattern[str] = ANY, *, limit: int = TEXT_LIMIT) -> str | None:
        """The same, or None if the key is absent."""
        return self.text(key, pattern, limit=limit) if self.has(key) else None

    def choice(self, key: str, of: Iterable[str]) -> str:
        """A string that is one of `of`."""
        found = self.text(key)
        if found not in tuple(of):
            raise Malformed(self.at(key), f"{found[:40]} is none of {', '.join(of)}")
        return found

    def integer(self, key: str, *, low: int = 0, high: int = INTEGER_LIMIT) -> int:
        """A whole number from `low` to `high`; true is not 1."""
        found = self._take(key)
        if isinstance(found, bool) or not isinstance(found, int) or not low <= found <= high:
            raise Malformed(self.at(key), f"not a whole number from {low} to {high}")
        return found

    def maybe_integer(self, key: str, *, low: int = 0, high: int = INTEGER_LIMIT) -> int | None:
        """The same, or None if the key is absent."""
        return self.integer(key, low=low, high=high) if self.has(key) else None

    def boolean(self, key: str, default: bool) -> bool:
        """true or false; `default` if the key is absent."""
        found = self._left.pop(key, default)
        if not isinstance(found, bool):
            raise Malformed(self.at(key), "neither true nor false")
        return found

    def texts(self, key: str, pattern: re.Pattern[str] = ANY, *, required: bool = False) -> tuple[str, ...]:
        """A list of different strings; empty if the key is absent and not required."""
        if not required and not self.has(key):
            return ()
        found = self._take(key)
        if not isinstance(found, list):
            raise Malformed(self.at(key), "not a list")
        texts = tuple(clean_text(one, self.at(key), pattern, TEXT_LIMIT) for one in found)
        if len(set(texts)) != len(texts) or (required and not texts):
            raise Malformed(self.at(key), "a value stands twice" if texts else "empty")
        return texts

    def choices(self, key: str, of: Iterable[str], *, required: bool = False) -> tuple[str, ...]:
        """A list of different strings, each one of `of`."""
        found = self.texts(key, required=required)
        if wrong := [one for one in found if one not in tuple(of)]:
            raise Malformed(self.at(key), f"{wrong[0][:40]} is none of {', '.join(of)}")
        return found

    def table(self, key: str) -> Table:
        """A table that must be there."""
        return Table(self._take(key), self.at(key))

    def maybe_table(self, key: str) -> Table:
        """A table; an empty one if the key is absent."""
        return Table(self._left.pop(key, {}), self.at(key))

    def tables(self, key: str, *, required: bool = False) -> Iterator[Table]:
        """The tables of an array; none if the key is absent and not required."""
        found = self._take(key) if required else self._left.pop(key, [])
        if not isinstance(found, list) or (required and not found):
            raise Malformed(self.at(key), "not a list of tables")
        for number, one in enumerate(found, 1):
            yield Table(one, f"{self.at(key)}[{number}]")

    def plain(self, key: str) -> dict[str, Any]:
        """A table of values as they stand, empty if absent: whoever uses them checks them."""
        found = self._left.pop(key, {})
        if not isinstance(found, dict):
            raise Malformed(self.at(key), "not a table")
        return found

    def rest(self) -> Iterator[str]:
        """Keys not taken yet, in the order of the file."""
        yield from tuple(self._left)

    def by_language(self, key: str) -> Text:
        """A table of language code → string; empty if the key is absent."""
        inner = self.maybe_table(key)
        for lang in inner.rest():
            if not LANGUAGE.fullmatch(lang):
                raise Malformed(inner.at(lang[:20]), "not a language code")
        return {lang: inner.text(lang) for lang in inner.rest()}

    def when(self, key: str = "when") -> When:
        """A condition: field name → codes, one or several."""
        inner = self.maybe_table(key)
        found: dict[str, tuple[str, ...]] = {}
        for name in inner.rest():
            if not NAME.fullmatch(name):
                raise Malformed(inner.at(name[:50]), "not a field name")
            found[name] = inner.texts(name, CODE, required=True)
        return found

    def worded(self) -> dict[str, Any]:
        """The words of a thing as keyword arguments of `model.Worded`, without its id.

        Words are a draft until the file says who has checked or agreed them.
        """
        state: StringState = "draft"
        if self.has("review"):
            said = self.choice("review", _STATES)
            state = next(one for one in _STATES if one == said)
        by = self.texts("reviewed_by")
        if (state == "draft") == bool(by):
            raise Malformed(
                self.at("reviewed_by"), "names the posts that checked or agreed, and nobody for a draft"
            )
        return {
            "labels": self.by_language("label"),
            "definition": self.by_language("definition"),
            "not_to_be_read_as": self.by_language("not_to_be_read_as"),
            "state": state,
            "reviewed_by": by,
        }

    def _take(self, key: str) -> Any:
        if key not in self._left:
            raise Malformed(self.at(key), "is missing")
        return self._left.pop(key)


def clean_text(value: Any, path: str, pattern: re.Pattern[str], limit: int) -> str:
    """`value` if it is a string by rule 4 of this file, not empty, that `pattern` matches whole."""
    if not isinstance(value, str) or not 0 < len(value) <= limit:
        raise Malformed(path, f"not a text of 1 to {limit} letters")
    if any(unicodedata.category(one) in ("Cc", "Cs") or one in _TURNING for one in value):
        raise Malformed(path, "holds a control letter or a mark that turns direction")
    if value != unicodedata.normalize("NFC", value) or value != value.strip():
        raise Malformed(path, "not in normal form C, or with space at an end")
    if not pattern.fullmatch(value):
        raise Malformed(path, f"{value[:60]} has not the form of its kind")
    return value
