"""C2SP tlog-proof: an entry, an index, a path, a cosigned head."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.record.errors import Malformed, Unverified
from detente.record.note import encode_note, parse_note
from detente.record.proof import MAX_HASHES, TlogProof, encode_proof, parse_proof, verify_proof
from detente.record.tree import Tree, leaf_hash
from record import logs

ENTRIES = logs.entries(11)
TREE = Tree(map(leaf_hash, ENTRIES))
POLICY = logs.policy()
PROOF = TlogProof(6, TREE.inclusion_proof(6), logs.cosigned(ENTRIES))
FILE = encode_proof(PROOF)
HEADLESS = FILE[: FILE.index(b"\n\n")]


class TestFile:
    """formats/proof: one spelling."""

    @given(
        st.integers(0, 2**63 - 1),
        st.lists(st.binary(min_size=32, max_size=32), max_size=63),
        st.binary(max_size=99),
    )
    def test_what_we_write_is_read_back(self, index, hashes, extra):
        proof = TlogProof(index, tuple(hashes), PROOF.checkpoint, extra)
        assert parse_proof(encode_proof(proof)) == proof

    @given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda more: HEADLESS + more))
    def test_any_bytes_give_a_proof_or_malformed(self, data):
        try:
            proof = parse_proof(data)
        except Malformed:
            return
        assert encode_proof(proof) == data

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b"@v1", b"@v2"),
            (b"index 6", b"index 06"),
            (b"index 6", b"index"),
            (b"index 6", b"extra \nindex 6"),
            (b"index 6", b"extra AA=\nindex 6"),
            (b"index 6", b"extra AAAA\nextra AAAA\nindex 6"),
            (b"index 6\n", b"index 6\nAAAA\n"),
            (b"index 6\n", b"index 6\n" + (b"A" * 43 + b"=\n") * (MAX_HASHES + 1)),
            (b"index 6\n", b""),
            (b"\n\n", b"\n"),
        ],
    )
    def test_one_broken_rule_refuses_the_file(self, old, new):
        assert old in FILE
        with pytest.raises(Malformed):
            parse_proof(FILE.replace(old, new))


class TestVerify:
    """formats/proof: what it convinces an arbiter of."""

    def test_the_entry_is_in_the_cosigned_log(self):
        judged = verify_proof(parse_proof(FILE), ENTRIES[6], POLICY)
        assert (judged.head.size, len(judged.cosigned)) == (11, 5)

    def test_every_entry_of_the_log_can_be_proved(self):
        for index, entry in enumerate(ENTRIES):
            verify_proof(TlogProof(index, TREE.inclusion_proof(index), PROOF.checkpoint), entry, POLICY)

    def test_another_entry_is_not_what_was_proved(self):
        with pytest.raises(Unverified, match="inclusion"):
            verify_proof(PROOF, ENTRIES[7], POLICY)

    def test_a_head_that_one_mirror_did_not_cosign_does_not_suffice(self):
        lonely = logs.note(ENTRIES) + logs.lines(ENTRIES, logs.mirrors_of("s1")[:1])
        with pytest.raises(Unverified, match="quorum"):
            verify_proof(TlogProof(6, PROOF.hashes, lonely), ENTRIES[6], POLICY)

    def test_both_halves_of_the_log_are_needed_whatever_the_policy_asks(self):
        easy = replace(POLICY, quorum=None)
        parsed = parse_note(PROOF.checkpoint)
        half = encode_note(parsed.text, parsed.signatures[:1])
        verify_proof(PROOF, ENTRIES[6], easy)
        with pytest.raises(Unverified, match="signature missing"):
            verify_proof(TlogProof(6, PROOF.hashes, half), ENTRIES[6], easy)

    @settings(max_examples=80)
    @given(st.integers(0, 8 * len(FILE) - 1))
    def test_one_flipped_bit_breaks_it(self, bit):
        broken = bytearray(FILE)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises((Malformed, Unverified)):
            verify_proof(parse_proof(bytes(broken)), ENTRIES[6], POLICY)
