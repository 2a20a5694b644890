"""C2SP tlog-proof: one entry's place in a cosigned log, as one file for an arbiter.

```
c2sp.org/tlog-proof@v1
extra <base64>             only if there is extra data; it is not authenticated
index <number>
<base64 hash>              0 to 63 lines, from the leaf's sibling up

<the head's note, as it is>
```

The entry itself is a file beside it, named `.entry` where the proof is `.tlog-proof`.
"""

from dataclasses import dataclass
from typing import Final

from detente.record.encoding import encode_base64, parse_base64, parse_decimal
from detente.record.errors import Malformed, Unverified
from detente.record.head import open_head
from detente.record.note import MAX_NOTE, parse_note
from detente.record.policy import Judged, Policy, judge
from detente.record.tree import HASH_SIZE, leaf_hash, verify_inclusion

#: Sixty-three levels hold every index that a size can have.
MAX_HASHES: Final = 63
#: Extra data is not ours to read; this is what an arbiter's file may cost.
MAX_EXTRA: Final = 256 * 1024
MAX_PROOF: Final = MAX_NOTE + 2 * MAX_EXTRA

_FIRST: Final = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class TlogProof:
    """An index, the hashes that lead to the root, and the head's note with its lines. Nothing is verified."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""


def encode_proof(proof: TlogProof) -> bytes:
    """The file of a proof; `parse_proof` gives the proof back."""
    lines = [_FIRST]
    if proof.extra:
        lines.append(f"extra {encode_base64(proof.extra)}")
    lines.append(f"index {proof.index}")
    lines += [encode_base64(one) for one in proof.hashes]
    return "".join(f"{line}\n" for line in lines).encode() + b"\n" + proof.checkpoint


def parse_proof(data: bytes) -> TlogProof:
    """The proof of a file; its checkpoint is a note. Raises Malformed."""
    if len(data) > MAX_PROOF:
        raise Malformed("proof", f"longer than {MAX_PROOF} bytes")
    first, empty, checkpoint = data.partition(b"\n\n")
    if not empty or not first.isascii():
        raise Malformed("proof", "no empty line")
    lines = first.decode("ascii").split("\n")
    if lines.pop(0) != _FIRST:
        raise Malformed("proof", "first line")
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = parse_base64(lines.pop(0)[len("extra ") :], "proof extra")
        if not 0 < len(extra) <= MAX_EXTRA:
            raise Malformed("proof extra", f"{len(extra)} bytes")
    if not lines or not lines[0].startswith("index ") or len(lines) > 1 + MAX_HASHES:
        raise Malformed("proof", "index or number of hashes")
    index = parse_decimal(lines[0][len("index ") :], "proof index")
    hashes = tuple(parse_base64(line, "proof hash", size=HASH_SIZE) for line in lines[1:])
    parse_note(checkpoint)
    return TlogProof(index, hashes, checkpoint, extra)


def verify_proof(proof: TlogProof, entry: bytes, policy: Policy) -> Judged:
    """The head that covers `entry`, judged under `policy`.

    Raises Malformed or Unverified: the log's signatures (both halves: protocol B7), the quorum, or the path
    from the entry to the root do not hold.
    """
    judged = judge(proof.checkpoint, policy)
    open_head(proof.checkpoint, policy.log_keys(judged.head.origin))
    if not judged.satisfied:
        raise Unverified("quorum", origin=judged.head.origin, size=judged.head.size)
    verify_inclusion(leaf_hash(entry), proof.index, judged.head.size, proof.hashes, judged.head.root)
    return judged
