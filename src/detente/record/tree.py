"""RFC 6962 trees: leaf and node hashes, the frontier of a growing log, inclusion and consistency proofs.

Leaf `SHA-256(0x00 ‖ entry)`, node `SHA-256(0x01 ‖ left ‖ right)`; the left subtree of n leaves holds the
largest power of two smaller than n. Functions take and give leaf hashes of 32 bytes, never entries.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from detente.record.errors import Unverified

HASH_SIZE: Final = 32
#: Root of the tree without leaves.
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Hash of an entry's bytes as they were received."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """What must be kept to go on appending: the roots of the full subtrees, the largest first.

    Promises: `size` leaves are covered; `len(hashes)` is the number of ones in `size`.
    """

    __slots__ = ("_hashes", "size")

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self._hashes = list(hashes)
        sizes = {len(one) for one in self._hashes}
        if size < 0 or len(self._hashes) != size.bit_count() or not sizes <= {HASH_SIZE}:
            raise Unverified("frontier", size=size)

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """Roots of the full subtrees, from left (largest) to right."""
        return tuple(self._hashes)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        carry = self.size
        while carry & 1:
            leaf = node_hash(self._hashes.pop(), leaf)
            carry >>= 1
        self._hashes.append(leaf)
        self.size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes in their order."""
        for leaf in leaves:
            self.append(leaf)

    def root(self) -> bytes:
        """Root of the tree of `size` leaves."""
        if not self._hashes:
            return EMPTY_ROOT
        root = self._hashes[-1]
        for left in reversed(self._hashes[:-1]):
            root = node_hash(left, root)
        return root

    def copy(self) -> "Frontier":
        """An independent frontier of the same tree."""
        return Frontier(self.size, self._hashes)


class Tree:
    """All hashes of a growing log, one byte string a level; level 0, 8, 16 are the tiles as they stand.

    Level l holds the roots of the full subtrees of 2**l leaves, 32 bytes each.
    """

    __slots__ = ("_levels", "size")

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self.size = 0
        self._levels: list[bytearray] = [bytearray()]
        self.extend(leaves)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        level, index = 0, self.size
        self._levels[0] += leaf
        while index & 1:
            pair = bytes(self._levels[level][-2 * HASH_SIZE :])
            level, index = level + 1, index >> 1
            if level == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level] += hashlib.sha256(b"\x01" + pair).digest()
        self.size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes in their order."""
        for leaf in leaves:
            self.append(leaf)

    def row(self, level: int, start: int, end: int) -> bytes:
        """Hashes start..end of the full subtrees of 2**level leaves, joined; fewer if the tree is smaller."""
        if level >= len(self._levels):
            return b""
        return bytes(self._levels[level][HASH_SIZE * start : HASH_SIZE * end])

    def root(self, size: int | None = None) -> bytes:
        """Root of the first `size` leaves, all when not said."""
        size = self._within(size)
        return self._range(0, size) if size else EMPTY_ROOT

    def frontier(self, size: int | None = None) -> Frontier:
        """Frontier of the first `size` leaves, all when not said."""
        size = self._within(size)
        hashes, start = [], 0
        for level in reversed(range(size.bit_length())):
            if size >> level & 1:
                hashes.append(self.row(level, start >> level, (start >> level) + 1))
                start += 1 << level
        return Frontier(size, hashes)

    def inclusion_proof(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """Hashes from the leaf's sibling up that lead from leaf `index` to the root of `size` leaves."""
        size = self._within(size)
        if not 0 <= index < size:
            raise IndexError(index)
        proof, start, end = [], 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(start, middle))
                start = middle
        return tuple(reversed(proof))

    def consistency_proof(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """Hashes that show the tree of `new` leaves to begin with that of `old` (RFC 6962 2.1.2)."""
        new = self._within(new)
        if not 0 <= old <= new:
            raise IndexError(old)
        if old in (0, new):
            return ()
        proof, start, end = [], 0, new
        while end != old:
            middle = start + _split(end - start)
            if old <= middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(start, middle))
                start = middle
        if start:  # else the old root itself is the first hash, and the verifier has it
            proof.append(self._range(start, end))
        return tuple(reversed(proof))

    def _within(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise IndexError(size)
        return size

    def _range(self, start: int, end: int) -> bytes:
        """Root of the leaves start..end, a subtree of some tree: start is a multiple of its full size."""
        width = end - start
        if width & (width - 1) == 0:
            level = width.bit_length() - 1
            return self.row(level, start >> level, (start >> level) + 1)
        middle = start + _split(width)
        return node_hash(self._range(start, middle), self._range(middle, end))


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Root of the tree of these leaf hashes."""
    frontier = Frontier()
    frontier.extend(leaves)
    return frontier.root()


def inclusion_proof(leaves: Sequence[bytes], index: int, size: int) -> tuple[bytes, ...]:
    """As `Tree.inclusion_proof`, over the first `size` leaves."""
    return Tree(leaves[:size]).inclusion_proof(index, size)


def consistency_proof(leaves: Sequence[bytes], old: int, new: int) -> tuple[bytes, ...]:
    """As `Tree.consistency_proof`, over the first `new` leaves."""
    return Tree(leaves[:new]).consistency_proof(old, new)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raise Unverified unless `leaf` stands at `index` in the tree of `size` leaves with that root.

    Source: RFC 9162 2.1.3.2.
    """
    if not 0 <= index < size or len(leaf) != HASH_SIZE:
        raise Unverified("inclusion", index=index, size=size)
    place, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0 or len(sibling) != HASH_SIZE:
            raise Unverified("inclusion", index=index, size=size)
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    if last != 0 or found != root:
        raise Unverified("inclusion", index=index, size=size)


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Raise Unverified unless the tree of `new_size` leaves begins with that of `old_size`.

    Source: RFC 9162 2.1.4.2; the empty tree begins every tree, and equal sizes need equal roots.
    """
    refused = Unverified("consistency", old=old_size, new=new_size)
    if not 0 <= old_size <= new_size:
        raise refused
    if old_size in (0, new_size):
        start = EMPTY_ROOT if old_size == 0 else new_root
        if proof or old_root != start or (new_size == 0 and new_root != EMPTY_ROOT):
            raise refused
        return
    hashes = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not hashes or any(len(one) != HASH_SIZE for one in hashes):
        raise refused
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise refused
        if place & 1 or place == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        place, last = place >> 1, last >> 1
    if last != 0 or old != old_root or new != new_root:
        raise refused


def _split(width: int) -> int:
    """The largest power of two smaller than `width` (at least 2)."""
    return 1 << ((width - 1).bit_length() - 1)
