"""Makes the vectors of `spec/vectors/formats-1` that are not there yet; a vector never changes.

    PYTHONPATH=src:tests python -m record.make_vectors

Each bad vector is a sound one with one replacement, and names the sound one. ML-DSA-44 signatures are salted:
a vector made again has other signature bytes that mean the same.
"""

from __future__ import annotations

from pathlib import Path

from detente.record.policy import encode_policy
from record import logs
from record import vectors_of_texts as texts
from record import vectors_of_trees as trees
from record.vector_files import KEYS, MIRRORS, RECOVERY, render

FOLDER = Path(__file__).parents[2] / "spec" / "vectors" / "formats-1"

MAKERS = (
    texts.jsons,
    texts.names,
    texts.keys,
    texts.notes,
    texts.heads,
    texts.cosignatures,
    texts.next_logs,
    trees.trees,
    trees.tiles,
    trees.policies,
    trees.quorums,
    trees.proofs,
    trees.evidence,
)

SUPPORT = {
    "keys/log.vkey": f"{KEYS.ed25519.encode()}\n{KEYS.mldsa44.encode()}\n".encode(),
    "keys/mirror.vkey": f"{MIRRORS[0].ed25519.encode()}\n{MIRRORS[0].mldsa44.encode()}\n".encode(),
    "keys/guarantor.vkey": f"{MIRRORS[1].ed25519.encode()}\n{MIRRORS[1].mldsa44.encode()}\n".encode(),
    "keys/recovery.vkey": f"{RECOVERY.encode()}\n".encode(),
    "keys/cell.policy": encode_policy(logs.policy()),
}


def main() -> None:
    files = dict(SUPPORT)
    for make in MAKERS:
        for vector in make():
            path = f"{vector.format}/{vector.name}.vector"
            assert path not in files, path
            files[path] = render(vector)
    for path, data in files.items():
        place = FOLDER / path
        if not place.exists():  # a vector never changes
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)


if __name__ == "__main__":
    main()
