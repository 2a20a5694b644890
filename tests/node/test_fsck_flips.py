"""One flipped bit in every column of every table and in every file: `fsck` names it, wherever it is.

The table of columns is the schema's own: a new column that `cover` does not speak of fails here.
"""

from __future__ import annotations

import random
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node import database
from node.rig import NOON, Clock
from node_api.rig import Authenticator, Node, make_cell

database.template()

from detente.node import keys as key_files  # noqa: E402
from detente.node import models as tables  # noqa: E402 - Django must be configured first
from detente.node import store, store_own  # noqa: E402
from detente.node.backup import copy_database  # noqa: E402
from detente.node.folder import NodeFolder  # noqa: E402
from detente.node.fsck import Finding, fsck_node  # noqa: E402
from detente.node.fsck.cover import COVER, LOCAL  # noqa: E402
from detente.node.fsck.logs import named  # noqa: E402
from detente.record.age import recipient_of  # noqa: E402
from detente.record.evidence import TwoHistories, encode_two_histories  # noqa: E402
from detente.record.head import Head, sign_head  # noqa: E402
from detente.record.header import Header, PartInfo, encode_header  # noqa: E402
from detente.record.keys import KeyPair  # noqa: E402
from detente.record.names import EntryId  # noqa: E402
from detente.record.nextlog import NextLog, sign_next_log  # noqa: E402
from detente.record.sync import Push  # noqa: E402


def columns(place: Path) -> list[tuple[str, str]]:
    """(table, column) of every table of the node, as the database says."""
    base = sqlite3.connect(place)
    question = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'node_%' ORDER BY name"
    tables = [row[0] for row in base.execute(question)]
    found = [(table, row[1]) for table in tables for row in base.execute(f'PRAGMA table_info("{table}")')]
    base.close()
    return found


COLUMNS = columns(database.template())


@dataclass
class Store:
    """A node's folder at rest, and room for changed copies of its database."""

    folder: NodeFolder
    room: Path

    def findings(self, changed: Path | None = None) -> list[Finding]:
        database.point_at(changed or self.folder.database)
        return list(fsck_node(self.folder))

    def copy(self) -> Path:
        place = self.room / "changed.sqlite3"
        for old in self.room.glob("changed.sqlite3*"):
            old.unlink()
        shutil.copyfile(self.folder.database, place)
        return place


@pytest.fixture(scope="module")
def at_rest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """S1's store with rows in every table, its processes ended."""
    root = tmp_path_factory.mktemp("flips")
    clock = Clock(int(time.time()))
    node = Node(make_cell(root, alarm={"hook": ["true"]}), clock)
    node.start()
    try:
        fill(node, clock)
    finally:
        node.stop()
    database.point_at(node.folder.database)
    copy_database(node.folder.database, root / "rest.sqlite3", lambda *_: None)
    for beside in ("", "-wal", "-shm"):
        node.folder.database.with_name(f"node.sqlite3{beside}").unlink(missing_ok=True)
    (root / "rest.sqlite3").rename(node.folder.database)
    yield Store(node.folder, root)


STOP = {"meaning": "OTHER", "ask": "PAUSE_AND_CHECK", "own_action": "NOT_STATED"}


def fill(node: Node, clock: Clock) -> None:
    """Something of everything that a node stores."""
    node.in_force()
    said = {
        "kind": "D02", "act": "NEW", "fields": STOP | {"since": clock()}, "content": {"text": "words"},
        "post": "WATCH",
    }  # fmt: skip
    node.api.post("/v1/send", {**said, "post_key": True})
    node.api.post("/v1/proposals", said | {"content": {"text": "later"}})
    watch_by_passkey(node)
    node.register("s2", "WATCH")
    heard = STOP | {"since": clock()}
    node.other_says("s2", "D02", "NEW", "WATCH", heard, content={"text": "one"}, seen=True)
    wrong = {one.id: one.receiving for one in node.charter.parties.values()}
    wrong["s1"] = recipient_of(bytes(range(32)))
    node.other_says("s2", "R03", "NEW", "LOG", {"armed": False, "software": "x"}, keys=wrong)
    entry = node.other_says("s2", "D02", "NEW", "WATCH", heard, content={"text": "two"})
    write(node, lambda: destroy_content(entry.index))
    node.step()
    keeper, other = node.context.keeper, node.signer_of("s2")
    (group,) = other.append([later(node)], [], have=other.status().size)
    push = Push(node.folders["s2"].origin, entry.index + 1, group.entries, group.note)
    keeper.submit(keeper.receiver.take_push, "s2", push).result(10)
    node.pushes["s2"] = (*node.pushes["s2"], *group.entries)
    (group,) = other.append([later(node)], [], have=other.status().size)
    node.pushes["s2"] = (*node.pushes["s2"], *group.entries)
    node.other_says("s2", "D02", "NEW", "WATCH", heard, content={"text": "early"}, ahead=True)
    write(node, lambda: two_histories(node))
    write(node, lambda: next_log(node))
    write(node, viewed)
    node.settled()


def write(node: Node, job: Any) -> None:
    node.writer.submit(job).result(10)


def watch_by_passkey(node: Node) -> None:
    """A post enrolled with a passkey, one session opened by it, another ended."""
    made = Authenticator()
    code = node.api.post("/v1/enrolment", {"post": "WATCH"})["code"]
    node.api.post("/v1/credentials", {"code": code, "credential": made.credential()})
    node.settled()
    for _ in range(2):
        offer = node.api.post("/v1/sessions", {"post": "WATCH"})
        assertion = made.assertion(offer["challenge"])
        node.api.post(f"/v1/sessions/{offer['session']}/assertion", {"assertion": assertion})
    node.services.officers.end(offer["session"])
    write(node, lambda: store_own.set_local("alarm.armed", "yes", at=NOON))


def later(node: Node) -> bytes:
    """A draft of s2's log whose part does not come."""
    part = PartInfo("core", secrets.token_bytes(32), 2000, ("s1",), ("s1",))
    log = node.folders["s2"].origin
    cell, none = node.charter.cell, bytes(32)
    return encode_header(Header(1, cell, log, False, 1, none, ("s1",), (part,), (), none, ()))


def destroy_content(index: int) -> None:
    row = tables.Part.objects.get(log__party="s2", index=index, role="content")
    act = EntryId(row.log.origin, 0)
    store.destroy_part(bytes.fromhex(row.sha256), reason="recalled", at=NOON, act=act)


def next_log(node: Node) -> None:
    """A certificate of s2's next log; nothing of that log yet."""
    folder, old = node.folders["s2"], tables.Log.objects.get(party="s2")
    origin = folder.origin.rpartition("/")[0] + "/2"
    keys = KeyPair(bytes(range(32)), bytes(range(32))).log_keys(origin)
    head = tables.Head.objects.filter(log=old).latest("size")
    following = NextLog(origin, keys, folder.origin, head.size, bytes(head.root))
    seed = bytes.fromhex((folder.keys / "recovery.key").read_text())
    tables.Certificate.objects.create(origin=origin, note=sign_next_log(following, seed), at=NOON)


def viewed() -> None:
    """A line of the log of views."""
    tables.View.objects.create(
        side="author", log="harbour.exercise/s1/1", index=0, position=1, viewer="s2", post="WATCH",
        request=b"asked", signature=b"signed", certificate=b"by", code="shown", at=NOON,
    )  # fmt: skip


def two_histories(node: Node) -> None:
    """Evidence against g1's log, made with its own keys."""
    folder = node.folders["g1"]
    pair = key_files.log_pair(folder)
    notes = [sign_head(Head(folder.origin, 9, bytes([n]) * 32), pair, NOON) for n in (1, 2)]
    store.add_evidence(folder.origin, encode_two_histories(TwoHistories(folder.origin, *notes)), at=NOON)


def test_every_column_is_spoken_of_once() -> None:
    covered = {(table, column) for table, row in COVER.items() for column in row}
    local = {(table, column) for table, row in LOCAL.items() for column in row}
    assert not covered & local
    assert covered | local == set(COLUMNS)


def flipped(value: object) -> Iterator[object]:
    """The value with one bit changed, in several ways: a key that is taken is tried otherwise."""
    for bit in range(8):
        if isinstance(value, int):
            yield value ^ (1 << bit)
        elif isinstance(value, bytes):
            changed = bytearray(value)
            changed[len(value) // 2] ^= 1 << bit
            yield bytes(changed)
        elif isinstance(value, str):
            letters = list(value)
            letters[len(letters) // 2] = chr(ord(letters[len(letters) // 2]) ^ (1 << bit % 7))
            yield "".join(letters)


def flip(place: Path, table: str, column: str, which: int) -> dict[str, Any]:
    """Flip one bit of a row's column behind its guards' back; the row as it was."""
    base = sqlite3.connect(place)
    base.row_factory = sqlite3.Row
    guards = base.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for guard in guards:
        base.execute(f"DROP TRIGGER {guard[0]}")
    rows = base.execute(
        f'SELECT rowid AS row_, * FROM {table} WHERE "{column}" IS NOT NULL AND length("{column}") > 0'
    ).fetchall()
    assert rows, "the store has such a value"
    row = rows[which * (len(rows) - 1)]
    for value in flipped(row[column]):
        try:
            base.execute(f'UPDATE {table} SET "{column}" = ? WHERE rowid = ?', (value, row["row_"]))
        except sqlite3.IntegrityError:
            continue
        break
    for guard in guards:
        base.execute(guard[1])
    base.commit()
    base.close()
    return dict(row)


def name_of(place: Path, row: dict[str, Any]) -> str:
    """The entry that a row belongs to, as printed; empty if it is none's."""
    if "log_id" not in row or row.get("index") is None:
        return ""
    base = sqlite3.connect(place)
    (origin,) = base.execute("SELECT origin FROM node_log WHERE id = ?", (row["log_id"],)).fetchone()
    base.close()
    return named(origin, row["index"])


class TestOneFlippedBit:
    """In whatever column of whatever table: a finding of the kind that `cover` says, naming the entry."""

    def test_an_untouched_store_has_no_finding(self, at_rest: Store) -> None:
        assert at_rest.findings() == []

    @pytest.mark.parametrize(("table", "column"), [(t, c) for t, row in COVER.items() for c in row])
    @pytest.mark.parametrize("which", [0, 1], ids=["first", "last"])
    def test_is_named(self, at_rest: Store, table: str, column: str, which: int) -> None:
        place = at_rest.copy()
        row = flip(place, table, column, which)
        found = at_rest.findings(place)
        told = [one for one in found if one.code in COVER[table][column].split()]
        assert told, found
        entry = name_of(at_rest.folder.database, row)
        if column not in ("log_id", "index") and table != "node_proposal":
            assert entry in " ".join(one.where for one in told)

    @pytest.mark.parametrize(("table", "column"), [(t, c) for t, row in LOCAL.items() for c in row])
    def test_in_a_local_remark_is_no_finding(self, at_rest: Store, table: str, column: str) -> None:
        """If one were found after all, its column belongs into COVER."""
        place = at_rest.copy()
        flip(place, table, column, 0)
        assert at_rest.findings(place) == []


def files(folder: NodeFolder) -> list[str]:
    """Every file of a node but settings, locks, sockets and logs."""
    skip = ("run/", "log/", "node.", "keys/lock", "reserve")
    found = (str(one.relative_to(folder.path)) for one in folder.path.rglob("*") if one.is_file())
    return sorted(one for one in found if not one.startswith(skip) and (folder.path / one).stat().st_size)


class TestFiles:
    """One flipped bit in each file beside the database."""

    def test_every_file_is_named(self, at_rest: Store) -> None:
        silent = {}
        for name in files(at_rest.folder):
            place = at_rest.folder.path / name
            whole = place.read_bytes()
            changed = bytearray(whole)
            changed[len(whole) // 2] ^= 1
            place.write_bytes(changed)
            try:
                found = at_rest.findings()
            finally:
                place.write_bytes(whole)
            if not any(name in f"{one.where} {one.detail}" for one in found):
                silent[name] = found
        assert silent == {}
        assert at_rest.findings() == []


class TestRawFile:
    """One flipped bit anywhere in the database file: found, or nothing that the node stores has changed."""

    def test_anywhere(self, at_rest: Store) -> None:
        whole, chance = at_rest.folder.database.read_bytes(), random.Random(7)
        same = contents(at_rest.folder.database)
        for _ in range(60):
            place, at = at_rest.copy(), chance.randrange(len(whole))
            changed = bytearray(whole)
            changed[at] ^= 1 << chance.randrange(8)
            place.write_bytes(changed)
            if not at_rest.findings(place):
                assert contents(place) == same, f"byte {at}"


def contents(place: Path) -> dict[str, Any]:
    """Every value that `cover` calls covered."""
    base = sqlite3.connect(place)
    found: dict[str, Any] = {}
    for table, row in COVER.items():
        names = ", ".join(f'"{one}"' for one in row)
        found[table] = base.execute(f"SELECT {names} FROM {table} ORDER BY rowid").fetchall()
    base.close()
    return found
