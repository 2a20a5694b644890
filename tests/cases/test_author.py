"""Composing: what the fold would find irregular is refused at the author's node, with its clause."""

from __future__ import annotations

import pytest

from cases.cell import START, Cell, started
from detente.cases.author import compose
from detente.cases.core import parse_content, parse_core
from detente.cases.places import Point, place_at, place_by_name, place_json
from detente.record.errors import DetenteError, RuleViolation
from detente.record.references import Reference

SALTS = (b"\1" * 32, b"\2" * 32)
PRESS = {"meaning": "FIRE_ON_US"}


@pytest.fixture
def cell() -> Cell:
    return started()


@pytest.fixture
def place(cell):
    return place_json(place_by_name(cell.rules.gazetteer["P04"], precision_m=1_000))


def say(cell: Cell, party="s1", kind="D02", act="NEW", fields=None, post="WATCH", **more):
    return compose(
        cell.rules,
        party=party,
        post=post,
        kind=kind,
        act=act,
        fields=PRESS if fields is None else fields,
        book=cell.book(),
        as_of=cell.now,
        salts=SALTS,
        **more,
    )


def put(cell: Cell, party: str, composed, by):
    """Write what was composed into the party's log."""
    core = parse_core(composed.core)
    content = parse_content(composed.content).fields if composed.content else None
    return cell.write(
        party, core.kind, core.act, core.fields, content=content, case=core.case, post=core.post, by=by,
        core={"action": core.action, "info": core.info, "precedence": core.precedence},
    )  # fmt: skip


class TestPress:
    """D02 in three presses and a place: everything else is filled in (protocol F14)."""

    def test_time_ask_and_own_step_are_filled_in(self, cell, place):
        core = parse_core(say(cell, content={"place": place}).core)
        assert core.fields == {
            "meaning": "FIRE_ON_US", "since": cell.now, "ask": "PAUSE_AND_CHECK", "own_action": "NOT_STATED",
        }  # fmt: skip

    def test_the_other_side_is_asked_and_the_guarantor_informed(self, cell, place):
        composed = say(cell, content={"place": place})
        core = parse_core(composed.core)
        assert (core.action, core.info) == (("s2/WATCH",), ("g1/WATCH",))
        assert (composed.to, composed.keep, composed.floor) == (("g1", "s2"), ("g1", "s2"), True)
        assert (core.precedence, core.mode, core.parts[0].hex()) == ("FLASH", "COPY", core.parts[0].hex())

    def test_the_same_statement_and_salts_give_the_same_bytes(self, cell, place):
        assert say(cell, content={"place": place}) == say(cell, content={"place": place})

    def test_what_is_composed_is_regular_in_the_fold(self, cell, place):
        written = put(cell, "s1", say(cell, content={"place": place}), ("WATCH",))
        assert cell.book().verdict(written.id).state == "ok"

    def test_a_well_made_one_has_no_notice(self, cell, place):
        assert say(cell, content={"place": place}).findings == ()


class TestFloorIsNotDelayed:
    """protocol F14: a form check is a notice on a sent floor entry; malformed input is refused."""

    def test_without_a_place_it_goes_with_a_notice(self, cell):
        composed = say(cell)
        assert composed.findings == ("missing-field",)
        written = put(cell, "s1", composed, ("WATCH",))
        assert cell.book().verdict(written.id).state == "ok"

    @pytest.mark.parametrize(
        ("change", "finding"),
        [
            ({"precision_m": 100}, "place-too-fine"),
            ({"precision_m": 1_000, "gazetteer_id": "P10"}, "place-mismatch"),
        ],
    )
    def test_places(self, cell, change, finding):
        home = cell.rules.gazetteer["P04"]
        found = place_at([Point(home.lat_e6, home.lon_e6)], basis="MAP", **change)
        assert say(cell, content={"place": place_json(found)}).findings == (finding,)

    def test_near_the_seam(self, cell):
        found = place_by_name(cell.rules.gazetteer["P01"], precision_m=1_000)
        assert say(cell, content={"place": place_json(found)}).findings == ("zone-seam",)

    def test_a_long_text(self, cell, place):
        content = {"place": place, "text": "word " * 201}
        assert say(cell, content=content).findings == ("text-too-long",)

    def test_a_time_in_the_future(self, cell, place):
        skew = cell.rules.bounds.skew_s
        fields = {**PRESS, "since": cell.now + skew}
        assert say(cell, fields=fields, content={"place": place}).findings == ()
        fields = {**PRESS, "since": cell.now + skew + 1}
        assert say(cell, fields=fields, content={"place": place}).findings == ("future-time",)

    def test_an_echo_that_differs(self, cell):
        sent = cell.contact_check("s1", "s2")
        answer = {"answer": "ECHO", "echo": "something else"}
        found = say(cell, "s2", "D01", "ANSWER", answer, post="LOG", case=sent.reference)
        assert found.findings == ("echo-differs",)


class TestRefused:
    """What cannot be right is stopped here, and the clause says why."""

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"meaning": "NOISE"}, "wrong-value"),
            ({}, "missing-field"),
            ({**PRESS, "answer": "PAUSED"}, "unknown-field"),
            ({**PRESS, "since": "12:00"}, "local-time"),
            ({**PRESS, "ask": "HOLD_AREA", "minutes": 5}, "missing-field"),
        ],
    )
    def test_malformed_fields(self, cell, fields, code):
        with pytest.raises(RuleViolation) as refused:
            say(cell, fields=fields)
        assert refused.value.code == code

    def test_a_place_that_is_none(self, cell, place):
        with pytest.raises(RuleViolation) as refused:
            say(cell, content={"place": {**place, "mgrs": "36SYB7966"}})
        assert refused.value.code == "wrong-value"

    @pytest.mark.parametrize(
        ("options", "code"),
        [
            ({"kind": "D99"}, "unknown-kind"),
            ({"act": "SING"}, "unknown-kind"),
            ({"party": "g1"}, "not-by-this-party"),
            ({"post": "AUDITOR"}, "post-may-not"),
            ({"act": "MOVE", "fields": {}}, "case-missing"),
        ],
    )
    def test_who_and_what(self, cell, options, code):
        with pytest.raises(RuleViolation) as refused:
            say(cell, **options)
        assert refused.value.code == code

    def test_the_other_side_may_not_end_the_case(self, cell):
        press = cell.stop_and_check("s1", "s2")
        with pytest.raises(RuleViolation) as refused:
            say(cell, "s2", act="MOVE", fields={}, case=press.reference)
        assert refused.value.code == "not-by-this-party"

    def test_an_answer_to_an_ended_case(self, cell):
        press = cell.stop_and_check("s1", "s2")
        cell.write("s1", "D02", "MOVE", case=press)
        with pytest.raises(RuleViolation) as refused:
            say(cell, "s2", act="ANSWER", fields={"answer": "PAUSED"}, case=press.reference)
        assert refused.value.code == "not-permitted"

    def test_an_actual_entry_of_another_cell(self, cell):
        foreign = Reference("harbour/s2/1", 0, bytes(32))
        with pytest.raises(RuleViolation) as refused:
            say(cell, act="UPDATE", fields={}, case=foreign)
        assert (refused.value.clause, refused.value.code) == ("V11", "reference-unknown")

    def test_typed_utc_is_read(self, cell, place):
        fields = {**PRESS, "since": "2027-01-15T08:00:00Z"}
        assert parse_core(say(cell, fields=fields, content={"place": place}).core).fields["since"] == START

    def test_a_refusal_has_a_row_that_says_who_must_act(self, cell):
        with pytest.raises(DetenteError) as refused:
            say(cell, post="AUDITOR")
        assert refused.value.who == "the author's party"


class TestActs:
    """Acts in a case: addressed to the same parties, permitted in its state."""

    def test_an_answer_to_a_press(self, cell):
        press = cell.stop_and_check("s1", "s2")
        composed = say(cell, "s2", act="ANSWER", fields={"answer": "CHECKING"}, case=press.reference)
        core = parse_core(composed.core)
        assert (core.action, core.info) == (("s1/WATCH",), ("g1/WATCH",))
        written = put(cell, "s2", composed, ("WATCH",))
        assert cell.book().cases[press.id].state == "checking"
        assert cell.book().act(written.id).about == press.id

    def test_an_answer_to_a_press_that_came_ahead_of_its_log(self, cell):
        """Protocol D3: the case is not folded here yet; a floor kind waits for nothing."""
        ahead = Reference(cell.log("s1"), 99, bytes(32))
        composed = say(cell, "s2", act="ANSWER", fields={"answer": "PAUSED"}, case=ahead)
        assert composed.to == ("g1", "s1")

    def test_the_guarantor_acknowledges(self, cell):
        press = cell.stop_and_check("s1", "s2")
        composed = say(cell, "g1", act="ACK", fields={"ack": "RECEIVED"}, case=press.reference)
        written = put(cell, "g1", composed, ("WATCH",))
        assert cell.book().verdict(written.id).state == "ok"

    @pytest.mark.parametrize("kind", ["R03", "R01"])
    def test_a_record_entry_goes_to_all_and_asks_nobody(self, cell, kind):
        fields = {"R03": {"armed": True, "software": "t"}, "R01": {"generation": 1, "software": "t"}}[kind]
        composed = say(cell, kind=kind, fields=fields, post="LOG")
        core = parse_core(composed.core)
        assert (core.action, composed.to) == ((), ("g1", "s2"))
        written = put(cell, "s1", composed, ())
        assert cell.book().verdict(written.id).state == "ok"

    def test_a_guarantor_must_say_whom_it_asks(self, cell):
        fields = {"slot": "AD_HOC", "path": "PRIMARY", "test_text": "x"}
        with pytest.raises(RuleViolation):
            say(cell, "g1", "D01", fields=fields)
        assert parse_core(say(cell, "g1", "D01", fields=fields, to="s2").core).action == ("s2/WATCH",)
