"""Private keys on disk: made once, each in a file of its own, readable by the node's user alone.

    keys/log/<generation>.json      the log's pair                      read by the signer only
    keys/mirror/<watched>.json      the mirror's pair for one party     read by the signer only
    keys/receiving/<n>.key          seeds that open parts sealed to us (age), the largest n is the newest
    keys/storage.key                wraps file keys at rest (protocol E1)
    keys/posts/<POST>.seed          Ed25519 key of a pseudonymous post (protocol A7)
    keys/posts/ADMIN.<n>.seed       the two first administrator credentials (protocol A13)
    keys/recovery.key, keys/ca/     to be kept offline; the running node reads neither

Nothing here prints a key, and no error carries one.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from detente.node.folder import NodeFolder, write_private
from detente.record.errors import Refused, declare
from detente.record.keys import SEED_SIZE, KeyPair

KEY_MISSING: Final = declare("key-missing", "operator", "a private key of the node is not in its folder")
KEY_BROKEN: Final = declare("key-broken", "operator", "a private key's file cannot be read as one")

ADMIN: Final = "ADMIN"


@dataclass(frozen=True)
class PostKey:
    """The Ed25519 key of a post."""

    post: str
    seed: bytes = field(repr=False)

    @cached_property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @property
    def public(self) -> bytes:
        """32 bytes."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(message)


def generate(folder: NodeFolder, peers: Iterable[str]) -> None:
    """Make every key of a new node. FileExistsError if one is there: keys are never overwritten."""
    _write_pair(folder.keys / "log" / "1.json")
    for peer in sorted(peers):
        _write_pair(folder.keys / "mirror" / f"{peer}.json")
    for name in ("receiving/1.key", "storage.key", "recovery.key"):
        _write(folder.keys / name, secrets.token_hex(SEED_SIZE) + "\n")
    for n in (1, 2):
        make_post_key(folder, f"{ADMIN}.{n}")


def log_pair(folder: NodeFolder, generation: int = 1) -> KeyPair:
    """The pair that signs the own log's heads. For the signer alone."""
    return _read_pair(folder.keys / "log" / f"{generation}.json")


def mirror_pair(folder: NodeFolder, watched: str) -> KeyPair:
    """The pair that cosigns heads of `watched`'s logs. For the signer alone."""
    return _read_pair(folder.keys / "mirror" / f"{watched}.json")


def receiving_seeds(folder: NodeFolder) -> tuple[bytes, ...]:
    """Seeds that open what is sealed to this party, the newest first."""
    files = sorted((folder.keys / "receiving").glob("*.key"), key=lambda one: int(one.stem), reverse=True)
    return tuple(_read_seed(one) for one in files)


def storage_key(folder: NodeFolder) -> bytes:
    """32 bytes that wrap file keys and session seeds at rest."""
    return _read_seed(folder.keys / "storage.key")


def recovery_public(folder: NodeFolder) -> bytes:
    """Public half of the recovery key, for the card (protocol C3)."""
    return PostKey("RECOVERY", _read_seed(folder.keys / "recovery.key")).public


def post_key(folder: NodeFolder, post: str) -> PostKey:
    """The key of a post of this node. Raises Refused `key-missing`."""
    return PostKey(post.partition(".")[0], _read_seed(_post_file(folder, post)))


def make_post_key(folder: NodeFolder, post: str) -> PostKey:
    """Make a post's key; FileExistsError if it has one. `POST.<n>` when a post has several holders."""
    _write(_post_file(folder, post), secrets.token_hex(SEED_SIZE) + "\n")
    return post_key(folder, post)


def admin_keys(folder: NodeFolder) -> tuple[PostKey, ...]:
    """The administrators' keys that lie in this folder (none once they were taken offline)."""
    files = sorted((folder.keys / "posts").glob(f"{ADMIN}.*.seed"))
    return tuple(post_key(folder, one.stem) for one in files)


def _post_file(folder: NodeFolder, post: str) -> Path:
    return folder.keys / "posts" / f"{post}.seed"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, text.encode())


def _write_pair(path: Path) -> None:
    seeds = {name: secrets.token_hex(SEED_SIZE) for name in ("ed25519", "mldsa44")}
    _write(path, json.dumps(seeds) + "\n")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError as error:
        raise Refused(KEY_MISSING, file=path.name) from error
    except UnicodeDecodeError as error:
        raise Refused(KEY_BROKEN, file=path.name) from error


def _seed(text: str, path: Path) -> bytes:
    try:
        seed = bytes.fromhex(text.strip())
    except ValueError:
        seed = b""
    if len(seed) != SEED_SIZE:
        # `from None`: the original error would carry a piece of the key into a traceback.
        raise Refused(KEY_BROKEN, file=path.name) from None
    return seed


def _read_seed(path: Path) -> bytes:
    return _seed(_read(path), path)


def _fields(path: Path, *names: str) -> dict[str, str]:
    try:
        found: Any = json.loads(_read(path))
        return {name: str(found[name]) for name in names}
    except (ValueError, KeyError, TypeError):
        raise Refused(KEY_BROKEN, file=path.name) from None


def _read_pair(path: Path) -> KeyPair:
    found = _fields(path, "ed25519", "mldsa44")
    return KeyPair(_seed(found["ed25519"], path), _seed(found["mldsa44"], path))
