"""Entry headers: the only bytes of an entry that stand in the log (protocol A2, A5, B2).

1. Strict JSON with exactly the keys of A5, at most `MAX_ENTRY` bytes, hashed as received.
2. Lists of parties are sorted without repeats and never name the author, who holds key and bytes anyway.
3. Part 0 is the core, the content is part 1 or absent, attachments follow. A part's `to` is within the
   header's `to`, its `keep` includes its `to`.
4. `seen` is sorted by log, names logs of the same cell and never the own one; size is at least 1.
5. `missing` has at most `MAX_RANGES` ranges a log, in their order, apart, below the size; roles sorted.
6. No `at` in `seen` is later than the header's own time (B6).

A mirror never reads a header: what breaks these rules is a malformed entry for the fold, and stays.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from detente.record import strictjson
from detente.record.approvals import Approval, approval_json, parse_approval
from detente.record.errors import Malformed, RuleViolation, declare
from detente.record.names import is_cell, is_party, parse_origin
from detente.record.parts import MAX_SEALED
from detente.record.references import parse_hash, parse_log
from detente.record.strictjson import expect_integer, expect_keys, expect_list, expect_text
from detente.record.tiles import MAX_ENTRY

VERSION: Final = 1
CORE, CONTENT, ATTACHMENT = "core", "content", "attachment"
ROLES: Final = (ATTACHMENT, CONTENT, CORE)  # in the order in which ranges name them

MAX_RANGES: Final = 256  # protocol B2
MAX_PARTS: Final = 64
MAX_PARTIES: Final = 16
MAX_LOGS: Final = 64
MAX_APPROVALS: Final = 8

_KEYS: Final = frozenset(
    ("v", "cell", "log", "floor", "time", "charter", "to", "parts", "seen", "core", "approvals")
)
_PART_KEYS: Final = frozenset(("role", "sha256", "size", "to", "keep"))
_SEEN_KEYS: Final = frozenset(("log", "size", "root", "at", "missing"))

SEEN_FELL: Final = declare("seen-fell", "the log's party", "what an entry has seen is less than before")
SEEN_CHANGED: Final = declare("seen-changed", "the log's party", "an entry names another root for a size")
SEEN_NOT_RENEWED: Final = declare(
    "seen-not-renewed", "the log's party", "the missing list shrank without a newer time of holding"
)
TIME_FELL: Final = declare("time-fell", "the log's party", "a header time is earlier than the one before it")


@dataclass(frozen=True, slots=True)
class MissingRange:
    """Entries `first` to `last` (included) of which I lack the parts of these roles."""

    first: int
    last: int
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """The largest head of another log that this party cosigned, when, and what it lacks of its parts."""

    log: str
    size: int
    root: bytes
    at: int
    missing: tuple[MissingRange, ...] = ()

    def lacks(self, index: int, role: str) -> bool:
        """Whether the part of that role of entry `index` is on the missing list."""
        return any(one.first <= index <= one.last and role in one.roles for one in self.missing)


@dataclass(frozen=True, slots=True)
class PartInfo:
    """A sealed part: role, SHA-256 and size of its file, who else has a key, who else keeps the bytes."""

    role: str
    sha256: bytes
    size: int
    to: tuple[str, ...]
    keep: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Header:
    """A parsed header. `core` is SHA-256 of the core's plaintext. Nothing in it is verified."""

    version: int
    cell: str
    log: str
    floor: bool
    time: int
    charter: bytes
    to: tuple[str, ...]
    parts: tuple[PartInfo, ...]
    seen: tuple[Seen, ...]
    core: bytes
    approvals: tuple[Approval, ...]

    @property
    def party(self) -> str:
        """The author."""
        return parse_origin(self.log)[1]


def parse_header(data: bytes) -> Header:
    """The header of an entry's bytes. Raises Malformed."""
    found = expect_keys(strictjson.parse(data, limit=MAX_ENTRY), "header", _KEYS)
    if expect_integer(found["v"], "header version") != VERSION:
        raise Malformed("header version", found["v"])
    if not isinstance(found["floor"], bool):
        raise Malformed("header floor")
    header = Header(
        VERSION,
        expect_text(found["cell"], "header cell", limit=63),
        parse_log(found["log"]),
        found["floor"],
        expect_integer(found["time"], "header time", low=1),
        parse_hash(found["charter"], "header charter"),
        _parse_parties(found["to"], "header to"),
        tuple(_parse_part(one) for one in expect_list(found["parts"], "parts", limit=MAX_PARTS)),
        tuple(_parse_seen(one) for one in expect_list(found["seen"], "seen", limit=MAX_LOGS)),
        parse_hash(found["core"], "header core"),
        _parse_approvals(found["approvals"]),
    )
    _check(header)
    return header


def encode_header(header: Header) -> bytes:
    """The entry's bytes. Raises Malformed for a header that `parse_header` would refuse, or too long."""
    data = strictjson.encode(
        {
            "v": header.version,
            "cell": header.cell,
            "log": header.log,
            "floor": header.floor,
            "time": header.time,
            "charter": header.charter.hex(),
            "to": list(header.to),
            "parts": [_part_json(part) for part in header.parts],
            "seen": [_seen_json(seen) for seen in header.seen],
            "core": header.core.hex(),
            "approvals": [approval_json(approval) for approval in header.approvals],
        }
    )
    parse_header(data)  # one set of rules: what we write passes our own reader
    return data


def complete(draft: Header, *, time: int, seen: Iterable[Seen]) -> Header:
    """The draft with what only the signer knows (protocol C1). Logs of which nothing is held are left out."""
    held = sorted((one for one in seen if one.size), key=lambda one: one.log)
    return replace(draft, time=time, seen=tuple(held))


def missing_ranges(lacking: Mapping[int, Iterable[str]]) -> tuple[MissingRange, ...]:
    """Ranges for entry index -> roles lacked. They may be more than `MAX_RANGES`: the caller must look."""
    ranges: list[MissingRange] = []
    for index in sorted(lacking):
        roles = tuple(sorted(set(lacking[index])))
        if ranges and roles and ranges[-1].last == index - 1 and ranges[-1].roles == roles:
            ranges[-1] = MissingRange(ranges[-1].first, index, roles)
        elif roles:
            ranges.append(MissingRange(index, index, roles))
    return tuple(ranges)


def check_seen_step(previous: Header, following: Header) -> None:
    """Raise RuleViolation unless `following` may stand behind `previous` in one log (B2, B6)."""
    if following.time < previous.time:
        raise RuleViolation("B6", TIME_FELL, before=previous.time, after=following.time)
    after = {one.log: one for one in following.seen}
    for before in previous.seen:
        now = after.get(before.log)
        if now is None or now.size < before.size or now.at < before.at:
            raise RuleViolation("B2", SEEN_FELL, log=before.log, size=before.size, at=before.at)
        if now.size == before.size and now.root != before.root:
            raise RuleViolation("B2", SEEN_CHANGED, log=before.log, size=before.size)
        # At `previous.time` the part was still lacked, so no holding of it can be dated earlier.
        if now.at < previous.time and shrinks(before.missing, now.missing):
            raise RuleViolation("B2", SEEN_NOT_RENEWED, log=before.log, at=now.at)


def shrinks(before: tuple[MissingRange, ...], now: tuple[MissingRange, ...]) -> bool:
    """Whether some (entry, role) that was lacked before is lacked no longer."""
    return any(not _covered(one.first, one.last, role, now) for one in before for role in one.roles)


def parse_ranges(value: Any, size: int) -> tuple[MissingRange, ...]:
    """A missing list in JSON, for a log of `size` entries. Raises Malformed."""
    ranges = tuple(_parse_range(one) for one in expect_list(value, "missing", limit=MAX_RANGES))
    if not ranges:
        return ()
    if any(later.first <= earlier.last for earlier, later in pairwise(ranges)):
        raise Malformed("missing", "not in order")
    if ranges[-1].last >= size:
        raise Malformed("missing", "not below the size")
    return ranges


def ranges_json(ranges: Iterable[MissingRange]) -> list[list[Any]]:
    """The JSON of a missing list; the inverse of `parse_ranges`."""
    return [[one.first, one.last, list(one.roles)] for one in ranges]


def _covered(first: int, last: int, role: str, ranges: tuple[MissingRange, ...]) -> bool:
    """Whether all of first..last is within ranges that name `role`; ranges stand in order."""
    for one in ranges:
        if role in one.roles and one.first <= first <= one.last:
            first = one.last + 1
    return first > last


def _check(header: Header) -> None:
    """What the fields say of each other (rules 2 to 6)."""
    cell, author, _ = parse_origin(header.log)
    if cell != header.cell or not is_cell(cell):
        raise Malformed("header cell", header.cell)
    _check_parts(header)
    if author in header.to or any(author in part.keep for part in header.parts):
        raise Malformed("header to", "names the author")
    before = ""
    for seen in header.seen:
        if seen.log <= before:
            raise Malformed("seen", "not in order")
        if seen.log == header.log or parse_origin(seen.log)[0] != cell:
            raise Malformed("seen log", seen.log)
        if seen.at > header.time:  # SPEC: protocol B6
            raise Malformed("seen at", "later than the header's time")
        before = seen.log


def _check_parts(header: Header) -> None:
    roles = [part.role for part in header.parts]
    behind = 2 if CONTENT in roles[1:2] else 1
    if roles[:1] != [CORE] or any(role != ATTACHMENT for role in roles[behind:]):
        raise Malformed("parts", "not core, content, attachments")
    to = frozenset(header.to)
    for part in header.parts:
        if not to.issuperset(part.to):
            raise Malformed("part to", "not within the header's")
        if part.to != part.keep and not frozenset(part.keep).issuperset(part.to):
            raise Malformed("part keep", "does not include its to")


def _parse_part(value: Any) -> PartInfo:
    found = expect_keys(value, "part", _PART_KEYS)
    return PartInfo(
        _parse_role(found["role"]),
        parse_hash(found["sha256"], "part sha256"),
        expect_integer(found["size"], "part size", low=1, high=MAX_SEALED),
        _parse_parties(found["to"], "part to"),
        _parse_parties(found["keep"], "part keep"),
    )


def _part_json(part: PartInfo) -> dict[str, Any]:
    return {
        "role": part.role,
        "sha256": part.sha256.hex(),
        "size": part.size,
        "to": list(part.to),
        "keep": list(part.keep),
    }


def _parse_seen(value: Any) -> Seen:
    found = expect_keys(value, "seen", _SEEN_KEYS)
    size = expect_integer(found["size"], "seen size", low=1)
    return Seen(
        parse_log(found["log"]),
        size,
        parse_hash(found["root"], "seen root"),
        expect_integer(found["at"], "seen at", low=1),
        parse_ranges(found["missing"], size),
    )


def _seen_json(seen: Seen) -> dict[str, Any]:
    return {
        "log": seen.log,
        "size": seen.size,
        "root": seen.root.hex(),
        "at": seen.at,
        "missing": ranges_json(seen.missing),
    }


def _parse_range(value: Any) -> MissingRange:
    members = expect_list(value, "missing range", limit=3)
    if len(members) != 3:
        raise Malformed("missing range")
    first = expect_integer(members[0], "missing first")
    last = expect_integer(members[1], "missing last", low=first)
    roles = tuple(_parse_role(role) for role in expect_list(members[2], "missing roles", limit=len(ROLES)))
    if not roles or any(later <= earlier for earlier, later in pairwise(roles)):
        raise Malformed("missing roles", "none, or not in order")
    return MissingRange(first, last, roles)


def _parse_role(value: Any) -> str:
    if not isinstance(value, str) or value not in ROLES:
        raise Malformed("part role")
    return value


def _parse_approvals(value: Any) -> tuple[Approval, ...]:
    return tuple(parse_approval(one) for one in expect_list(value, "approvals", limit=MAX_APPROVALS))


def _parse_parties(value: Any, what: str) -> tuple[str, ...]:
    parties = expect_list(value, what, limit=MAX_PARTIES)
    if not all(isinstance(party, str) for party in parties):
        raise Malformed(what, "not a party")
    return _sorted_parties(tuple(parties), what)


@lru_cache(maxsize=1024)  # one tuple for all entries that name these parties
def _sorted_parties(parties: tuple[str, ...], what: str) -> tuple[str, ...]:
    if not all(map(is_party, parties)):
        raise Malformed(what, "not a party")
    if any(later <= earlier for earlier, later in pairwise(parties)):
        raise Malformed(what, "not in order")
    return parties
