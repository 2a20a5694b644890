"""Sealed parts: protocol A6, spec/formats/parts.md."""

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.record import age, parts
from detente.record.errors import Malformed, Unverified

SEED = b"\x07" * 32
SECRETS = {"file_key": b"k" * 16, "nonce": b"n" * 16}


class TestPadding:
    """A6: u64 length ‖ bytes ‖ zeros to the next power of two from 1 KiB."""

    @pytest.mark.parametrize(
        ("size", "padded"),
        [(0, 1024), (1016, 1024), (1017, 2048), (2040, 2048), (2041, 4096), (100_000, 131_072)],
    )
    def test_size_classes(self, size, padded):
        assert parts.size_class(size) == padded == len(parts.pad(bytes(size)))

    @given(st.binary(max_size=5000))
    def test_unpad_is_the_inverse_of_pad(self, text):
        assert parts.unpad(parts.pad(text)) == text

    @given(st.binary(max_size=5000))
    def test_any_bytes_give_their_one_plaintext_or_malformed(self, data):
        with contextlib.suppress(Malformed):
            assert parts.pad(parts.unpad(data)) == data

    def test_a_byte_in_the_padding_is_refused(self):
        with pytest.raises(Malformed, match="padding"):
            parts.unpad(parts.pad(b"calm")[:-1] + b"\1")

    def test_a_larger_class_than_needed_is_refused(self):
        with pytest.raises(Malformed, match="size class"):
            parts.unpad(parts.pad(b"calm") + bytes(1024))

    def test_a_length_beyond_the_file_is_refused(self):
        with pytest.raises(Malformed, match="size class"):
            parts.unpad(b"\xff" * 8 + bytes(1016))

    def test_a_plaintext_above_the_bound_is_refused(self):
        with pytest.raises(Malformed):
            parts.size_class(parts.MAX_PLAINTEXT + 1)
        assert parts.size_class(parts.MAX_PLAINTEXT) == parts.MAX_CLASS


class TestSealing:
    """A6: sealed to its recipients; the header names the file by hash and size."""

    def test_the_recipient_opens_what_was_sealed(self):
        text = b'{"salt":"..."}'
        data = parts.seal(text, [age.recipient_of(SEED)], **SECRETS)
        assert parts.open_sealed(data, SEED) == parts.open_with_file_key(data, SECRETS["file_key"]) == text
        assert len(data) == parts.sealed_size(len(text), 1)
        assert parts.sealed_hash(data) == hashlib.sha256(data).digest()

    def test_size_tells_only_the_class(self):
        recipient = [age.recipient_of(SEED)]
        sizes = {len(parts.seal(bytes(size), recipient, **SECRETS)) for size in (0, 10, 600, 1016)}
        assert len(sizes) == 1

    def test_a_text_that_was_not_padded_is_malformed(self):
        data = age.encrypt(b"bare", [age.recipient_of(SEED)], **SECRETS)
        with pytest.raises(Malformed):
            parts.open_sealed(data, SEED)

    def test_who_has_no_key_opens_nothing(self):
        data = parts.seal(b"", [age.recipient_of(SEED)], **SECRETS)
        with pytest.raises(Unverified):
            parts.open_sealed(data, b"\x08" * 32)
