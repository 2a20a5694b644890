"""The store's contract: append-only by triggers, one root a size, positions, tombstones."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection

from detente.node import guards, selectors, store, store_own
from detente.node import models as tables
from detente.node.django_setup import check_schema
from detente.node.opening import OpenedPart, unwrap, wrap
from detente.node.rows import CosignatureRow, EnrolmentRow, HeadRow, SessionRow
from detente.record.errors import Conflict, Equivocation, Refused, Unverified
from detente.record.header import MissingRange, PartInfo, encode_header, parse_header
from detente.record.names import EntryId, origin
from detente.record.parts import sealed_hash
from detente.record.tree import Frontier, leaf_hash
from node.database import use
from node.rig import CELL, NOON, Cell, draft

S2 = origin(CELL, "s2")
PARTS = [f"sealed {n}".encode() for n in range(9)]


def entry(n: int, *, keep: tuple[str, ...] = ("s1",), part: bytes | None = None) -> bytes:
    """Entry n of S2 with one core part."""
    from dataclasses import replace

    data = PARTS[n] if part is None else part
    info = PartInfo("core", sealed_hash(data), len(data), (), keep)
    return encode_header(replace(parse_header(draft("s2", number=n + 1)), parts=(info,)))


def add(start: int, entries: list[bytes], parts: list[bytes] | None = None) -> HeadRow:
    log = selectors.log(S2)
    frontier = Frontier(log.size, log.frontier) if log and log.size == start else Frontier()
    frontier.extend(map(leaf_hash, entries))
    head = HeadRow(S2, frontier.size, frontier.root(), NOON, b"note")
    opened = [OpenedPart(start, 0, "core", b"plain", b"key")]
    came = {sealed_hash(one): one for one in parts or []}
    store.append(store.NewEntries(S2, start, entries, frontier, NOON, (head,), came, opened), me="s1")
    return head


@pytest.fixture(autouse=True)
def database(cell: Cell) -> None:
    use(cell.folder("s1"))


@pytest.fixture
def filled() -> HeadRow:
    """One row in every append-only table and one part's bytes."""
    head = add(0, [entry(0)], [PARTS[0]])
    store.add_cosignatures([CosignatureRow(S2, 1, head.root, "g1", NOON, b"lines")], at=NOON)
    store.add_evidence(S2, b"file", at=NOON)
    store.destroy_part(b"\7" * 32, reason="test", at=NOON)
    tables.View.objects.create(side="asked", log=S2, index=0, position=1, viewer="s1", at=NOON)
    tables.Certificate.objects.create(origin=S2.replace("/1", "/2"), note=b"note", at=NOON)
    return head


def sql(statement: str, *values: object) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount


@pytest.mark.usefixtures("filled")
class TestAppendOnly:
    """A row of the record is never changed or removed, whoever opens the database."""

    @pytest.mark.parametrize("table", [*guards.APPEND_ONLY, guards.PART_BYTES])
    def test_raw_update_delete_and_replace_are_refused(self, table: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")
            before = cursor.fetchall()
            names = [column[0] for column in cursor.description]
        assert before, "the table holds a row, or the refusals would prove nothing"
        holes = ", ".join(["%s"] * len(names))
        quoted = ", ".join(f'"{name}"' for name in names)
        for statement, values in ([f'UPDATE {table} SET "{name}" = "{name}"', ()] for name in names):
            with pytest.raises(DatabaseError, match="append-only"):
                sql(statement, *values)
        with pytest.raises(DatabaseError, match="append-only"):
            sql(f"DELETE FROM {table}")
        for again in ("REPLACE INTO", "INSERT OR REPLACE INTO"):
            with pytest.raises(DatabaseError, match="append-only"):
                sql(f"{again} {table} ({quoted}) VALUES ({holes})", *before[0])
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")
            assert cursor.fetchall() == before

    @pytest.mark.parametrize("table", ["node_entry", "node_head", "node_cosignature", "node_part"])
    def test_a_replace_under_another_row_id_is_refused_too(self, table: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")
            row = dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))
        row.pop("id")
        quoted = ", ".join(f'"{name}"' for name in row)
        with pytest.raises(DatabaseError, match="append-only"):
            sql(f"REPLACE INTO {table} ({quoted}) VALUES ({', '.join(['%s'] * len(row))})", *row.values())

    def test_every_guard_is_there_and_a_missing_one_stops_the_node(self) -> None:
        check_schema()
        for name in guards.guard_names("sqlite"):
            with connection.cursor() as cursor:
                cursor.execute("SELECT sql FROM sqlite_master WHERE name = %s", [name])
                made = cursor.fetchone()[0]
            sql(f"DROP TRIGGER {name}")
            with pytest.raises(Refused, match=name):
                check_schema()
            sql(made)
        check_schema()

    def test_tables_of_another_version_are_refused_with_the_step_that_is_needed(self) -> None:
        sql("INSERT INTO django_migrations (app, name, applied) VALUES ('node', '0999_newer', '2026-01-01')")
        with pytest.raises(Refused, match=r"schema-other.*needs.*0999_newer"):
            check_schema()
        sql("DELETE FROM django_migrations WHERE name = '0999_newer'")
        sql("UPDATE django_migrations SET app = 'gone' WHERE name = '0002_guard_append_only'")
        with pytest.raises(Refused, match=r"schema-other.*lacks.*0002_guard"):
            check_schema()


class TestLog:
    """A log moves forward by one conditional statement."""

    def test_entries_come_back_as_they_were(self) -> None:
        entries = [entry(0), b"not a header \xff", entry(2)]
        add(0, entries)
        assert selectors.entries(S2, 0, 9) == tuple(entries)
        assert selectors.leaves(S2, 1, 3) == [leaf_hash(one) for one in entries[1:]]
        assert list(selectors.iterate_entries(S2, 1)) == entries[1:]

    def test_a_second_entry_at_an_index_is_a_conflict_and_stores_nothing(self) -> None:
        add(0, [entry(0), entry(1)])
        position = selectors.last_position()
        with pytest.raises(Conflict) as refused:
            add(1, [entry(2)])
        assert refused.value.size == 2
        assert selectors.log(S2).size == 2
        assert (selectors.last_position(), len(selectors.entries(S2, 0, 9))) == (position, 2)

    def test_what_fails_late_takes_everything_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def failing(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(store, "_arrive", failing)
        with pytest.raises(Refused, match="disk-full"):
            add(0, [entry(0)], [PARTS[0]])
        assert selectors.log(S2) is None
        assert selectors.part_bytes(sealed_hash(PARTS[0])) is None

    def test_the_frontier_goes_on_from_the_store(self) -> None:
        whole = Frontier()
        for n in range(7):
            add(n, [entry(n)])
            whole.append(leaf_hash(entry(n)))
            assert selectors.log(S2).frontier == whole.hashes


class TestHeads:
    """Heads are kept for ever, never two roots of one size."""

    def test_another_root_for_a_size_is_refused(self) -> None:
        head = add(0, [entry(0)])
        with pytest.raises(Equivocation):
            store.add_head(HeadRow(S2, 1, b"\1" * 32, NOON, b"other"), at=NOON)
        assert selectors.head_at(S2, 1) == head
        with pytest.raises(DatabaseError):
            sql(
                "INSERT INTO node_head (log_id, size, root, time, note, stored_at) "
                "SELECT log_id, size, x'00', 1, note, 1 FROM node_head"
            )

    def test_the_same_head_again_changes_nothing(self) -> None:
        head = add(0, [entry(0)])
        assert store.add_head(head, at=NOON + 9) is False
        assert selectors.heads(S2) == (head,)

    def test_the_head_to_push(self) -> None:
        for n in range(6):
            add(n, [entry(n)])
        assert selectors.head_for_push(S2, 0, 4).size == 4
        assert selectors.head_for_push(S2, 4, 400).size == 6
        assert selectors.head_for_push(S2, 3, 0).size == 4, "none within the limit: the next one"
        assert selectors.head_for_push(S2, 6, 400) is None
        assert selectors.largest_head(S2, within=3).size == 3

    def test_cosignatures_by_size_and_mirror(self) -> None:
        roots = {n + 1: add(n, [entry(n)]).root for n in range(3)}
        rows = [
            CosignatureRow(S2, size, roots[size], mirror, time, f"{mirror}{size}{time}".encode())
            for mirror, size, time in [("g1", 1, 10), ("g1", 3, 30), ("s1", 2, 20), ("g1", 3, 40)]
        ]
        assert store.add_cosignatures(rows, at=NOON) == rows
        assert store.add_cosignatures(rows, at=NOON) == []
        assert [row.time for row in selectors.cosignatures(S2, 3)] == [40]
        largest = selectors.largest_cosignatures(S2)
        assert {mirror: (row.size, row.time) for mirror, row in largest.items()} == {
            "g1": (3, 40),
            "s1": (2, 20),
        }
        assert selectors.first_cosignature_covering(S2, "g1", 0).time == 10
        assert selectors.first_cosignature_covering(S2, "g1", 1).time == 30
        assert selectors.first_cosignature_covering(S2, "s1", 2) is None
        store.add_cosignatures([CosignatureRow(S2, 3, bytes(32), "s1", 50, b"of another tree")], at=NOON)
        assert [row.mirror for row in selectors.cosignatures(S2, 3)] == ["g1"], "of the root held here alone"


class TestParts:
    """Parts are wanted until they are here; they go only behind a tombstone."""

    def test_wanted_until_it_comes(self) -> None:
        add(0, [entry(0), entry(1, keep=("g1",)), entry(2), entry(4)])
        assert [row.entry.index for row in selectors.wanted(S2)] == [0, 2, 3]
        assert selectors.lacking(S2, 3) == (MissingRange(0, 0, ("core",)), MissingRange(2, 2, ("core",)))
        assert store.add_part(PARTS[2], {}, at=NOON) == [(S2, 2)]
        assert selectors.lacking(S2, 4) == (MissingRange(0, 0, ("core",)), MissingRange(3, 3, ("core",)))
        assert selectors.part_bytes(sealed_hash(PARTS[2])) == PARTS[2]

    def test_one_part_named_twice_comes_once(self) -> None:
        add(0, [entry(0), entry(1, part=PARTS[0])])
        assert store.add_part(PARTS[0], {}, at=NOON) == [(S2, 0), (S2, 1)]
        assert selectors.wanted() == ()
        add(2, [entry(2, part=PARTS[0])])
        assert selectors.wanted() == (), "it is here already"

    def test_destroyed_it_leaves_a_tombstone_and_is_never_wanted_again(self) -> None:
        add(0, [entry(0)], [PARTS[0]])
        assert selectors.opened(EntryId(S2, 0))[0].plaintext == b"plain"
        assert store.destroy_part(sealed_hash(PARTS[0]), reason="expired", at=NOON) is True
        assert store.destroy_part(sealed_hash(PARTS[0]), reason="expired", at=NOON) is False
        (row,) = selectors.parts_of(EntryId(S2, 0))
        assert (row.held, row.destroyed) == (False, True)
        assert selectors.opened(EntryId(S2, 0)) == ()
        assert store.add_part(PARTS[0], {}, at=NOON) == []
        add(1, [entry(1, part=PARTS[0])], [PARTS[0]])
        assert selectors.wanted() == () and selectors.part_bytes(sealed_hash(PARTS[0])) is None

    def test_a_part_destroyed_before_it_came_is_no_longer_missing(self) -> None:
        """B2"""
        add(0, [entry(0), entry(1)])
        store.destroy_part(sealed_hash(PARTS[0]), reason="recalled", at=NOON)
        assert selectors.lacking(S2, 2) == (MissingRange(1, 1, ("core",)),)

    def test_a_peer_reads_only_what_it_keeps_or_wrote(self) -> None:
        """D1"""
        add(0, [entry(0, keep=("g1", "s1"))], [PARTS[0]])
        sha256 = sealed_hash(PARTS[0])
        assert selectors.part_for(sha256, "g1") == selectors.part_for(sha256, "s2") == PARTS[0]
        add(1, [entry(1, keep=("s1",))], [PARTS[1]])
        assert selectors.part_for(sealed_hash(PARTS[1]), "g1") is None


class TestPositions:
    """What became readable here, in one order, without a gap."""

    def test_entries_and_parts_in_the_order_they_came(self) -> None:
        add(0, [entry(0), entry(1)])
        store.add_part(PARTS[1], {S2: [OpenedPart(1, 0, "core", b"later", b"k")]}, at=NOON)
        add(2, [entry(2)])
        rows = selectors.arrivals(0)
        assert [row.position for row in rows] == [1, 2, 3, 4] and selectors.last_position() == 4
        assert [(row.entry.index, row.what) for row in rows] == [
            (0, "entry"), (1, "entry"), (1, "opened"), (2, "entry"),
        ]  # fmt: skip
        assert rows[2].opened[0].plaintext == b"later"
        assert [row.position for row in selectors.arrivals(2, limit=1)] == [3]


class TestOwnAffairs:
    """Sessions, one-time codes, local facts; secrets at rest are wrapped."""

    def test_a_code_is_used_once_and_in_time(self) -> None:
        for code, until in ((b"\1" * 32, NOON + 60), (b"\2" * 32, NOON + 60)):
            store_own.save_enrolment(EnrolmentRow(code, "WATCH", NOON, until, None))
        assert store_own.use_enrolment(b"\1" * 32, at=NOON + 60) == "WATCH"
        for code, at in ((b"\1" * 32, NOON + 60), (b"\2" * 32, NOON + 61), (b"\3" * 32, NOON)):
            with pytest.raises(Refused, match="code-unknown"):
                store_own.use_enrolment(code, at=at)

    def test_an_ended_session_has_no_key_left(self) -> None:
        row = SessionRow("a", "WATCH", b"p" * 32, b"wrapped", NOON, NOON + 9, b"", None)
        store_own.save_session(row)
        assert selectors.sessions() == (row,)
        assert store_own.end_session("a", at=NOON + 1) is True
        assert store_own.end_session("a", at=NOON + 2) is False
        assert selectors.sessions() == ()
        assert (selectors.session("a").seed, selectors.session("a").ended_at) == (b"", NOON + 1)

    def test_a_local_fact_is_remembered(self) -> None:
        store_own.set_local("alarm.armed", "yes", at=NOON)
        store_own.set_local("alarm.armed", "no", at=NOON)
        assert selectors.local("alarm.armed") == "no" and selectors.local("other") is None

    def test_a_wrapped_secret_opens_under_its_key_only(self) -> None:
        wrapped = wrap(b"k" * 32, b"secret")
        assert unwrap(b"k" * 32, wrapped) == b"secret" and b"secret" not in wrapped
        with pytest.raises(Unverified):
            unwrap(b"o" * 32, wrapped)
        with pytest.raises(Unverified):
            unwrap(b"k" * 32, wrapped[:-1] + bytes([wrapped[-1] ^ 1]))


class TestDurability:
    """SQLite is set so that a commit survives a power cut."""

    def test_pragmas(self) -> None:
        with connection.cursor() as cursor:
            assert cursor.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
            assert cursor.execute("PRAGMA synchronous").fetchone()[0] == 2, "FULL"
        assert connection.settings_dict["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
