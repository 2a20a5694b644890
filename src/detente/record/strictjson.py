"""Strict JSON: what every signed or peer-sent document is read and written with.

1. UTF-8 without byte order mark; no lone surrogates, also not by escape.
2. No key twice in an object.
3. Integers only, between -(2**53 - 1) and 2**53 - 1; no NaN, Infinity, fraction, exponent or `-0`.
4. At most `MAX_DEPTH` arrays and objects inside each other.
5. Order of keys and white space are free for the writer, because bytes are hashed as received and never
   re-serialised; we write sorted keys without white space.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, Final, NoReturn

from detente.record.errors import Malformed

MAX_DEPTH: Final = 16
MAX_INTEGER: Final = 2**53 - 1

# Sixteen digits and a sign hold 2**53; a longer text is out of range before int() has to work on it.
_LONGEST_INTEGER: Final = 17
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def parse(data: bytes, *, limit: int) -> Any:
    """The value of a strict JSON document of at most `limit` bytes. Raises Malformed, nothing else."""
    if len(data) > limit:
        raise Malformed("json", f"longer than {limit} bytes")
    try:
        text = data.decode("utf-8")
        value = _DECODER.decode(text)
    except UnicodeDecodeError as error:
        raise Malformed("json", "not UTF-8") from error
    except json.JSONDecodeError as error:
        raise Malformed("json", f"{error.msg} at {error.pos}") from error
    except RecursionError as error:
        raise Malformed("json", "too deep") from error
    # What is read has JSON's types, and its numbers went through `_integer`. Depth is left, and surrogates,
    # which UTF-8 cannot bring in but an escape can.
    if "\\u" in text:
        _check(value, MAX_DEPTH)
    elif text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(value)
    return value


def encode(value: Any) -> bytes:
    """The bytes we write for `value`; `parse` gives the value back. Raises Malformed."""
    _check(value, MAX_DEPTH)
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
    return text.encode("utf-8")


def expect_keys(
    value: Any, what: str, required: Iterable[str], optional: Iterable[str] = ()
) -> dict[str, Any]:
    """`value` if it is an object with all `required` keys and none but the `optional`. Raises Malformed."""
    if not isinstance(value, dict):
        raise Malformed(what, "not an object")
    needed = frozenset(required)
    if value.keys() == needed:
        return value
    if missing := needed - value.keys():
        raise Malformed(what, f"lacks {', '.join(sorted(missing))}")
    if unknown := value.keys() - needed - frozenset(optional):
        raise Malformed(what, f"unknown key {min(unknown)[:40]}")
    return value


def expect_integer(value: Any, what: str, *, low: int = 0, high: int = MAX_INTEGER) -> int:
    """`value` if it is a whole number from `low` to `high` (true is not 1). Raises Malformed."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Malformed(what, "not a number in range")
    return value


def expect_text(value: Any, what: str, *, limit: int) -> str:
    """`value` if it is a text of at most `limit` characters. Raises Malformed."""
    if not isinstance(value, str) or len(value) > limit:
        raise Malformed(what, "not a text in range")
    return value


def expect_list(value: Any, what: str, *, limit: int) -> list[Any]:
    """`value` if it is an array of at most `limit` members. Raises Malformed."""
    if not isinstance(value, list) or len(value) > limit:
        raise Malformed(what, "not an array in range")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("json", "a key stands twice")
    return found


def _integer(text: str) -> int:
    """The number of what the decoder took for one: digits without leading zeros, perhaps a sign."""
    if (
        len(text) > _LONGEST_INTEGER
        or text == "-0"
        or not -MAX_INTEGER <= (value := int(text)) <= MAX_INTEGER
    ):
        raise Malformed("json", "number out of range")
    return value


def _no_number(text: str) -> NoReturn:
    raise Malformed("json", f"not a whole number: {text[:40]}")


def _check_depth(value: Any) -> None:
    """Refuse a value that was read and has more than `MAX_DEPTH` arrays and objects inside each other."""
    level = [value]
    for _ in range(MAX_DEPTH):
        members = (one.values() if type(one) is dict else one for one in level)
        level = [one for inside in members for one in inside if type(one) is dict or type(one) is list]
        if not level:
            return
    raise Malformed("json", "too deep")


def _check(value: Any, depth: int) -> None:
    """Refuse what the grammar cannot: depth, range, lone surrogates, types without a JSON form."""
    match value:
        case None | bool():
            return
        case int() if -MAX_INTEGER <= value <= MAX_INTEGER:
            return
        case str() if not _SURROGATE.search(value):
            return
        case list() | tuple() if depth:
            for member in value:
                _check(member, depth - 1)
        case dict() if depth:
            for key, member in value.items():
                if not isinstance(key, str) or _SURROGATE.search(key):
                    raise Malformed("json", "key is not a text")
                _check(member, depth - 1)
        case _:
            deep = isinstance(value, list | tuple | dict)
            raise Malformed("json", "too deep" if deep else "value out of range")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_no_number, parse_constant=_no_number
)
