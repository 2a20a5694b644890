"""C2SP tlog-tiles: paths, tiles of hashes, bundles of entries, and a whole log as a folder.

1. A full tile holds 256 hashes; tile n of level l holds the roots of the full subtrees of 256**l leaves
   from n·256 on. A partial one ends in `.p/<width>`; empty tiles do not exist.
2. `tile/<level>/<n>` and `tile/entries/<n>`; n is written in groups of three digits, all but the last
   with an `x` before them: 1234067 is `x001/x234/067`.
3. A bundle is, for each of at most 256 entries, a 16-bit length (big-endian) and the bytes. An entry has
   at most `MAX_ENTRY` bytes.
"""

import re
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from detente.record.encoding import MAX_NUMBER
from detente.record.errors import Malformed, Unverified
from detente.record.head import parse_body
from detente.record.note import add_lines, parse_note
from detente.record.tree import HASH_SIZE, Tree, leaf_hash

TILE_WIDTH: Final = 256
TILE_HEIGHT: Final = 8  # levels of the tree in one tile: 2**8 is its width
MAX_LEVEL: Final = 63
#: What a 16-bit length can say; headers are bounded by it (protocol A2).
MAX_ENTRY: Final = 65_535
#: 256 entries of `MAX_ENTRY` bytes with their lengths.
MAX_BUNDLE: Final = TILE_WIDTH * (2 + MAX_ENTRY)

#: Gives the bytes of a file of the folder by its path, None if there is none.
Reader = Callable[[str], bytes | None]

_LENGTH: Final = struct.Struct(">H")
_PATH: Final = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True)
class TileName:
    """What a path names: level None for a bundle of entries, width 256 for a full tile."""

    level: int | None
    n: int
    width: int


def tile_path(level: int, n: int, width: int = TILE_WIDTH) -> str:
    """Path of a tile of `width` hashes."""
    return f"tile/{level}/{_groups(n)}{_partial(width)}"


def bundle_path(n: int, width: int = TILE_WIDTH) -> str:
    """Path of a bundle of `width` entries."""
    return f"tile/entries/{_groups(n)}{_partial(width)}"


def parse_path(path: str) -> TileName:
    """What `path` names; the inverse of `tile_path` and `bundle_path`. Raises Malformed."""
    found = _PATH.fullmatch(path)
    if not found or len(path) > 60:
        raise Malformed("tile path", path[:60])
    level = None if found[1] == "entries" else int(found[1])
    name = TileName(level, int(found[2].replace("x", "").replace("/", "")), int(found[3] or TILE_WIDTH))
    spelled = bundle_path(name.n, name.width) if level is None else tile_path(level, name.n, name.width)
    if spelled != path or (level or 0) > MAX_LEVEL or name.n > MAX_NUMBER:
        raise Malformed("tile path", path)
    return name


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """The bytes of a bundle of 1 to 256 entries. Raises Malformed."""
    if not 0 < len(entries) <= TILE_WIDTH or any(len(entry) > MAX_ENTRY for entry in entries):
        raise Malformed("entry bundle", "number or size of entries")
    return b"".join(_LENGTH.pack(len(entry)) + entry for entry in entries)


def parse_bundle(data: bytes, *, count: int | None = None) -> tuple[bytes, ...]:
    """The entries of a bundle, exactly `count` when said. Raises Malformed."""
    entries, rest = split_bundle(data)
    if rest or not 0 < len(entries) <= TILE_WIDTH or (count is not None and len(entries) != count):
        raise Malformed("entry bundle", f"{len(entries)} entries, {rest} bytes behind them")
    return entries


def split_bundle(data: bytes) -> tuple[tuple[bytes, ...], int]:
    """As many entries as can be read, at most 257, and how many bytes are left."""
    entries: list[bytes] = []
    place = 0
    while len(data) - place >= _LENGTH.size and len(entries) <= TILE_WIDTH:
        end = place + _LENGTH.size + _LENGTH.unpack_from(data, place)[0]
        if end > len(data):
            break
        entries.append(data[place + _LENGTH.size : end])
        place = end
    return tuple(entries), len(data) - place


def widths(count: int) -> Iterator[tuple[int, int]]:
    """(n, width) of the tiles that hold `count` hashes or entries."""
    for n in range(count // TILE_WIDTH):
        yield n, TILE_WIDTH
    if count % TILE_WIDTH:
        yield count // TILE_WIDTH, count % TILE_WIDTH


def tile_names(size: int) -> Iterator[TileName]:
    """Every tile of hashes of a tree of `size` leaves, from level 0 up."""
    level = 0
    while count := size >> TILE_HEIGHT * level:
        for n, width in widths(count):
            yield TileName(level, n, width)
        level += 1


def tile_of(tree: Tree, name: TileName) -> bytes:
    """The hashes of a tile of `tree`; shorter than its width when the tree is too small."""
    start = name.n * TILE_WIDTH
    return tree.row(TILE_HEIGHT * (name.level or 0), start, start + name.width)


def tiles(leaves: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of every tile over these leaf hashes."""
    return tree_tiles(Tree(leaves))


def tree_tiles(tree: Tree) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of every tile of `tree`."""
    for name in tile_names(tree.size):
        yield tile_path(name.level or 0, name.n, name.width), tile_of(tree, name)


def read_tile(read: Reader, name: TileName) -> tuple[str, bytes] | None:
    """(path, bytes) of a tile or bundle that holds at least `name.width`: the partial or the full one."""
    for width in dict.fromkeys((name.width, TILE_WIDTH)):
        path = bundle_path(name.n, width) if name.level is None else tile_path(name.level, name.n, width)
        data = read(path)
        if data is not None:
            return path, data
    return None


def read_entries(read: Reader, size: int, start: int = 0) -> Iterator[bytes]:
    """Entries start..size of a folder, unverified. Raises Malformed if a bundle is missing or broken."""
    for n in range(start // TILE_WIDTH, -(-size // TILE_WIDTH)):
        width = min(TILE_WIDTH, size - n * TILE_WIDTH)
        found = read_tile(read, TileName(None, n, width))
        if found is None:
            raise Malformed("entry bundle", f"missing: {bundle_path(n, width)}")
        entries = parse_bundle(found[1])
        if len(entries) < width:
            raise Malformed("entry bundle", f"too short: {found[0]}")
        yield from entries[max(0, start - n * TILE_WIDTH) : width]


def export_folder(
    entries: Iterable[bytes], head_note: bytes, cosignature_lines: bytes = b""
) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of a C2SP tlog-tiles folder; `checkpoint` comes last, so that it never says too much.

    Raises Unverified, before the checkpoint, if the entries are not those of the head.
    """
    head = parse_body(parse_note(head_note).text)
    checkpoint = add_lines(head_note, cosignature_lines)
    tree, bundle = Tree(), list[bytes]()
    for entry in entries:
        tree.append(leaf_hash(entry))
        bundle.append(entry)
        if len(bundle) == TILE_WIDTH:
            yield bundle_path(tree.size // TILE_WIDTH - 1), encode_bundle(bundle)
            bundle.clear()
    if bundle:
        yield bundle_path(tree.size // TILE_WIDTH, len(bundle)), encode_bundle(bundle)
    if (tree.size, tree.root()) != (head.size, head.root):
        raise Unverified("root", origin=head.origin, size=head.size, entries=tree.size)
    yield from tree_tiles(tree)
    yield "checkpoint", checkpoint


def split_hashes(data: bytes) -> tuple[bytes, ...]:
    """The hashes of a tile's bytes. Raises Malformed."""
    if len(data) % HASH_SIZE:
        raise Malformed("tile", f"{len(data)} bytes")
    return tuple(data[place : place + HASH_SIZE] for place in range(0, len(data), HASH_SIZE))


def _groups(n: int) -> str:
    digits = str(n)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[place : place + 3] for place in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def _partial(width: int) -> str:
    if not 0 < width <= TILE_WIDTH:
        raise Malformed("tile width", width)
    return "" if width == TILE_WIDTH else f".p/{width}"
