"""RFC 6962 trees: known answers, proofs, and the frontier."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.record.errors import Unverified
from detente.record.tree import (
    EMPTY_ROOT,
    Frontier,
    Tree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

# The eight leaves that Certificate Transparency's first implementations were tested with, and the root of
# the first n of them.
LEAVES = [
    bytes.fromhex(one)
    for one in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

sizes = st.integers(1, 70)


def leaves_of(size: int) -> list[bytes]:
    return [leaf_hash(bytes([number % 256, number // 256])) for number in range(size)]


class TestRoot:
    """formats/tree 1 and 2: hashes as RFC 6962."""

    def test_the_empty_tree_has_the_hash_of_nothing(self):
        assert EMPTY_ROOT.hex() == ROOTS[0]
        assert root_of([]) == EMPTY_ROOT

    @pytest.mark.parametrize("size", range(9))
    def test_the_published_trees_have_the_published_roots(self, size):
        hashes = [leaf_hash(entry) for entry in LEAVES[:size]]
        assert root_of(hashes).hex() == ROOTS[size]
        assert Tree(hashes).root().hex() == ROOTS[size]

    @given(st.integers(0, 300), st.integers(0, 300))
    def test_the_frontier_goes_on_where_it_was_left(self, first, more):
        hashes = leaves_of(first + more)
        frontier = Frontier()
        frontier.extend(hashes[:first])
        taken_up = Frontier(frontier.size, frontier.hashes)
        taken_up.extend(hashes[first:])
        assert taken_up.root() == root_of(hashes) == Tree(hashes).root()
        assert frontier.root() == root_of(hashes[:first]) == Tree(hashes).root(first)
        assert Tree(hashes).frontier(first).hashes == frontier.hashes

    def test_a_copy_is_independent(self):
        frontier = Frontier()
        copy = frontier.copy()
        copy.append(leaf_hash(b"one"))
        assert (frontier.size, copy.size) == (0, 1)

    def test_a_frontier_whose_hashes_do_not_fit_its_size_is_refused(self):
        with pytest.raises(Unverified):
            Frontier(3, [EMPTY_ROOT])
        with pytest.raises(Unverified):
            Frontier(1, [b"short"])


class TestInclusion:
    """formats/tree 3: a proof leads from one leaf to the root, and no other leads there."""

    def test_the_published_path_of_leaf_0_of_8(self):
        proof = inclusion_proof([leaf_hash(entry) for entry in LEAVES], 0, 8)
        assert [one.hex() for one in proof] == [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ]

    @given(sizes, st.data())
    def test_every_leaf_has_a_proof(self, size, data):
        index = data.draw(st.integers(0, size - 1))
        hashes = leaves_of(size)
        verify_inclusion(hashes[index], index, size, inclusion_proof(hashes, index, size), root_of(hashes))

    @given(sizes, st.data())
    def test_one_flipped_bit_breaks_it(self, size, data):
        index = data.draw(st.integers(0, size - 1))
        hashes = leaves_of(size)
        parts = [hashes[index], *inclusion_proof(hashes, index, size), root_of(hashes)]
        place = data.draw(st.integers(0, len(parts) - 1))
        parts[place] = flipped(parts[place], data.draw(st.integers(0, 255)))
        with pytest.raises(Unverified):
            verify_inclusion(parts[0], index, size, parts[1:-1], parts[-1])

    @given(sizes, st.data())
    def test_another_index_or_a_hash_more_or_less_breaks_it(self, size, data):
        index = data.draw(st.integers(0, size - 1))
        other = data.draw(st.integers(-1, size).filter(lambda one: one != index))
        hashes = leaves_of(size)
        proof, root = inclusion_proof(hashes, index, size), root_of(hashes)
        with pytest.raises(Unverified):
            verify_inclusion(hashes[index], other, size, proof, root)
        with pytest.raises(Unverified):
            verify_inclusion(hashes[index], index, size, (*proof, EMPTY_ROOT), root)
        if proof:
            with pytest.raises(Unverified):
                verify_inclusion(hashes[index], index, size, proof[:-1], root)


class TestConsistency:
    """formats/tree 4: the larger tree begins with the smaller."""

    def test_the_published_proof_from_6_to_8(self):
        proof = consistency_proof([leaf_hash(entry) for entry in LEAVES], 6, 8)
        assert [one.hex() for one in proof] == [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]

    @given(st.integers(0, 70), st.data())
    def test_every_earlier_tree_has_a_proof(self, new, data):
        old = data.draw(st.integers(0, new))
        hashes = leaves_of(new)
        proof = consistency_proof(hashes, old, new)
        verify_consistency(old, root_of(hashes[:old]), new, root_of(hashes), proof)

    @given(sizes, st.data())
    def test_one_flipped_bit_breaks_it(self, new, data):
        old = data.draw(st.integers(0, new))
        hashes = leaves_of(new)
        parts = [root_of(hashes[:old]), *consistency_proof(hashes, old, new)]
        if old:  # the empty tree begins every tree, whatever its root
            parts.append(root_of(hashes))
        place = data.draw(st.integers(0, len(parts) - 1))
        parts[place] = flipped(parts[place], data.draw(st.integers(0, 255)))
        if not old:
            parts.append(root_of(hashes))
        with pytest.raises(Unverified):
            verify_consistency(old, parts[0], new, parts[-1], parts[1:-1])

    @given(sizes, st.data())
    def test_a_hash_more_or_less_breaks_it(self, new, data):
        old = data.draw(st.integers(1, new))
        hashes = leaves_of(new)
        proof, roots = consistency_proof(hashes, old, new), (root_of(hashes[:old]), root_of(hashes))
        with pytest.raises(Unverified):
            verify_consistency(old, roots[0], new, roots[1], (*proof, EMPTY_ROOT))
        if proof:
            with pytest.raises(Unverified):
                verify_consistency(old, roots[0], new, roots[1], proof[:-1])

    @given(sizes, sizes, st.data())
    def test_another_new_size_than_the_proof_s_breaks_it(self, new, claimed, data):
        old = data.draw(st.integers(1, min(new, claimed)))
        hashes = leaves_of(new)
        proof, roots = consistency_proof(hashes, old, new), (root_of(hashes[:old]), root_of(hashes))
        # Two sizes may share the shape of a path: that the size is true is what the head's signature says.
        if len(consistency_proof(leaves_of(claimed), old, claimed)) != len(proof):
            with pytest.raises(Unverified):
                verify_consistency(old, roots[0], claimed, roots[1], proof)

    def test_a_tree_that_shrank_is_not_consistent(self):
        hashes = leaves_of(4)
        with pytest.raises(Unverified):
            verify_consistency(4, root_of(hashes), 3, root_of(hashes[:3]), ())


def flipped(value: bytes, bit: int) -> bytes:
    """`value` with one bit the other way."""
    bit %= 8 * len(value)
    return value[: bit // 8] + bytes([value[bit // 8] ^ 1 << bit % 8]) + value[bit // 8 + 1 :]
