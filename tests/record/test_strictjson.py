"""Strict JSON: one way to read a document, whoever reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.record import strictjson
from detente.record.errors import Malformed

LIMIT = 65_535

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=20,
)


class TestParse:
    """formats/json: rules 1 to 5."""

    @given(values)
    def test_what_we_write_is_read_back(self, value):
        assert strictjson.parse(strictjson.encode(value), limit=10**6) == value

    @given(
        st.binary(max_size=300) | st.text(alphabet='{}[]",:0123456789-eE.\\untrlfas \x00é').map(str.encode)
    )
    def test_any_bytes_give_a_value_or_malformed(self, data):
        try:
            value = strictjson.parse(data, limit=LIMIT)
        except Malformed:
            return
        assert strictjson.parse(strictjson.encode(value), limit=10**6) == value

    def test_order_and_white_space_are_free(self):
        assert strictjson.parse(b' {"b" : 1,\n"a":[ ]} ', limit=LIMIT) == {"a": [], "b": 1}

    @pytest.mark.parametrize(
        "document",
        [
            b'\xef\xbb\xbf{"a":1}',
            b'{"a":"\xff"}',
            b'"\\ud800"',
            b'{"\\udc00":1}',
            b'{"a":1,"a":1}',
            b'{"a":1,"\\u0061":2}',
            b"[1.0]",
            b"[1e3]",
            b"[NaN]",
            b"[Infinity]",
            b"[-Infinity]",
            b"[-0]",
            b"[01]",
            b"[9007199254740992]",
            b"[-9007199254740992]",
            b"[" + b"9" * 5000 + b"]",
            b"[" * 17 + b"]" * 17,
            b"[" * 60_000,
            b"[" * 30_000 + b"]" * 30_000,
            b'{"a":1} x',
            b"",
            b'"a\nb"',
        ],
    )
    def test_a_document_with_two_readings_is_refused(self, document):
        with pytest.raises(Malformed):
            strictjson.parse(document, limit=LIMIT)

    def test_sixteen_levels_are_read(self):
        assert strictjson.parse(b"[" * 16 + b"]" * 16, limit=LIMIT)

    def test_one_byte_over_the_limit_is_refused(self):
        assert strictjson.parse(b"[1]", limit=3) == [1]
        with pytest.raises(Malformed):
            strictjson.parse(b"[1]", limit=2)

    @pytest.mark.parametrize("value", [1.5, 2**53, "\ud800", {1: 2}, {"a": b"bytes"}, {"\ud800": 1}])
    def test_what_could_not_be_read_is_not_written(self, value):
        with pytest.raises(Malformed):
            strictjson.encode(value)


class TestExpect:
    """Shape checks that every reader of a document uses."""

    def test_keys_are_known_exactly(self):
        document = {"a": 1, "b": 2}
        assert strictjson.expect_keys(document, "thing", ("a",), ("b",)) == document
        with pytest.raises(Malformed, match="lacks c"):
            strictjson.expect_keys(document, "thing", ("a", "c"), ("b",))
        with pytest.raises(Malformed, match="unknown key b"):
            strictjson.expect_keys(document, "thing", ("a",))
        with pytest.raises(Malformed, match="not an object"):
            strictjson.expect_keys([], "thing", ())

    def test_true_is_no_number(self):
        assert strictjson.expect_integer(1, "n") == 1
        for wrong in (True, "1", -1, None):
            with pytest.raises(Malformed):
                strictjson.expect_integer(wrong, "n")

    def test_texts_and_arrays_are_bounded(self):
        assert strictjson.expect_text("ab", "t", limit=2) == "ab"
        assert strictjson.expect_list([1], "l", limit=1) == [1]
        for wrong in ("abc", 1, None):
            with pytest.raises(Malformed):
                strictjson.expect_text(wrong, "t", limit=2)
        for wrong_list in ([1, 2], "a", None):
            with pytest.raises(Malformed):
                strictjson.expect_list(wrong_list, "l", limit=1)
