"""`detente verify` of a log of one million entries: time, memory, and the ratio to bare hashing.

The folder is made first (not measured): headers as a side writes them, with two sealed parts and an approval,
a head signed twice and cosigned by both mirrors.
"""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import bare
import cells
from detente.record.approvals import Ed25519Approval
from detente.record.head import Head, cosign, sign_head
from detente.record.header import Header, PartInfo, Seen, encode_header
from detente.record.keys import KeyPair
from detente.record.names import mirror_name
from detente.record.policy import Policy, Watched, cell_policy, encode_policy
from detente.record.tiles import export_folder
from detente.record.tree import Frontier, leaf_hash

CELL = "bench.exercise"
LOG = f"{CELL}/s1/1"
ENTRIES = int(os.environ.get("DETENTE_BENCH_ENTRIES", "1000000"))


def main() -> None:
    """One line: seconds, entries a second, peak memory of all processes, ratio to bare hashing."""
    with tempfile.TemporaryDirectory(prefix="detente-bench-") as place:
        limit_s = 2 * bare.leaf_hash_s() * ENTRIES
        write(Path(place))
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "detente", "verify", place], capture_output=True, text=True, check=False
        )
        took = time.monotonic() - began
        if done.returncode != 4:
            raise SystemExit(done.stdout + done.stderr)
        # The largest of the processes, times the number that run at once: an upper bound.
        peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        cells.report("verify", n=ENTRIES, took_s=took, entries_s=ENTRIES / took, largest_process_mb=peak_mb,
                     limit_s=20, limit_mb=300, ratio_to_bare_hashing=took / limit_s)  # fmt: skip


def write(place: Path) -> None:
    """The folder of one log with its policy."""
    keys = {name: pair(name) for name in ("s1", "s2", "g1")}
    frontier = Frontier()
    for entry in entries():
        frontier.append(leaf_hash(entry))
    head = Head(LOG, frontier.size, frontier.root())
    at = 1_800_000_000 + ENTRIES
    lines = b"".join(cosign(head, mirror_name(CELL, one, "s1"), keys[one], at).lines for one in ("s2", "g1"))
    (place / "policy").write_bytes(encode_policy(policy(keys)))
    for path, data in export_folder(entries(), sign_head(head, keys["s1"], at), lines):
        file = place / "logs" / "s1" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def policy(keys: dict[str, KeyPair]) -> Policy:
    """Both of the log's keys and both mirrors."""
    mirrors = tuple(keys[one].mirror_keys(mirror_name(CELL, one, "s1")) for one in ("s2", "g1"))
    return cell_policy([Watched("s1", (keys["s1"].log_keys(LOG),), mirrors)])


def entries() -> Iterator[bytes]:
    """Headers, each its own."""
    made = encode_header(sample())
    head, _, rest = made.partition(b"1800000000")
    marks = [bytes([mark]) * 32 for mark in (1, 2, 3)]
    for n in range(ENTRIES):
        digests = [hashlib.sha256(mark + n.to_bytes(8)).hexdigest().encode() for mark in marks]
        entry = head + str(1_800_000_000 + n).encode() + rest
        for mark, digest in zip(marks, digests, strict=True):
            entry = entry.replace(mark.hex().encode(), digest)
        yield entry


def sample() -> Header:
    """A header with marks where entries differ."""
    others = ("g1", "s2")
    parts = tuple(
        PartInfo(role, bytes([mark]) * 32, size, others, others)
        for role, mark, size in (("core", 1, 5000), ("content", 2, 6000))
    )
    seen = tuple(Seen(f"{CELL}/{one}/1", 1000, bytes([9]) * 32, 1_700_000_000, ()) for one in others)
    approval = Ed25519Approval(bytes([7]) * 32, bytes([8]) * 64)
    return Header(
        1, CELL, LOG, False, 1_800_000_000, bytes([6]) * 32, others, parts, seen, bytes([3]) * 32, (approval,)
    )  # fmt: skip


def pair(name: str) -> KeyPair:
    """Keys from a name."""
    return KeyPair(hashlib.sha256(f"e{name}".encode()).digest(), hashlib.sha256(f"m{name}".encode()).digest())


if __name__ == "__main__":
    main()
