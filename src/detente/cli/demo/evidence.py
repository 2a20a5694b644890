"""`D/evidence/`: what a stranger needs to check the demo with a program that shares no code with us.

Besides the export of a node: `fork/`, a throw-away log that was forked on purpose, so that a verifier can be
seen to call a fork a fork.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

from detente.cli.demo.cell import CELL, Cell
from detente.record.head import Head, sign_head
from detente.record.keys import KeyPair
from detente.record.tree import Tree, leaf_hash
from detente.record.verify import export_fork

README = """\
EXERCISE EXERCISE EXERCISE

What the demo of Detente left for you to check without Detente. Formats: C2SP tlog-tiles, tlog-checkpoint,
tlog-cosignature, tlog-policy, tlog-proof, signed-note (c2sp.org).

charter/            the fictional charter; its digest is what `detente verify --digest` asks for
logs/<party>/       three logs: checkpoint (the log's two signatures and both mirrors'), tiles, entries
policy              tlog-policy: for each log its ML-DSA-44 line and both mirrors in both key types
keys/*.vkey         the same keys, one a file
old/                earlier heads of the same logs: each must be a head of the same tree
proofs/             <id>.tlog-proof for the entry <id>.entry
fork/               a throw-away log with two heads that cannot both be true: a.checkpoint, b.checkpoint,
                    log.vkey, and the larger one's tiles. It must be called a fork.

Everything here is fictional. Keys and origins contain `exercise`.

EXERCISE EXERCISE EXERCISE
"""


def write(cell: Cell, entries: list[str]) -> Path:
    """Write `evidence/` from the guarantor's node, in a process of its own (one node a process)."""
    place = cell.place / "evidence"
    node = str(cell.node("g1").folder.path)
    words = [sys.executable, "-m", "detente", "export", str(place), "--node", node]
    for entry in entries:
        words += ["--proof", entry]
    subprocess.run(words, check=True, capture_output=True, env=dict(os.environ, PYTHONPATH=_path()))
    write_fork(place / "fork")
    (place / "README").write_text(README, encoding="utf-8")
    return place


def write_fork(place: Path, *, sizes: tuple[int, int] = (3, 5)) -> None:
    """A throw-away log with two histories: heads of `sizes` that differ in their second entry."""
    pair = KeyPair(secrets.token_bytes(32), secrets.token_bytes(32))
    keys = pair.log_keys(f"forked.{CELL}/x1/1")
    trees = []
    for story, size in zip((b"one", b"other"), sizes, strict=True):
        said = [b"first", b"the " + story + b" story", *(b"entry %d" % n for n in range(2, size))]
        trees.append(Tree(leaf_hash(entry) for entry in said))
    notes = [sign_head(Head(keys.origin, tree.size, tree.root()), pair, 1_700_000_000) for tree in trees]
    for path, data in export_fork(notes[0], notes[1], keys, trees[1]):
        file = place / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def verify(place: Path, digest: str) -> tuple[int, str]:
    """Exit code and words of `detente verify`, run as a stranger would: no node, no network."""
    words = [sys.executable, "-m", "detente", "verify", str(place), "--digest", digest]
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": _path()}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    return done.returncode, done.stdout + done.stderr


def _path() -> str:
    import detente

    return str(Path(detente.__file__).resolve().parent.parent)
