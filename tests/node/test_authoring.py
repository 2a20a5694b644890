"""From draft to durable entry: A6, A8, C1, C2 and the failure matrix of the pipeline."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from detente.cases.core import Core, encode_core
from detente.node import authoring, selectors, store
from detente.node import keys as key_files
from detente.node.authoring import Author, Draft, DraftPart, Logged, Prepared, Release
from detente.node.fsck import fsck
from detente.node.opening import unwrap
from detente.node.signer import journal_path
from detente.node.signer_client import SignerClient
from detente.node.writer import Writer
from detente.record.age import recipient_of
from detente.record.errors import DetenteError, Malformed, Refused, Unreachable
from detente.record.head import open_head
from detente.record.header import parse_header
from detente.record.names import origin, print_id
from detente.record.parts import open_sealed, open_with_file_key, plaintext_hash
from node.database import use
from node.rig import CELL, NOON, Cell, Clock, RoomSigner, words

OWN = origin(CELL, "s1")


@pytest.fixture
def signer(cell: Cell, clock: Clock) -> RoomSigner:
    use(cell.folder("s1"))
    return cell.signer("s1", clock)


@pytest.fixture
def author(cell: Cell, clock: Clock, signer: RoomSigner) -> Author:
    return cell.author("s1", signer, clock)


def clean(cell: Cell) -> None:
    """The store has nothing that fsck objects to."""
    assert list(fsck(cell.charter(), own="s1")) == []


def one(results: list[Logged | DetenteError]) -> Logged:
    (found,) = results
    if isinstance(found, DetenteError):
        raise found
    return found


class TestEntry:
    """C1, A6: an answer means journal, parts, entry and head are on disk."""

    def test_it_stands_in_the_log_under_a_head(self, cell: Cell, author: Author) -> None:
        prepared = author.prepare(words("hello"))
        logged = one(author.append([prepared]))
        assert print_id(logged.entry) == "S1-X00000"
        assert selectors.entry(logged.entry) == logged.header
        head = open_head(logged.head.note, cell.log_keys("s1"))
        assert (head.head.size, logged.time) == (1, NOON)
        assert [row.held for row in selectors.parts_of(logged.entry)] == [True, True]
        clean(cell)

    def test_each_reader_opens_its_parts_and_nobody_else(self, cell: Cell, author: Author) -> None:
        logged = one(author.append([author.prepare(words("secret", to=("s2",)))]))
        (core, _) = selectors.parts_of(logged.entry)
        data = selectors.part_bytes(core.sha256)
        for party in ("s1", "s2"):
            seed = key_files.receiving_seeds(cell.folder(party))[0]
            assert plaintext_hash(open_sealed(data, seed)) == parse_header(logged.header).core
        with pytest.raises(DetenteError):
            open_sealed(data, key_files.receiving_seeds(cell.folder("g1"))[0])

    def test_the_own_plaintext_is_kept_and_its_file_key_wrapped(self, cell: Cell, author: Author) -> None:
        logged = one(author.append([author.prepare(words("mine"))]))
        core, content = selectors.opened(logged.entry)
        assert core.plaintext.endswith(b"mine") and content.role == "content"
        from detente.node.models import Opened

        wrapped = bytes(Opened.objects.get(position=0).file_key)
        file_key = unwrap(key_files.storage_key(cell.folder("s1")), wrapped)
        sealed = selectors.part_bytes(selectors.parts_of(logged.entry)[0].sha256)
        assert open_with_file_key(sealed, file_key) == core.plaintext
        assert file_key not in wrapped

    def test_what_waits_together_gets_one_head(self, cell: Cell, author: Author) -> None:
        results = author.append([author.prepare(words(str(n))) for n in range(5)])
        assert [result.entry.index for result in results] == [0, 1, 2, 3, 4]
        assert {result.head.size for result in results} == {5}
        assert [row.size for row in selectors.heads(OWN)] == [5]
        clean(cell)

    def test_the_same_proposal_again_gives_the_same_entry(self, cell: Cell, author: Author) -> None:
        prepared = author.prepare(words())
        first = one(author.append([prepared]))
        assert one(author.append([prepared])) == first
        assert selectors.log(OWN).size == 1

    def test_the_same_core_in_another_proposal_is_refused(self, cell: Cell, author: Author) -> None:
        draft = words()
        author.append([author.prepare(draft)])
        (refused,) = author.append([author.prepare(draft)])
        assert refused.code == "core-repeated"
        assert selectors.log(OWN).size == 1

    def test_a_refused_one_does_not_hold_up_the_others(self, cell: Cell, author: Author) -> None:
        draft = words()
        author.append([author.prepare(draft)])
        refused, logged = author.append([author.prepare(draft), author.prepare(words())])
        assert refused.code == "core-repeated" and logged.entry.index == 1

    def test_a_reader_without_a_key_is_named(self, author: Author) -> None:
        with pytest.raises(Refused, match="recipient-unknown"):
            author.prepare(words(to=("s9",)))

    def test_a_draft_whose_header_leaves_no_room_for_seen_is_refused(self, author: Author) -> None:
        def wide(attachments: int) -> Draft:
            parts = (DraftPart("attachment", bytes([n]), MANY, MANY) for n in range(attachments))
            return Draft(False, MANY, bytes(32), (DraftPart("core", b"core", MANY, MANY), *parts))

        keys = {one: recipient_of(one[:1].encode() * 32) for one in ("s1", *MANY)}
        author._recipients = lambda: keys
        assert author.prepare(wide(2)).core
        with pytest.raises(Malformed):
            author.prepare(wide(60))


MANY = tuple(letter * 16 for letter in "abcdefghijkl")


class TestProposal:
    """A7: a proposal is kept until its approvals are there; a release fixes them once."""

    def test_it_waits_and_is_then_released(self, cell: Cell, author: Author) -> None:
        name = author.propose(author.prepare(words()))
        assert selectors.proposal(name).state == "proposed"
        assert selectors.log(OWN) is None
        logged = one(author.append([Release(name, ())]))
        row = selectors.proposal(name)
        assert (row.state, row.entry) == ("logged", logged.entry)
        assert one(author.append([Release(name, ())])) == logged

    def test_an_unknown_proposal_is_refused(self, author: Author) -> None:
        (refused,) = author.append([Release("nothing", ())])
        assert refused.code == "no-proposal"

    def test_without_a_started_signer_it_stays_released_and_is_taken_up_later(
        self, cell: Cell, clock: Clock
    ) -> None:
        use(cell.folder("s1"))
        waiting = cell.signer("s1", clock, started=False)
        author = cell.author("s1", waiting, clock)
        prepared = author.prepare(words("early", floor=True))
        (refused,) = author.append([prepared])
        assert refused.code == "signer-not-started"
        assert selectors.proposal(prepared.row.name).state == "released"
        status = waiting.status()
        waiting.confirm(status.size, status.root)
        (logged,) = author.resume()
        assert parse_header(logged.header).core == prepared.core
        clean(cell)


def beat() -> Draft:
    """A heartbeat: its state digest is true at the cut it was drafted at only."""
    core = Core(
        f"{CELL}/s1", "R03", 1, "NEW", "LOG", "CHANNEL", "ROUTINE", "COPY", b"s" * 32,
        fields={"armed": True, "state_digest": "ab" * 32},
    )  # fmt: skip
    everyone = ("g1", "s2")
    return Draft(
        False, everyone, bytes(32), (DraftPart("core", encode_core(core), everyone, everyone),), "LOG"
    )


class TestQuota:
    """D5: what passes the day's quota stays released; floor kinds and what the node says go on."""

    def test_it_is_held_back_and_goes_in_the_next_day(
        self, cell: Cell, clock: Clock, signer: RoomSigner
    ) -> None:
        use(cell.folder("s1"))
        full = [True]

        def hold_back(_log: str, drafts: Sequence[bytes]) -> list[Refused | None]:
            return [Refused("quota-held", until=5) if full[0] else None for _ in drafts]

        author = Author(
            OWN, "s1", signer, cell.opener("s1"), cell.recipients, clock, hold_back=hold_back
        )  # fmt: skip
        ordinary, urgent, beats = (
            author.prepare(one) for one in (words("later"), words("now", floor=True), beat())
        )
        results = author.append([ordinary, urgent, beats])
        assert isinstance(results[0], Refused) and results[0].code == "quota-held"
        assert [one.entry.index for one in results[1:] if isinstance(one, Logged)] == [0, 1]
        assert selectors.proposal(ordinary.row.name).state == "released"
        assert author.resume() == []
        full[0] = False
        (logged,) = author.resume()
        assert parse_header(logged.header).core == ordinary.core
        clean(cell)


class TestHeartbeatLeftBehind:
    """B8: a digest is of one cut, so a heartbeat that was not signed then is never signed later."""

    def test_one_that_was_not_signed_is_given_up(self, cell: Cell, clock: Clock) -> None:
        use(cell.folder("s1"))
        waiting = cell.signer("s1", clock, started=False)
        author = cell.author("s1", waiting, clock)
        late, other = author.prepare(beat()), author.prepare(words("early", floor=True))
        refused = author.append([late, other])
        assert [one.code for one in refused if isinstance(one, Refused)] == ["signer-not-started"] * 2
        status = waiting.status()
        waiting.confirm(status.size, status.root)
        (logged,) = author.resume()
        assert parse_header(logged.header).core == other.core
        assert selectors.proposal(late.row.name).state == "withdrawn"
        clean(cell)

    def test_one_that_was_signed_stays(
        self, cell: Cell, author: Author, signer: RoomSigner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object, **__: object) -> None:
            raise Refused("disk-full")

        prepared = author.prepare(beat())
        with monkeypatch.context() as patch:
            patch.setattr(store, "append", full)
            author.append([prepared])
        assert (signer.status().size, selectors.log(OWN)) == (1, None)
        assert author.resume() == []
        assert selectors.proposal(prepared.row.name).state == "logged"
        assert selectors.log(OWN).size == 1
        clean(cell)


class TestJournalFirst:
    """C1: a database that lacks the last entries takes them from the journal."""

    def test_a_restored_older_database_is_brought_forward(
        self, cell: Cell, clock: Clock, author: Author
    ) -> None:
        from django.db import connection

        author.append([author.prepare(words("first"))])
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database = cell.folder("s1").database
        backup = database.with_suffix(".backup")
        shutil.copyfile(database, backup)
        later = [one(author.append([author.prepare(words(f"later {n}"))])) for n in range(3)]
        connection.close()
        for name in (database, *database.parent.glob("node.sqlite3-*")):
            name.unlink()
        shutil.copyfile(backup, database)
        use(cell.folder("s1"))

        again = cell.author("s1", cell.signer("s1", clock), clock)
        assert selectors.log(OWN).size == 1
        logged = one(again.append([again.prepare(words("after"))]))
        assert logged.entry.index == 4
        assert [selectors.entry(row.entry) for row in later] == [row.header for row in later]
        assert [row.size for row in selectors.heads(OWN)] == [1, 2, 3, 4, 5], "each head is there again"
        assert {row.entry.index for row in selectors.wanted(OWN)} == {1, 2, 3}, "lost parts are asked for"
        clean(cell)

    def test_a_lost_journal_is_fed_from_the_store(self, cell: Cell, clock: Clock, author: Author) -> None:
        for n in range(3):
            author.append([author.prepare(words(str(n)))])
        journal_path(cell.folder("s1"), OWN).unlink()
        signer = cell.signer("s1", clock, started=False)
        again = cell.author("s1", signer, clock)
        assert again.feed_signer() == 3
        head = selectors.largest_head(OWN)
        assert signer.confirm(3, head.root).state == "started"
        assert one(again.append([again.prepare(words())])).entry.index == 3
        clean(cell)


class PowerCut(Exception):  # noqa: N818
    """The power fails here."""


def cut_before(monkeypatch: pytest.MonkeyPatch, where: object, name: str) -> None:
    """The step never happens."""

    def instead(*_: object, **__: object) -> None:
        raise PowerCut

    monkeypatch.setattr(where, name, instead)


def cut_after(monkeypatch: pytest.MonkeyPatch, where: object, name: str) -> None:
    """The step happens and its answer is lost."""
    whole: Callable[..., object] = getattr(where, name)

    def instead(*words: object, **named: object) -> None:
        whole(*words, **named)
        raise PowerCut

    monkeypatch.setattr(where, name, instead)


STEPS = {
    "parts and proposal": (authoring, "save_proposals"),
    "signer": (SignerClient, "append"),
    "entries and head": (store, "append"),
    "answer": (Author, "_result"),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("cut", [cut_before, cut_after])
class TestFailureMatrix:
    """Every step × (not done, done but the answer was lost): once in the log or not at all, fsck clean."""

    def test_after_a_restart_the_entry_stands_once(
        self,
        cell: Cell,
        clock: Clock,
        author: Author,
        monkeypatch: pytest.MonkeyPatch,
        step: str,
        cut: Callable[[pytest.MonkeyPatch, object, str], None],
    ) -> None:
        author.append([author.prepare(words("before"))])
        prepared = author.prepare(words("cut"))
        with monkeypatch.context() as patch:
            cut(patch, *STEPS[step])
            with pytest.raises(PowerCut):
                author.append([prepared])
        use(cell.folder("s1"))
        clean(cell)
        again = cell.author("s1", cell.signer("s1", clock), clock)
        again.resume()
        released = not (step == "parts and proposal" and cut is cut_before)
        assert (selectors.log(OWN).size == 2) is released
        clean(cell)
        logged = one(again.append([prepared]))
        assert logged.entry.index == 1
        assert selectors.log(OWN).size == 2
        assert one(again.append([again.prepare(words("next"))])).entry.index == 2
        clean(cell)


class TestSignerLost:
    """The signer's answer may be lost; the entry is not."""

    @pytest.mark.parametrize("lost", ["lose_answer", "down"])
    def test_a_retry_gives_the_one_entry(
        self, cell: Cell, author: Author, signer: RoomSigner, lost: str
    ) -> None:
        prepared = author.prepare(words())
        setattr(signer, lost, True)
        (failed,) = author.append([prepared])
        assert isinstance(failed, Unreachable)
        signer.down = False
        assert one(author.append([prepared])).entry.index == 0
        assert selectors.log(OWN).size == 1 == signer.status().size
        clean(cell)


class TestFullDisk:
    """`disk-full` is named, leaves no half entry, and the next entry goes in when there is room again."""

    def test_in_the_store(self, cell: Cell, author: Author) -> None:
        from django.db import connection

        author.append([author.prepare(words())])
        with connection.cursor() as cursor:
            pages = cursor.execute("PRAGMA page_count").fetchone()[0]
            cursor.execute(f"PRAGMA max_page_count={pages}")
            prepared = author.prepare(words("x" * 200_000))
            (refused,) = author.append([prepared])
            assert isinstance(refused, Refused) and refused.code == "disk-full"
            assert selectors.proposal(prepared.row.name) is None
            clean(cell)
            cursor.execute("PRAGMA max_page_count=1000000")
        assert one(author.append([prepared])).entry.index == 1
        clean(cell)

    def test_behind_the_signer_the_entry_waits_in_the_journal(
        self, cell: Cell, author: Author, signer: RoomSigner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object, **__: object) -> None:
            raise Refused("disk-full")

        prepared = author.prepare(words())
        with monkeypatch.context() as patch:
            patch.setattr(store, "append", full)
            (refused,) = author.append([prepared])
        assert refused.code == "disk-full"
        assert (signer.status().size, selectors.log(OWN)) == (1, None)
        assert [row.entry.index for row in author.resume()] == [0]
        clean(cell)


@pytest.fixture
def writer(author: Author) -> Iterator[Writer]:
    made = Writer()
    made.group(authoring.GROUP, author.append)
    made.start()
    yield made
    made.stop(10)


class TestThroughTheWriter:
    """One thread writes; what waits together gets one head."""

    def test_many_at_once(self, cell: Cell, author: Author, writer: Writer) -> None:
        prepared = [author.prepare(words(str(n))) for n in range(40)]
        futures = [writer.submit_grouped(authoring.GROUP, each) for each in prepared]
        indexes = [future.result(30).entry.index for future in futures]
        assert sorted(indexes) == list(range(40))
        assert len(selectors.heads(OWN)) < 40
        clean(cell)

    def test_one_entry_takes_little_time(
        self, cell: Cell, author: Author, writer: Writer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The bound is CPU of this process, which a busy machine does not change much: 15 ms an entry."""
        writer.submit_grouped(authoring.GROUP, author.prepare(words())).result(10)
        walls: list[float] = []
        cpu = time.process_time()
        for _ in range(20):
            started = time.perf_counter()
            prepared: Prepared = author.prepare(words("x" * 600))
            writer.submit_grouped(authoring.GROUP, prepared).result(10)
            walls.append(time.perf_counter() - started)
        cpu = (time.process_time() - cpu) / 20
        with capsys.disabled():
            print(f" [one entry: {sorted(walls)[10] * 1000:.1f} ms wall, {cpu * 1000:.1f} ms CPU] ", end="")
        assert cpu < 0.015
