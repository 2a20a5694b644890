"""Core and content: read strictly, written in one spelling; any bytes a value or Malformed (A3, A4)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.cases.core import Content, Core, encode_content, encode_core, parse_content, parse_core
from detente.record.errors import Malformed
from detente.record.references import Reference

CODES = st.from_regex(r"\A[A-Z][A-Z0-9_]{0,20}\Z")
POSTS = st.lists(st.sampled_from(["s1/WATCH", "s2/WATCH", "g1/HEAD"]), unique=True).map(sorted).map(tuple)
HASHES = st.binary(min_size=32, max_size=32)
REFERENCES = st.builds(
    Reference, st.sampled_from(["a.exercise/s1/1", "a/g1/2"]), st.none() | st.integers(0, 2**40), HASHES
)
VALUES = st.one_of(
    st.integers(-(2**50), 2**50), st.booleans(), st.text(st.characters(codec="utf-8"), max_size=20)
)
FIELDS = st.dictionaries(st.from_regex(r"\A[a-z][a-z0-9_]{0,20}\Z"), VALUES, max_size=5)
CORES = st.builds(
    Core,
    party=st.sampled_from(["a.exercise/s1", "cell/g1"]),
    kind=CODES,
    kind_version=st.integers(1, 9999),
    act=CODES,
    post=CODES,
    basket=CODES,
    precedence=CODES,
    mode=CODES,
    salt=HASHES,
    case=st.none() | REFERENCES,
    refers_to=st.lists(REFERENCES, max_size=3).map(tuple),
    action=POSTS,
    info=POSTS,
    handling=FIELDS,
    fields=FIELDS,
    parts=st.lists(HASHES, max_size=3).map(tuple),
)


class TestCore:
    """A4."""

    @given(CORES)
    def test_parsing_is_the_inverse_of_encoding(self, core):
        assert parse_core(encode_core(core)) == core

    @given(st.binary(max_size=400))
    def test_any_bytes_give_a_core_or_malformed(self, data):
        with pytest.raises(Malformed):
            parse_core(data)

    @given(CORES, st.data())
    def test_any_one_member_of_another_type_gives_a_core_or_malformed(self, core, data):
        raw = json.loads(encode_core(core))
        key = data.draw(st.sampled_from(sorted(raw)))
        raw[key] = data.draw(
            st.one_of(st.none(), st.integers(), st.lists(st.integers(), max_size=2), st.text(max_size=3))
        )
        try:
            parsed = parse_core(json.dumps(raw).encode())
        except Malformed:
            return
        assert encode_core(parsed)

    @pytest.mark.parametrize(
        "change",
        [
            {"extra": 1},
            {"party": "s1"},
            {"party": "Cell/s1"},
            {"kind": "d02"},
            {"action": ["s2/WATCH", "g1/WATCH"]},
            {"action": ["s2/WATCH", "s2/WATCH"]},
            {"action": ["WATCH"]},
            {"salt": "00"},
            {"v": 2},
            {"fields": {"Name": 1}},
            {"fields": []},
        ],
    )
    def test_each_of_these_is_refused(self, change):
        core = Core("c/s1", "D02", 1, "NEW", "WATCH", "MIL", "FLASH", "COPY", bytes(32))
        raw = {**json.loads(encode_core(core)), **change}
        with pytest.raises(Malformed):
            parse_core(json.dumps(raw).encode())

    def test_a_missing_member_is_refused(self):
        core = Core("c/s1", "D02", 1, "NEW", "WATCH", "MIL", "FLASH", "COPY", bytes(32))
        for key in json.loads(encode_core(core)):
            raw = json.loads(encode_core(core))
            del raw[key]
            with pytest.raises(Malformed):
                parse_core(json.dumps(raw).encode())

    def test_addressees_are_the_parties_of_both_lists_without_the_author(self):
        core = Core(
            "c/s1", "D02", 1, "NEW", "WATCH", "MIL", "FLASH", "COPY", bytes(32),
            action=("s2/WATCH",), info=("g1/WATCH", "s1/HEAD"),
        )  # fmt: skip
        assert (core.addressees, core.action_parties) == ({"s2", "g1"}, {"s2"})


class TestContent:
    """A3."""

    @given(FIELDS, HASHES)
    def test_parsing_is_the_inverse_of_encoding(self, fields, salt):
        assert parse_content(encode_content(Content(fields, salt))) == Content(fields, salt)

    @given(st.binary(max_size=200))
    def test_any_bytes_give_a_content_or_malformed(self, data):
        with pytest.raises(Malformed):
            parse_content(data)
