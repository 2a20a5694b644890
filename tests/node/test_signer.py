"""The signer: protocol C1 and C2, and the mirror's promise of B1."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from detente.node import journal as journal_module
from detente.node.journal import Journal
from detente.node.log_signer import ANSWER_AGE_S
from detente.node.signer import (
    SignerRoom,
    confirm_mirror_later,
    journal_path,
    mirror_confirmations_place,
    read_confirmation,
    restored_mark,
    serve,
)
from detente.node.signer_client import SignerClient
from detente.record.errors import DetenteError, Refused, Unreachable, Unverified
from detente.record.head import Head, open_cosignature, open_head, sign_head
from detente.record.header import MissingRange, Seen, parse_header
from detente.record.names import origin
from detente.record.tree import EMPTY_ROOT, Frontier, leaf_hash, root_of
from node.rig import CELL, NOON, Cell, Clock, draft

OWN = origin(CELL, "s1")
OTHER = origin(CELL, "s2")


def started(cell: Cell, clock: Clock) -> SignerRoom:
    """S1's signer after the guarantor's answer about its journal."""
    room = cell.room("s1", clock)
    answer(room, cell, "g1", room.log.status().size, room.log.status().root, clock.now)
    return room


def answer(room: SignerRoom, cell: Cell, peer: str, size: int, root: bytes, at: int) -> str:
    """Give the signer a peer's start answer; the state it leads to."""
    head = Head(OWN, size, root)
    return room.log.start_answer(head.body(), cell.start_lines(peer, head, at)).state


@pytest.fixture
def cell(tmp_path: Path) -> Cell:
    return Cell(tmp_path)


@pytest.fixture
def clock() -> Clock:
    return Clock()


class TestRestoredMirrors:
    """B1: where no peer can be asked, an operator says offline what a restored mirror may have confirmed."""

    def restored(self, cell: Cell, clock: Clock) -> SignerRoom:
        restored_mark(cell.folder("s1")).touch()
        return cell.room("s1", clock)

    def test_it_signs_nothing_before_a_word(self, cell: Cell, clock: Clock) -> None:
        with pytest.raises(Refused, match="mirror-unsure"):
            self.restored(cell, clock).mirror(OTHER).cosign(5, bytes(32))

    def test_the_operators_word_is_taken_at_the_start_once(self, cell: Cell, clock: Clock) -> None:
        folder = cell.folder("s1")
        confirm_mirror_later(folder, origin(CELL, "g1"), 3)
        confirm_mirror_later(folder, OTHER, 7)
        room = self.restored(cell, clock)
        read_confirmation(folder, room)
        assert not room.mirror(OTHER).unsure and not room.mirror(origin(CELL, "g1")).unsure
        with pytest.raises(Refused, match="cosigned-more"):
            room.mirror(OTHER).cosign(6, bytes(32))
        assert room.mirror(OTHER).cosign(7, bytes(32)).size == 7
        confirm_mirror_later(folder, OTHER, 2)
        again = self.restored(cell, clock)
        read_confirmation(folder, again)
        with pytest.raises(Refused, match="cosigned-more"):
            again.mirror(OTHER).cosign(6, bytes(32))

    @pytest.mark.parametrize("text", ["", "x", "-1 a/b/1", "1 ../..", "99999999999999999999 a/b/1", "1\n2\n"])
    def test_a_file_that_says_nothing_changes_nothing(self, cell: Cell, clock: Clock, text: str) -> None:
        folder = cell.folder("s1")
        mirror_confirmations_place(folder).write_text(text)
        room = self.restored(cell, clock)
        read_confirmation(folder, room)
        assert room.mirror(OTHER).unsure


class TestStartQuestion:
    """C2: nothing is signed before one peer's fresh answer or an operator's confirmation."""

    def test_before_any_answer_nothing_is_signed(self, cell: Cell, clock: Clock) -> None:
        room = cell.room("s1", clock)
        with pytest.raises(Refused, match="signer-not-started"):
            room.log.append([draft()], (), have=0)
        assert room.log.status().size == 0

    def test_a_new_log_starts_on_none(self, cell: Cell, clock: Clock) -> None:
        room = cell.room("s1", clock)
        assert answer(room, cell, "s2", 0, EMPTY_ROOT, NOON) == "started"
        (group,) = room.log.append([draft()], (), have=0)
        assert open_head(group.note, cell.log_keys("s1")).head.size == 1

    def test_an_old_answer_starts_nothing(self, cell: Cell, clock: Clock) -> None:
        room = cell.room("s1", clock)
        with pytest.raises(Refused, match="answer-stale"):
            answer(room, cell, "s2", 0, EMPTY_ROOT, NOON - ANSWER_AGE_S - 1)
        assert room.log.status().state == "asking"
        assert answer(room, cell, "s2", 0, EMPTY_ROOT, NOON - ANSWER_AGE_S) == "started"

    def test_an_answer_that_no_peer_signed_starts_nothing(self, cell: Cell, clock: Clock) -> None:
        room = cell.room("s1", clock)
        head = Head(OWN, 0, EMPTY_ROOT)
        wrong = cell.cosign("s2", Head(OTHER.replace("s2", "g1"), 0, EMPTY_ROOT), NOON).lines
        with pytest.raises(Unverified):
            room.log.start_answer(head.body(), wrong)
        assert room.log.status().state == "asking"

    def test_a_peer_that_knows_more_stops_the_start_until_the_log_is_refetched(
        self, cell: Cell, clock: Clock
    ) -> None:
        first = started(cell, clock)
        groups = [first.log.append([draft(), draft()], (), have=have)[0] for have in (0, 2)]
        journal_path(cell.folder("s1"), OWN).unlink()  # the machine came back without its journal
        room = cell.room("s1", clock)
        assert answer(room, cell, "g1", 4, groups[1].root, NOON) == "behind"
        assert room.log.status().wanted == 4
        assert answer(room, cell, "s2", 0, EMPTY_ROOT, NOON) == "behind", "one peer's word of more is enough"
        with pytest.raises(Refused, match="signer-not-started"):
            room.log.append([draft()], (), have=0)
        assert room.log.feed(0, groups[0].entries, groups[1].note).state == "behind"
        assert room.log.feed(2, groups[1].entries, groups[1].note).state == "started"
        assert room.log.append([draft()], (), have=4)[0].start == 4

    @pytest.mark.parametrize(("size", "root"), [(1000, bytes(32)), (1, bytes(32))])
    def test_a_peers_word_alone_neither_delays_nor_stops_it(
        self, cell: Cell, clock: Clock, size: int, root: bytes
    ) -> None:
        started(cell, clock).log.append([draft(), draft()], (), have=0)
        room = cell.room("s1", clock)
        head = Head(OWN, size, root)
        with pytest.raises(Unverified):
            room.log.start_answer(head.body(), cell.cosign("s2", head, NOON).lines)
        assert room.log.status().state == "asking"
        assert answer(room, cell, "g1", 2, room.log.status().root, NOON) == "started"

    def test_fed_entries_that_the_own_keys_never_signed_are_refused(self, cell: Cell, clock: Clock) -> None:
        room = cell.room("s1", clock)
        entries = (draft(number=1), draft(number=2))
        head = Head(OWN, 2, root_of(map(leaf_hash, entries)))
        foreign = sign_head(Head(OWN, 2, head.root), cell.mirror_pair("s2", "s1"), NOON)
        assert answer(room, cell, "s2", 2, head.root, NOON) == "behind"
        with pytest.raises(DetenteError):
            room.log.feed(0, entries, foreign)
        assert room.log.status().size == 0

    def test_fed_entries_other_than_the_signed_ones_are_refused(self, cell: Cell, clock: Clock) -> None:
        first = started(cell, clock)
        (group,) = first.log.append([draft(), draft()], (), have=0)
        journal_path(cell.folder("s1"), OWN).unlink()
        room = cell.room("s1", clock)
        answer(room, cell, "g1", 2, group.root, NOON)
        with pytest.raises(Unverified):
            room.log.feed(0, (group.entries[0], draft()), group.note)
        assert room.log.status().size == 0
        assert room.log.feed(0, group.entries, group.note).state == "started"

    def test_a_peer_with_another_tree_of_ours_stops_it_for_good(self, cell: Cell, clock: Clock) -> None:
        first = started(cell, clock)
        first.log.append([draft(), draft()], (), have=0)
        room = cell.room("s1", clock)
        assert answer(room, cell, "s2", 1, bytes(32), NOON) == "stopped"
        assert answer(room, cell, "g1", 0, EMPTY_ROOT, NOON) == "stopped"
        with pytest.raises(Refused, match="signer-stopped"):
            room.log.append([draft()], (), have=2)

    def test_an_operator_confirms_size_and_root(self, cell: Cell, clock: Clock) -> None:
        first = started(cell, clock)
        (group,) = first.log.append([draft()], (), have=0)
        room = cell.room("s1", clock)
        with pytest.raises(Refused, match="not-that-size"):
            room.log.confirm(0, EMPTY_ROOT)
        assert room.log.confirm(1, group.root).state == "started"


class TestAppend:
    """C1: it sets index, time and `seen`, and extends nothing but its own journal."""

    def test_drafts_of_one_call_get_one_head(self, cell: Cell, clock: Clock) -> None:
        room = started(cell, clock)
        (group,) = room.log.append([draft(number=7), draft(number=8)], (), have=0)
        assert [parse_header(one).core[-1] for one in group.entries] == [7, 8]
        assert group.root == root_of(map(leaf_hash, group.entries))
        assert open_head(group.note, cell.log_keys("s1")).time == NOON == parse_header(group.entries[1]).time

    def test_time_never_falls_when_the_clock_does(self, cell: Cell, clock: Clock) -> None:
        room = started(cell, clock)
        room.log.append([draft()], (), have=0)
        clock.now = NOON - 3600
        (group,) = room.log.append([draft()], (), have=1)
        assert parse_header(group.entries[0]).time == NOON

    def test_a_store_that_knows_less_gets_what_the_journal_has_and_nothing_new(
        self, cell: Cell, clock: Clock
    ) -> None:
        room = started(cell, clock)
        (first,) = room.log.append([draft(), draft()], (), have=0)
        (again,) = room.log.append([draft()], (), have=1)
        assert (again.start, again.entries, again.size) == (1, first.entries[1:], 2)
        assert room.log.status().size == 2

    def test_a_store_that_knows_more_is_refused(self, cell: Cell, clock: Clock) -> None:
        room = started(cell, clock)
        with pytest.raises(Refused, match="signer-behind"):
            room.log.append([draft()], (), have=1)
        assert room.log.status().size == 0

    def test_a_draft_of_another_log_is_refused(self, cell: Cell, clock: Clock) -> None:
        room = started(cell, clock)
        with pytest.raises(DetenteError):
            room.log.append([draft("s2")], (), have=0)
        assert room.log.status().size == 0

    def test_seen_names_only_heads_that_our_mirror_cosigned(self, cell: Cell, clock: Clock) -> None:
        room = started(cell, clock)
        root = root_of([bytes(32)])
        invented = Seen(OTHER, 1, root, NOON)
        (group,) = room.log.append([draft()], (invented,), have=0)
        assert parse_header(group.entries[0]).seen == ()
        room.mirror(OTHER).cosign(1, root)
        (group,) = room.log.append([draft()], (invented,), have=1)
        assert parse_header(group.entries[0]).seen == (invented,)

    def test_seen_never_falls_when_the_store_forgot(self, cell: Cell, clock: Clock) -> None:
        room = started(cell, clock)
        room.mirror(OTHER).cosign(3, b"\1" * 32)
        clock.now += 5
        room.mirror(OTHER).cosign(7, b"\2" * 32)
        seven = Seen(OTHER, 7, b"\2" * 32, NOON + 5)
        room.log.append([draft()], (seven,), have=0)
        for offered in ((), (Seen(OTHER, 3, b"\1" * 32, NOON),)):
            (group,) = room.log.append([draft()], offered, have=room.log.status().size)
            assert parse_header(group.entries[0]).seen == (seven,)

    def test_a_shorter_missing_list_needs_a_newer_time(self, cell: Cell, clock: Clock) -> None:
        room = started(cell, clock)
        room.mirror(OTHER).cosign(3, b"\1" * 32)
        lacking = Seen(OTHER, 3, b"\1" * 32, NOON, (MissingRange(0, 0, ("core",)),))
        clock.now += 9
        room.log.append([draft()], (lacking,), have=0)
        (group,) = room.log.append([draft()], (Seen(OTHER, 3, b"\1" * 32, NOON),), have=1)
        assert parse_header(group.entries[0]).seen == (lacking,)
        room.mirror(OTHER).cosign(3, b"\1" * 32)
        renewed = Seen(OTHER, 3, b"\1" * 32, NOON + 9)
        (group,) = room.log.append([draft()], (renewed,), have=2)
        assert parse_header(group.entries[0]).seen == (renewed,)


class TestMirror:
    """B1: a mirror never cosigns a smaller head, nor another root for a size, restart or not."""

    @pytest.mark.parametrize("restart", [False, True])
    @pytest.mark.parametrize(
        ("size", "root", "code"),
        [
            (4, b"\1" * 32, "cosigned-more"),
            (5, b"\2" * 32, "cosigned-other"),
            (0, EMPTY_ROOT, "cosigned-more"),
        ],
    )
    def test_going_back_is_refused(
        self, cell: Cell, clock: Clock, restart: bool, size: int, root: bytes, code: str
    ) -> None:
        room = cell.room("s1", clock)
        room.mirror(OTHER).cosign(5, b"\1" * 32)
        if restart:
            room = cell.room("s1", clock)
        with pytest.raises(Refused, match=code):
            room.mirror(OTHER).cosign(size, root)
        assert room.mirror(OTHER).cosign(5, b"\1" * 32).time == NOON

    def test_time_never_falls_and_may_be_renewed(self, cell: Cell, clock: Clock) -> None:
        room = cell.room("s1", clock)
        clock.now = NOON + 50
        room.mirror(OTHER).cosign(5, b"\1" * 32)
        clock.now = NOON
        assert cell.room("s1", clock).mirror(OTHER).cosign(5, b"\1" * 32).time == NOON + 50
        clock.now = NOON + 60
        made = room.mirror(OTHER).cosign(5, b"\1" * 32)
        opened = open_cosignature(made.lines, Head(OTHER, 5, b"\1" * 32), cell.mirror_keys("s1", "s2"))
        assert opened.time == NOON + 60

    def test_none_is_said_only_while_nothing_was_cosigned(self, cell: Cell, clock: Clock) -> None:
        room = cell.room("s1", clock)
        assert room.mirror(OTHER).cosign(0, EMPTY_ROOT).size == 0
        room.mirror(OTHER).cosign(1, b"\1" * 32)
        with pytest.raises(Refused):
            room.mirror(OTHER).cosign(0, EMPTY_ROOT)

    def test_the_own_log_is_not_mirrored(self, cell: Cell, clock: Clock) -> None:
        with pytest.raises(Unverified):
            cell.room("s1", clock).mirror(OWN)

    def test_a_compacted_journal_remembers_the_last_head(
        self, cell: Cell, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("detente.node.mirror_signer._COMPACT", 200)
        room = cell.room("s1", clock)
        for size in range(1, 9):
            room.mirror(OTHER).cosign(size, bytes([size]) * 32)
        before = journal_path(cell.folder("s1"), OTHER).stat().st_size
        again = cell.room("s1", clock).mirror(OTHER)
        assert journal_path(cell.folder("s1"), OTHER).stat().st_size < before
        for mirror in (again, cell.room("s1", clock).mirror(OTHER)):
            assert (mirror.size, mirror.root) == (8, b"\x08" * 32)
            assert mirror.knows(Seen(OTHER, 3, b"\x03" * 32, NOON))


class TestRestoredMirror:
    """What a restored node's mirrors cosigned is lost: silent until peers said how large it may have been."""

    @pytest.fixture
    def room(self, cell: Cell, clock: Clock) -> SignerRoom:
        restored_mark(cell.folder("s1")).touch()
        return cell.room("s1", clock)

    @pytest.mark.parametrize(("size", "root"), [(0, EMPTY_ROOT), (5, b"\1" * 32)])
    def test_it_signs_nothing_at_first(self, room: SignerRoom, size: int, root: bytes) -> None:
        assert room.mirror(OTHER).unsure
        with pytest.raises(Refused, match="mirror-unsure"):
            room.mirror(OTHER).cosign(size, root)

    @pytest.mark.parametrize("restart", [False, True])
    def test_then_nothing_smaller(self, cell: Cell, clock: Clock, room: SignerRoom, restart: bool) -> None:
        request = {"op": "mirror-least", "origin": OTHER, "size": 5}
        assert room.answer(request) == {"unsure": False}
        room = cell.room("s1", clock) if restart else room
        with pytest.raises(Refused, match="cosigned-more"):
            room.mirror(OTHER).cosign(4, b"\1" * 32)
        assert room.mirror(OTHER).cosign(5, b"\1" * 32).size == 5

    def test_who_was_sure_is_not_told_again(self, cell: Cell, clock: Clock, room: SignerRoom) -> None:
        room.answer({"op": "mirror-least", "origin": OTHER, "size": 5})
        room.answer({"op": "mirror-least", "origin": OTHER, "size": 9})
        assert room.mirror(OTHER).cosign(5, b"\1" * 32).size == 5

    def test_a_journal_that_is_there_is_believed(self, cell: Cell, clock: Clock) -> None:
        cell.room("s1", clock).mirror(OTHER).cosign(5, b"\1" * 32)
        restored_mark(cell.folder("s1")).touch()
        assert not cell.room("s1", clock).mirror(OTHER).unsure

    def test_a_compacted_journal_keeps_it(
        self, cell: Cell, clock: Clock, room: SignerRoom, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        room.answer({"op": "mirror-least", "origin": OTHER, "size": 5})
        monkeypatch.setattr("detente.node.mirror_signer._COMPACT", 1)
        for _ in range(2):
            assert not cell.room("s1", clock).mirror(OTHER).unsure
        with pytest.raises(Refused, match="cosigned-more"):
            cell.room("s1", clock).mirror(OTHER).cosign(4, b"\1" * 32)


class TestJournal:
    """C1: on disk before a signature leaves; a torn end is cut off, damage elsewhere stops the signer."""

    def test_a_torn_last_line_is_as_if_never_written(self, cell: Cell, clock: Clock) -> None:
        room = started(cell, clock)
        (first,) = room.log.append([draft()], (), have=0)
        room.log.append([draft()], (), have=1)
        path = journal_path(cell.folder("s1"), OWN)
        whole = path.read_bytes()
        lines = whole.splitlines(keepends=True)
        for cut in (1, len(lines[1]) // 2, len(lines[1]) - 1):
            path.write_bytes(lines[0] + lines[1][:cut])
            assert cell.room("s1", clock).log.status().root == first.root
            assert path.read_bytes() == lines[0]

    def test_one_flipped_bit_before_the_end_stops_it(self, cell: Cell, clock: Clock) -> None:
        room = started(cell, clock)
        room.log.append([draft()], (), have=0)
        room.log.append([draft()], (), have=1)
        path = journal_path(cell.folder("s1"), OWN)
        data = bytearray(path.read_bytes())
        data[40] ^= 1
        path.write_bytes(data)
        with pytest.raises(Refused, match="journal-broken"):
            cell.room("s1", clock)

    def test_a_full_disk_leaves_nothing_behind_and_signs_nothing(
        self, cell: Cell, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        room = started(cell, clock)
        (first,) = room.log.append([draft()], (), have=0)

        def half_written(descriptor: int, data: bytes) -> int:
            real_write(descriptor, data[: len(data) // 2])
            raise OSError(28, "No space left on device")

        real_write = os.write
        with monkeypatch.context() as patch:
            patch.setattr(journal_module.os, "write", half_written)
            with pytest.raises(Refused, match="disk-full"):
                room.log.append([draft()], (), have=1)
        assert room.log.status().root == first.root
        (second,) = room.log.append([draft()], (), have=1)
        assert cell.room("s1", clock).log.status().root == second.root

    def test_a_write_that_cannot_be_taken_back_ends_signing(
        self, cell: Cell, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        room = started(cell, clock)

        def failing(*_: object) -> None:
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(journal_module.os, "fsync", failing)
            with pytest.raises(OSError, match="Input/output"):
                room.log.append([draft()], (), have=0)
        with pytest.raises(Refused, match="journal-broken"):
            room.log.append([draft()], (), have=0)

    def test_records_come_back_in_order(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "j")
        list(journal.read())
        places = [journal.append({"n": n, "text": "שלום سلام"}) for n in range(3)]
        assert [(place, record["n"]) for place, record in Journal(tmp_path / "j").read()] == [
            (place, n) for n, place in enumerate(places)
        ]
        assert (tmp_path / "j").stat().st_mode & 0o777 == 0o600


CHILD = """
import os, signal, sys
from pathlib import Path
from node import database
from node.rig import CELL, PARTIES
from detente.node import log_signer
from detente.node.folder import NodeFolder
from detente.node.signer import run
from detente.record.names import mirror_name
from detente.node import keys
root = Path(sys.argv[1])
peers = {
    one: keys.mirror_pair(NodeFolder(root / one), "s1").mirror_keys(mirror_name(CELL, one, "s1"))
    for one in PARTIES if one != "s1"
}
if "die-before-answer" in sys.argv:
    log_signer.LogSigner._signed = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
sys.exit(run(NodeFolder.open(root / "s1"), peers=peers))
"""


@pytest.fixture
def children():
    running: list[subprocess.Popen[str]] = []
    yield running
    for one in running:
        one.kill()
        one.wait()


def start_child(children: list[subprocess.Popen[str]], cell: Cell, *words: str) -> subprocess.Popen[str]:
    for party in ("s1", "s2", "g1"):
        cell.folder(party)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", CHILD, str(cell.root), *words]
    child = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    children.append(child)
    return child


def client_of(cell: Cell, child: subprocess.Popen[str]) -> SignerClient:
    client = SignerClient(cell.folder("s1"))
    for _ in range(200):
        try:
            client.status()
        except Unreachable:
            assert child.poll() is None, child.stderr.read() if child.stderr else ""
            time.sleep(0.05)
        else:
            return client
    raise AssertionError("the signer did not start")


@pytest.mark.live
class TestProcess:
    """C1: one signer process per log, alone with its keys under a lock."""

    def test_a_second_signer_on_the_same_keys_ends_at_once(self, cell: Cell, children: list) -> None:
        first = start_child(children, cell)
        client = client_of(cell, first)
        second = start_child(children, cell)
        assert second.wait(20) == 1
        assert "second-signer" in second.stderr.read()
        assert client.status().state == "asking", "the first one goes on"
        client.close()

    def test_killed_between_journal_and_answer_it_goes_on_with_the_same_entry(
        self, cell: Cell, children: list
    ) -> None:
        child = start_child(children, cell, "die-before-answer")
        client = client_of(cell, child)
        client.confirm(0, EMPTY_ROOT)
        one = draft(number=1)
        with pytest.raises(Unreachable):
            client.append([one], (), have=0)
        assert child.wait(20) == -signal.SIGKILL
        again = client_of(cell, start_child(children, cell))
        root = again.status().root
        assert again.status().size == 1
        again.confirm(1, root)
        (group,) = again.append([draft(number=2)], (), have=0)
        assert parse_header(group.entries[0]).core[-1] == 1, "the journal's entry, not the new draft"
        assert Frontier(1, [leaf_hash(group.entries[0])]).root() == root
        again.close()

    def test_a_lost_connection_is_made_again(self, cell: Cell, children: list) -> None:
        child = start_child(children, cell)
        client = client_of(cell, child)
        child.terminate()
        assert child.wait(20) == 0
        with pytest.raises(Unreachable):
            client.status()
        client_of(cell, start_child(children, cell)).close()
        assert client.status().size == 0
        client.close()

    def test_an_operators_file_confirms_once(self, cell: Cell, children: list) -> None:
        folder = cell.folder("s1")
        (folder.journal / "confirm").write_text(f"0 {EMPTY_ROOT.hex()}\n")
        child = start_child(children, cell)
        client = client_of(cell, child)
        assert client.status().state == "started"
        client.close()
        assert not (folder.journal / "confirm").exists()

    def test_the_socket_is_for_its_user_alone(self, cell: Cell, children: list) -> None:
        client_of(cell, start_child(children, cell)).close()
        assert cell.folder("s1").signer_socket.stat().st_mode & 0o777 == 0o600


class TestConversation:
    def test_a_caller_that_is_killed_before_it_reads_harms_nobody(
        self, cell: Cell, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Closing with the answer unread resets the connection, as a kill does."""
        fell: list[object] = []
        monkeypatch.setattr(threading, "excepthook", lambda fall: fell.append(fall.exc_value))
        with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as next_one:
            listener.bind(str(tmp_path / "s"))
            listener.listen()
            threading.Thread(target=serve, args=(cell.room("s1", clock), listener), daemon=True).start()
            with socket.socket(socket.AF_UNIX) as killed:
                before = set(threading.enumerate())
                killed.connect(str(tmp_path / "s"))
                killed.sendall(b'{"op":"status"}\n')
                assert select.select([killed], [], [], 10)[0], "answered, not read"
                (talk,) = set(threading.enumerate()) - before
            talk.join(10)
            assert not talk.is_alive()
            assert fell == []
            next_one.connect(str(tmp_path / "s"))
            next_one.sendall(b'{"op":"status"}\n')
            assert b'"state":"asking"' in next_one.recv(4096)
            listener.shutdown(socket.SHUT_RDWR)
