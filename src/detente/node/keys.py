"""Private keys on disk: made once, each in a file of its own, readable by the node's user alone.

    keys/log/<generation>.json      the log's pair                      read by the signer only
    keys/mirror/<watched>.json      the mirror's pair for one party     read by the signer only
    keys/receiving/<n>.key          seeds that open parts sealed to us (age), the largest n is the newest
    keys/storage.key                wraps file keys at rest (protocol E1)
    keys/posts/<POST>.seed          Ed25519 key of a pseudonymous post (protocol A7)
    keys/posts/ADMIN.<n>.seed       the two first administrator credentials (protocol A13)
    keys/recovery.key               only until the ceremony has put the recovery key into two hands
    keys/ca/                        to be kept offline; the running node does not read it

The mirrors' pairs are derived from the recovery key: who has lost every key makes the same ones again from
the two shares, and no peer has to learn anything (decision 0008).

Nothing here prints a key, and no error carries one.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from detente.node.folder import NodeFolder, sync_folder, write_private
from detente.record.errors import Refused, declare
from detente.record.keys import SEED_SIZE, KeyPair
from detente.record.names import mirror_name

KEY_MISSING: Final = declare("key-missing", "operator", "a private key of the node is not in its folder")
KEY_BROKEN: Final = declare("key-broken", "operator", "a private key's file cannot be read as one")

ADMIN: Final = "ADMIN"
STORAGE_NEXT: Final = "storage.next.key"


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
    seed = secrets.token_bytes(SEED_SIZE)
    _write(folder.keys / "recovery.key", seed.hex() + "\n")
    derive_mirrors(folder, peers, seed)
    for name in ("receiving/1.key", "storage.key"):
        _write(folder.keys / name, secrets.token_hex(SEED_SIZE) + "\n")
    for n in (1, 2):
        make_post_key(folder, f"{ADMIN}.{n}")


def derive_mirrors(folder: NodeFolder, peers: Iterable[str], recovery: bytes, *, anew: bool = False) -> None:
    """Write the mirrors' pairs that follow from the recovery key. FileExistsError unless `anew`."""
    for peer in sorted(peers):
        name = mirror_name(folder.cell, folder.party, peer)
        pair = HKDF(SHA256(), 2 * SEED_SIZE, salt=None, info=b"detente/mirror/v1\n" + name.encode())
        seeds = pair.derive(recovery)
        _write_pair(folder.keys / "mirror" / f"{peer}.json", seeds[:SEED_SIZE], seeds[SEED_SIZE:], anew=anew)


def make_log_pair(folder: NodeFolder, generation: int) -> KeyPair:
    """Make the keys of a log, never again for the same number."""
    _write_pair(folder.keys / "log" / f"{generation}.json")
    return log_pair(folder, generation)


def make_receiving(folder: NodeFolder) -> int:
    """Make a new receiving key, the newest from now on; its number."""
    numbers = [int(one.stem) for one in (folder.keys / "receiving").glob("*.key")]
    number = max(numbers, default=0) + 1
    _write(folder.keys / "receiving" / f"{number}.key", secrets.token_hex(SEED_SIZE) + "\n")
    return number


def destroy_receiving(folder: NodeFolder, seed: bytes) -> None:
    """Overwrite and remove the file of a receiving key (protocol E1). A disk may keep the old blocks."""
    for one in sorted((folder.keys / "receiving").glob("*.key")):
        if _read_seed(one) == seed:
            with one.open("r+b") as file:
                file.write(b"0" * one.stat().st_size)
                file.flush()
                os.fsync(file.fileno())
            one.unlink()
            sync_folder(one.parent)


def make_storage(folder: NodeFolder) -> None:
    """Make the storage key if there is none."""
    if not (folder.keys / "storage.key").exists():
        _write(folder.keys / "storage.key", secrets.token_hex(SEED_SIZE) + "\n")


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
    """32 bytes that wrap file keys and session seeds at rest; while a new one comes in, both, newest last."""
    found = _read_seed(folder.keys / "storage.key")
    coming = folder.keys / STORAGE_NEXT
    return found + _read_seed(coming) if coming.exists() else found


def begin_storage(folder: NodeFolder) -> None:
    """Have a new storage key beside the old one, unless one is coming in already."""
    if not (folder.keys / STORAGE_NEXT).exists():
        _write(folder.keys / STORAGE_NEXT, secrets.token_hex(SEED_SIZE) + "\n")


def finish_storage(folder: NodeFolder) -> None:
    """Put the new storage key in the old one's place: nothing is wrapped under that any more."""
    (folder.keys / STORAGE_NEXT).replace(folder.keys / "storage.key")
    sync_folder(folder.keys)


def recovery_public(folder: NodeFolder) -> bytes:
    """Public half of the recovery key, for the card (protocol C3)."""
    return PostKey("RECOVERY", _read_seed(folder.keys / "recovery.key")).public


def recovery_seed(folder: NodeFolder) -> bytes:
    """The recovery key that `init` left on the disk. Raises Refused `key-missing` behind the ceremony."""
    return _read_seed(folder.keys / "recovery.key")


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


def _write(path: Path, text: str, *, anew: bool = False) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, text.encode(), replace=anew)


def _write_pair(path: Path, *seeds: bytes, anew: bool = False) -> None:
    """The two seeds, fresh ones if none are given."""
    ed25519, mldsa44 = seeds or (secrets.token_bytes(SEED_SIZE), secrets.token_bytes(SEED_SIZE))
    _write(path, json.dumps({"ed25519": ed25519.hex(), "mldsa44": mldsa44.hex()}) + "\n", anew=anew)


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
