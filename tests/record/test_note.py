"""C2SP signed notes: the text, the last empty line, the lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.record.errors import Malformed
from detente.record.keys import ED25519, Vkey
from detente.record.note import (
    MAX_NOTE,
    MAX_SIGNATURES,
    NoteSignature,
    add_lines,
    encode_note,
    parse_lines,
    parse_note,
)

KEY = Vkey("log.example", ED25519, bytes(32))
LINE = NoteSignature("log.example", KEY.key_id, b"signature")
NOTE = encode_note(b"some text\n", [LINE])

names = st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=20).filter(
    lambda name: "+" not in name
)
lines = st.builds(NoteSignature, names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80))
texts = st.text(st.characters(codec="utf-8", exclude_characters=[chr(n) for n in range(32) if n != 10])).map(
    lambda text: text.encode() + b"\n"
)


class TestNote:
    """formats/note: rules 1 to 3."""

    @given(texts, st.lists(lines, min_size=1, max_size=MAX_SIGNATURES))
    def test_what_we_write_is_read_back(self, text, signatures):
        parsed = parse_note(encode_note(text, signatures))
        assert (parsed.text, parsed.signatures) == (text, tuple(signatures))

    @given(st.binary(max_size=200) | st.builds(lambda a, b: a + b, texts, st.binary(max_size=60)))
    def test_any_bytes_give_a_note_or_malformed(self, data):
        try:
            parsed = parse_note(data)
        except Malformed:
            return
        assert encode_note(parsed.text, parsed.signatures) == data

    def test_the_last_empty_line_parts_text_and_lines(self):
        assert parse_note(encode_note(b"a\n\nb\n", [LINE])).text == b"a\n\nb\n"

    @pytest.mark.parametrize(
        "broken",
        [
            NOTE[:-1],
            NOTE + b"\n",
            NOTE.replace("—".encode(), b"-"),
            NOTE.replace(b"some", b"so\tme"),
            NOTE.replace(b"some", b"so\rme"),
            NOTE.replace(b"some", b"so\x00me"),
            NOTE.replace(b"some", b"so\xffme"),
            NOTE.replace(b"\n\n", b"\n"),
            NOTE.replace(b"log.example", b"log+example"),
            NOTE.replace(b"log.example", "log\u00a0example".encode()),
            NOTE.replace(b"log.example", b""),
            NOTE.replace(b"=\n", b"\n"),
            NOTE.replace(b"\n\n", b"\n\n\xe2\x80\x94 log.example AAAAAA==\n"),
            b"some text\n\n",
            b"some text\n\n\xe2\x80\x94 log.example\n",
            b"",
        ],
    )
    def test_another_spelling_is_refused(self, broken):
        assert broken != NOTE
        with pytest.raises(Malformed):
            parse_note(broken)

    def test_base64_with_loose_bits_is_refused(self):
        with pytest.raises(Malformed):
            parse_note(encode_note(b"t\n", [NoteSignature("n", b"1234", b"a")]).replace(b"NGE=", b"NGF="))

    def test_a_text_without_its_newline_cannot_be_written(self):
        with pytest.raises(Malformed):
            encode_note(b"some text", [LINE])


class TestLimits:
    """formats/note rule 1 and 3: sixteen lines are accepted, seventeen are not; the size is bounded."""

    def lines(self, count):
        return [NoteSignature(f"n{number}", b"1234", b"s") for number in range(count)]

    def test_sixteen_lines_are_accepted(self):
        assert len(parse_note(encode_note(b"t\n", self.lines(16))).signatures) == 16

    def test_seventeen_are_not(self):
        with pytest.raises(Malformed):
            encode_note(b"t\n", self.lines(17))

    def test_a_note_at_the_limit_is_read_and_one_byte_more_is_not(self):
        tail = b"\n" + LINE.encode()
        text = b"x" * (MAX_NOTE - len(tail) - 1) + b"\n"
        assert parse_note(text + tail).text == text
        with pytest.raises(Malformed):
            parse_note(b"x" + text + tail)


class TestLines:
    """formats/note rule 4, and lines on their own as a mirror answers them."""

    @given(st.lists(lines, min_size=1, max_size=5))
    def test_lines_are_read_back(self, signatures):
        assert parse_lines(b"".join(line.encode() for line in signatures)) == tuple(signatures)

    def test_an_unknown_key_s_line_is_passed_over_even_twice(self):
        other = NoteSignature("other", b"1234", b"s")
        assert parse_note(encode_note(b"t\n", [other, other, LINE])).by(KEY) == LINE

    def test_a_known_key_twice_is_refused(self):
        with pytest.raises(Malformed, match="repeated"):
            parse_note(encode_note(b"t\n", [LINE, LINE])).by(KEY)

    def test_an_absent_key_has_no_line(self):
        assert parse_note(encode_note(b"t\n", [NoteSignature("other", b"1234", b"s")])).by(KEY) is None

    def test_lines_are_added_behind_a_note(self):
        more = NoteSignature("mirror", b"1234", b"s")
        assert parse_note(add_lines(NOTE, more.encode())).signatures == (LINE, more)
        assert add_lines(NOTE, b"") == NOTE
        with pytest.raises(Malformed):
            add_lines(NOTE, b"text\n\n" + more.encode())
