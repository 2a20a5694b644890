"""The recovery key in two hands, the ceremony, and keys that are made, renewed and destroyed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.charter.card import parse_card
from detente.charter.spoken import WORDS
from detente.node import keys, pairing, shares
from detente.node.recovery import ceremony
from detente.node.signer import frozen_mark
from detente.record.errors import Malformed, Refused
from detente.record.names import mirror_name
from node.rig import CELL, Cell, Clock

OWNER = f"{CELL}/s1"
SEEDS = st.binary(min_size=32, max_size=32)


class TestShares:
    """Both pages are the key; one page, a wrong word or a page of another ceremony is not."""

    @given(seed=SEEDS, random=SEEDS)
    def test_two_pages_give_the_key_back(self, seed: bytes, random: bytes) -> None:
        public = shares.public_of(seed)
        pages = [shares.page(one, public) for one in shares.split(seed, OWNER, random)]
        assert shares.join(*(shares.read(page) for page in pages)) == seed
        assert seed.hex() not in "".join(pages)

    @given(seed=SEEDS, random=SEEDS)
    def test_one_share_alone_fits_any_key(self, seed: bytes, random: bytes) -> None:
        one, two = shares.split(seed, OWNER, random)
        other = bytes(a ^ b for a, b in zip(bytes(32), two.data, strict=True))
        assert shares.join(shares.Share(OWNER, 1, other), two) == bytes(32)
        assert shares.join(one, shares.Share(OWNER, 2, random)) == bytes(32)

    @given(seed=SEEDS, random=SEEDS, place=st.integers(0, 31), word=st.integers(1, 255))
    def test_a_word_read_wrongly_is_found(self, seed: bytes, random: bytes, place: int, word: int) -> None:
        share = shares.split(seed, OWNER, random)[0]
        wrong = bytearray(share.data)
        wrong[place] = (wrong[place] + word) % 256
        check = shares.page(share, bytes(32)).partition("check  ")[2].split("\n")[0]
        page = shares.page(shares.Share(OWNER, 1, bytes(wrong)), bytes(32))
        theirs = page.partition("check  ")[2].split("\n")[0]
        if check != theirs:  # two bytes of a hash: one in 65,536 is alike
            with pytest.raises(Refused) as refused:
                shares.read(page.replace(f"check  {theirs}", f"check  {check}"))
            assert refused.value.code == "share-wrong"

    def test_two_first_shares_and_two_parties_are_refused(self) -> None:
        one, two = shares.split(bytes(32), OWNER, b"\1" * 32)
        for pair in ((one, one), (one, shares.Share(f"{CELL}/s2", 2, two.data))):
            with pytest.raises(Refused) as refused:
                shares.join(*pair)
            assert refused.value.code == "shares-do-not-fit"

    @pytest.mark.parametrize("text", ["", "share 3 of 2, a/b", "share 1 of 2, a/s1\n1 acorn", "x" * 100_000])
    def test_what_is_no_page_is_malformed(self, text: str) -> None:
        with pytest.raises(Malformed):
            shares.read(text)

    def test_a_word_that_is_not_in_the_list_is_named(self) -> None:
        page = shares.page(shares.split(bytes(32), OWNER, b"\1" * 32)[0], bytes(32))
        with pytest.raises(Malformed, match="zzz"):
            shares.read(page.replace(WORDS[1], "zzz", 1))


@pytest.fixture
def node(tmp_path: Path) -> pairing.NodeFolder:
    return pairing.init(tmp_path / "s1", pairing.NewNode(CELL, "s1", ("s2", "g1")))


class TestCeremony:
    """It leaves public halves and derived mirror keys, and nothing of the recovery key."""

    def test_nothing_of_the_key_stays(self, node: pairing.NodeFolder) -> None:
        left = keys.recovery_seed(node)
        one, two = ceremony(node)
        seed = shares.join(one, two)
        assert seed != left, "the key that lay on the disk is not used again"
        card = parse_card(pairing.own_card(node))
        assert card.recovery == shares.public_of(seed)
        found = [place.read_bytes() for place in node.path.rglob("*") if place.is_file()]
        for secret in (seed, left, one.data, two.data):
            assert not any(secret in data or secret.hex().encode() in data for data in found)

    def test_the_mirrors_keys_come_back_from_the_shares(self, node: pairing.NodeFolder) -> None:
        seed = shares.join(*ceremony(node))
        card = parse_card(pairing.own_card(node))
        for peer in ("s2", "g1"):
            (node.keys / "mirror" / f"{peer}.json").unlink()
        keys.derive_mirrors(node, ("s2", "g1"), seed)
        for peer in ("s2", "g1"):
            pair = keys.mirror_pair(node, peer)
            assert pair.mirror_keys(mirror_name(CELL, "s1", peer)) == card.mirrors[peer]
        assert keys.mirror_pair(node, "s2") != keys.mirror_pair(node, "g1")

    def test_it_is_too_late_behind_a_charter(self, node: pairing.NodeFolder) -> None:
        node.charter_toml.write_text("")
        with pytest.raises(Refused) as refused:
            ceremony(node)
        assert refused.value.code == "ceremony-too-late"


class TestReceiving:
    """Receiving keys count on; a destroyed one is gone from the folder."""

    def test_the_newest_comes_first_and_an_old_one_can_be_destroyed(self, node: pairing.NodeFolder) -> None:
        (old,) = keys.receiving_seeds(node)
        assert keys.make_receiving(node) == 2
        new, also_old = keys.receiving_seeds(node)
        assert also_old == old
        keys.destroy_receiving(node, old)
        assert keys.receiving_seeds(node) == (new,)
        assert not list((node.keys / "receiving").glob("1.*"))
        assert keys.make_receiving(node) == 3, "a number is never used again while a newer one is there"


class TestFrozen:
    """A frozen log's signer signs nothing more, also when it is started again; its mirrors go on."""

    def test_it_stays_frozen(self, cell: Cell, clock: Clock) -> None:
        folder = cell.folder("s1")
        room = cell.room("s1", clock)
        room.freeze()
        assert frozen_mark(folder, folder.origin).exists()
        assert cell.room("s1", clock).log.status().state == "stopped"
        assert cell.room("s1", clock).log.status().cause == "compromised"
        answer = cell.room("s1", clock).answer({"op": "append", "drafts": [], "seen": [], "have": 0})
        assert answer["error"] == "signer-stopped"
