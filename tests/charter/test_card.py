"""Pairing cards: one file, strict, trusted because its words were read aloud."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.charter.card import PeerCard, encode_card, fingerprint_words, parse_card
from detente.charter.spoken import WORDS
from detente.record.age import recipient_of
from detente.record.approvals import Credential
from detente.record.errors import Malformed
from detente.record.keys import KeyPair

CELL = "harbour.exercise"


def pair(n: int) -> KeyPair:
    return KeyPair(bytes([n]) * 32, bytes([n + 100]) * 32)


def card(party: str = "s1") -> PeerCard:
    peers = [other for other in ("s1", "s2", "g1") if other != party]
    admin = Credential(
        post="ADMIN", kind="ed25519", public=bytes(32), credential_id=b"", rp_id="", origins=()
    )
    return PeerCard(
        CELL, party, pair(1).log_keys(f"{CELL}/{party}/1"),
        {p: pair(n).mirror_keys(f"{CELL}/{party}/mirror/{p}") for n, p in enumerate(sorted(peers), 2)},
        recipient_of(bytes([9]) * 32), bytes(32), bytes(32), (admin, admin), "-----BEGIN CERTIFICATE-----\n",
        {p: f"https://127.0.0.1:{7000 + n}" for n, p in enumerate(sorted(peers))},
        f"{party}.detente.localhost", f"http://{party}.detente.localhost:8000",
    )  # fmt: skip


class TestCard:
    """A card is parsed strictly, and what was parsed is what was written."""

    def test_parse_gives_back_what_was_encoded(self) -> None:
        assert parse_card(encode_card(card())) == card()

    @given(st.binary(max_size=200))
    def test_any_bytes_give_a_card_or_malformed(self, data: bytes) -> None:
        with pytest.raises(Malformed):
            parse_card(data)

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("party", "S1"), ("cell", "Harbour"), ("receiving", "age1xyz"), ("recovery", "00"), ("thin", ""),
            ("v", 2),
            ("admins", []), ("addresses", {"s1": "https://a:1"}), ("addresses", {"s2": "http://a:1"}),
            ("rp_id", "-"), ("mirrors", {}), ("surprise", 1),
        ],
    )  # fmt: skip
    def test_one_wrong_value_is_refused(self, key: str, value: object) -> None:
        document = json.loads(encode_card(card()))
        document[key] = value
        with pytest.raises(Malformed):
            parse_card(json.dumps(document).encode())

    def test_keys_under_another_partys_name_are_refused(self) -> None:
        document = json.loads(encode_card(card("s1")))
        document["log"] = json.loads(encode_card(card("s2")))["log"]
        with pytest.raises(Malformed):
            parse_card(json.dumps(document).encode())


class TestFingerprint:
    """Two engineers compare words over a telephone."""

    def test_one_changed_byte_changes_the_words(self) -> None:
        data = encode_card(card())
        assert fingerprint_words(data) != fingerprint_words(data.replace(b"7000", b"7002"))

    def test_every_byte_has_a_word_of_its_own(self) -> None:
        assert len(set(WORDS)) == 256
        assert all(3 <= len(word) <= 10 and word.isalpha() and word.islower() for word in WORDS)
