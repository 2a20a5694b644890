"""Names of parties, cells, logs, mirrors and entries.

* party id: `s1`, `s2`, `g1`; printed upper-case.
* cell: a name of at most 63 letters; an exercise is a cell of its own whose name ends with `.exercise`.
* origin of a log: `<cell>/<party>/<generation>`; the first log of a party is generation 1 (protocol A1, C3).
* mirror: `<cell>/<mirror party>/mirror/<watched party>` (protocol B7).
* entry: (log, index), printed `S1-00123`, `S1.2-00123` from the second log on, with an X in an exercise.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from detente.record.encoding import parse_decimal
from detente.record.errors import Malformed

_PARTY: Final = re.compile(r"[a-z][a-z0-9]{0,15}")
_CELL: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?")
_ORIGIN: Final = re.compile(rf"({_CELL.pattern})/({_PARTY.pattern})/([1-9][0-9]{{0,8}})")
_MIRROR: Final = re.compile(rf"({_CELL.pattern})/({_PARTY.pattern})/mirror/({_PARTY.pattern})")
_ENTRY: Final = re.compile(r"([A-Z][A-Z0-9]{0,15})(?:\.([1-9][0-9]{0,8}))?-(X?)([0-9]{5,19})")

_EXERCISE: Final = ".exercise"


@dataclass(frozen=True, slots=True, order=True)
class EntryId:
    """Identity of an entry: the origin of its log and its index there, from 0. SPEC: protocol A1."""

    log: str
    index: int


@lru_cache(maxsize=1024)
def is_party(text: str) -> bool:
    """Whether `text` is a party id."""
    return _PARTY.fullmatch(text) is not None


@lru_cache(maxsize=1024)
def is_cell(text: str) -> bool:
    """Whether `text` is a cell name."""
    return _CELL.fullmatch(text) is not None


def is_exercise(cell: str) -> bool:
    """Whether a cell is an exercise cell."""
    return cell.endswith(_EXERCISE)


def origin(cell: str, party: str, generation: int = 1) -> str:
    """Origin of a party's log. Raises Malformed."""
    name = f"{cell}/{party}/{generation}"
    parse_origin(name)
    return name


@lru_cache(maxsize=4096)  # a record has a handful of logs and names them in every entry
def parse_origin(name: str) -> tuple[str, str, int]:
    """(cell, party, generation) of a log's origin. Raises Malformed."""
    found = _ORIGIN.fullmatch(name)
    if not found:
        raise Malformed("origin", name[:100])
    return found[1], found[2], int(found[3])


def cell_of(origin: str) -> str:
    """Cell of a log. Raises Malformed."""
    return parse_origin(origin)[0]


def party_of(origin: str) -> str:
    """Party that writes a log. Raises Malformed."""
    return parse_origin(origin)[1]


def generation_of(origin: str) -> int:
    """Generation of a log, from 1. Raises Malformed."""
    return parse_origin(origin)[2]


def mirror_name(cell: str, mirror: str, watched: str) -> str:
    """Key name under which `mirror` cosigns the logs of `watched`. Raises Malformed."""
    name = f"{cell}/{mirror}/mirror/{watched}"
    parse_mirror(name)
    return name


def parse_mirror(name: str) -> tuple[str, str, str]:
    """(cell, mirror party, watched party) of a mirror's key name. Raises Malformed."""
    found = _MIRROR.fullmatch(name)
    if not found or found[2] == found[3]:
        raise Malformed("mirror name", name[:100])
    return found[1], found[2], found[3]


def print_id(entry: EntryId) -> str:
    """`S1-00123`; `S1.2-00123` from the second log on; `S1-X00123` in an exercise cell."""
    cell, party, generation = parse_origin(entry.log)
    log = party.upper() if generation == 1 else f"{party.upper()}.{generation}"
    return f"{log}-{'X' if is_exercise(cell) else ''}{entry.index:05d}"


def parse_id(text: str, cell: str) -> EntryId:
    """Entry named by `text` in `cell`; the inverse of `print_id`. Raises Malformed."""
    found = _ENTRY.fullmatch(text)
    if not found:
        raise Malformed("entry id", text[:40])
    index = parse_decimal(found[4].lstrip("0") or "0", "entry id")
    entry = EntryId(origin(cell, found[1].lower(), int(found[2] or 1)), index)
    if print_id(entry) != text:  # the X of the wrong cell, `.1`, or a sixth digit that is zero
        raise Malformed("entry id", text[:40])
    return entry
