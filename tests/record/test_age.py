"""age v1 with mlkem768x25519 recipients (spec/formats/parts.md)."""

import hashlib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from detente.record import age, bech32
from detente.record.errors import Malformed, Unverified

SEEDS = [bytes([number]) * 32 for number in (1, 2, 3)]
RECIPIENTS = [age.recipient_of(seed) for seed in SEEDS]
FILE_KEY, NONCE = b"k" * 16, b"n" * 16


def sealed(text: bytes = b"calm", recipients: list[str] | None = None) -> bytes:
    return age.encrypt(text, recipients or RECIPIENTS[:2], file_key=FILE_KEY, nonce=NONCE)


class TestFile:
    """Rules 1 to 5 of age.py."""

    @pytest.mark.parametrize("size", [0, 1, age.CHUNK - 1, age.CHUNK, age.CHUNK + 1, 2 * age.CHUNK])
    def test_every_recipient_reads_the_text(self, size):
        text = hashlib.shake_256(b"t").digest(size)
        file = sealed(text)
        assert age.decrypt(file, SEEDS[0]) == age.decrypt(file, SEEDS[1]) == text
        assert len(file) == age.file_size(size, 2)

    def test_who_is_no_recipient_cannot_open(self):
        with pytest.raises(Unverified, match="age identity"):
            age.decrypt(sealed(), SEEDS[2])

    def test_the_disclosed_file_key_opens_it(self):
        file = sealed()
        assert age.open_file_key(file, SEEDS[1]) == FILE_KEY
        assert age.decrypt_with_file_key(file, FILE_KEY) == b"calm"

    def test_a_wrong_file_key_does_not(self):
        with pytest.raises(Unverified, match="MAC"):
            age.decrypt_with_file_key(sealed(), b"x" * 16)

    def test_stanzas_of_two_files_cannot_be_joined(self):
        one = sealed(b"one", RECIPIENTS[:1])
        other = age.encrypt(b"two", RECIPIENTS[1:2], file_key=b"o" * 16, nonce=NONCE)
        start = len("age-encryption.org/v1\n")
        joined = one[: start + 1557] + other[start : start + 1557] + one[start + 1557 :]
        with pytest.raises(Unverified, match="MAC"):
            age.decrypt(joined, SEEDS[0])

    @given(st.data())
    def test_one_flipped_bit_anywhere_is_refused(self, data):
        file = bytearray(sealed(recipients=RECIPIENTS[:1]))
        bit = data.draw(st.integers(0, 8 * len(file) - 1))
        file[bit // 8] ^= 1 << bit % 8
        with pytest.raises((Malformed, Unverified)):
            age.decrypt(bytes(file), SEEDS[0])

    @pytest.mark.parametrize("cut", [1, 15, 17, 20, 40, 1000])
    def test_a_file_cut_short_is_refused(self, cut):
        with pytest.raises((Malformed, Unverified)):
            age.decrypt(sealed()[:-cut], SEEDS[0])

    def test_a_whole_chunk_cut_off_is_refused(self):
        file = sealed(b"x" * (2 * age.CHUNK))
        with pytest.raises(Unverified, match="payload"):
            age.decrypt(file[: -age.CHUNK - 16], SEEDS[0])

    def test_an_empty_last_chunk_is_refused(self):
        with pytest.raises(Malformed, match="empty last chunk"):
            age.decrypt(sealed(b"x" * age.CHUNK) + b"\0" * 16, SEEDS[0])

    def test_a_classical_stanza_makes_it_malformed(self):
        stanza = b"-> X25519 " + b"A" * 43 + b"\n" + b"A" * 43 + b"\n"
        file = sealed().replace(b"v1\n", b"v1\n" + stanza, 1)
        with pytest.raises(Malformed, match="stanza"):
            age.decrypt(file, SEEDS[0])

    def test_more_recipients_than_the_bound_are_refused(self):
        many = [age.recipient_of(bytes([number]) * 32) for number in range(1, age.MAX_RECIPIENTS + 2)]
        with pytest.raises(Malformed, match="recipients"):
            sealed(b"", many)
        stanza = sealed(b"", RECIPIENTS[:1])[22 : 22 + 1557]
        file = sealed(b"").replace(b"v1\n", b"v1\n" + stanza * age.MAX_RECIPIENTS, 1)
        with pytest.raises(Malformed, match="recipients"):
            age.decrypt(file, SEEDS[0])

    @pytest.mark.parametrize("recipients", [[], [RECIPIENTS[0]] * 2, ["age1pq1qq"], [RECIPIENTS[0].upper()]])
    def test_wrong_recipients_are_refused(self, recipients):
        with pytest.raises(Malformed):
            age.encrypt(b"", recipients, file_key=FILE_KEY, nonce=NONCE)

    @given(st.binary(max_size=3000))
    def test_any_bytes_give_a_text_or_a_named_error(self, data):
        with pytest.raises((Malformed, Unverified)):
            age.decrypt(data, SEEDS[0])

    @given(st.binary(max_size=200))
    def test_any_bytes_behind_a_good_header_give_a_named_error(self, data):
        header = sealed()[: -16 - len(b"calm") - 16]
        with pytest.raises((Malformed, Unverified)):
            age.decrypt(header + data, SEEDS[0])


class TestBech32:
    """One value, one spelling (BIP 173)."""

    def test_the_checksum_is_that_of_bip_173(self):
        # BIP 173, first valid string: prefix `a`, no data.
        assert bech32.encode("a", b"") == "a12uel5l"

    @given(st.binary(max_size=80))
    def test_decode_is_the_inverse_of_encode(self, data):
        assert bech32.decode("age1pq", bech32.encode("age1pq", data), size=len(data)) == data

    @given(st.data())
    def test_one_wrong_letter_is_refused(self, data):
        text = RECIPIENTS[0]
        place = data.draw(st.integers(7, len(text) - 1))
        letter = data.draw(st.sampled_from("qpzry9x8gf2tvdw0s3jn54khce6mua7l"))
        assume(letter != text[place])
        with pytest.raises(Malformed):
            bech32.decode("age1pq", text[:place] + letter + text[place + 1 :], size=1216)

    @given(st.text(max_size=60))
    def test_any_text_gives_bytes_or_malformed(self, text):
        with pytest.raises(Malformed):
            bech32.decode("age1pq", text, size=32)

    def test_an_identity_of_a_wrong_size_is_refused(self):
        with pytest.raises(Malformed):
            age.recipient_of(b"short")
