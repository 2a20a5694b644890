"""Bare rates of this machine in this run: what any record must pay for hashing, signing and fsync.

Benchmarks print their own figures as a ratio to these, so that a slow or busy machine does not look like slow
code. Every function gives the median of several rounds. Wall time: that is what a person waits for.

    PYTHONPATH=src python -m bench.bare
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

#: A usual entry; the figures of the manual are for this size.
ENTRY = bytes(600)
ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Bare:
    """Seconds each operation takes, alone and without any code of ours around it."""

    leaf_hash_s: float
    ed25519_sign_s: float
    ed25519_verify_s: float
    mldsa44_sign_s: float
    mldsa44_verify_s: float
    fsync_s: float

    @property
    def head_s(self) -> float:
        """One signed head: both signatures."""
        return self.ed25519_sign_s + self.mldsa44_sign_s

    @property
    def receipt_s(self) -> float:
        """What one receipted entry cannot avoid, one after the other.

        The author hashes, signs the head twice and makes it durable; the mirror verifies both, hashes, makes
        it durable and signs twice; the author verifies both.
        """
        verify = self.ed25519_verify_s + self.mldsa44_verify_s
        return 2 * self.leaf_hash_s + 2 * self.head_s + 2 * verify + 2 * self.fsync_s


def measure(folder: Path | None = None) -> Bare:
    """All bare rates; fsync on the disk of `folder` (a temporary one when not said)."""
    return Bare(
        leaf_hash_s(),
        *_sign_and_verify_s(Ed25519PrivateKey.from_private_bytes(bytes(32))),
        *_sign_and_verify_s(MLDSA44PrivateKey.from_seed_bytes(bytes(32))),
        fsync_s(folder),
    )


def leaf_hash_s() -> float:
    """Seconds to hash one entry of 600 bytes as a leaf."""
    return _median(lambda: hashlib.sha256(b"\x00" + ENTRY).digest(), 20_000)


def fsync_s(folder: Path | None = None) -> float:
    """Seconds to append one entry to a file and fsync it."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:

        def append() -> None:
            file.write(ENTRY)
            file.flush()
            os.fsync(file.fileno())

        return _median(append, 30)


def _sign_and_verify_s(key: Ed25519PrivateKey | MLDSA44PrivateKey) -> tuple[float, float]:
    message, public = bytes(100), key.public_key()
    signature = key.sign(message)
    return _median(lambda: key.sign(message), 60), _median(lambda: public.verify(signature, message), 60)


def _median(operation: Callable[[], object], count: int) -> float:
    """Median over `ROUNDS` of the mean seconds of `count` calls."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(count):
            operation()
        times.append((time.perf_counter() - started) / count)
    return statistics.median(times)


def main() -> None:
    """One JSON line, microseconds."""
    bare = measure()
    found = asdict(bare) | {"head_s": bare.head_s, "receipt_s": bare.receipt_s}
    print(
        json.dumps(
            {"bare": {name.removesuffix("_s") + "_us": round(s * 1e6, 2) for name, s in found.items()}}
        )
    )


if __name__ == "__main__":
    main()
