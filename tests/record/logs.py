"""A cell of three parties with fixed keys, and logs of any length, for tests."""

from functools import lru_cache

from detente.record.head import Head, cosign, sign_head
from detente.record.keys import KeyPair
from detente.record.names import mirror_name, origin
from detente.record.note import add_lines
from detente.record.policy import Policy, Watched, cell_policy
from detente.record.tiles import export_folder
from detente.record.tree import Tree, leaf_hash

CELL = "north.exercise"
PARTIES = ("s1", "s2", "g1")
LOG = origin(CELL, "s1")
TIME = 1_800_000_000


@lru_cache
def pair(name: str) -> KeyPair:
    """The key pair that the test cell gives to a name."""
    return KeyPair(leaf_hash(f"{name} ed25519".encode()), leaf_hash(f"{name} ml-dsa-44".encode()))


def mirrors_of(party: str) -> list[str]:
    return [mirror_name(CELL, other, party) for other in PARTIES if other != party]


def policy(*, generations: int = 1) -> Policy:
    """The cell's policy."""
    return cell_policy(
        Watched(
            party,
            tuple(
                pair(log).log_keys(log) for log in (origin(CELL, party, n + 1) for n in range(generations))
            ),
            tuple(pair(mirror).mirror_keys(mirror) for mirror in mirrors_of(party)),
        )
        for party in PARTIES
    )


def entries(count: int, story: bytes = b"") -> list[bytes]:
    """Entries of different lengths, the empty one among them."""
    return [b"%s%d " % (story, n) * (n % 5) for n in range(count)]


def note(contents: list[bytes], *, time: int = TIME, log: str = LOG) -> bytes:
    """The log's signed head over `contents`."""
    tree = Tree(map(leaf_hash, contents))
    return sign_head(Head(log, tree.size, tree.root()), pair(log), time)


def lines(contents: list[bytes], mirrors: list[str] | None = None, *, time: int = TIME + 2) -> bytes:
    """Cosignature lines of the mirrors over that head."""
    head = Head(LOG, len(contents), Tree(map(leaf_hash, contents)).root())
    names = mirrors_of("s1") if mirrors is None else mirrors
    return b"".join(cosign(head, name, pair(name), time).lines for name in names)


def cosigned(contents: list[bytes]) -> bytes:
    """Head with all lines of the cell."""
    return add_lines(note(contents), lines(contents))


@lru_cache
def folder(count: int) -> dict[str, bytes]:
    """The folder of a log of `count` entries, cosigned by both mirrors. Do not change it: it is shared."""
    contents = entries(count)
    return dict(export_folder(contents, note(contents), lines(contents)))
