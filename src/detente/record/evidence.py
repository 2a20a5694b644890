"""Two histories: two signed heads of one log that cannot both be true, as one file that convicts.

1. Both heads carry both of the log's signatures; a thief of one key convicts nobody.
2. Equal sizes, two roots: the heads alone.
3. Sizes m < n: besides the heads, the root that the larger tree has at m, and the consistency proof from
   it to the larger head. That root is not the smaller head's.
4. A head whose author shows no entries proves no fork; it is a refusal, recorded elsewhere.

The file is strict JSON with the keys v, log, smaller, larger (the notes), root (hex), proof (hex).
SPEC: protocol C4
"""

from dataclasses import dataclass
from typing import Final

from detente.record import strictjson
from detente.record.encoding import parse_hex
from detente.record.errors import Malformed, Unverified
from detente.record.head import Head, SignedHead, open_head
from detente.record.keys import LogKeys
from detente.record.names import parse_origin
from detente.record.note import MAX_NOTE, parse_note
from detente.record.proof import MAX_HASHES
from detente.record.tree import HASH_SIZE, Tree, verify_consistency

#: Two notes, of which JSON may escape every byte as six.
MAX_EVIDENCE: Final = 16 * MAX_NOTE

_KEYS: Final = ("v", "log", "smaller", "larger", "root", "proof")


@dataclass(frozen=True, slots=True)
class TwoHistories:
    """Two head notes of `log`, and what the larger tree shows at the smaller size. Nothing is verified."""

    log: str
    smaller: bytes
    larger: bytes
    root: bytes = b""
    proof: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Fork:
    """A verified verdict: the log's keys signed both heads, and no one tree has both."""

    smaller: SignedHead
    larger: SignedHead


def find_two_histories(
    first: bytes, second: bytes, keys: LogKeys, tree: Tree | None = None
) -> TwoHistories | None:
    """Evidence against a log from two notes of its heads, None if both can be true.

    `tree` is that of the larger head; without it, or if it is not, two sizes raise Unverified: what cannot
    be compared is neither a fork nor none. Raises Malformed or Unverified for a head that does not open.
    """
    heads = sorted((open_head(first, keys), open_head(second, keys)), key=lambda one: one.head.size)
    smaller, larger = heads
    old, new = smaller.head, larger.head
    if old.size == new.size:
        return None if old.root == new.root else TwoHistories(keys.origin, smaller.note, larger.note)
    if old.size == 0:
        return None
    if tree is None or tree.size < new.size or tree.root(new.size) != new.root:
        raise Unverified("larger tree unknown", origin=keys.origin, size=new.size)
    root = tree.root(old.size)
    if root == old.root:
        return None
    proof = tree.consistency_proof(old.size, new.size)
    return TwoHistories(keys.origin, smaller.note, larger.note, root, proof)


def verify_two_histories(evidence: TwoHistories, keys: LogKeys) -> Fork:
    """The fork that the evidence proves. Raises Malformed or Unverified if it proves none."""
    fork = Fork(open_head(evidence.smaller, keys), open_head(evidence.larger, keys))
    old, new = fork.smaller.head, fork.larger.head
    if evidence.log != keys.origin or old.size > new.size:
        raise Unverified("two histories", origin=keys.origin)
    root = _root_at(old, new, evidence)
    if root == old.root:
        raise Unverified("one history", origin=keys.origin, old=old.size, new=new.size)
    return fork


def encode_two_histories(evidence: TwoHistories) -> bytes:
    """The file; `parse_two_histories` gives the evidence back. Raises Malformed."""
    return strictjson.encode(
        {
            "v": 1,
            "log": evidence.log,
            "smaller": _text(evidence.smaller),
            "larger": _text(evidence.larger),
            "root": evidence.root.hex(),
            "proof": [one.hex() for one in evidence.proof],
        }
    )


def parse_two_histories(data: bytes) -> TwoHistories:
    """The evidence of a file. Raises Malformed."""
    document = strictjson.expect_keys(strictjson.parse(data, limit=MAX_EVIDENCE), "two histories", _KEYS)
    strictjson.expect_integer(document["v"], "two histories", low=1, high=1)
    log = strictjson.expect_text(document["log"], "two histories", limit=255)
    parse_origin(log)
    root = parse_hex(strictjson.expect_text(document["root"], "two histories", limit=64), "root")
    if len(root) not in (0, HASH_SIZE):
        raise Malformed("two histories", "root")
    proof = strictjson.expect_list(document["proof"], "two histories", limit=MAX_HASHES)
    texts = [strictjson.expect_text(one, "two histories", limit=64) for one in proof]
    return TwoHistories(
        log,
        _note(document["smaller"]),
        _note(document["larger"]),
        root,
        tuple(parse_hex(text, "proof hash", size=HASH_SIZE) for text in texts),
    )


def _root_at(old: Head, new: Head, evidence: TwoHistories) -> bytes:
    """Root that the larger tree has at the smaller size, proved by the evidence."""
    if old.size == new.size:
        if evidence.root or evidence.proof:
            raise Unverified("two histories", size=old.size)
        return new.root
    verify_consistency(old.size, evidence.root, new.size, new.root, evidence.proof)
    return evidence.root


def _note(value: object) -> bytes:
    note = strictjson.expect_text(value, "two histories", limit=MAX_NOTE).encode()
    parse_note(note)
    return note


def _text(note: bytes) -> str:
    parse_note(note)
    return note.decode()
