"""Heads and mirror cosignatures: both halves, one time, one name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.record.errors import Malformed, Unverified
from detente.record.head import (
    Cosignature,
    Head,
    cosign,
    open_cosignature,
    open_head,
    parse_body,
    sign_head,
)
from detente.record.keys import KeyPair, LogKeys, MirrorKeys, parse_vkey
from detente.record.note import add_lines, encode_note, parse_lines, parse_note
from detente.record.tree import EMPTY_ROOT, leaf_hash

ORIGIN = "cell.exercise/s1/1"
MIRROR = "cell.exercise/s2/mirror/s1"
PAIR = KeyPair(b"\x01" * 32, b"\x02" * 32)
MIRROR_PAIR = KeyPair(b"\x03" * 32, b"\x04" * 32)
KEYS = PAIR.log_keys(ORIGIN)
MIRROR_KEYS = MIRROR_PAIR.mirror_keys(MIRROR)
HEAD = Head(ORIGIN, 7, leaf_hash(b"seven"))
NOTE = sign_head(HEAD, PAIR, 1_800_000_000)
RECEIPT = cosign(HEAD, MIRROR, MIRROR_PAIR, 1_800_000_005)


class TestSignedHead:
    """formats/head 2 and 4: two lines by the log, both required."""

    def test_the_head_opens_with_its_time(self):
        opened = open_head(NOTE, KEYS)
        assert (opened.head, opened.time, opened.note) == (HEAD, 1_800_000_000, NOTE)

    def test_cosignature_lines_behind_it_change_nothing(self):
        opened = open_head(add_lines(NOTE, RECEIPT.lines), KEYS)
        assert (opened.head, opened.time) == (HEAD, 1_800_000_000)

    @pytest.mark.parametrize("half", [0, 1])
    def test_one_half_alone_is_no_head(self, half):
        parsed = parse_note(NOTE)
        with pytest.raises(Unverified, match="signature missing"):
            open_head(encode_note(parsed.text, [parsed.signatures[half]]), KEYS)

    @pytest.mark.parametrize("half", [0, 1])
    def test_a_second_line_of_a_known_key_is_refused(self, half):
        parsed = parse_note(NOTE)
        again = parsed.signatures[half].encode()
        with pytest.raises(Malformed, match="repeated"):
            open_head(NOTE + again, KEYS)

    def test_another_log_s_head_is_refused(self):
        other = "cell.exercise/s2/1"
        with pytest.raises(Unverified, match="origin"):
            open_head(sign_head(Head(other, 7, HEAD.root), PAIR, 1), KEYS)

    @settings(max_examples=60)
    @given(st.integers(0, 8 * len(NOTE) - 1))
    def test_one_flipped_bit_breaks_it(self, bit):
        broken = bytearray(NOTE)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises((Malformed, Unverified)):
            open_head(bytes(broken), KEYS)


class TestCosignature:
    """formats/head 3 and 4: two lines by the mirror under one time."""

    def test_it_opens_among_the_log_s_own_lines(self):
        lines = add_lines(NOTE, RECEIPT.lines).rpartition(b"\n\n")[2]
        assert open_cosignature(lines, HEAD, MIRROR_KEYS) == RECEIPT
        assert isinstance(RECEIPT, Cosignature)

    def test_two_times_are_no_cosignature(self):
        later = cosign(HEAD, MIRROR, MIRROR_PAIR, 1_800_000_006)
        first, second = parse_lines(RECEIPT.lines)[0], parse_lines(later.lines)[1]
        with pytest.raises(Unverified, match="cosignature time"):
            open_cosignature(first.encode() + second.encode(), HEAD, MIRROR_KEYS)

    @pytest.mark.parametrize("half", [0, 1])
    def test_one_half_alone_is_no_receipt(self, half):
        line = parse_lines(RECEIPT.lines)[half]
        with pytest.raises(Unverified, match="signature missing"):
            open_cosignature(line.encode(), HEAD, MIRROR_KEYS)

    def test_it_says_nothing_about_another_head(self):
        with pytest.raises(Unverified, match="signature"):
            open_cosignature(RECEIPT.lines, Head(ORIGIN, 8, HEAD.root), MIRROR_KEYS)

    def test_time_zero_is_refused_when_signing(self):
        with pytest.raises(Malformed):
            cosign(HEAD, MIRROR, MIRROR_PAIR, 0)

    @settings(max_examples=60)
    @given(st.integers(0, 8 * len(RECEIPT.lines) - 1))
    def test_one_flipped_bit_breaks_it(self, bit):
        broken = bytearray(RECEIPT.lines)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises((Malformed, Unverified)):
            open_cosignature(bytes(broken), HEAD, MIRROR_KEYS)

    def test_the_empty_log_can_be_cosigned_as_a_start_answer(self):
        nothing = Head(ORIGIN, 0, EMPTY_ROOT)
        answer = cosign(nothing, MIRROR, MIRROR_PAIR, 5)
        assert open_cosignature(answer.lines, nothing, MIRROR_KEYS).head.size == 0


class TestBody:
    """formats/head 1: three lines, one spelling."""

    def test_the_body_of_a_head_is_parsed_back(self):
        assert parse_body(HEAD.body()) == HEAD

    @given(st.binary(max_size=200))
    def test_any_bytes_give_a_head_or_malformed(self, data):
        try:
            head = parse_body(data)
        except Malformed:
            return
        assert head.body() == data

    @pytest.mark.parametrize("size", ["07", "+7", "7 ", "-1", "1_0", "١٢", "9223372036854775808", ""])
    def test_a_size_has_one_spelling(self, size):
        body = HEAD.body().replace(b"\n7\n", f"\n{size}\n".encode())
        with pytest.raises(Malformed):
            parse_body(body)

    def test_an_extension_line_is_refused(self):
        with pytest.raises(Malformed):
            parse_body(HEAD.body() + b"more\n")

    def test_size_zero_has_the_empty_root_only(self):
        with pytest.raises(Malformed):
            parse_body(Head(ORIGIN, 0, HEAD.root).body())


class TestKeys:
    """formats/keys: verifier keys and pairs."""

    @pytest.mark.parametrize("key", [KEYS.ed25519, KEYS.mldsa44, MIRROR_KEYS.ed25519, MIRROR_KEYS.mldsa44])
    def test_a_vkey_line_is_parsed_back(self, key):
        assert parse_vkey(key.encode()) == key

    @given(st.text(max_size=120))
    def test_any_text_gives_a_key_or_malformed(self, text):
        try:
            key = parse_vkey(text)
        except Malformed:
            return
        assert key.encode() == text

    def test_a_key_id_of_another_name_is_refused(self):
        _, rest = KEYS.ed25519.encode().split("+", 1)
        with pytest.raises(Malformed, match="key id"):
            parse_vkey("cell.exercise/s9/1+" + rest)

    def test_a_pair_has_one_name_and_its_two_types(self):
        other = PAIR.log_keys("cell.exercise/s2/1")
        for pair in (
            (KEYS.ed25519, other.mldsa44),
            (other.ed25519, KEYS.mldsa44),
            (KEYS.mldsa44, KEYS.mldsa44),
            (KEYS.ed25519, KEYS.ed25519),
        ):
            with pytest.raises(Malformed, match="key pair"):
                LogKeys(ORIGIN, *pair)
        with pytest.raises(Malformed, match="key pair"):
            MirrorKeys(MIRROR, PAIR.log_keys(MIRROR).ed25519, MIRROR_KEYS.mldsa44)

    def test_the_seeds_are_not_printed(self):
        assert "01" not in repr(PAIR)
        assert "\\x" not in repr(PAIR)
