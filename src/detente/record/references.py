"""References from one entry to another (protocol A9).

The hash decides what is meant; log and index say where to look. The index is absent for an entry of the own
log that has not been numbered yet.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from detente.record.encoding import parse_hex
from detente.record.errors import Malformed
from detente.record.names import parse_origin
from detente.record.strictjson import expect_integer, expect_keys, expect_text

#: Longest origin: cell 63, party 16, generation 9 and two slashes.
MAX_ORIGIN = 90


@dataclass(frozen=True, slots=True)
class Reference:
    """An entry by its log, its index there (None: not in the log yet) and SHA-256 of its core."""

    log: str
    index: int | None
    core: bytes


def parse_reference(value: Any) -> Reference:
    """The reference of a JSON object `{log, index, core}` or `{log, core}`. Raises Malformed."""
    found = expect_keys(value, "reference", ("log", "core"), ("index",))
    index = expect_integer(found["index"], "reference index") if "index" in found else None
    return Reference(parse_log(found["log"]), index, parse_hash(found["core"], "reference core"))


def reference_json(reference: Reference) -> dict[str, Any]:
    """The JSON object of a reference; the inverse of `parse_reference`."""
    found: dict[str, Any] = {"log": reference.log, "core": reference.core.hex()}
    if reference.index is not None:
        found["index"] = reference.index
    return found


def parse_log(value: Any) -> str:
    """An origin in JSON. Raises Malformed."""
    return _origin(expect_text(value, "origin", limit=MAX_ORIGIN))


def parse_hash(value: Any, what: str) -> bytes:
    """32 bytes in lower-case hex in JSON. Raises Malformed."""
    if not isinstance(value, str):
        raise Malformed(what, "not a text")
    return parse_hex(value, what, size=32)


@lru_cache(maxsize=4096)  # one text object for all entries that name a log
def _origin(text: str) -> str:
    parse_origin(text)
    return text
