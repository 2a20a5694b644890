"""The end of a node or of its medium: keys first, then the data.

1. Keys are overwritten and removed before anything else: if the work is cut short, what is left cannot sign
   and cannot open what was sealed to this party.
2. Nothing is followed out of the folder: a link is removed, not what it points to.
3. Overwriting promises nothing on flash, on copy-on-write file systems, in snapshots and backups.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from detente.node.backup import Tell
from detente.node.folder import NodeFolder, sync_folder

#: In this order; what is not named goes last.
_FIRST = ("keys", "journal", "run")
_LAST = "node.toml"
_CHUNK = 1 << 20


def wipe(folder: NodeFolder, tell: Tell) -> int:
    """Destroy everything in the folder and the folder itself; how many files there were."""
    files = list(_files(folder.path))
    for number, one in enumerate(files, 1):
        tell("keys" if folder.keys in one.parents else "data", number, len(files))
        destroy(one)
    for one in sorted((p for p in folder.path.rglob("*") if p.is_dir()), reverse=True):
        one.rmdir()
    folder.path.rmdir()
    sync_folder(folder.path.parent)
    return len(files)


def _files(path: Path) -> Iterator[Path]:
    """Every file, keys first, node.toml last: an interrupted wipe can be called again."""
    found = [one for one in path.rglob("*") if one.is_symlink() or not one.is_dir()]

    def rank(one: Path) -> tuple[int, str]:
        top = one.relative_to(path).parts[0]
        order = _FIRST.index(top) if top in _FIRST else len(_FIRST) + (one == path / _LAST)
        return order, str(one)

    yield from sorted(found, key=rank)


def destroy(place: Path) -> None:
    """Overwrite a file with noise, have that on disk, and remove it."""
    if place.is_file() and not place.is_symlink():
        size = place.stat().st_size
        with place.open("r+b", buffering=0) as file:
            for start in range(0, size, _CHUNK):
                file.write(secrets.token_bytes(min(_CHUNK, size - start)))
            os.fsync(file.fileno())
    place.unlink()
    sync_folder(place.parent)
