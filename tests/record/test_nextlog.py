"""Certificates of next logs: formats/next-log, protocol C3."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.record.errors import Malformed, Unverified
from detente.record.keys import KeyPair
from detente.record.names import origin
from detente.record.nextlog import (
    MAX_CERTIFICATE,
    NextLog,
    certificate,
    certified_by,
    open_next_log,
    read_next_log,
    recovery_name,
    sign_next_log,
)
from detente.record.note import add_lines, parse_note
from detente.record.tree import EMPTY_ROOT
from record import logs

SEED = b"\x11" * 32
RECOVERY = KeyPair(SEED, SEED).log_keys("any").ed25519.public
OTHER = KeyPair(b"\x12" * 32, SEED).log_keys("any").ed25519.public
NEW, OLD = origin(logs.CELL, "s1", 2), logs.LOG
NEXT = NextLog(NEW, logs.pair(NEW).log_keys(NEW), OLD, 5, b"\7" * 32)
NOTE = sign_next_log(NEXT, SEED)


class TestCertificate:
    """Sign and open are inverses; whatever else there is is refused."""

    def test_open_gives_back_what_was_signed(self):
        assert open_next_log(NOTE, RECOVERY) == NEXT

    @given(
        generation=st.integers(1, 10**8),
        party=st.sampled_from(logs.PARTIES),
        size=st.integers(1, 2**63 - 1),
        root=st.binary(min_size=32, max_size=32),
        seed=st.binary(min_size=32, max_size=32),
    )
    def test_open_is_the_inverse_of_sign(self, generation, party, size, root, seed):
        new = origin(logs.CELL, party, generation + 1)
        keys = KeyPair(seed, SEED).log_keys(new)
        following = NextLog(new, keys, origin(logs.CELL, party, generation), size, root)
        note = sign_next_log(following, seed)
        assert len(note) <= MAX_CERTIFICATE
        assert open_next_log(note, KeyPair(seed, SEED).log_keys("any").ed25519.public) == following

    def test_the_text_is_seven_lines_and_one_signature(self):
        parsed = parse_note(NOTE)
        assert parsed.text.split(b"\n")[0] == b"detente/next-log/v1"
        assert parsed.text.count(b"\n") == 7
        assert [line.name for line in parsed.signatures] == ["north.exercise/s1/recovery"]
        assert recovery_name(NEW) == recovery_name(OLD)

    def test_pieces_make_the_same_certificate(self):
        signature = certified_by(NOTE, NEXT, RECOVERY)
        assert certificate(NEXT, recovery=RECOVERY, signature=signature) == NOTE

    def test_another_recovery_key_is_unverified(self):
        with pytest.raises(Unverified):
            open_next_log(NOTE, OTHER)
        with pytest.raises(Unverified):
            certificate(NEXT, recovery=OTHER, signature=certified_by(NOTE, NEXT, RECOVERY))

    def test_the_logs_own_key_certifies_nothing(self):
        with pytest.raises(Unverified):
            open_next_log(NOTE, NEXT.keys.ed25519.public)

    @given(place=st.integers(0, len(NOTE) - 1), bit=st.integers(0, 7))
    def test_any_flipped_bit_is_refused(self, place, bit):
        data = bytearray(NOTE)
        data[place] ^= 1 << bit
        with pytest.raises((Malformed, Unverified)):
            open_next_log(bytes(data), RECOVERY)

    @given(st.binary(max_size=200))
    def test_any_bytes_are_refused_by_name(self, data):
        with pytest.raises(Malformed):
            read_next_log(data)

    @given(st.integers(0, len(NOTE) - 1))
    def test_a_certificate_cut_short_is_malformed(self, end):
        with pytest.raises((Malformed, Unverified)):
            open_next_log(NOTE[:end], RECOVERY)

    def test_one_signature_only(self):
        line = NOTE.rpartition(b"\n\n")[2]
        with pytest.raises(Malformed):
            read_next_log(add_lines(NOTE, line.replace(b"/s1/", b"/s2/")))

    def test_longer_than_the_bound_is_malformed(self):
        with pytest.raises(Malformed, match="longer"):
            read_next_log(NOTE + b"\n" * MAX_CERTIFICATE)


class TestNextLog:
    """One party, one cell, the generation behind the old log's, keys named by the new log."""

    @pytest.mark.parametrize(
        "old",
        [
            origin(logs.CELL, "s2"),
            origin("south.exercise", "s1"),
            origin(logs.CELL, "s1", 2),
            origin(logs.CELL, "s1", 3),
        ],
    )
    def test_a_log_follows_the_one_before_it_alone(self, old):
        with pytest.raises(Malformed):
            replace(NEXT, old=old)

    def test_the_first_log_follows_none(self):
        keys = logs.pair(OLD).log_keys(OLD)
        with pytest.raises(Malformed):
            NextLog(OLD, keys, f"{logs.CELL}/s1/0", 0, EMPTY_ROOT)

    def test_the_keys_are_the_new_logs(self):
        with pytest.raises(Malformed):
            replace(NEXT, keys=logs.pair(OLD).log_keys(OLD))

    def test_an_empty_old_log_has_the_empty_root(self):
        assert replace(NEXT, old_size=0, old_root=EMPTY_ROOT).old_size == 0
        for size, root in ((0, b"\7" * 32), (-1, b"\7" * 32), (1, b"short")):
            with pytest.raises(Malformed):
                replace(NEXT, old_size=size, old_root=root)
