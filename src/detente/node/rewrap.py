"""A new storage key: everything that is wrapped at rest is wrapped again (protocol E1).

1. The new key is on the disk before anything is wrapped under it, as `storage.next.key`. While both are
   there, `keys.storage_key` gives both, and each value opens under the one it was wrapped under: it may be
   interrupted anywhere, the node may be started in between, and the next call goes on.
2. When nothing is left under the old key the new one takes its place. A disk may keep the old blocks.
3. The node is stopped meanwhile: what runs holds the keys it began with.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from detente.node import keys as key_files
from detente.node import models as tables
from detente.node.folder import NodeFolder
from detente.node.lists import pack, unpack
from detente.node.opening import KEY, unwrap, wrap
from detente.node.store import one_transaction
from detente.record.errors import Refused, Unverified, declare

NODE_RUNS: Final = declare("node-runs", "operator", "stop the node first; it holds the keys it began with")
BATCH: Final = 256

Tell = Callable[[int], None]
_T = TypeVar("_T")


def rotate_storage(folder: NodeFolder, tell: Tell = lambda _done: None) -> int:
    """Wrap everything under a new storage key, or go on where that was interrupted; how many values.

    Django is configured for the folder. `tell` hears how many are done. Raises Refused `node-runs`,
    Unverified for a value that opens under neither key (`fsck` names it): then nothing is given up.
    """
    with _stopped(folder):
        key_files.begin_storage(folder)
        ring = key_files.storage_key(folder)
        done = 0
        for batch in (*_opened(ring), *_proposals(ring), *_sessions(ring)):
            done += batch()
            tell(done)
        key_files.finish_storage(folder)
    return done


def _rewrapped(ring: bytes, wrapped: bytes) -> bytes:
    """The value under the newest key; the very same bytes if it is already."""
    try:
        unwrap(ring[-KEY:], wrapped)
    except Unverified:
        return wrap(ring, unwrap(ring, wrapped))
    return wrapped


def _opened(ring: bytes) -> Iterator[Callable[[], int]]:
    found = tables.Opened.objects.exclude(file_key=None)
    for names in _pages(list(found.order_by("pk").values_list("pk", flat=True))):

        @one_transaction
        def batch(names: list[int] = names) -> int:
            rows = list(tables.Opened.objects.filter(pk__in=names))
            for row in rows:
                row.file_key = _rewrapped(ring, bytes(row.file_key or b""))
            tables.Opened.objects.bulk_update(rows, ["file_key"])
            return len(rows)

        yield batch


def _proposals(ring: bytes) -> Iterator[Callable[[], int]]:
    for names in _pages(list(tables.Proposal.objects.order_by("pk").values_list("pk", flat=True))):

        @one_transaction
        def batch(names: list[str] = names) -> int:
            rows = list(tables.Proposal.objects.filter(pk__in=names))
            for row in rows:
                row.file_keys = pack([_rewrapped(ring, one) for one in unpack(bytes(row.file_keys))])
            tables.Proposal.objects.bulk_update(rows, ["file_keys"])
            return len(rows)

        yield batch


def _sessions(ring: bytes) -> Iterator[Callable[[], int]]:
    @one_transaction
    def batch() -> int:
        rows = [row for row in tables.WatchSession.objects.all() if row.seed]
        for row in rows:
            row.seed = _rewrapped(ring, bytes(row.seed))
        tables.WatchSession.objects.bulk_update(rows, ["seed"])
        return len(rows)

    yield batch


def _pages(names: list[_T]) -> Iterator[list[_T]]:
    for start in range(0, len(names), BATCH):
        yield names[start : start + BATCH]


@contextmanager
def _stopped(folder: NodeFolder) -> Iterator[None]:
    """The lock that a running node holds (`supervise`), for the time of the rotation."""
    folder.run.mkdir(mode=0o700, exist_ok=True)
    with (folder.run / "node.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Refused(NODE_RUNS) from error
        yield
