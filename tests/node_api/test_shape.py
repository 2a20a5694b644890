"""Strict input: what does not fit a shape is refused with its place, never with its value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from detente.node.api.schemas import NAMED
from detente.node.api.shape import check
from detente.record.errors import Malformed

SEND = {"kind": "D02", "act": "NEW", "fields": {}, "post": "WATCH"}


class TestShapes:
    """Members, types, patterns and bounds."""

    def test_a_whole_send_fits(self):
        check(SEND | {"post_key": True, "content": {"text": "x"}}, NAMED["Send"], NAMED)

    @pytest.mark.parametrize(
        ("change", "place"),
        [
            ({"kind": "d02"}, "body.kind"),
            ({"kind": 2}, "body.kind"),
            ({"fields": []}, "body.fields"),
            ({"post_key": 1}, "body.post_key"),
            ({"case": "S1-1"}, "body.case"),
            ({"more": 1}, "body"),
            ({"refers_to": ["S1-00001"] * 65}, "body.refers_to"),
            ({"precedence": "SOON"}, "body.precedence"),
        ],
    )
    def test_one_defect_is_named_by_its_place(self, change, place):
        with pytest.raises(Malformed) as caught:
            check(SEND | change, NAMED["Send"], NAMED)
        assert caught.value.what == place

    def test_a_missing_member_is_named(self):
        with pytest.raises(Malformed) as caught:
            check({"kind": "D02"}, NAMED["Send"], NAMED)
        assert caught.value.what == "body.act"

    def test_a_refusal_never_quotes_the_value(self):
        with pytest.raises(Malformed) as caught:
            check(SEND | {"kind": "canary-word"}, NAMED["Send"], NAMED)
        assert "canary" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=12) | st.just("D02"),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(sorted(SEND)), inner, max_size=5)
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["Send", "Assert", "Heartbeat", "NewSession", "Approvals", "Nothing"]))
def test_our_checker_refuses_what_json_schema_refuses(value, name):
    """The document and the server agree: same schema, other code (jsonschema)."""
    schema = NAMED[name] | {"components": {"schemas": NAMED}}
    theirs = Draft202012Validator(schema).is_valid(value)
    try:
        check(value, NAMED[name], NAMED)
        ours = True
    except Malformed:
        ours = False
    # `pattern` is a search in JSON Schema and a full match here: ours may refuse more, never less.
    assert theirs or not ours
