"""A peer that says wrong things to a real node: a named error each, nothing left half, the next is taken."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace

import pytest

from detente.record.errors import Conflict, DetenteError
from detente.record.head import Head, sign_head
from detente.record.keys import KeyPair
from detente.record.sync import Notice, Push, encode_notice, encode_push, parse_notice
from detente.record.tiles import bundle_path, parse_bundle
from node_link.actor import Actor
from node_link.live import LiveCell, log_of

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> LiveCell:  # type: ignore[misc]
    with LiveCell(tmp_path_factory.mktemp("cell"), absent=frozenset({"s1"})) as found:
        yield found


@pytest.fixture(scope="module")
def s1(cell: LiveCell) -> Actor:
    actor = Actor(cell, "s1", "s2")
    assert actor.push(actor.next_push(actor.entry())).size == 1
    return actor


def refused(s1: Actor, body: bytes, then: Push | None = None) -> DetenteError:
    """The error that the node answers to this push; nothing of it may be stored, the next one is taken."""
    before = s1.cell.nodes["s2"].ask("state")
    with pytest.raises(DetenteError) as caught:
        s1.post("push", body)
    after = s1.cell.nodes["s2"].ask("state")
    for what in ("sizes", "wanted", "ahead", "evidence"):
        assert after[what] == before[what]
    assert s1.push(then or s1.next_push(s1.entry())).size == len(s1.entries)
    return caught.value


class TestForm:
    """Malformed bytes are the sender's fault and are named so."""

    def test_bytes_that_are_no_frames(self, s1: Actor) -> None:
        assert refused(s1, b"\x63\x00\x00\x00\x04body").code == "malformed"

    def test_a_push_cut_short(self, s1: Actor) -> None:
        assert refused(s1, encode_push(s1.next_push(s1.entry()))[:-3]).code == "malformed"

    def test_an_empty_body(self, s1: Actor) -> None:
        assert refused(s1, b"").code == "malformed"

    def test_a_body_over_the_bound(self, s1: Actor) -> None:
        assert refused(s1, bytes((17 << 20) + 1)).code == "body-too-large"

    def test_a_head_that_is_not_behind_the_last_entry(self, s1: Actor) -> None:
        push = s1.next_push(s1.entry(), s1.entry())
        assert refused(s1, encode_push(replace(push, entries=push.entries[:1]))).code == "malformed"


class TestProof:
    """What signatures and roots do not bear is not stored."""

    def test_a_head_signed_by_another_key(self, s1: Actor) -> None:
        entry = s1.entry()
        stranger = KeyPair(bytes(32), bytes(31) + b"\x01")
        head = Head(s1.log, len(s1.entries) + 1, bytes(32))
        push = Push(s1.log, len(s1.entries), (entry,), sign_head(head, stranger, int(time.time())))
        assert refused(s1, encode_push(push)).code == "unverified"

    def test_a_head_with_one_half_of_its_signatures(self, s1: Actor) -> None:
        push = s1.next_push(s1.entry())
        lines = push.head.split(b"\n")
        half = b"\n".join([*lines[:-2], b""])
        assert refused(s1, encode_push(replace(push, head=half))).code == "unverified"

    def test_entries_that_are_not_those_of_the_head(self, s1: Actor) -> None:
        """The head is signed, so it is kept, and the entries that are its own are taken behind it."""
        push = s1.next_push(s1.entry())
        wrong = replace(push, entries=(s1.entry(),))
        assert refused(s1, encode_push(wrong), then=push).code == "unverified"

    def test_a_log_of_another_cell(self, s1: Actor) -> None:
        log = "elsewhere.exercise/s1/1"
        push = Push(log, 0, (b"{}",), s1.note([b"{}"], origin=log))
        assert refused(s1, encode_push(push)).code == "unknown-log"

    def test_a_log_of_another_party(self, s1: Actor) -> None:
        log = log_of("g1")
        push = Push(log, 0, (b"{}",), s1.note([b"{}"], origin=log))
        assert refused(s1, encode_push(push)).code == "unknown-log"


class TestAgain:
    """The same may come twice, late, or with a gap."""

    def test_a_push_that_comes_twice_changes_nothing(self, s1: Actor) -> None:
        push = s1.next_push(s1.entry())
        first = s1.push(push)
        before = s1.cell.nodes["s2"].ask("log")
        again = s1.push(push)
        assert again.size == first.size and again.cosignature
        assert s1.cell.nodes["s2"].ask("log") == before

    def test_an_old_push_that_is_replayed_is_answered_with_todays_size(self, s1: Actor) -> None:
        old = Push(s1.log, 0, (s1.entries[0],), s1.note(s1.entries[:1]))
        size, entries = len(s1.entries), list(s1.entries)
        assert s1.push(old).size == size
        s1.entries = entries

    def test_a_push_with_a_gap_is_told_the_size(self, s1: Actor) -> None:
        two = [s1.entry(), s1.entry()]
        push = Push(s1.log, len(s1.entries) + 1, (two[1],), s1.note([*s1.entries, *two]))
        size = len(s1.entries)
        error = refused(s1, encode_push(push))
        assert isinstance(error, Conflict) and error.size == size


class TestMirrorRefusesNoHeader:
    """Protocol B1: what a header says is never a reason not to hold it."""

    @pytest.mark.parametrize("entry", [b"not JSON", b"{}", b'{"v":1,"v":1}', b"", b"x" * 65_535])
    def test_a_malformed_header_is_held_and_confirmed(self, s1: Actor, entry: bytes) -> None:
        answer = s1.push(s1.next_push(entry))
        assert answer.size == len(s1.entries) and answer.cosignature

    def test_a_part_with_another_hash_is_not_kept(self, s1: Actor) -> None:
        wanted = s1.cell.nodes["s2"].ask("state")["wanted"]
        answer = s1.push(s1.next_push(s1.entry(part=b"right"), parts=(b"wrong",)))
        assert answer.size == len(s1.entries)
        assert s1.cell.nodes["s2"].ask("state")["wanted"] == wanted + 1

    def test_a_bad_cosignature_does_not_stop_the_push_that_brings_it(self, s1: Actor) -> None:
        push = s1.next_push(s1.entry())
        bad = (push.head, b"not a note")
        assert s1.push(replace(push, cosignatures=bad)).size == len(s1.entries)

    def test_a_notice_with_unknown_heads_is_answered(self, s1: Actor) -> None:
        foreign = s1.note([b"x"], origin="elsewhere.exercise/s1/1")
        answer = s1.post("heads", encode_notice(Notice(heads=(foreign,))))
        assert isinstance(parse_notice(answer), Notice)


class TestReading:
    """Protocol D1: a peer reads headers, and parts that it is in `to` or `keep` of; all else is not there."""

    def test_a_part_for_another_is_not_here_and_an_own_one_is(self, s1: Actor) -> None:
        s2 = s1.cell.nodes["s2"]
        others = s2.ask("append", keep=["g1"])["parts"]
        mine = s2.ask("append", keep=["g1", "s1"])["parts"]
        for sha256 in others:
            with pytest.raises(DetenteError) as caught:
                s1.get(f"parts/{sha256}")
            assert caught.value.code == "not-here"
        for sha256 in mine:
            assert hashlib.sha256(s1.get(f"parts/{sha256}")).hexdigest() == sha256

    def test_the_guarantor_gives_no_part_of_another_either(self, s1: Actor) -> None:
        others = s1.cell.nodes["s2"].ask("append", keep=["g1"])["parts"]
        guarantor = Actor(s1.cell, "s1", "g1")
        s1.cell.until(lambda: s1.cell.nodes["g1"].ask("state")["wanted"] == 0)
        with pytest.raises(DetenteError) as caught:
            guarantor.get(f"parts/{others[0]}")
        assert caught.value.code == "not-here"

    def test_headers_of_every_log_can_be_read_and_hash_to_the_checkpoint(self, s1: Actor) -> None:
        place = f"logs/{hashlib.sha256(s1.log.encode()).hexdigest()}"
        size = int(s1.get(f"{place}/checkpoint").split(b"\n")[1])
        assert size == len(s1.entries)
        bundle = parse_bundle(s1.get(f"{place}/{bundle_path(0, size)}"))
        assert list(bundle) == s1.entries
        assert len(s1.get(f"{place}/tile/0/000.p/{size}")) == 32 * size

    @pytest.mark.parametrize(
        "route", ["parts/../../node.toml", "logs/%2e%2e/checkpoint", "parts/" + "0" * 64, "tile/0/000"]
    )
    def test_other_paths_are_not_here(self, s1: Actor, route: str) -> None:
        with pytest.raises(DetenteError) as caught:
            s1.get(route)
        assert caught.value.code == "not-here"

    def test_the_start_question_is_answered_for_the_own_log_alone(self, s1: Actor) -> None:
        own, other = (hashlib.sha256(log_of(one).encode()).hexdigest() for one in ("s1", "g1"))
        assert s1.get(f"start/{own}").startswith(s1.log.encode())
        with pytest.raises(DetenteError) as caught:
            s1.get(f"start/{other}")
        assert caught.value.code == "not-here"


class TestTwoHistories:
    """Protocol C4: two heads that cannot both be true are kept and that log is closed; others go on."""

    def test_the_evidence_is_kept_and_the_log_closed(self, s1: Actor) -> None:
        s2 = s1.cell.nodes["s2"]
        other = [*s1.entries[:-1], s1.entry(note="another")]
        with pytest.raises(DetenteError) as caught:
            s1.post("push", encode_push(Push(s1.log, len(other) - 1, (other[-1],), s1.note(other))))
        assert caught.value.code == "equivocation"
        assert s2.ask("state")["evidence"] == 1
        with pytest.raises(DetenteError) as caught:
            s1.push(s1.next_push(s1.entry()))
        assert caught.value.code == "log-closed"
        size = s2.ask("append")["index"] + 1
        s1.cell.until(lambda: s2.ask("state")["receipts"][log_of("s2")].get("g1") == size)
