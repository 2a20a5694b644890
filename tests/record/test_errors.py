"""Errors say who must act; numbers, base64 and hex have one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.record import encoding, errors
from detente.record.errors import (
    ERRORS,
    Conflict,
    DetenteError,
    Equivocation,
    Malformed,
    Refused,
    RuleViolation,
    Unreachable,
    Unverified,
    declare,
)


@pytest.fixture(autouse=True)
def table():
    """Put the table back as it was: other tests count its rows."""
    before = dict(errors._rows)
    yield
    errors._rows.clear()
    errors._rows.update(before)


class TestErrors:
    """Every leaf has a code, values, and a row that says who must act."""

    @pytest.mark.parametrize(
        ("error", "code", "values"),
        [
            (Malformed("head", "why"), "malformed", {"what": "head", "detail": "why"}),
            (Malformed("head"), "malformed", {"what": "head"}),
            (Unverified("root", size=3), "unverified", {"what": "root", "size": 3}),
            (Equivocation("north/s1/1"), "equivocation", {"log": "north/s1/1"}),
            (Conflict(7), "conflict", {"size": 7}),
            (Unreachable("s2"), "unreachable", {"peer": "s2"}),
        ],
    )
    def test_the_fixed_codes_have_their_rows(self, error, code, values):
        assert isinstance(error, DetenteError)
        assert (error.code, error.values) == (code, values)
        assert (error.who, ERRORS[code][0]) == (ERRORS[code][0], error.who)
        assert code in str(error)

    def test_a_room_declares_its_own_codes(self):
        assert declare("test-full", "operator", "a test's own code") == "test-full"
        assert Refused("test-full", left=0).who == "operator"
        declare("test-clause", "author", "a test's own clause")
        violation = RuleViolation("D02", "test-clause", field="place")
        assert (violation.clause, violation.values) == ("D02", {"clause": "D02", "field": "place"})

    def test_a_code_has_one_meaning(self):
        declare("test-twice", "operator", "one")
        declare("test-twice", "operator", "one")
        with pytest.raises(ValueError, match="test-twice"):
            declare("test-twice", "operator", "another")

    def test_the_table_cannot_be_changed_otherwise(self):
        with pytest.raises(TypeError):
            ERRORS["malformed"] = ("nobody", "nothing")


class TestOneSpelling:
    """formats: plain decimals, canonical base64, lower-case hex."""

    @given(st.integers(0, 2**63 - 1))
    def test_decimals_are_read_back(self, number):
        assert encoding.parse_decimal(str(number), "n") == number

    @pytest.mark.parametrize(
        "text", ["", "00", "01", "+1", "-1", " 1", "1\n", "1_0", "١", "²", "9223372036854775808", "9" * 9999]
    )
    def test_another_decimal_is_refused(self, text):
        with pytest.raises(Malformed):
            encoding.parse_decimal(text, "n")

    def test_a_decimal_over_its_own_limit_is_refused(self):
        assert encoding.parse_decimal("7", "n", limit=7) == 7
        with pytest.raises(Malformed):
            encoding.parse_decimal("8", "n", limit=7)

    @given(st.binary(max_size=99))
    def test_base64_and_hex_are_read_back(self, value):
        assert encoding.parse_base64(encoding.encode_base64(value), "b", size=len(value)) == value
        assert encoding.parse_hex(value.hex(), "h", size=len(value)) == value

    @given(st.text("ABab01+/=- \n", max_size=9))
    def test_any_text_has_at_most_one_reading(self, text):
        for parse, encode in (
            (encoding.parse_base64, encoding.encode_base64),
            (encoding.parse_hex, bytes.hex),
        ):
            try:
                value = parse(text, "text")
            except Malformed:
                continue
            assert encode(value) == text

    @pytest.mark.parametrize(
        "text", ["QQ", "QQ=", "QR==", "QQ==\n", "QQ= =", "QQ-_", "Q===", "=QQ=", "QQ==QQ==", "ＱQ=="]
    )
    def test_another_base64_is_refused(self, text):
        with pytest.raises(Malformed):
            encoding.parse_base64(text, "b")

    @pytest.mark.parametrize("text", ["0", "AB", "0x00", "00 ", "00\n", "gg", "٠٠"])
    def test_another_hex_is_refused(self, text):
        with pytest.raises(Malformed):
            encoding.parse_hex(text, "h")

    def test_a_wrong_size_is_refused(self):
        with pytest.raises(Malformed):
            encoding.parse_base64("QQ==", "b", size=2)
        with pytest.raises(Malformed):
            encoding.parse_hex("00", "h", size=2)
