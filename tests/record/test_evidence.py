"""Two histories: what convicts, and what does not (protocol C4)."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.record.errors import Malformed, Unverified
from detente.record.evidence import (
    encode_two_histories,
    find_two_histories,
    parse_two_histories,
    verify_two_histories,
)
from detente.record.note import encode_note, parse_note
from detente.record.tree import Tree, leaf_hash
from record import logs

KEYS = logs.pair(logs.LOG).log_keys(logs.LOG)
ONE = logs.entries(20)
OTHER = [*ONE[:5], b"another story", *ONE[6:]]
TREE = Tree(map(leaf_hash, ONE))


def find(first, second, tree=TREE):
    return find_two_histories(logs.note(first), logs.note(second), KEYS, tree)


class TestEqualSizes:
    """formats/two-histories 2: the two heads alone."""

    def test_two_roots_convict_without_the_tree(self):
        evidence = find(ONE, OTHER, None)
        assert evidence is not None
        assert (evidence.root, evidence.proof) == (b"", ())
        fork = verify_two_histories(evidence, KEYS)
        assert fork.smaller.head.root != fork.larger.head.root

    def test_a_root_or_proof_that_nothing_needs_is_refused(self):
        for more in ({"root": TREE.root()}, {"proof": (TREE.root(),)}):
            with pytest.raises(Unverified, match="two histories"):
                verify_two_histories(replace(find(ONE, OTHER, None), **more), KEYS)

    def test_one_root_signed_twice_is_one_history(self):
        assert find_two_histories(logs.note(ONE), logs.note(ONE, time=logs.TIME + 9), KEYS) is None


class TestTwoSizes:
    """formats/two-histories 3 and 4: the larger tree's own root at the smaller size."""

    @pytest.mark.parametrize("size", [6, 8, 16, 19])
    def test_a_head_of_another_tree_convicts_in_either_order(self, size):
        evidence = find(OTHER[:size], ONE)
        assert evidence == replace(find(ONE, OTHER[:size]), smaller=evidence.smaller, larger=evidence.larger)
        assert verify_two_histories(evidence, KEYS).larger.head.size == 20

    @pytest.mark.parametrize("size", [0, 1, 5, 16, 20])
    def test_an_honest_earlier_head_convicts_nobody(self, size):
        assert find(ONE[:size], ONE) is None

    def test_without_the_larger_tree_nothing_can_be_said(self):
        for tree in (None, Tree(map(leaf_hash, OTHER)), Tree(map(leaf_hash, ONE[:19]))):
            with pytest.raises(Unverified, match="larger tree unknown"):
                find(ONE[:5], ONE, tree)

    def test_a_true_proof_of_one_history_is_no_evidence(self):
        honest = replace(
            find(OTHER[:8], ONE),
            smaller=logs.note(ONE[:8]),
            root=TREE.root(8),
            proof=TREE.consistency_proof(8),
        )
        with pytest.raises(Unverified, match="one history"):
            verify_two_histories(honest, KEYS)

    def test_an_invented_root_is_no_evidence(self):
        slander = replace(find(OTHER[:8], ONE), smaller=logs.note(ONE[:8]), root=leaf_hash(b"invented"))
        with pytest.raises(Unverified, match="consistency"):
            verify_two_histories(slander, KEYS)


class TestBothHalves:
    """formats/two-histories 1: a thief of one key convicts nobody."""

    @pytest.mark.parametrize("half", [0, 1])
    def test_a_head_with_one_half_is_no_evidence(self, half):
        evidence = find(OTHER, ONE)
        parsed = parse_note(evidence.smaller)
        stolen = replace(evidence, smaller=encode_note(parsed.text, [parsed.signatures[half]]))
        with pytest.raises(Unverified, match="signature missing"):
            verify_two_histories(stolen, KEYS)

    def test_another_log_is_not_convicted(self):
        other = f"{logs.CELL}/s2/1"
        with pytest.raises(Unverified):
            verify_two_histories(find(OTHER, ONE), logs.pair(other).log_keys(other))
        with pytest.raises(Unverified):
            verify_two_histories(replace(find(OTHER, ONE), log=other), KEYS)


class TestFile:
    """formats/two-histories: the file."""

    FILE = encode_two_histories(find(OTHER[:8], ONE))

    @pytest.mark.parametrize("other", [OTHER, OTHER[:8]])
    def test_what_we_write_is_read_back(self, other):
        evidence = find(other, ONE)
        assert parse_two_histories(encode_two_histories(evidence)) == evidence

    @given(st.binary(max_size=100))
    def test_any_bytes_give_evidence_or_malformed(self, data):
        with pytest.raises(Malformed):
            parse_two_histories(data)

    @settings(max_examples=80)
    @given(st.integers(0, 8 * len(FILE) - 1))
    def test_one_flipped_bit_breaks_it(self, bit):
        broken = bytearray(self.FILE)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises((Malformed, Unverified)):
            verify_two_histories(parse_two_histories(bytes(broken)), KEYS)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b'"v":1', b'"v":2'),
            (b'"v":1', b'"v":1,"more":0'),
            (b'"root":"', b'"root":"00'),
            (b'"proof":["', b'"proof":["00'),
            (b'"log":"north', b'"log":"North'),
            (b'"larger":"north', b'"larger":"\\nnorth'),
        ],
    )
    def test_one_broken_rule_refuses_the_file(self, old, new):
        assert self.FILE.count(old) == 1
        broken = self.FILE.replace(old, new)
        if b"larger" in old:  # an empty line before the text is still a note; its head is not
            with pytest.raises(Malformed):
                verify_two_histories(parse_two_histories(broken), KEYS)
            return
        with pytest.raises(Malformed):
            parse_two_histories(broken)
