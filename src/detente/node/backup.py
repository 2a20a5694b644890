"""A backup of a node: its record and its agreed rules, never what could sign.

1. The database is copied by SQLite's online backup from one snapshot, beside a living node.
2. The journal and every signing key stay out (protocol C1): two nodes from one backup must not both sign.
   Receiving and storage keys go in only sealed, to an age recipient or under a passphrase.
3. A backup is written beside its place and renamed when it was read back: what stands there is whole.
4. `manifest.json` names every other file with size and SHA-256.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from detente import __version__
from detente.node.folder import FOLDER_TAKEN, NodeFolder, sync_folder, write_private
from detente.node.pairing import node_charter
from detente.node.thinkey import NAME as THIN
from detente.record import strictjson
from detente.record.errors import DetenteError, Malformed, Refused, declare
from detente.record.strictjson import expect_integer, expect_keys, expect_list, expect_text

BACKUP_THERE: Final = declare(
    "backup-there", "operator", "the place of the backup is taken; nothing is overwritten"
)
BACKUP_BROKEN: Final = declare(
    "backup-broken",
    "operator",
    "a file of the backup is gone or not the one its manifest names; take another",
)
BACKUP_DATABASE: Final = declare(
    "backup-database",
    "operator",
    "the record lies in PostgreSQL; back it up with its own tools, then the folder",
)

MANIFEST: Final = "manifest.json"
DATABASE: Final = "node.sqlite3"
SEALED: Final = ("keys.age", "keys.sealed")
SETTINGS: Final = "node.toml"
_LIMIT: Final = 1 << 20
_CHUNK: Final = 1 << 20
_PAGES: Final = 512

#: Told of progress: what, how much is done, how much there is.
Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself. `files`: path → (size, SHA-256 in hex). `schema`: steps of its tables."""

    cell: str
    party: str
    taken_at: int
    software: str
    schema: tuple[str, ...]
    logs: Mapping[str, int]
    files: Mapping[str, tuple[int, str]]

    @property
    def sealed(self) -> bool:
        """Whether receiving and storage keys are in it."""
        return any(name in self.files for name in SEALED)


def encode_manifest(found: Manifest) -> bytes:
    """The file's bytes; `parse_manifest` gives the value back."""
    return strictjson.encode({
        "v": 1, "cell": found.cell, "party": found.party, "taken_at": found.taken_at,
        "software": found.software, "schema": list(found.schema), "logs": dict(found.logs),
        "files": {name: [size, digest] for name, (size, digest) in found.files.items()},
    })  # fmt: skip


def parse_manifest(data: bytes) -> Manifest:
    """The manifest. Raises Malformed."""
    names = ("v", "cell", "party", "taken_at", "software", "schema", "logs", "files")
    said = expect_keys(strictjson.parse(data, limit=_LIMIT), "manifest", names)
    files, logs = said["files"], said["logs"]
    if said["v"] != 1 or not isinstance(files, dict) or not isinstance(logs, dict):
        raise Malformed("manifest", "version or files")
    for name in files:
        if not name or name.startswith("/") or ".." in Path(name).parts:
            raise Malformed("manifest", "a path that leaves the backup")
    return Manifest(
        expect_text(said["cell"], "cell", limit=64), expect_text(said["party"], "party", limit=16),
        expect_integer(said["taken_at"], "time", low=0), expect_text(said["software"], "software", limit=40),
        tuple(expect_text(one, "step", limit=99) for one in expect_list(said["schema"], "steps", limit=999)),
        {origin: expect_integer(size, "size", low=0) for origin, size in logs.items()},
        {name: _file_row(row) for name, row in files.items()},
    )  # fmt: skip


def _file_row(row: Any) -> tuple[int, str]:
    found = expect_list(row, "file", limit=2)
    if len(found) != 2:
        raise Malformed("manifest", "a file without size and hash")
    size, digest = found
    return expect_integer(size, "size", low=0), expect_text(digest, "sha256", limit=64)


def back_up(folder: NodeFolder, place: Path, sealed: Mapping[str, bytes], tell: Tell) -> Manifest:
    """Write a backup of `folder` to `place`, which must not be there; `sealed`: name → bytes of sealed keys.

    Raises Refused `backup-there` or `backup-database`. Interrupted, it leaves nothing at `place`.
    """
    if folder.settings.database_url:
        raise Refused(BACKUP_DATABASE)
    if place.exists():
        raise Refused(BACKUP_THERE, path=str(place))
    beside = place.with_name(place.name + ".partial")
    shutil.rmtree(beside, ignore_errors=True)  # ours alone: of a backup that was interrupted
    beside.mkdir(mode=0o700, parents=True)
    copy_database(folder.database, beside / DATABASE, tell)
    for name in _plain_files(folder):
        (beside / name).parent.mkdir(mode=0o700, exist_ok=True, parents=True)
        write_private(beside / name, (folder.path / name).read_bytes())
    for name, data in sealed.items():
        write_private(beside / name, data)
    schema, logs = describe(beside / DATABASE)
    names = sorted(str(one.relative_to(beside)) for one in beside.rglob("*") if one.is_file())
    files = {name: ((beside / name).stat().st_size, digest_of(beside / name)) for name in names}
    made = Manifest(folder.cell, folder.party, int(time.time()), __version__, schema, logs, files)
    write_private(beside / MANIFEST, encode_manifest(made))
    check_files(beside, tell)
    beside.rename(place)
    sync_folder(place.parent)
    return made  # durable from here


def _plain_files(folder: NodeFolder) -> Iterator[str]:
    yield SETTINGS
    for root in ("charter", "cards"):
        for one in sorted((folder.path / root).rglob("*")):
            if one.is_file():
                yield str(one.relative_to(folder.path))


def copy_database(source: Path, target: Path, tell: Tell) -> None:
    """The database as of one instant, in one file, on disk."""
    if not source.exists():
        raise FileNotFoundError(source)
    with closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True, timeout=10)) as old:
        # A read transaction that stays open: without it each step would see another state, and begin anew
        # whenever the living node has written.
        old.execute("BEGIN")
        old.execute("SELECT count(*) FROM sqlite_master").fetchone()
        target.touch(mode=0o600)
        with closing(sqlite3.connect(target)) as new:
            old.backup(new, pages=_PAGES, progress=lambda _s, left, all_: tell("database", all_ - left, all_))
            new.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
    with target.open("rb") as file:
        os.fsync(file.fileno())


def describe(place: Path) -> tuple[tuple[str, ...], dict[str, int]]:
    """Steps of the tables and size of each log in a database file that nobody writes."""
    return _describe(f"file:{quote(str(place))}?immutable=1")


def describe_living(place: Path) -> tuple[tuple[str, ...], dict[str, int]]:
    """The same of a node's own database."""
    return _describe(f"file:{quote(str(place))}?mode=ro")


def _describe(address: str) -> tuple[tuple[str, ...], dict[str, int]]:
    with closing(sqlite3.connect(address, uri=True, timeout=10)) as base:
        steps = base.execute("SELECT name FROM django_migrations WHERE app = 'node' ORDER BY name").fetchall()
        logs = dict(base.execute("SELECT origin, size FROM node_log").fetchall())
    return tuple(row[0] for row in steps), logs


def read_manifest(place: Path) -> Manifest:
    """The manifest of a backup. Raises Refused `backup-broken`."""
    try:
        return parse_manifest((place / MANIFEST).read_bytes())
    except (OSError, DetenteError) as error:
        raise Refused(BACKUP_BROKEN, file=MANIFEST) from error


def check_files(place: Path, tell: Tell) -> Manifest:
    """The manifest, once every file was read and is the one it names. Raises Refused `backup-broken`."""
    found = read_manifest(place)
    there = {str(one.relative_to(place)) for one in place.rglob("*") if one.is_file()} - {MANIFEST}
    if odd := sorted(there ^ found.files.keys()):
        raise Refused(BACKUP_BROKEN, file=odd[0])
    for number, (name, (size, digest)) in enumerate(found.files.items(), 1):
        tell("hashes", number, len(found.files))
        if (place / name).stat().st_size != size or digest_of(place / name) != digest:
            raise Refused(BACKUP_BROKEN, file=name)
    return found


def digest_of(place: Path) -> str:
    """SHA-256 of a file, in hex."""
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_room(place: Path, into: Path) -> None:
    """Raise Refused `node-already-here` unless `put_back` may write to `into`."""
    mark = into / "restoring"
    same = mark.is_file() and mark.read_bytes() == (place / MANIFEST).read_bytes()
    if into.exists() and any(into.iterdir()) and not same:
        raise Refused(FOLDER_TAKEN, path=str(into))


def put_back(place: Path, into: Path, keys: Mapping[str, bytes], tell: Tell) -> NodeFolder:
    """Make a node's folder of a backup that was checked; `keys`: path below keys/ → bytes.

    Never overwrites: `into` is new, empty, or what an interrupted call for this same backup left there.
    Raises Refused `node-already-here` or `backup-broken`.
    """
    found, mark = read_manifest(place), into / "restoring"
    require_room(place, into)
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    into.chmod(0o700)
    write_private(mark, (place / MANIFEST).read_bytes(), replace=True)
    for name in ("charter/kinds", "cards", "keys", "journal", "run", "log"):
        (into / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(into / "journal" / "restored", b"", replace=True)  # what was cosigned since is not in it
    # node.toml last: until then there is no node that could be started.
    names = [name for name in found.files if name not in (*SEALED, SETTINGS)]
    for number, name in enumerate(names, 1):
        tell("files", number, len(names))
        _copy(place / name, into / name, found.files[name][1])
    for name, data in keys.items():
        target = into / "keys" / name
        for parent in reversed(target.relative_to(into).parents[:-1]):
            (into / parent).mkdir(mode=0o700, exist_ok=True)
        write_private(target, data, replace=True)
    _copy(place / SETTINGS, into / SETTINGS, found.files[SETTINGS][1])
    mark.unlink()
    sync_folder(into)
    return NodeFolder.open(into)  # durable from here


def _copy(source: Path, target: Path, digest: str) -> None:
    if target.exists() and digest_of(target) == digest:
        return
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = target.with_name(target.name + ".new")
    summed = hashlib.sha256()
    with source.open("rb") as old, beside.open("wb") as new:
        beside.chmod(0o600)
        while piece := old.read(_CHUNK):
            summed.update(piece)
            new.write(piece)
        new.flush()
        os.fsync(new.fileno())
    if summed.hexdigest() != digest:
        beside.unlink()
        raise Refused(BACKUP_BROKEN, file=source.name)
    beside.replace(target)
    sync_folder(target.parent)


def signing_keys(medium: Path) -> dict[str, bytes]:
    """Files of an operator's own copy of `keys/`: path → bytes, without locks."""
    found = (one for one in sorted(medium.rglob("*")) if one.is_file() and one.name != "lock")
    return {str(one.relative_to(medium)): one.read_bytes() for one in found}


def lacking_keys(folder: NodeFolder, peers: Iterable[str]) -> list[str]:
    """Key files that a whole node has: those without which it does not start, the thin key that the charter
    names, and a receiving key, without which nothing that was sealed to this party opens.
    """
    generation = folder.settings.generation
    wanted = [
        f"log/{generation}.json", *(f"mirror/{one}.json" for one in sorted(peers)), "storage.key",
        "link/leaf.pem", "link/leaf.key",
    ]  # fmt: skip
    if folder.charter_toml.exists() and node_charter(folder).parties[folder.party].thin is not None:
        wanted.append(THIN)
    lacking = [name for name in wanted if not (folder.keys / name).exists()]
    # By number none can be named: an older one is destroyed in order once a newer one is in force.
    return lacking if any((folder.keys / "receiving").glob("*.key")) else [*lacking, "receiving/*.key"]
