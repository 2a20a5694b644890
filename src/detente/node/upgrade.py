"""Brings a node's tables to this version: backup, steps, check. The node is not running meanwhile.

1. Tables of a newer version are refused by the name of the step that is not known here.
2. Nothing changes before a backup was written and read back.
3. Each step runs in a transaction of its own; interrupted, the same call goes on with the next one.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from detente.node import backup, django_setup
from detente.node.folder import NodeFolder
from detente.node.supervise import ALREADY
from detente.record.errors import Refused


@dataclass(frozen=True)
class Upgraded:
    """What was done: steps taken, and where the backup of before lies."""

    steps: tuple[str, ...]
    backup: Path | None


@contextmanager
def alone(folder: NodeFolder) -> Iterator[None]:
    """Hold the supervisor's lock: no node runs on this folder meanwhile. Raises `node-already-running`."""
    folder.run.mkdir(mode=0o700, exist_ok=True)
    with (folder.run / "node.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Refused(ALREADY) from error
        yield


def upgrade(folder: NodeFolder, place: Path | None, tell: backup.Tell) -> Upgraded:
    """Take the steps that the tables lack. `place`: of the backup; beside the folder when not given."""
    if folder.settings.database_url:
        django_setup.migrate(folder)
        return Upgraded((), None)
    taken, _ = backup.describe_living(folder.database)
    if not django_setup.is_older(taken):
        return Upgraded((), None)
    steps = tuple(name for name in django_setup.known_steps() if name not in taken)
    into = place or folder.path.with_name(f"{folder.path.name}-before-{steps[-1]}-{int(time.time())}")
    backup.back_up(folder, into, {}, tell)
    tell("tables", 0, 0)
    django_setup.migrate(folder)
    return Upgraded(steps, into)
