"""Offline verification of a log's folder (C2SP tlog-tiles), by bytes alone: no node, network or clock.

1. The head: both of the log's signatures (protocol B7), with the keys that the policy names.
2. Every bundle is hashed again and every tile recomputed; what differs is named by its file and by the first
   entry or hash in it. Headers are parsed and malformed ones counted: a mirror keeps them (protocol B1), so
   they are no fault of the folder.
3. Cosignature lines are verified and the quorum counted.
4. Earlier heads must be heads of the same tree. One that is not is two histories, with the evidence; one that
   is larger than the folder's head is a rollback.

A verdict without findings is "consistent". Whether the policy's keys are the right ones, only the charter's
digest can say (protocol E4); that is the caller's to ask.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Final

from detente.record.errors import DetenteError, Malformed, Unverified
from detente.record.evidence import TwoHistories, find_two_histories
from detente.record.head import Head, SignedHead, open_head, parse_body
from detente.record.header import parse_header
from detente.record.keys import LogKeys
from detente.record.note import parse_note
from detente.record.policy import Policy, judge
from detente.record.tiles import (
    TILE_WIDTH,
    Reader,
    TileName,
    bundle_path,
    read_tile,
    split_bundle,
    split_hashes,
    tile_names,
    tile_of,
    tile_path,
)
from detente.record.tree import HASH_SIZE, Tree, leaf_hash

CHECKPOINT: Final = "checkpoint"

#: Bundles that are read and hashed in one piece of work: 8,192 entries.
PIECE: Final = 32

#: code of a finding -> what it says of the folder.
FINDINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "missing": "a file that the head promises is not there",
        "malformed": "a file breaks its format; in a bundle, from entry `index` on",
        "unverified": "a signature is missing or wrong, or its key is unknown",
        "quorum": "too few of the policy's cosigners signed the head",
        "entry": "an entry is not the one that the head covers",
        "tile": "a hash in a tile is not the one that the entries give",
        "root": "the entries and tiles give another root than the head says",
        "two-histories": "an earlier head is of another tree",
        "rolled-back": "an earlier head is larger than the folder's",
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What does not hold and where: a row of `FINDINGS`, the file, and values such as `index`."""

    code: str
    path: str
    values: Mapping[str, object] = field(default_factory=dict)  # plain: findings go from process to process


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. `head` is None when no head could be opened, `tree` when it is not the head's."""

    origin: str = ""
    head: SignedHead | None = None
    tree: Tree | None = None
    cosigned: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    quorum: bool = False
    earlier_heads: int = 0
    malformed_headers: int = 0
    findings: tuple[Finding, ...] = ()
    evidence: tuple[TwoHistories, ...] = ()

    @property
    def consistent(self) -> bool:
        """Whether everything that was looked at holds together."""
        return not self.findings

    @property
    def readable(self) -> bool:
        """False if there was no head to look at."""
        return bool(self.origin)


@dataclass(frozen=True, slots=True)
class Piece:
    """Bundles `first` to `last` (excluded) of a log of `size` entries: work that another process can do."""

    size: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Leaves:
    """What a piece gives: leaf hashes one behind the other, malformed headers, the first fault."""

    hashes: bytes
    malformed_headers: int
    findings: tuple[Finding, ...] = ()


#: Has pieces of work done, in their order; the caller may spread them over processes.
Spread = Callable[[Iterator[Piece]], Iterable[Leaves]]


def verify_folder(
    read: Reader, policy: Policy, *, old: Mapping[str, bytes] | None = None, spread: Spread | None = None
) -> Verdict:
    """The verdict on the folder that `read` gives the files of.

    `old` holds earlier heads (name -> note); those of other logs are passed over. `spread` does `read_leaves`
    for each piece. Raises nothing: what the bytes do wrong is a finding.
    """
    note = read(CHECKPOINT)
    if note is None:
        return Verdict(findings=(_finding("missing", CHECKPOINT),))
    try:
        origin = parse_body(parse_note(note).text).origin
    except Malformed as error:
        return Verdict(findings=(_from_error(CHECKPOINT, error),))
    try:
        keys = policy.log_keys(origin)
        head = open_head(note, keys)
    except (Malformed, Unverified) as error:
        return Verdict(origin, findings=(_from_error(CHECKPOINT, error),))
    entries = _EntryHashes(spread or partial(map, partial(read_leaves, read)), head.head.size)
    tree, findings = _verify_tree(read, head.head, entries)
    cosigned, satisfied = _verify_cosignatures(note, policy, findings)
    earlier = _Earlier(keys, head, tree)
    for name in sorted(old or {}):
        earlier.look(name, (old or {})[name])
    return Verdict(
        origin,
        head,
        tree,
        cosigned,
        satisfied,
        earlier.seen,
        entries.malformed_headers,
        (*findings, *earlier.findings),
        tuple(earlier.evidence),
    )


def verify_fork(read: Reader, keys: LogKeys) -> TwoHistories | None:
    """Evidence from a folder with `a.checkpoint`, `b.checkpoint` and the larger one's `tile/…`; None if
    both heads can be true. Raises Malformed or Unverified if it cannot be told."""
    first, second = (_required(read, f"{name}.checkpoint") for name in "ab")
    larger = max((open_head(note, keys).head for note in (first, second)), key=lambda head: head.size)
    tree: Tree | None = None
    hashes = _tile_leaves(read, larger.size)
    if hashes is not None:
        tree = Tree(hashes)
    return find_two_histories(first, second, keys, tree)


def export_fork(first: bytes, second: bytes, keys: LogKeys, larger: Tree) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of the folder that `verify_fork` reads; `log.vkey` is the Ed25519 key."""
    yield "a.checkpoint", first
    yield "b.checkpoint", second
    yield "log.vkey", f"{keys.ed25519.encode()}\n".encode()
    yield "log-mldsa44.vkey", f"{keys.mldsa44.encode()}\n".encode()
    for name in tile_names(larger.size):
        yield tile_path(name.level or 0, name.n, name.width), tile_of(larger, name)


def read_leaves(read: Reader, piece: Piece) -> Leaves:
    """Hash and parse the entries of some bundles, up to the first fault."""
    hashes: list[bytes] = []
    malformed, start = 0, piece.first * TILE_WIDTH
    for n in range(piece.first, piece.last):
        width = min(TILE_WIDTH, piece.size - n * TILE_WIDTH)
        found = read_tile(read, TileName(None, n, width))
        if found is None:
            return Leaves(b"".join(hashes), malformed, (_finding("missing", bundle_path(n, width)),))
        path, data = found
        entries, rest = split_bundle(data)
        hashes += map(leaf_hash, entries[:width])
        malformed += sum(not _is_header(entry) for entry in entries[:width])
        # The full bundle may stand for a partial one; it then holds more entries than the head covers.
        if rest or not width <= len(entries) <= TILE_WIDTH:
            fault = _finding("malformed", path, index=start + len(hashes), left=rest)
            return Leaves(b"".join(hashes), malformed, (fault,))
    return Leaves(b"".join(hashes), malformed)


def _is_header(entry: bytes) -> bool:
    try:
        parse_header(entry)
    except Malformed:
        return False
    return True


def _verify_tree(read: Reader, head: Head, entries: "_EntryHashes") -> tuple[Tree | None, list[Finding]]:
    """The head's tree, from the entries if they give it, else from the tiles; None if neither does."""
    by_entries = Tree(entries.hashes)
    if by_entries.size == head.size and by_entries.root() == head.root:
        return by_entries, [*entries.findings, *_differing_tiles(read, by_entries)]
    hashes = _tile_leaves(read, head.size)
    by_tiles = Tree(hashes) if hashes is not None else None
    if by_tiles is not None and by_tiles.root() == head.root:
        wrong = _first_difference(entries.hashes, hashes or [])
        at = _entry_finding(wrong, head.size) if wrong is not None else []
        return by_tiles, [*entries.findings, *at, *_differing_tiles(read, by_tiles)]
    root = _finding("root", CHECKPOINT, size=head.size, entries=by_entries.size)
    wrong = _first_difference(entries.hashes, hashes or [])
    at = _entry_finding(wrong, head.size) if wrong is not None else []
    return None, [root, *entries.findings, *at]


class _EntryHashes:
    """Leaf hashes of all bundles up to `size`, as far as they can be read, and what could not."""

    def __init__(self, spread: Spread, size: int) -> None:
        self.hashes: list[bytes] = []
        self.findings: list[Finding] = []
        self.malformed_headers = 0
        bundles = -(-size // TILE_WIDTH)
        pieces = (Piece(size, first, min(first + PIECE, bundles)) for first in range(0, bundles, PIECE))
        for found in spread(pieces):
            self.hashes += split_hashes(found.hashes)
            self.malformed_headers += found.malformed_headers
            self.findings += found.findings
            if found.findings:
                return


def _tile_leaves(read: Reader, size: int) -> list[bytes] | None:
    """Leaf hashes from the tiles of level 0, None if a tile is missing or broken."""
    hashes: list[bytes] = []
    for n in range(-(-size // TILE_WIDTH)):
        width = min(TILE_WIDTH, size - n * TILE_WIDTH)
        found = read_tile(read, TileName(0, n, width))
        if found is None or len(found[1]) % HASH_SIZE or len(found[1]) < width * HASH_SIZE:
            return None
        hashes += split_hashes(found[1][: width * HASH_SIZE])
    return hashes


def _differing_tiles(read: Reader, tree: Tree) -> Iterator[Finding]:
    """A finding for each tile that is not there or is not what `tree` gives."""
    for name in tile_names(tree.size):
        found = read_tile(read, name)
        if found is None:
            yield _finding("missing", tile_path(name.level or 0, name.n, name.width))
            continue
        path, data = found
        expected = tile_of(tree, name)
        if data == expected or (".p/" not in path and name.width < TILE_WIDTH and data.startswith(expected)):
            continue
        if len(data) % HASH_SIZE or len(data) < len(expected):
            yield _finding("malformed", path, bytes=len(data))
            continue
        place = next(
            (n for n in range(0, len(expected), HASH_SIZE) if data[n : n + 32] != expected[n : n + 32]),
            len(expected),
        )
        yield _finding("tile", path, hash=place // HASH_SIZE)


def _first_difference(entries: list[bytes], tiles: list[bytes]) -> int | None:
    return next((n for n, (one, other) in enumerate(zip(entries, tiles, strict=False)) if one != other), None)


def _entry_finding(index: int, size: int) -> list[Finding]:
    n = index // TILE_WIDTH
    path = bundle_path(n, min(TILE_WIDTH, size - n * TILE_WIDTH))
    return [_finding("entry", path, index=index)]


def _verify_cosignatures(
    note: bytes, policy: Policy, findings: list[Finding]
) -> tuple[Mapping[str, int], bool]:
    try:
        judged = judge(note, policy)
    except (Malformed, Unverified) as error:
        findings.append(_from_error(CHECKPOINT, error))
        return MappingProxyType({}), False
    if not judged.satisfied:
        findings.append(_finding("quorum", CHECKPOINT, cosigned=len(judged.cosigned)))
    return judged.cosigned, judged.satisfied


class _Earlier:
    """Compares earlier heads of the same log with the folder's head and tree."""

    def __init__(self, keys: LogKeys, head: SignedHead, tree: Tree | None) -> None:
        self.keys, self.head, self.tree = keys, head, tree
        self.seen = 0
        self.findings: list[Finding] = []
        self.evidence: list[TwoHistories] = []

    def look(self, name: str, note: bytes) -> None:
        try:
            if parse_body(parse_note(note).text).origin != self.keys.origin:
                return
            earlier = open_head(note, self.keys)
            self.seen += 1
            if earlier.head.size > self.head.head.size:
                self.findings.append(_finding("rolled-back", name, size=earlier.head.size))
                return
            found = find_two_histories(note, self.head.note, self.keys, self.tree)
        except (Malformed, Unverified) as error:
            self.findings.append(_from_error(name, error))
            return
        if found:
            self.findings.append(_finding("two-histories", name, size=earlier.head.size))
            self.evidence.append(found)


def _required(read: Reader, path: str) -> bytes:
    data = read(path)
    if data is None:
        raise Malformed("folder", f"missing: {path}")
    return data


def _finding(code: str, path: str, **values: object) -> Finding:
    return Finding(code, path, values)


def _from_error(path: str, error: DetenteError) -> Finding:
    return _finding(error.code, path, **error.values)
