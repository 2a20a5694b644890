"""Check a node's store from its bytes: every hash, root, signature and part is computed again.

`fsck` trusts nothing but entries' bytes and the charter's keys. A finding names the log, entry or part that
one flipped bit broke. It only reads, and in one snapshot: it can run beside a living node.

1. Work is cut into stages with names. An interrupted run says after which stage the next may go on.
2. `cover.COVER` says of every column what finding a flipped bit there gives, or why none can; a test flips
   a bit in each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import DatabaseError

from detente.charter.model import Charter
from detente.node import keys as key_files
from detente.node import selectors
from detente.node.folder import NodeFolder
from detente.node.fsck import folding, logs, own, parts, places
from detente.node.fsck.findings import FINDINGS, Finding, Tell, silent
from detente.node.fsck.structure import check_structure
from detente.node.nodeclock import NodeClock
from detente.node.opening import Opener
from detente.node.pairing import node_charter
from detente.node.snapshot import snapshot
from detente.record.errors import DetenteError

__all__ = ["FINDINGS", "Finding", "Stage", "fsck", "fsck_node", "stages"]


def fsck_node(folder: NodeFolder, *, after: str = "", tell: Tell = silent) -> Iterator[Finding]:
    """Every finding in a node's folder. Django is configured for it. Raises KeyError as `fsck`."""
    try:
        charter = node_charter(folder)
    except (DetenteError, ValueError, OSError) as error:
        # Without its charter nothing can be judged: whose keys would it be?
        yield Finding("charter-file", places.charter_suspects(folder), str(error))
        return
    try:
        yield from fsck(charter, own=folder.party, folder=folder, after=after, tell=tell)
    except DatabaseError as error:
        yield Finding("database", str(folder.database), str(error))  # too damaged to begin


@dataclass(frozen=True)
class Stage:
    """A piece of the work that can be taken up again from its beginning."""

    name: str
    run: Callable[[], Iterator[Finding]]


def fsck(
    charter: Charter, *, own: str, folder: NodeFolder | None = None, after: str = "", tell: Tell = silent
) -> Iterator[Finding]:
    """Every finding in the store. `own`: the party whose node this is.

    With `folder` also what lies beside the database, and the fold. `after`: go on behind that stage.
    Raises KeyError if there is no such stage.
    """
    with snapshot():
        found = stages(charter, own, folder, tell)
        names = [stage.name for stage in found]
        if after and after not in names:
            raise KeyError(after)
        for stage in found[names.index(after) + 1 if after else 0 :]:
            tell(stage.name, 0, 0)
            yield from _readable(stage)


def stages(charter: Charter, me: str, folder: NodeFolder | None, tell: Tell) -> list[Stage]:
    """All stages, in order."""
    scope = logs.Scope(charter, me, tell)
    unlock, wrong = _unlock(folder)
    made = [Stage("database", check_structure)]
    try:
        held = selectors.logs()
    except (DatabaseError, DetenteError, ValueError):
        return made
    for log in held:
        made += [
            Stage(f"log {log.origin}", lambda log=log: logs.check_log(log, scope)),  # type: ignore[misc]
            Stage(f"parts {log.origin}", lambda log=log: parts.check_parts(log, scope)),  # type: ignore[misc]
            Stage(f"ahead {log.origin}", lambda log=log: logs.check_ahead_of(log, scope)),  # type: ignore[misc]
        ]
    made += [
        Stage("bytes", lambda: parts.check_bytes(scope)),
        Stage("storage key", lambda: parts.check_storage(unlock)),
        Stage("opened", lambda: parts.check_opened(scope, unlock)),
        Stage("arrivals", lambda: own.check_arrivals(scope)),
        Stage("proposals", lambda: own.check_proposals(scope, unlock)),
        Stage("evidence", lambda: own.check_evidence(scope)),
        Stage("certificates", lambda: own.check_certificates(scope)),
    ]
    if folder is None:
        return made
    return [
        *made,
        Stage("charter", lambda: places.check_charter(folder, scope)),
        Stage("cards", lambda: places.check_cards(folder, charter)),
        Stage("journals", lambda: places.check_journals(folder, scope)),
        Stage("fold", lambda: _last(folder, scope, unlock)),
        Stage("keys", lambda: iter(wrong)),
    ]


def _last(folder: NodeFolder, scope: logs.Scope, unlock: parts.Unlock | None) -> Iterator[Finding]:
    """What needs the folded record: the fold itself, keys and sessions of posts that entries registered."""
    held = folding.read_all()
    book = folding.folded(scope.charter, held, NodeClock(folder).now())
    yield from folding.check_fold(scope, held, book)
    enrolled = [one.credential for one in book.register.credentials.get(folder.party, ())]
    passkeys = [one for one in enrolled if one.kind == "webauthn"]
    yield from own.check_sessions(scope, unlock, passkeys)
    fields = [core.fields for core in held.cores(folder.party)]
    public = {one.public for one in enrolled} | {
        bytes.fromhex(one["public"]) for one in fields if one.get("credential_kind") == "ED25519"
    }
    yield from places.check_keys(folder, scope.charter, public)
    said = {value for one in fields for value in one.values() if isinstance(value, str)}
    told = {one for one in said if one.startswith("age1")} | {scope.charter.parties[folder.party].receiving}
    yield from places.check_receiving(folder, told)


def _unlock(folder: NodeFolder | None) -> tuple[parts.Unlock | None, list[Finding]]:
    """The node's storage and receiving keys; a finding instead when they cannot be used."""
    if folder is None or not (folder.keys / "storage.key").exists():
        return None, []
    try:
        storage = key_files.storage_key(folder)
        opener = Opener(folder.party, key_files.receiving_seeds(folder), storage)
    except (DetenteError, ValueError) as error:
        return None, [Finding("key", "keys/storage.key or keys/receiving/", type(error).__name__)]
    return parts.Unlock(storage, opener), []


def _readable(stage: Stage) -> Iterator[Finding]:
    """The stage's findings; a row that breaks the check itself is one too, not the end of the check."""
    try:
        yield from stage.run()
    except (
        DatabaseError,
        DetenteError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
    ) as error:
        yield Finding("unreadable", stage.name, f"{type(error).__name__}: {error}")
