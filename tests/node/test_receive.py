"""The mirror's side: B1, B2, B7, C2, C4, D3 and bad input of every sort."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from detente.node import keys as key_files
from detente.node import receive, seeing, selectors, store
from detente.node.fsck import fsck
from detente.node.receive import Receiver
from detente.node.seeing import own_seen
from detente.node.signer import SignerRoom
from detente.node.writer import Answer
from detente.record.errors import Conflict, DetenteError, Equivocation, Malformed, Refused, Unverified
from detente.record.evidence import parse_two_histories, verify_two_histories
from detente.record.head import Head, open_cosignature, sign_head
from detente.record.header import MAX_RANGES, MissingRange, PartInfo, Seen, encode_header, parse_header
from detente.record.keys import KeyPair
from detente.record.messages import Ahead, Notice, Push, PushAnswer, cosigned_head, open_cosignature_note
from detente.record.names import EntryId, origin
from detente.record.note import add_lines
from detente.record.parts import seal, sealed_hash
from detente.record.tree import EMPTY_ROOT, Tree, leaf_hash, root_of
from node.database import use
from node.rig import CELL, NOON, Cell, Clock, RoomSigner, draft, words

S2 = origin(CELL, "s2")
S1 = origin(CELL, "s1")


class Peer:
    """S2 as a pure author: entries with real sealed parts, heads by its real keys, no store."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.pair: KeyPair = key_files.log_pair(cell.folder("s2"))
        self.entries: list[bytes] = []
        self.parts: dict[bytes, bytes] = {}

    def write(self, text: str = "", *, floor: bool = False, to: tuple[str, ...] = ("s1",)) -> list[bytes]:
        """Append an entry with a core and a content for S1; its sealed parts."""
        infos, made = [], []
        n = len(self.entries)
        for role in ("core", "content"):
            plaintext = f"{role} {n} {text}".encode()
            readers = [self.cell.recipients()[one] for one in sorted({"s2", *to})]
            data = seal(plaintext, readers, file_key=hashlib.sha256(plaintext).digest()[:16], nonce=bytes(16))
            infos.append(PartInfo(role, sealed_hash(data), len(data), to, tuple(sorted({*to, "g1"}))))
            self.parts[sealed_hash(data)] = data
            made.append(data)
        header = replace(
            parse_header(draft("s2", floor=floor)), to=to, parts=tuple(infos), time=NOON,
            core=hashlib.sha256(f"core {n} {text}".encode()).digest(),
        )  # fmt: skip
        self.entries.append(encode_header(header))
        return made

    def head(self, size: int | None = None, entries: list[bytes] | None = None) -> bytes:
        upto = (entries or self.entries)[:size]
        return sign_head(Head(S2, len(upto), root_of(map(leaf_hash, upto))), self.pair, NOON)

    def push(self, start: int = 0, end: int | None = None, parts: tuple[bytes, ...] = ()) -> Push:
        end = len(self.entries) if end is None else end
        return Push(S2, start, tuple(self.entries[start:end]), self.head(end), parts)

    def ahead(self, index: int, parts: tuple[bytes, ...] = ()) -> Ahead:
        tree = Tree(map(leaf_hash, self.entries))
        return Ahead(S2, index, self.entries[index], self.head(), tree.inclusion_proof(index), parts)


@pytest.fixture
def signer(cell: Cell, clock: Clock) -> RoomSigner:
    use(cell.folder("s1"))
    return cell.signer("s1", clock)


@pytest.fixture
def receiver(cell: Cell, clock: Clock, signer: RoomSigner) -> Receiver:
    return cell.receiver("s1", signer, clock)


@pytest.fixture
def peer(cell: Cell) -> Peer:
    return Peer(cell)


def run(steps: Iterator[Any]) -> PushAnswer:
    """Run a job as the writer does; its answer."""
    found = [step.result for step in steps if isinstance(step, Answer)]
    assert len(found) == 1
    return found[0]


def clean(cell: Cell) -> None:
    assert list(fsck(cell.charter(), own="s1")) == []


class TestReceipt:
    """B1: a cosignature says that every entry up to the size is on this disk."""

    def test_a_push_is_stored_opened_and_cosigned(self, cell: Cell, receiver: Receiver, peer: Peer) -> None:
        parts = peer.write("hello")
        answer = run(receiver.take_push("s2", peer.push(parts=tuple(parts))))
        head = Head(S2, 1, root_of([leaf_hash(peer.entries[0])]))
        opened = open_cosignature_note(answer.cosignature, cell.mirror_keys("s1", "s2"))
        assert (opened.head, opened.time, answer.size) == (head, NOON, 1)
        assert (answer.missing, answer.wants) == ((), ())
        assert selectors.entry(EntryId(S2, 0)) == peer.entries[0]
        core, content = selectors.opened(EntryId(S2, 0))
        assert (core.plaintext, content.plaintext) == (b"core 0 hello", b"content 0 hello")
        clean(cell)

    def test_what_lacks_parts_is_cosigned_with_a_missing_list(
        self, cell: Cell, receiver: Receiver, peer: Peer, clock: Clock
    ) -> None:
        first, second = peer.write(), peer.write()
        answer = run(receiver.take_push("s2", peer.push(parts=(first[0],))))
        assert answer.cosignature
        assert answer.missing == (MissingRange(0, 0, ("content",)), MissingRange(1, 1, ("content", "core")))
        assert set(answer.wants) == {sealed_hash(first[1]), *map(sealed_hash, second)}
        (seen,) = own_seen("s1")
        assert seen.missing == answer.missing
        clock.now += 30
        assert receiver.take_part(second[0]) == [EntryId(S2, 1)]
        assert own_seen("s1")[0].at == NOON, "parts are still missing"
        receiver.take_part(second[1])
        receiver.take_part(first[1])
        (seen,) = own_seen("s1")
        assert (seen.missing, seen.at) == ((), NOON + 30), "a shorter list comes with a newer time (B2)"
        clean(cell)

    def test_a_malformed_header_is_held_like_any_other(
        self, cell: Cell, receiver: Receiver, peer: Peer
    ) -> None:
        peer.entries += [b"not json", b'{"v":1}', b""]
        assert run(receiver.take_push("s2", peer.push())).cosignature
        assert selectors.entries(S2, 0, 9) == tuple(peer.entries)
        clean(cell)

    def test_without_a_signer_it_is_stored_and_not_cosigned(
        self, cell: Cell, receiver: Receiver, signer: RoomSigner, peer: Peer
    ) -> None:
        peer.write()
        signer.down = True
        assert run(receiver.take_push("s2", peer.push())).cosignature == b""
        assert selectors.log(S2).size == 1
        signer.down = False
        assert run(receiver.take_push("s2", peer.push())).cosignature
        clean(cell)

    def test_what_came_without_a_signer_is_cosigned_when_it_is_back(
        self, cell: Cell, receiver: Receiver, signer: RoomSigner, peer: Peer
    ) -> None:
        peer.write()
        signer.down = True
        run(receiver.take_push("s2", peer.push()))
        assert receiver.cosign_owed() == 0
        signer.down = False
        assert receiver.cosign_owed() == 1
        assert selectors.largest_cosignature(S2, "s1").size == 1
        assert receiver.cosign_owed() == 0
        clean(cell)

    def test_the_own_cosignature_is_kept(self, receiver: Receiver, peer: Peer) -> None:
        peer.write()
        run(receiver.take_push("s2", peer.push()))
        row = selectors.largest_cosignature(S2, "s1")
        assert (row.size, row.time) == (1, NOON)

    def test_a_part_that_does_not_open_is_named(self, cell: Cell, receiver: Receiver, peer: Peer) -> None:
        plain = seal(b"for g1", [cell.recipients()["g1"]], file_key=bytes(16), nonce=bytes(16))
        peer.write()
        header = parse_header(peer.entries[0])
        broken = replace(header.parts[0], sha256=sealed_hash(plain), size=len(plain))
        peer.entries[0] = encode_header(replace(header, parts=(broken, header.parts[1])))
        run(receiver.take_push("s2", peer.push(parts=(plain,))))
        (row,) = selectors.cannot_open()
        assert (row.entry, row.position, row.failure) == (EntryId(S2, 0), 0, "no-key")

    def test_a_part_that_no_header_gives_us_is_not_stored(self, receiver: Receiver, peer: Peer) -> None:
        peer.write()
        run(receiver.take_push("s2", peer.push(parts=(b"stray",))))
        assert selectors.part_bytes(sealed_hash(b"stray")) is None
        assert receiver.take_part(b"stray") == []

    def test_another_mirrors_lines_come_along_and_go_out_again(
        self, cell: Cell, receiver: Receiver, peer: Peer
    ) -> None:
        peer.write()
        head = Head(S2, 1, root_of([leaf_hash(peer.entries[0])]))
        note = head.body() + b"\n" + cell.cosign("g1", head, NOON + 3).lines
        answer = run(receiver.take_push("s2", replace(peer.push(), cosignatures=(note, b"rubbish"))))
        assert answer.cosignatures == (note,)
        assert selectors.largest_cosignature(S2, "g1").time == NOON + 3
        assert receiver.take_cosignature(note) is False


class TestSeen:
    """B2: a missing list that no header bears makes `seen` name an older cosigned head."""

    def test_too_many_gaps_name_the_largest_head_whose_list_fits(
        self, receiver: Receiver, peer: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(seeing, "MAX_RANGES", 2)
        for n in range(4):
            held = tuple(peer.write(str(n)))
            peer.write(f"gap {n}")
            run(receiver.take_push("s2", peer.push(2 * n, parts=held)))
        (seen,) = own_seen("s1")
        assert (seen.size, [one.first for one in seen.missing]) == (4, [1, 3])
        monkeypatch.setattr(seeing, "MAX_RANGES", 4)
        assert own_seen("s1")[0].size == 8

    def test_without_a_cosigned_head_whose_list_fits_nothing_is_said(
        self, receiver: Receiver, peer: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(seeing, "MAX_RANGES", 0)
        peer.write()
        run(receiver.take_push("s2", peer.push()))
        assert own_seen("s1") == ()


class TestManyGaps:
    """B2: more missing ranges than a header bears go over several entries, and none is lost."""

    GAPS = MAX_RANGES + 44

    def say(self, signer: RoomSigner, clock: Clock) -> Seen | None:
        """What the next own entry says of S2's log, through the signer's own rules."""
        clock.now += 30
        (group,) = signer.append([draft("s1")], own_seen("s1"), have=signer.status().size)
        said = {one.log: one for one in parse_header(group.entries[-1]).seen}.get(S2)
        if said is not None:
            lacked = {one.first for one in selectors.lacking(S2, said.size)}
            named = {n for one in said.missing for n in range(one.first, one.last + 1)}
            assert lacked <= named, "nobody is told that a part is here which is not"
            assert len(said.missing) <= MAX_RANGES
        return said

    def test_one_head_after_the_other(
        self, receiver: Receiver, signer: RoomSigner, peer: Peer, clock: Clock
    ) -> None:
        gaps = []
        for n in range(self.GAPS):
            held = tuple(peer.write())
            gaps.append(peer.write())
            clock.now += 1
            run(receiver.take_push("s2", peer.push(2 * n, parts=held)))
        said = self.say(signer, clock)
        assert said is not None and said.size == 2 * MAX_RANGES
        assert len(said.missing) == MAX_RANGES
        sizes = [said.size]
        for start in range(0, self.GAPS, 20):
            for part in (part for parts in gaps[start : start + 20] for part in parts):
                receiver.take_part(part)
            said = self.say(signer, clock)
            assert said is not None
            sizes.append(said.size)
        # The last larger head is said only once it is cosigned anew, which here is when all parts are held.
        assert sizes == sorted(sizes), "what was said is not taken back"
        assert said is not None
        assert (said.size, said.missing) == (2 * self.GAPS, ())

    def test_all_below_one_head(
        self, receiver: Receiver, signer: RoomSigner, peer: Peer, clock: Clock
    ) -> None:
        held, gaps = [], []
        for _ in range(self.GAPS):
            held += peer.write()
            gaps.append(peer.write())
        run(receiver.take_push("s2", peer.push(parts=tuple(held))))
        assert self.say(signer, clock) is None, "there is no head whose list fits; nothing is said yet"
        for part in (part for parts in gaps[:44] for part in parts):
            receiver.take_part(part)
        said = self.say(signer, clock)
        assert said is not None
        assert (said.size, len(said.missing)) == (2 * self.GAPS, MAX_RANGES)
        for part in (part for parts in gaps[44:] for part in parts):
            receiver.take_part(part)
        said = self.say(signer, clock)
        assert said is not None and said.missing == ()


class TestLongCatchUp:
    """Entries come in several transactions; floor jobs go between, and the log is whole after each."""

    def test_each_step_leaves_a_whole_log(
        self, cell: Cell, receiver: Receiver, peer: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(receive, "CHUNK", 4)
        for n in range(10):
            peer.write(str(n))
        sizes = []
        for step in receiver.take_push("s2", peer.push()):
            sizes.append(selectors.log(S2).size)
            if not isinstance(step, Answer):
                clean(cell)
                assert selectors.largest_cosignature(S2, "s1") is None, "no receipt before the last is held"
        assert sizes == [4, 8, 10, 10]
        clean(cell)

    def test_cut_off_in_the_middle_it_goes_on_from_there(
        self, cell: Cell, receiver: Receiver, peer: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(receive, "CHUNK", 4)
        for n in range(10):
            peer.write(str(n))
        next(receiver.take_push("s2", peer.push()))
        use(cell.folder("s1"))
        with pytest.raises(Conflict) as refused:
            run(receiver.take_push("s2", peer.push(8)))
        assert refused.value.size == 4
        assert run(receiver.take_push("s2", peer.push(4))).size == 10
        clean(cell)


class TestRepeats:
    """Everything may come twice, in any order, in any piece."""

    def test_the_same_push_again_changes_nothing(self, cell: Cell, receiver: Receiver, peer: Peer) -> None:
        parts = tuple(peer.write())
        run(receiver.take_push("s2", peer.push(parts=parts)))
        before = selectors.last_position()
        assert run(receiver.take_push("s2", peer.push(parts=parts))).cosignature
        assert selectors.last_position() == before
        clean(cell)

    def test_an_old_head_again_is_answered_with_what_was_cosigned_since(
        self, cell: Cell, receiver: Receiver, peer: Peer
    ) -> None:
        peer.write()
        peer.write()
        run(receiver.take_push("s2", peer.push()))
        answer = run(receiver.take_push("s2", peer.push(end=1)))
        assert open_cosignature_note(answer.cosignature, cell.mirror_keys("s1", "s2")).head.size == 2

    def test_a_gap_is_answered_with_the_size(self, receiver: Receiver, peer: Peer) -> None:
        peer.write()
        run(receiver.take_push("s2", peer.push()))
        peer.write()
        peer.write()
        with pytest.raises(Conflict) as refused:
            run(receiver.take_push("s2", peer.push(2)))
        assert refused.value.size == 1


class TestBadPushes:
    """Each is a named refusal, nothing is stored, and the next good push goes in."""

    def bad(self, name: str, cell: Cell, peer: Peer) -> Push:
        good = peer.push()
        other = key_files.log_pair(cell.folder("g1"))
        head = Head(S2, 1, root_of([leaf_hash(peer.entries[0])]))
        foreign = "elsewhere.exercise/s2/1"
        return {
            "wrong key": replace(good, head=sign_head(head, other, NOON)),
            "one half only": replace(good, head=b"\n".join(good.head.split(b"\n")[:-2]) + b"\n"),
            "wrong entry": replace(good, entries=(good.entries[0] + b" ",)),
            "too few": replace(good, entries=()),
            "too many": replace(good, entries=good.entries * 2),
            "too long": replace(good, entries=(b"x" * 65_536,)),
            "no note": replace(good, head=b"hello"),
            "foreign cell": replace(good, log=foreign),
            "unknown party": replace(good, log=origin(CELL, "s7")),
            "another log's head": replace(good, log=origin(CELL, "g1")),
            "our own log": replace(good, log=S1),
        }[name]

    @pytest.mark.parametrize(
        "name",
        ["wrong key", "one half only", "wrong entry", "too few", "too many", "too long", "no note",
         "foreign cell", "unknown party", "another log's head", "our own log"],
    )  # fmt: skip
    def test_it_is_refused_and_the_next_goes_in(
        self, cell: Cell, receiver: Receiver, peer: Peer, name: str
    ) -> None:
        peer.write()
        with pytest.raises((Malformed, Unverified)):
            run(receiver.take_push("s2", self.bad(name, cell, peer)))
        assert [row.size for row in selectors.logs() if row.size] == []
        # What the log's keys signed is kept, whatever came with it (C4).
        assert len(selectors.heads(S2)) == (name == "wrong entry")
        assert run(receiver.take_push("s2", peer.push())).size == 1
        clean(cell)


class TestTwoHistories:
    """C4: both heads are kept as a file that convicts, and the log is closed."""

    def convicted(self, cell: Cell) -> None:
        (row,) = selectors.evidence(S2)
        fork = verify_two_histories(parse_two_histories(row.file), cell.log_keys("s2"))
        assert fork.smaller.head != fork.larger.head
        assert selectors.log(S2).stopped_at == NOON

    def other(self, peer: Peer, size: int) -> list[bytes]:
        return [*peer.entries[: size - 1], draft("s2")]

    def test_what_is_found_while_the_disk_is_full_is_kept_when_there_is_room(
        self, cell: Cell, receiver: Receiver, peer: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object, **__: object) -> None:
            raise Refused("disk-full")

        for _ in range(3):
            peer.write()
        run(receiver.take_push("s2", peer.push()))
        forked = self.other(peer, 3)
        with monkeypatch.context() as patch:
            patch.setattr(store, "add_evidence", full)
            with pytest.raises(Refused, match="disk-full"):
                run(receiver.take_push("s2", Push(S2, 0, tuple(forked), peer.head(entries=forked))))
            assert receiver.take_doubts() == []
            assert selectors.evidence(S2) == ()
        receiver.take_doubts()  # asked once a second
        self.convicted(cell)
        receiver.take_doubts()
        assert len(selectors.evidence(S2)) == 1

    def test_the_same_size_with_another_root(self, cell: Cell, receiver: Receiver, peer: Peer) -> None:
        for _ in range(3):
            peer.write()
        run(receiver.take_push("s2", peer.push()))
        forked = self.other(peer, 3)
        with pytest.raises(Equivocation):
            run(receiver.take_push("s2", Push(S2, 0, tuple(forked), peer.head(entries=forked))))
        self.convicted(cell)
        with pytest.raises(Refused, match="log-closed"):
            run(receiver.take_push("s2", peer.push()))

    def test_what_another_party_had_confirmed_still_comes(
        self, cell: Cell, receiver: Receiver, peer: Peer
    ) -> None:
        for _ in range(3):
            peer.write()
        run(receiver.take_push("s2", peer.push()))
        forked = self.other(peer, 3)
        with pytest.raises(Equivocation):
            run(receiver.take_push("s2", Push(S2, 0, tuple(forked), peer.head(entries=forked))))
        peer.write()
        with pytest.raises(Refused, match="log-closed"):
            run(receiver.take_push("s2", peer.push(3)))
        head = cosigned_head(peer.head())
        note = head.body() + b"\n" + cell.cosign("g1", head, NOON).lines
        assert run(receiver.take_push("s2", replace(peer.push(3), cosignatures=(note,)))).size == 4
        self.convicted(cell)

    def test_a_head_that_could_not_be_joined_convicts_when_the_other_history_comes(
        self, cell: Cell, receiver: Receiver, peer: Peer
    ) -> None:
        for _ in range(3):
            peer.write()
        run(receiver.take_push("s2", peer.push(0, 2)))
        forked = [peer.entries[0], draft("s2"), peer.entries[2]]
        with pytest.raises(Unverified):  # what lies under it was not shown: nothing is proven yet
            run(receiver.take_push("s2", Push(S2, 2, tuple(forked[2:]), peer.head(entries=forked))))
        assert not selectors.evidence(S2)
        with pytest.raises(Equivocation):
            run(receiver.take_push("s2", peer.push(2)))
        self.convicted(cell)

    def test_a_receipt_that_came_before_its_entries_is_compared_with_them(
        self, cell: Cell, receiver: Receiver, peer: Peer
    ) -> None:
        for _ in range(3):
            peer.write()
        run(receiver.take_push("s2", peer.push(0, 2)))
        head = cosigned_head(peer.head(entries=self.other(peer, 3)))
        assert receiver.take_cosignature(head.body() + b"\n" + cell.cosign("g1", head, NOON).lines)
        assert receiver.take_doubts() == []
        run(receiver.take_push("s2", peer.push(2)))
        assert receiver.take_doubts() == [("g1", S2)]

    def test_a_longer_log_that_leaves_out_what_is_held(
        self, cell: Cell, receiver: Receiver, peer: Peer
    ) -> None:
        for _ in range(3):
            peer.write()
        run(receiver.take_push("s2", peer.push()))
        forked = [*self.other(peer, 3), draft("s2")]
        with pytest.raises(Equivocation):
            run(receiver.take_push("s2", Push(S2, 0, tuple(forked), peer.head(entries=forked))))
        self.convicted(cell)

    def test_a_head_shown_by_another_that_the_tree_contradicts(
        self, cell: Cell, receiver: Receiver, peer: Peer
    ) -> None:
        for _ in range(3):
            peer.write()
        run(receiver.take_push("s2", peer.push()))
        with pytest.raises(Equivocation):
            receiver.take_notice("g1", Notice((peer.head(entries=self.other(peer, 2)),)))
        self.convicted(cell)

    def test_a_head_shown_first_and_contradicted_by_the_entries_later(
        self, cell: Cell, receiver: Receiver, peer: Peer
    ) -> None:
        for _ in range(3):
            peer.write()
        taken = receiver.take_notice("g1", Notice((peer.head(entries=self.other(peer, 2)),)))
        assert [head.size for head in taken.to_pull] == [2]
        with pytest.raises(Equivocation):
            run(receiver.take_push("s2", peer.push()))
        self.convicted(cell)

    def test_a_mirror_that_confirmed_another_root_is_to_be_asked(
        self, cell: Cell, receiver: Receiver, peer: Peer
    ) -> None:
        for _ in range(3):
            peer.write()
        run(receiver.take_push("s2", peer.push()))
        forked = self.other(peer, 2)
        head = Head(S2, 2, root_of(map(leaf_hash, forked)))
        made = cell.cosign("g1", head, NOON)
        assert not receiver.take_cosignature(head.body() + b"\n" + made.lines)
        assert receiver.take_doubts() == [("g1", S2)]
        assert receiver.take_doubts() == []
        assert selectors.largest_cosignature(S2, "g1") is None, "it is no receipt of what is held here"
        assert selectors.evidence() == (), "no key of the log's is on it"

    def test_one_file_for_two_heads(self, cell: Cell, receiver: Receiver, peer: Peer) -> None:
        for _ in range(2):
            peer.write()
        run(receiver.take_push("s2", peer.push()))
        tree = Tree(map(leaf_hash, self.other(peer, 2)))
        for later in (0, 1):  # the same statement, signed again
            with pytest.raises(Equivocation):
                receiver.take_head(sign_head(Head(S2, 2, tree.root()), peer.pair, NOON + later))
        self.convicted(cell)

    def test_a_heads_note_is_kept_without_cosignatures(
        self, cell: Cell, receiver: Receiver, peer: Peer
    ) -> None:
        peer.write()
        head = Head(S2, 1, root_of([leaf_hash(peer.entries[0])]))
        plain = peer.head()
        shown = add_lines(plain, cell.cosign("g1", head, NOON).lines)
        run(receiver.take_push("s2", replace(peer.push(), head=shown)))
        assert selectors.largest_head(S2).note == plain != shown

    def test_an_honest_older_head_is_no_fork(self, cell: Cell, receiver: Receiver, peer: Peer) -> None:
        for _ in range(3):
            peer.write()
        run(receiver.take_push("s2", peer.push()))
        assert receiver.take_notice("g1", Notice((peer.head(1), peer.head(2)))).to_pull == ()
        assert selectors.evidence() == ()
        assert [row.size for row in selectors.heads(S2)] == [1, 2, 3], "every head is kept"
        clean(cell)


class TestAhead:
    """D3: a floor entry may come before its predecessors; the receipt follows when the log is covered."""

    def test_it_is_set_aside_opened_and_later_covered(
        self, cell: Cell, receiver: Receiver, peer: Peer
    ) -> None:
        peer.write()
        parts = peer.write("stop", floor=True)
        assert receiver.take_ahead("s2", peer.ahead(1, tuple(parts))) is True
        assert receiver.take_ahead("s2", peer.ahead(1, tuple(parts))) is False
        assert selectors.log(S2).size == 0
        (arrival,) = selectors.arrivals(0)
        assert (arrival.what, arrival.in_log, arrival.header) == ("ahead", False, peer.entries[1])
        assert arrival.opened[0].plaintext == b"core 1 stop"
        assert selectors.largest_cosignature(S2, "s1") is None, "no receipt before the log is covered"
        answer = run(receiver.take_push("s2", peer.push()))
        assert answer.missing == (MissingRange(0, 0, ("content", "core")),), "its parts are here already"
        assert selectors.ahead(S2) == ()
        assert [row.what for row in selectors.arrivals(0)] == ["ahead", "entry", "entry"]
        clean(cell)

    def test_an_ordinary_entry_does_not_travel_ahead(self, receiver: Receiver, peer: Peer) -> None:
        peer.write()
        peer.write()
        with pytest.raises(Refused, match="not-floor"):
            receiver.take_ahead("s2", peer.ahead(1))

    def test_a_wrong_proof_is_refused(self, receiver: Receiver, peer: Peer) -> None:
        peer.write()
        peer.write("stop", floor=True)
        ahead = peer.ahead(1)
        with pytest.raises(Unverified):
            receiver.take_ahead("s2", replace(ahead, index=0))
        assert selectors.arrivals(0) == ()

    def test_entries_that_leave_out_what_came_ahead_convict(
        self, cell: Cell, receiver: Receiver, peer: Peer
    ) -> None:
        peer.write()
        peer.write("stop", floor=True)
        receiver.take_ahead("s2", peer.ahead(1))
        forked = [peer.entries[0], draft("s2"), draft("s2")]
        with pytest.raises(Equivocation):
            run(receiver.take_push("s2", Push(S2, 0, tuple(forked), peer.head(entries=forked))))
        assert len(selectors.evidence(S2)) == 1


class TestStartAnswer:
    """C2: the answer is the largest head held of the asker's log, freshly cosigned."""

    def ask(self, receiver: Receiver) -> tuple[Head, bytes]:
        data = receiver.start_answer(hashlib.sha256(S2.encode()).digest())
        body, _, lines = data.partition(b"\n\n")
        from detente.record.head import parse_body

        return parse_body(body + b"\n"), lines

    def test_none_while_nothing_is_held(self, cell: Cell, receiver: Receiver) -> None:
        head, lines = self.ask(receiver)
        assert (head.size, head.root) == (0, EMPTY_ROOT)
        assert open_cosignature(lines, head, cell.mirror_keys("s1", "s2")).time == NOON

    def test_the_largest_head_held(self, cell: Cell, receiver: Receiver, peer: Peer, clock: Clock) -> None:
        peer.write()
        peer.write()
        run(receiver.take_push("s2", peer.push()))
        receiver.take_notice("g1", Notice((peer.head(),)))
        clock.now += 60
        head, lines = self.ask(receiver)
        assert head.size == 2
        asker: SignerRoom = cell.room("s2", clock)
        assert asker.log.start_answer(head.body(), lines).state == "behind"

    def test_an_unknown_log_is_refused(self, receiver: Receiver) -> None:
        with pytest.raises(Unverified):
            receiver.start_answer(bytes(32))


class TestOwnLogRefetched:
    """C2: if a peer knows more of our log, we take it back, and the signer goes on behind it."""

    def test_lost_store_and_journal_come_back_from_a_peer(
        self, cell: Cell, clock: Clock, tmp_path: Path
    ) -> None:
        use(cell.folder("s1"))
        author = cell.author("s1", cell.signer("s1", clock), clock)
        logged = [author.append([author.prepare(words(str(n)))])[0] for n in range(3)]
        push = Push(S1, 0, tuple(one.header for one in logged), logged[-1].head.note)
        folder = cell.folder("s1")
        folder.database.rename(tmp_path / "lost")
        for one in [*folder.journal.iterdir(), *folder.path.glob("node.sqlite3-*")]:
            one.unlink()

        use(folder)
        signer = cell.signer("s1", clock, started=False)
        receiver = cell.receiver("s1", signer, clock)
        head = Head(S1, 3, logged[-1].head.root)
        assert signer.start_answer(head.body(), cell.start_lines("g1", head, NOON)).state == "behind"
        assert receiver.take_own(push) == 3
        assert signer.status().state == "started"
        again = cell.author("s1", signer, clock)
        assert again.append([again.prepare(words())])[0].entry.index == 3
        assert len(selectors.wanted(S1)) == 6, "the own parts are asked for"
        clean(cell)

    def test_our_log_is_never_taken_as_a_mirror(self, cell: Cell, clock: Clock, receiver: Receiver) -> None:
        author = cell.author("s1", receiver._signer, clock)
        (logged,) = author.append([author.prepare(words())])
        with pytest.raises(Unverified):
            run(receiver.take_push("s2", Push(S1, 0, (logged.header,), logged.head.note)))

    def test_anothers_log_is_never_taken_as_ours(self, receiver: Receiver, peer: Peer) -> None:
        peer.write()
        with pytest.raises(Unverified):
            receiver.take_own(peer.push())

    def test_an_own_head_that_this_signer_never_signed_stops_it(
        self, cell: Cell, receiver: Receiver, signer: RoomSigner
    ) -> None:
        stolen = key_files.log_pair(cell.folder("s1"))
        note = sign_head(Head(S1, 5, bytes(32)), stolen, NOON)
        receiver.take_notice("g1", Notice((note,)))
        assert (signer.status().state, signer.status().cause) == ("stopped", "own-head-unknown")
        assert selectors.heads(S1) == ()

    def test_another_own_head_of_a_size_that_it_signed_stops_it(
        self, cell: Cell, clock: Clock, receiver: Receiver, signer: RoomSigner
    ) -> None:
        author = cell.author("s1", signer, clock)
        author.append([author.prepare(words("said"))])
        stolen = key_files.log_pair(cell.folder("s1"))
        with pytest.raises(Equivocation):
            receiver.take_head(sign_head(Head(S1, 1, bytes(32)), stolen, NOON))
        assert (signer.status().state, signer.status().cause) == ("stopped", "own-head")
        assert [row.origin for row in selectors.evidence()] == [S1]


class TestFullDisk:
    """D5: the reserve is left to the own log and to floor kinds; nothing half is stored."""

    def full(self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(receiver._reserve, "free", lambda: 1024)

    def test_ordinary_entries_are_refused_and_floor_entries_taken(
        self, cell: Cell, receiver: Receiver, peer: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.full(receiver, monkeypatch)
        floor = peer.write("stop", floor=True)
        run(receiver.take_push("s2", peer.push(parts=tuple(floor))))
        ordinary = peer.write()
        with pytest.raises(Refused, match="disk-full"):
            run(receiver.take_push("s2", peer.push(1)))
        assert selectors.log(S2).size == 1
        peer.write("stop again", floor=True)
        assert receiver.take_ahead("s2", peer.ahead(2)) is True
        monkeypatch.undo()
        run(receiver.take_push("s2", peer.push(1)))
        self.full(receiver, monkeypatch)
        with pytest.raises(Refused, match="disk-full"):
            receiver.take_part(ordinary[0])
        clean(cell)

    def test_a_full_database_stores_nothing_half(self, cell: Cell, receiver: Receiver, peer: Peer) -> None:
        from django.db import connection

        peer.write()
        run(receiver.take_push("s2", peer.push()))
        parts = tuple(peer.write("x" * 300_000))
        with connection.cursor() as cursor:
            pages = cursor.execute("PRAGMA page_count").fetchone()[0]
            cursor.execute(f"PRAGMA max_page_count={pages}")
            with pytest.raises(Refused, match="disk-full"):
                run(receiver.take_push("s2", peer.push(1, parts=parts)))
            assert selectors.log(S2).size == 1
            assert selectors.largest_cosignature(S2, "s1").size == 1
            clean(cell)
            cursor.execute("PRAGMA max_page_count=1000000")
        assert run(receiver.take_push("s2", peer.push(1, parts=parts))).size == 2
        clean(cell)


class PowerCut(Exception):  # noqa: N818
    """The power fails here."""


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("step", ["store", "cosign", "own row"])
class TestFailureMatrix:
    """Each step of a push × (not done, done but the answer lost): fsck clean, nothing receipted missing."""

    def test_after_a_restart_the_same_push_ends_well(
        self,
        cell: Cell,
        clock: Clock,
        receiver: Receiver,
        signer: RoomSigner,
        peer: Peer,
        monkeypatch: pytest.MonkeyPatch,
        step: str,
        done: bool,
    ) -> None:
        where, name = {
            "store": (store, "append"),
            "cosign": (signer, "cosign"),
            "own row": (store, "add_cosignatures"),
        }[step]
        whole = getattr(where, name)

        def cut(*arguments: Any, **named: Any) -> None:
            if done:
                whole(*arguments, **named)
            raise PowerCut

        parts = tuple(peer.write())
        with monkeypatch.context() as patch, pytest.raises(PowerCut):
            patch.setattr(where, name, cut)
            list(receiver.take_push("s2", peer.push(parts=parts)))
        use(cell.folder("s1"))
        clean(cell)
        again = cell.receiver("s1", cell.signer("s1", clock), clock)
        mirror = again._signer.room.mirror(S2)
        held = selectors.log(S2)
        assert mirror.size <= (held.size if held else 0), "nothing is cosigned that is not held"
        answer = run(again.take_push("s2", peer.push(parts=parts)))
        assert answer.cosignature and answer.size == 1
        with pytest.raises(DetenteError):
            mirror.cosign(0, EMPTY_ROOT)
        clean(cell)
