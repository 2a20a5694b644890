"""`fsck` recomputes everything from the bytes and names what one flipped bit broke."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, connections

from detente.node import guards, selectors
from detente.node.fsck import FINDINGS, fsck
from detente.node.receive import Receiver
from detente.record.head import Head
from detente.record.tree import leaf_hash
from node.database import use
from node.rig import NOON, Cell, Clock, words
from node.test_receive import S1, Peer, run


@pytest.fixture
def node(cell: Cell, clock: Clock) -> Cell:
    """S1's store with three own entries, three of S2's, cosignatures, and one floor entry ahead."""
    use(cell.folder("s1"))
    signer = cell.signer("s1", clock)
    author = cell.author("s1", signer, clock)
    receiver: Receiver = cell.receiver("s1", signer, clock)
    for n in range(3):
        author.append([author.prepare(words(str(n)))])
    head = selectors.largest_head(S1)
    cosigned = cell.cosign("g1", Head(S1, 3, head.root), NOON)
    assert receiver.take_cosignature(cosigned.head.body() + b"\n" + cosigned.lines)
    peer = Peer(cell)
    parts = [one for n in range(3) for one in peer.write(str(n))]
    run(receiver.take_push("s2", peer.push(parts=tuple(parts[:4]))))
    peer.write()
    receiver.take_ahead("s2", (peer.write("stop", floor=True), peer.ahead(4))[1])
    return cell


def findings(node: Cell) -> list[tuple[str, str]]:
    return [(one.code, one.where) for one in fsck(node.charter(), own="s1")]


def sql(statement: str, *values: object) -> None:
    """Change the store behind its guards' back."""
    table = (*guards.APPEND_ONLY, guards.PART_BYTES)
    with connection.cursor() as cursor:
        kept = {}
        for name in [f"{one}_no_{verb}" for one in table for verb in ("update", "delete", "replace")]:
            cursor.execute("SELECT sql FROM sqlite_master WHERE name = %s", [name])
            kept[name] = cursor.fetchone()[0]
            cursor.execute(f"DROP TRIGGER {name}")
        cursor.execute(statement, values)
        assert cursor.rowcount == 1, "the change hit one row"
        for made in kept.values():
            cursor.execute(made)


def flip(table: str, column: str, where: str, byte: int) -> None:
    """Flip one bit of one row's bytes."""
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT rowid, "{column}" FROM {table} WHERE {where}')
        row, data = cursor.fetchone()
    changed = bytearray(data)
    changed[byte] ^= 1
    sql(f'UPDATE {table} SET "{column}" = %s WHERE rowid = %s', bytes(changed), row)


S1_LOG = "log_id = (SELECT id FROM node_log WHERE party = 's1')"
S2_LOG = "log_id = (SELECT id FROM node_log WHERE party = 's2')"


class TestOneFlippedBit:
    """Each finding says which entry, head, cosignature or part it is."""

    def test_an_untouched_store_has_no_finding(self, node: Cell) -> None:
        assert findings(node) == []

    @pytest.mark.parametrize("index", [0, 1, 2])
    @pytest.mark.parametrize(("where", "printed"), [(S1_LOG, "S1"), (S2_LOG, "S2")])
    def test_in_an_entry(self, node: Cell, where: str, printed: str, index: int) -> None:
        flip("node_entry", "header", f'{where} AND "index" = {index}', 40)
        assert findings(node) == [("entry-changed", f"{printed}-X{index:05d}")]

    def test_in_an_entry_and_its_leaf_hash_to_match(self, node: Cell) -> None:
        sql(
            f'UPDATE node_entry SET header = %s, leaf = %s WHERE {S1_LOG} AND "index" = 1',
            b"forged",
            leaf_hash(b"forged"),
        )
        assert findings(node)[0] == ("entry-changed", "S1-X00001 to S1-X00001")

    def test_in_a_leaf_hash_and_the_entry_right(self, node: Cell) -> None:
        flip("node_entry", "leaf", f'{S1_LOG} AND "index" = 1', 3)
        assert findings(node) == [("entry-changed", "S1-X00001")]

    def test_in_a_head(self, node: Cell) -> None:
        flip("node_head", "note", f"{S1_LOG} AND size = 2", 500)
        ((code, where),) = findings(node)
        assert code == "head" and where.endswith("/s1/1 size 2")

    def test_in_a_root(self, node: Cell) -> None:
        flip("node_head", "root", f"{S1_LOG} AND size = 2", 0)
        ((code, where),) = findings(node)
        assert code == "head" and where.endswith("/s1/1 size 2")

    def test_in_a_cosignature(self, node: Cell) -> None:
        flip("node_cosignature", "lines", S1_LOG, 300)
        ((code, where),) = findings(node)
        assert code == "cosignature" and where.endswith("/s1/1 size 3 by g1")

    @pytest.mark.parametrize("position", [0, 1])
    def test_in_a_part(self, node: Cell, position: int) -> None:
        name = f'(SELECT sha256 FROM node_part WHERE {S2_LOG} AND "index" = 1 AND position = {position})'
        flip("node_partbytes", "data", f"sha256 = {name}", 99)
        assert findings(node) == [("part-changed", f"S2-X00001 part {position}")]

    def test_in_the_frontier(self, node: Cell) -> None:
        flip("node_log", "frontier", "party = 's1'", 5)
        ((code, where),) = findings(node)
        assert code == "frontier" and where.endswith("/s1/1")

    def test_in_an_opened_core(self, node: Cell) -> None:
        flip("node_opened", "plaintext", f'{S2_LOG} AND "index" = 0 AND position = 0', 0)
        assert findings(node) == [("core-changed", "S2-X00000")]

    def test_in_an_entry_ahead_of_its_log(self, node: Cell) -> None:
        flip("node_ahead", "proof", "1 = 1", 0)
        assert findings(node) == [("ahead", "S2-X00004")]


class TestWhatIsGone:
    """A row or a guard that is not there is a finding too."""

    @pytest.mark.parametrize("index", [0, 2])
    def test_an_entry(self, node: Cell, index: int) -> None:
        sql(f'DELETE FROM node_entry WHERE {S1_LOG} AND "index" = {index}')
        assert findings(node)[0][0] in ("entry-missing", "entry-changed")

    def test_a_parts_bytes(self, node: Cell) -> None:
        name = f'(SELECT sha256 FROM node_part WHERE {S1_LOG} AND "index" = 1 AND position = 1)'
        sql(f"DELETE FROM node_partbytes WHERE sha256 = {name}")
        assert findings(node) == [("part-lost", "S1-X00001 part 1")]

    def test_the_note_that_a_part_is_wanted(self, node: Cell) -> None:
        sql(f'DELETE FROM node_wanted WHERE {S2_LOG} AND "index" = 2 AND position = 0')
        assert findings(node) == [("part-lost", "S2-X00002 part 0")]

    def test_a_parts_row(self, node: Cell) -> None:
        sql(f'DELETE FROM node_part WHERE {S2_LOG} AND "index" = 1 AND position = 1')
        assert findings(node)[0] == ("part-unlisted", "S2-X00001")

    def test_a_guard(self, node: Cell) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER node_head_no_update")
        assert findings(node) == [("guard", "node_head_no_update")]

    def test_a_part_that_is_here_and_reported_missing(self, node: Cell) -> None:
        sql(
            'INSERT INTO node_wanted (log_id, "index", position, role, sha256, size) '
            f'SELECT log_id, "index", position, role, sha256, size FROM node_part '
            f'WHERE {S2_LOG} AND "index" = 0 AND position = 0'
        )
        assert findings(node) == [("part-wanted", "S2-X00000 part 0")]


class TestBesideALivingNode:
    """What is stored while `fsck` runs is no finding: it sees one state from beginning to end."""

    def test_an_entry_that_is_stored_meanwhile(
        self, node: Cell, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        author = node.author("s1", node.signer("s1", clock), clock)
        listed = selectors.logs

        def and_then_one_more() -> object:
            found = listed()
            monkeypatch.setattr(selectors, "logs", listed)
            writer = threading.Thread(target=write)
            writer.start()
            writer.join(10)
            return found

        def write() -> None:
            author.append([author.prepare(words("meanwhile"))])
            connections.close_all()

        before = selectors.log(S1).size
        monkeypatch.setattr(selectors, "logs", and_then_one_more)
        assert findings(node) == []
        assert selectors.log(S1).size == before + 1


def test_every_finding_has_its_words() -> None:
    assert all(FINDINGS.values()) and len(FINDINGS) > 8
