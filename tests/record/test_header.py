"""Entry headers: protocol A2, A5, B2, B6, spec/formats/header.md."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.record import strictjson
from detente.record.approvals import Ed25519Approval
from detente.record.errors import Malformed, RuleViolation
from detente.record.header import (
    Header,
    MissingRange,
    PartInfo,
    Seen,
    check_seen_step,
    complete,
    encode_header,
    missing_ranges,
    parse_header,
    shrinks,
)

CELL = "kadesh.exercise"
LOG, OTHER, THIRD = f"{CELL}/s1/1", f"{CELL}/s2/1", f"{CELL}/g1/1"
NOON = 1_800_000_000


def part(role: str = "core", **changes: object) -> PartInfo:
    return replace(PartInfo(role, b"\1" * 32, 2683, ("g1", "s2"), ("g1", "s2")), **changes)


def seen(log: str = OTHER, size: int = 10, at: int = NOON - 5, missing: tuple = (), root: bytes = b"\2" * 32):
    return Seen(log, size, root, at, tuple(MissingRange(*one) for one in missing))


def header(**changes: object) -> Header:
    whole = Header(
        version=1,
        cell=CELL,
        log=LOG,
        floor=True,
        time=NOON,
        charter=b"\3" * 32,
        to=("g1", "s2"),
        parts=(part(), part("content")),
        seen=(seen(THIRD), seen(OTHER)),
        core=b"\4" * 32,
        approvals=(Ed25519Approval(b"\5" * 32, b"\6" * 64),),
    )
    return replace(whole, **changes)


def as_json(**changes: object) -> bytes:
    return strictjson.encode(strictjson.parse(encode_header(header()), limit=65_535) | changes)


class TestForm:
    """A5: exactly these fields, in one order, within the bound."""

    def test_parse_is_the_inverse_of_encode(self):
        assert parse_header(encode_header(header())) == header()

    def test_the_author_is_read_from_the_log(self):
        assert header().party == "s1"

    @pytest.mark.parametrize("key", list(strictjson.parse(encode_header(header()), limit=65_535)))
    def test_every_key_is_needed(self, key):
        found = strictjson.parse(encode_header(header()), limit=65_535)
        del found[key]
        with pytest.raises(Malformed):
            parse_header(strictjson.encode(found))

    @pytest.mark.parametrize(
        "changes",
        [
            {"extra": 1},
            {"v": 2},
            {"v": True},
            {"floor": 1},
            {"time": 0},
            {"time": "1"},
            {"cell": "other.exercise"},
            {"log": f"{CELL}/s1/01"},
            {"charter": "AA" * 32},
            {"core": "00"},
            {"to": ["s2", "g1"]},
            {"to": ["g1", "g1", "s2"]},
            {"to": ["G1", "s2"]},
            {"to": [1]},
            {"to": ["g1", "s1", "s2"]},
            {"parts": []},
            {"parts": [[]]},
            {"seen": {}},
            {"approvals": [{"type": "nod"}]},
            {"approvals": [None]},
        ],
    )
    def test_one_wrong_field_is_malformed(self, changes):
        assert parse_header(as_json()) == header()
        with pytest.raises(Malformed):
            parse_header(as_json(**changes))

    def test_more_bytes_than_a_log_entry_can_have_are_refused(self):
        ranges = tuple(MissingRange(2 * n, 2 * n, ("core",)) for n in range(256))
        crowd = tuple(seen(f"{CELL}/p{n:02}/1", size=600) for n in range(20))
        with pytest.raises(Malformed, match="65535"):
            encode_header(header(seen=tuple(replace(one, missing=ranges) for one in crowd)))

    @given(st.binary(max_size=300))
    def test_any_bytes_give_a_header_or_malformed(self, data):
        with pytest.raises(Malformed):
            parse_header(data)

    @given(st.data())
    def test_any_changed_byte_gives_a_header_or_malformed(self, data):
        raw = bytearray(encode_header(header()))
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        try:
            found = parse_header(bytes(raw))
        except Malformed:
            return
        assert parse_header(encode_header(found)) == found


class TestParts:
    """A5: core, content, attachments; `to` within the header's, `keep` includes `to`."""

    @pytest.mark.parametrize(
        "roles", [["core"], ["core", "content"], ["core", "attachment"], ["core", "content", "attachment"]]
    )
    def test_orders_that_are_right(self, roles):
        parts = tuple(part(role) for role in roles)
        assert parse_header(encode_header(header(parts=parts))).parts == parts

    @pytest.mark.parametrize(
        "roles",
        [
            ["content"],
            ["content", "core"],
            ["core", "core"],
            ["core", "attachment", "content"],
            ["core"] + ["content"] * 2,
        ],
    )
    def test_orders_that_are_not(self, roles):
        with pytest.raises(Malformed, match="core, content, attachments"):
            encode_header(header(parts=tuple(part(role) for role in roles)))

    def test_a_part_may_be_for_fewer_than_the_header(self):
        whole = header(parts=(part(), part("content", to=("s2",), keep=("g1", "s2"))))
        assert parse_header(encode_header(whole)) == whole

    @pytest.mark.parametrize(
        "changes",
        [
            {"to": ("o1",), "keep": ("o1",)},
            {"keep": ("g1",)},
            {"keep": ("g1", "s1", "s2")},
            {"size": 0},
            {"size": 2**40},
            {"role": "cover"},
            {"sha256": b"\1" * 31},
        ],
    )
    def test_what_a_part_may_not_say(self, changes):
        with pytest.raises(Malformed):
            encode_header(header(parts=(part(**changes),)))


class TestSeen:
    """B2: for each other log size, root, at, missing."""

    @pytest.mark.parametrize(
        "wrong",
        [
            (seen(OTHER), seen(THIRD)),
            (seen(OTHER), seen(OTHER)),
            (seen(LOG),),
            (seen("other/s2/1"),),
            (seen(size=0),),
            (seen(at=NOON + 1),),
            (seen(at=0),),
            (seen(missing=[(3, 2, ("core",))]),),
            (seen(missing=[(9, 10, ("core",))]),),
            (seen(missing=[(1, 3, ("core",)), (3, 4, ("content",))]),),
            (seen(missing=[(4, 4, ("core",)), (1, 1, ("core",))]),),
            (seen(missing=[(1, 1, ("core", "content"))]),),
            (seen(missing=[(1, 1, ())]),),
            (seen(missing=[(1, 1, ("cover",))]),),
            (seen(size=9999, missing=[(2 * n, 2 * n, ("core",)) for n in range(257)]),),
        ],
    )
    def test_what_seen_may_not_say(self, wrong):
        with pytest.raises(Malformed):
            encode_header(header(seen=wrong))

    def test_256_ranges_are_allowed(self):
        ranges = [(2 * n, 2 * n, ("core",)) for n in range(256)]
        whole = header(seen=(seen(size=9999, missing=ranges),))
        assert parse_header(encode_header(whole)) == whole

    def test_lacks_reads_the_ranges(self):
        one = seen(missing=[(2, 4, ("content", "core")), (6, 6, ("attachment",))])
        assert one.lacks(2, "core") and one.lacks(4, "content") and one.lacks(6, "attachment")
        assert not one.lacks(5, "core") and not one.lacks(6, "core") and not one.lacks(1, "core")

    def test_the_signer_sets_time_and_seen_in_order(self):
        whole = complete(
            header(time=1, seen=()), time=NOON, seen=[seen(OTHER), seen(THIRD), seen("x/y/1", size=0)]
        )
        assert whole == header()

    @given(st.dictionaries(st.integers(0, 40), st.sets(st.sampled_from(["core", "content", "attachment"]))))
    def test_ranges_name_exactly_what_is_lacked(self, lacking):
        whole = replace(seen(size=41), missing=missing_ranges(lacking))
        said = {
            (n, role) for n in range(41) for role in ("core", "content", "attachment") if whole.lacks(n, role)
        }
        assert said == {(n, role) for n, roles in lacking.items() for role in roles}
        assert parse_header(encode_header(header(seen=(whole,)))).seen == (whole,)


class TestSteps:
    """B2, B6: what a later entry of the same log may say after an earlier one."""

    def step(self, before: Seen, after: Seen | None, time: int = NOON + 10) -> None:
        check_seen_step(header(seen=(before,)), header(seen=(after,) if after else (), time=time))

    def refused(self, code: str, *given: object, **values: object) -> None:
        with pytest.raises(RuleViolation) as caught:
            self.step(*given, **values)
        assert caught.value.code == code

    def test_the_same_again_is_right(self):
        self.step(seen(), seen())

    def test_growing_is_right(self):
        self.step(seen(), seen(size=12, at=NOON + 3, root=b"\7" * 32))

    def test_a_log_named_for_the_first_time_is_right(self):
        check_seen_step(header(seen=()), header(time=NOON + 1))

    def test_header_time_never_falls(self):
        self.refused("time-fell", seen(), seen(), time=NOON - 1)

    def test_size_never_decreases(self):
        self.refused("seen-fell", seen(), seen(size=9))

    def test_at_never_falls(self):
        self.refused("seen-fell", seen(), seen(at=NOON - 6))

    def test_a_log_is_never_forgotten(self):
        self.refused("seen-fell", seen(), None)

    def test_a_size_keeps_its_root(self):
        self.refused("seen-changed", seen(), seen(root=b"\7" * 32))

    def test_a_shrinking_list_needs_a_newer_at(self):
        lacking = seen(missing=[(2, 4, ("content",))])
        self.refused("seen-not-renewed", lacking, seen(missing=[(3, 4, ("content",))]))
        self.step(lacking, seen(missing=[(3, 4, ("content",))], at=NOON))

    def test_a_growing_list_needs_none(self):
        self.step(seen(missing=[(2, 3, ("core",))]), seen(missing=[(2, 3, ("content", "core"))]))

    @given(
        st.dictionaries(st.integers(0, 12), st.sets(st.sampled_from(["core", "content"]))),
        st.dictionaries(st.integers(0, 12), st.sets(st.sampled_from(["core", "content"]))),
    )
    def test_shrinks_is_the_difference_of_sets(self, before, now):
        def pairs(lacking):
            return {(n, role) for n, roles in lacking.items() for role in roles}

        assert shrinks(missing_ranges(before), missing_ranges(now)) == bool(pairs(before) - pairs(now))
