"""A mirror: protocol B1, C4, D2, D3."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.record.errors import Conflict, Equivocation, Malformed, Refused, Unverified
from detente.record.evidence import verify_two_histories
from detente.record.head import Head, sign_head
from detente.record.keys import KeyPair
from detente.record.messages import Ahead, Push
from detente.record.mirror import ForkFound, Mirror, check_ahead, fork_evidence
from detente.record.tree import Frontier, inclusion_proof, leaf_hash

LOG = "kadesh.exercise/s1/1"
PAIR = KeyPair(b"\1" * 32, b"\2" * 32)
KEYS = PAIR.log_keys(LOG)
NOON = 1_800_000_000


def entries(size: int, story: bytes = b"") -> list[bytes]:
    """The first six entries are the same in every story."""
    return [b"%d" % n + (story if n >= 6 else b"") for n in range(size)]


def frontier(of: list[bytes]) -> Frontier:
    made = Frontier()
    made.extend(map(leaf_hash, of))
    return made


def note(of: list[bytes], log: str = LOG) -> bytes:
    return sign_head(Head(log, len(of), frontier(of).root()), PAIR, NOON)


def push(start: int, size: int, story: bytes = b"", *, head: bytes | None = None) -> Push:
    whole = entries(size, story)
    return Push(LOG, start, tuple(whole[start:]), head or note(whole))


def mirror(size: int, *, past: bool = True) -> Mirror:
    held = entries(size)
    return Mirror(LOG, KEYS, frontier(held), past=(lambda n: frontier(held[:n])) if past else None)


class TestAccept:
    """B1: length, root and signatures only."""

    def test_what_continues_the_log_is_taken(self):
        accepted = mirror(4).accept(push(4, 9))
        assert accepted.start == 4
        assert list(accepted.entries) == entries(9)[4:]
        assert accepted.frontier.root() == accepted.head.head.root == frontier(entries(9)).root()

    def test_any_bytes_are_an_entry(self):
        whole = [b"\xff\0 not JSON"]
        assert mirror(0).accept(Push(LOG, 0, tuple(whole), note(whole))).entries == tuple(whole)

    def test_accept_changes_nothing_and_after_goes_on(self):
        before = mirror(4)
        accepted = before.accept(push(4, 5))
        assert before.frontier.size == 4
        assert before.after(accepted).accept(push(5, 9)).start == 5

    def test_a_closed_log_is_taken_up_to_its_end_and_not_beyond(self):
        """C3: the party has gone on in a next log."""
        held = entries(4)
        closed = Mirror(LOG, KEYS, frontier(held), past=lambda n: frontier(held[:n]), end=6)
        accepted = closed.accept(push(4, 6))
        assert accepted.frontier.size == 6
        for end in (closed, closed.after(accepted)):
            with pytest.raises(Refused) as caught:
                end.accept(push(4, 7))
            assert (caught.value.code, caught.value.values["size"]) == ("log-closed", 6)
        assert closed.accept(push(0, 4)).entries == ()

    def test_a_fork_of_a_closed_log_is_still_found(self):
        held = entries(9)
        closed = Mirror(LOG, KEYS, frontier(held), past=lambda n: frontier(held[:n]), end=9)
        with pytest.raises(ForkFound):
            closed.accept(push(0, 9, b" other"))
        with pytest.raises(ForkFound):
            closed.accept(push(0, 12, b" other"))

    def test_an_overlap_with_the_same_bytes_is_taken(self):
        assert list(mirror(4).accept(push(0, 9)).entries) == entries(9)[4:]

    def test_beyond_what_is_held_is_a_conflict_with_the_size(self):
        with pytest.raises(Conflict) as caught:
            mirror(4).accept(push(5, 9))
        assert caught.value.size == 4

    @pytest.mark.parametrize(("start", "size"), [(0, 4), (4, 4), (2, 3), (0, 1)])
    def test_a_replay_changes_nothing(self, start, size):
        accepted = mirror(4).accept(push(start, size))
        assert (accepted.entries, accepted.frontier.size, accepted.start) == ((), 4, 4)

    def test_without_the_past_an_older_head_is_a_conflict(self):
        assert mirror(4, past=False).accept(push(0, 4)).entries == ()
        with pytest.raises(Conflict):
            mirror(4, past=False).accept(push(0, 3))

    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
    def test_whatever_is_sent_the_mirror_holds_a_prefix_of_the_log(self, held, start, size):
        try:
            accepted = mirror(held).accept(push(min(start, size), size))
        except Conflict as conflict:
            assert conflict.size == held < min(start, size)
            return
        assert accepted.frontier.root() == frontier(entries(max(held, size))).root()


class TestRefuse:
    """Each wrong thing by its name, and nothing taken."""

    def test_another_log(self):
        with pytest.raises(Unverified, match="origin"):
            mirror(0).accept(Push("kadesh.exercise/s2/1", 0, (), note([])))

    def test_a_head_of_another_log(self):
        with pytest.raises(Unverified, match="origin"):
            mirror(0).accept(push(0, 2, head=note(entries(2), "kadesh.exercise/s1/2")))

    def test_a_head_of_another_size(self):
        with pytest.raises(Malformed, match="behind the last entry"):
            mirror(0).accept(push(0, 2, head=note(entries(3))))

    def test_a_head_that_another_key_signed(self):
        whole = entries(2)
        other = sign_head(Head(LOG, 2, frontier(whole).root()), KeyPair(b"\3" * 32, b"\2" * 32), NOON)
        with pytest.raises(Unverified, match="signature"):
            mirror(0).accept(push(0, 2, head=other))

    def test_one_changed_entry(self):
        sent = push(0, 3)
        changed = Push(LOG, 0, (b"0", b"x", b"2"), sent.head)
        with pytest.raises(Unverified, match="root"):
            mirror(0).accept(changed)

    def test_an_entry_that_no_log_may_hold(self):
        whole = [b"x" * 65_536]
        with pytest.raises(Malformed, match="entry"):
            mirror(0).accept(Push(LOG, 0, tuple(whole), note(whole)))

    def test_keys_of_another_log(self):
        with pytest.raises(Unverified):
            Mirror(LOG, PAIR.log_keys("kadesh.exercise/s1/2"), Frontier())


class TestFork:
    """C4: a signed head that cannot be true together with what is held."""

    @pytest.mark.parametrize(
        ("what", "start", "size"),
        [
            ("the same size", 6, 9),
            ("smaller", 6, 8),
            ("larger with the overlap", 6, 12),
            ("all of it", 0, 12),
        ],
    )
    def test_it_is_found_and_convicts(self, what, start, size):
        assert what
        with pytest.raises(Equivocation) as caught:
            mirror(9).accept(push(start, size, b" otherwise"))
        fork = caught.value
        assert isinstance(fork, ForkFound)
        evidence = fork_evidence(fork, note(entries(9)), [leaf_hash(one) for one in entries(9)], KEYS)
        verdict = verify_two_histories(evidence, KEYS)
        assert {verdict.smaller.head.size, verdict.larger.head.size} == {9, size}

    def test_a_larger_head_without_the_overlap_proves_nothing_yet(self):
        with pytest.raises(Unverified, match="root"):
            mirror(9).accept(push(9, 12, b" otherwise"))

    def test_entries_that_do_not_make_the_signed_root_prove_nothing(self):
        sent = push(0, 12, b" otherwise")
        with pytest.raises(Unverified, match="root"):
            mirror(9).accept(Push(LOG, 0, (b"x", *sent.entries[1:]), sent.head))

    def test_an_older_head_of_the_common_part_is_no_fork(self):
        assert mirror(9).accept(push(0, 6, b" otherwise")).entries == ()

    def test_a_held_head_from_before_the_parting_is_no_evidence(self):
        with pytest.raises(ForkFound) as caught:
            mirror(9).accept(push(6, 9, b" otherwise"))
        with pytest.raises(Unverified, match="one history"):
            fork_evidence(caught.value, note(entries(5)), [leaf_hash(one) for one in entries(9)], KEYS)


class TestAhead:
    """D3: signed head, index, header, inclusion proof."""

    whole = entries(9)
    proof = inclusion_proof([leaf_hash(one) for one in whole], 7, 9)

    def ahead(self, **changes) -> Ahead:
        given = {
            "log": LOG,
            "index": 7,
            "entry": self.whole[7],
            "head": note(self.whole),
            "proof": self.proof,
        }
        return Ahead(**given | changes)

    def test_it_opens_under_its_signed_head(self):
        assert check_ahead(self.ahead(), KEYS).head.size == 9

    @pytest.mark.parametrize(
        "changes",
        [
            {"entry": b"another"},
            {"index": 6},
            {"index": 9},
            {"proof": ()},
            {"log": "kadesh.exercise/s1/2"},
            {"head": note(entries(9, b" otherwise"))},
        ],
    )
    def test_anything_else_is_refused(self, changes):
        with pytest.raises(Unverified):
            check_ahead(self.ahead(**changes), KEYS)
