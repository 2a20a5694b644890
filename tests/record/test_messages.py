"""The link's messages and frames: spec/protocol/link.md."""

import struct
from contextlib import suppress
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.record import messages, wire
from detente.record.errors import Malformed, Unverified
from detente.record.head import Head, cosign, sign_head
from detente.record.header import MissingRange
from detente.record.keys import KeyPair
from detente.record.messages import Ahead, Notice, Probe, Push, PushAnswer

LOG, MIRROR = "kadesh.exercise/s1/1", "kadesh.exercise/s2/mirror/s1"
HEAD = Head(LOG, 7, b"\7" * 32)
NOTE = sign_head(HEAD, KeyPair(b"\1" * 32, b"\2" * 32), 1_800_000_000)
PAIR = KeyPair(b"\3" * 32, b"\4" * 32)
RECEIPT = cosign(HEAD, MIRROR, PAIR, 1_800_000_001)
RECEIPT_NOTE = messages.cosignature_note(RECEIPT)

PUSH = Push(LOG, 5, (b"six", b""), NOTE, (b"part",), (RECEIPT_NOTE,))
ANSWER = PushAnswer(7, RECEIPT_NOTE, (MissingRange(5, 6, ("content",)),), (b"\5" * 32,), (RECEIPT_NOTE,))
NOTICE = Notice((NOTE,), (RECEIPT_NOTE,), (b"\5" * 32,))
AHEAD = Ahead(LOG, 3, b"floor", NOTE, (b"\6" * 32, b"\7" * 32), (b"part",))
PROBE = Probe(1_800_000_000, True, {LOG: 7}, {"g1": 2}, "1.0")

CODECS = {
    "push": (PUSH, messages.encode_push, messages.parse_push),
    "push answer": (ANSWER, messages.encode_push_answer, messages.parse_push_answer),
    "notice": (NOTICE, messages.encode_notice, messages.parse_notice),
    "ahead": (AHEAD, messages.encode_ahead, messages.parse_ahead),
    "probe": (PROBE, messages.encode_probe, messages.parse_probe),
}
every = pytest.mark.parametrize("name", CODECS)


def frame(tag: int, data: bytes) -> bytes:
    return struct.pack(">BI", tag, len(data)) + data


def frames(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while data:
        tag, length = struct.unpack_from(">BI", data)
        found.append((tag, data[5 : 5 + length]))
        data = data[5 + length :]
    return found


class TestMessages:
    """Every message: parse is the inverse of encode, and anything else is malformed."""

    @every
    def test_parse_is_the_inverse_of_encode(self, name):
        value, encode, parse = CODECS[name]
        assert parse(encode(value)) == value

    @every
    def test_a_message_cut_short_is_malformed(self, name):
        value, encode, parse = CODECS[name]
        data = encode(value)
        for cut in {1, 2, 3, 5, 40, len(data) // 2}:
            with pytest.raises(Malformed):
                parse(data[:-cut])

    @every
    def test_bytes_behind_the_message_are_malformed(self, name):
        value, encode, parse = CODECS[name]
        with pytest.raises(Malformed):
            parse(encode(value) + b"\0")

    @every
    @given(data=st.binary(max_size=120))
    def test_any_bytes_give_a_value_or_malformed(self, name, data):
        _, encode, parse = CODECS[name]
        with suppress(Malformed):
            assert encode(parse(data)) == data

    @every
    @given(data=st.data())
    def test_any_changed_byte_gives_a_value_or_malformed(self, name, data):
        value, encode, parse = CODECS[name]
        raw = bytearray(encode(value))
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
        with suppress(Malformed):
            parse(bytes(raw))

    def test_the_smallest_of_each(self):
        assert messages.parse_notice(b"") == Notice()
        answer = PushAnswer(0, b"")
        assert messages.parse_push_answer(messages.encode_push_answer(answer)) == answer

    def test_frames_of_a_push_byte_by_byte(self):
        data = messages.encode_push(replace(PUSH, parts=(), cosignatures=()))
        assert data == (
            frame(1, LOG.encode())
            + frame(2, bytes(7) + b"\5")
            + frame(3, b"six")
            + frame(3, b"")
            + frame(4, NOTE)
        )


class TestPush:
    """D2: bounded by count and bytes."""

    def test_as_many_entries_as_allowed(self):
        push = replace(PUSH, entries=(b"",) * messages.MAX_PUSH_ENTRIES)
        assert messages.parse_push(messages.encode_push(push)) == push

    @pytest.mark.parametrize(
        "changes",
        [
            {"entries": (b"",) * (messages.MAX_PUSH_ENTRIES + 1)},
            {"entries": (b"x" * 65_536,)},
            {"entries": (b"x" * 65_535,) * 257},
            {"parts": (b"x" * (messages.MAX_PUSH_BYTES + 1),)},
            {"parts": (b"x" * messages.MAX_PUSH_BYTES, b"x")},
            {"cosignatures": (RECEIPT_NOTE,) * 65},
            {"head": b"x" * (256 * 1024 + 1)},
            {"certificate": b"x" * 8193},
            {"start": -1},
            {"start": 2**63},
            {"log": "kadesh.exercise/s1"},
            {"log": "kadésh/s1/1"},
        ],
    )
    def test_beyond_a_bound_is_malformed(self, changes):
        with pytest.raises(Malformed):
            messages.encode_push(replace(PUSH, **changes))

    def test_a_body_over_the_limit_is_not_read(self):
        with pytest.raises(Malformed, match="longer"):
            messages.parse_push(bytes(messages.MAX_PUSH_BODY + 1))

    @pytest.mark.parametrize("tag", [1, 2, 4])
    def test_a_needed_frame_that_is_missing(self, tag):
        kept = [frame(*one) for one in frames(messages.encode_push(PUSH)) if one[0] != tag]
        with pytest.raises(Malformed, match="missing"):
            messages.parse_push(b"".join(kept))

    @pytest.mark.parametrize("tag", [1, 2, 4])
    def test_a_single_frame_that_stands_twice(self, tag):
        doubled = [frame(*one) * (2 if one[0] == tag else 1) for one in frames(messages.encode_push(PUSH))]
        with pytest.raises(Malformed, match="more than 1"):
            messages.parse_push(b"".join(doubled))

    def test_frames_out_of_order(self):
        turned = [frame(*one) for one in reversed(frames(messages.encode_push(PUSH)))]
        with pytest.raises(Malformed, match="order"):
            messages.parse_push(b"".join(turned))

    def test_a_tag_of_another_message(self):
        with pytest.raises(Malformed, match="unknown here"):
            messages.parse_push(messages.encode_push(PUSH) + frame(9, b"\5" * 32))

    def test_a_start_of_four_bytes(self):
        with pytest.raises(Malformed, match="number"):
            messages.parse_push(
                messages.encode_push(PUSH).replace(frame(2, bytes(7) + b"\5"), frame(2, bytes(4)))
            )

    def test_the_certificate_of_a_next_log_goes_last(self):
        push = replace(PUSH, certificate=b"certificate")
        data = messages.encode_push(push)
        assert data == messages.encode_push(PUSH) + frame(11, b"certificate")
        assert messages.parse_push(data) == push

    def test_an_empty_certificate_is_none_and_never_written(self):
        with pytest.raises(Malformed, match="certificate"):
            messages.parse_push(messages.encode_push(PUSH) + frame(11, b""))


class TestPushAnswer:
    """B2, D2: cosignature, missing list, wants."""

    @pytest.mark.parametrize(
        "changes",
        [
            {"missing": (MissingRange(6, 7, ("core",)),)},
            {"missing": (MissingRange(2, 2, ()),)},
            {"wants": (b"short",)},
            {"wants": (b"\5" * 32,) * 257},
            {"size": -1},
        ],
    )
    def test_what_an_answer_may_not_say(self, changes):
        with pytest.raises(Malformed):
            messages.parse_push_answer(messages.encode_push_answer(replace(ANSWER, **changes)))

    def test_an_empty_receipt_is_no_receipt(self):
        data = messages.encode_push_answer(replace(ANSWER, cosignature=b""))
        assert messages.parse_push_answer(data).cosignature == b""
        whole = frame(2, bytes(7) + b"\7") + frame(7, b"") + frame(8, b"[]")
        with pytest.raises(Malformed, match="receipt"):
            messages.parse_push_answer(whole)


class TestProbe:
    """D4: JSON, outside the record."""

    @pytest.mark.parametrize(
        "old_new",
        [
            (b'"watch_armed":true', b'"watch_armed":1'),
            (b'"time":1800000000', b'"time":-1'),
            (b'"g1":2', b'"G1":2'),
            (b'"g1":2', b'"g1":"2"'),
            (b'/s1/1":7', b'/s1":7'),
            (b'"1.0"', b'"1 0"'),
            (b'"version"', b'"Version"'),
        ],
    )
    def test_one_wrong_member_is_malformed(self, old_new):
        data = messages.encode_probe(PROBE)
        assert data.count(old_new[0]) == 1
        with pytest.raises(Malformed):
            messages.parse_probe(data.replace(*old_new))


class TestCosignatureNote:
    """A cosignature says itself which head it is about."""

    def test_it_opens_with_the_mirrors_keys(self):
        assert messages.cosigned_head(RECEIPT_NOTE) == HEAD
        assert messages.open_cosignature_note(RECEIPT_NOTE, PAIR.mirror_keys(MIRROR)) == RECEIPT

    def test_about_another_head_it_does_not(self):
        moved = RECEIPT_NOTE.replace(b"\n7\n", b"\n8\n")
        with pytest.raises(Unverified):
            messages.open_cosignature_note(moved, PAIR.mirror_keys(MIRROR))

    @given(st.binary(max_size=80))
    def test_any_bytes_give_malformed(self, data):
        with pytest.raises(Malformed):
            messages.cosigned_head(data)


class TestFrames:
    """u8 tag ‖ u32 length ‖ bytes."""

    shape: Final = {3: wire.Slot("three", 0, 2, 4), 5: wire.Slot("five", 1, 1, 4)}

    def test_every_tag_of_the_table_is_in_the_result(self):
        assert wire.parse_frames(self.shape, frame(5, b"x"), limit=99) == {3: (), 5: (b"x",)}

    @given(st.lists(st.binary(max_size=4), max_size=2), st.binary(max_size=4))
    def test_parse_is_the_inverse_of_encode(self, threes, five):
        data = wire.encode_frames(self.shape, {5: (five,), 3: threes}, limit=99)
        assert wire.parse_frames(self.shape, data, limit=99) == {3: tuple(threes), 5: (five,)}

    @pytest.mark.parametrize(
        "data", [b"", b"\5", b"\5\0\0\0\5hello", b"\5\0\0\0\2x", frame(4, b""), frame(5, b"") * 2]
    )
    def test_out_of_the_table_is_malformed(self, data):
        with pytest.raises(Malformed):
            wire.parse_frames(self.shape, data, limit=99)
