"""D30: something may be wrong with the channel itself; said at once to all, checked by a second path."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from cases.cell import PARTIES, Cell, Written, started
from detente.cases.render import render_entry
from detente.charter.lint import prove_crossings

STATES = ("raised", "frozen", "checked", "told")
STEPS: dict[str, dict[str, Any]] = {
    "FROZEN": {"step": "FROZEN", "frozen": ["PATH"]},
    "CHECKED": {"step": "CHECKED", "path": "VOICE", "outcome": "IN_ORDER"},
    "TOLD": {"step": "TOLD"},
}
EVENTS = (
    "SPOOF_SUSPECTED", "KEY_LOST", "LEAK_SUSPECTED", "TAMPER_CHECK_FAILED", "CLOCK_WRONG", "PATH_JAMMED",
    "WRONG_RECIPIENT", "EXERCISE_MIX", "MACHINE_FAULT",
)  # fmt: skip
MINUTE_S = 60


@pytest.fixture(params=PARTIES)
def raiser(request: Any) -> str:
    """Each party raises it: sides and the guarantor alike."""
    return str(request.param)


@pytest.fixture
def cell() -> Cell:
    return started()


def others(party: str) -> tuple[str, ...]:
    return tuple(sorted(one for one in PARTIES if one != party))


def write(
    cell: Cell, party: str, case: Written | None, act: str, fields: dict[str, Any] | None = None, **how: Any
) -> Written:
    asked = tuple(f"{one}/WATCH" for one in others(party))
    return cell.write(party, "D30", act, fields or {}, case=case, core={"action": asked, "info": ()}, **how)


def raised(cell: Cell, party: str, event: str = "SPOOF_SUSPECTED") -> Written:
    case = write(cell, party, None, "NEW", {"event": event, "since": cell.now})
    cell.meet()
    return case


def step(cell: Cell, party: str, case: Written, name: str, salt: str = "") -> Written:
    return write(cell, party, case, "MOVE", STEPS.get(name, {"step": name}), salt=f"{name}{salt}")


def state(cell: Cell, case: Written) -> str:
    return cell.book().cases[case.id].state


def code(cell: Cell, entry: Written) -> str | None:
    return cell.book().verdict(entry.id).code


class TestRaised:
    """One press, the safety floor, all others asked, no blame."""

    def test_it_is_on_the_floor_with_one_approval_and_asks_everybody(self, cell, raiser):
        case = raised(cell, raiser)
        found = cell.book().cases[case.id]
        assert cell.rules.kinds["D30"].floor
        assert (found.state, found.addressees, found.confirmation) == ("raised", others(raiser), "awaiting")

    def test_a_second_post_confirms_it(self, cell, raiser):
        case = raised(cell, raiser)
        same = write(cell, raiser, case, "SIGN")
        assert code(cell, same) is not None
        write(cell, raiser, case, "SIGN", post="RELEASE", by=("RELEASE",), salt="2")
        assert cell.book().cases[case.id].confirmation == "confirmed"

    @pytest.mark.parametrize("language", ["ar", "he", "en"])
    @pytest.mark.parametrize("event", EVENTS)
    def test_each_event_is_said_in_each_language_and_names_nobody(self, cell, event, language):
        case = raised(cell, "s1", event)
        told = render_entry(cell.rules, cell.book().act(case.id), language)
        assert len(told.sentences) == 1 and event not in told.text
        for one in others("s1"):
            assert cell.rules.parties[one].names[language] not in told.text

    def test_each_of_the_others_owes_a_person_s_reply(self, cell, raiser):
        case = raised(cell, raiser)
        for party in others(raiser):
            write(cell, party, case, "READ")
        cell.meet()
        clocks = [one for one in cell.book().cases[case.id].clocks if one.rule == "T3"]
        assert {one.owed_by for one in clocks} == set(others(raiser))
        assert {one.due - one.start for one in clocks if one.due and one.start} == {30 * MINUTE_S}
        write(cell, others(raiser)[0], case, "ACK", {"ack": "RECEIVED"})
        cell.meet()
        met = {one.owed_by: one.state for one in cell.book().cases[case.id].clocks if one.rule == "T3"}
        assert met == {others(raiser)[0]: "met", others(raiser)[1]: "running"}


class TestSteps:
    """Frozen, checked, told; the farthest counts, whoever did it."""

    def test_one_after_the_other_by_different_parties(self, cell, raiser):
        case = raised(cell, raiser)
        for party, name, now in zip((*others(raiser), raiser), STEPS, STATES[1:], strict=True):
            assert code(cell, step(cell, party, case, name)) is None
            assert state(cell, case) == now
            cell.meet()
        step(cell, raiser, case, "ENDED")
        assert state(cell, case) == "ended"

    @pytest.mark.parametrize("order", list(permutations(STEPS)), ids=" ".join)
    def test_at_the_same_time_the_farthest_counts(self, cell, order):
        case = raised(cell, "s1")
        said = [step(cell, party, case, name) for party, name in zip(PARTIES, order, strict=True)]
        assert [code(cell, one) for one in said] == [None] * 3
        assert state(cell, case) == "told"

    def test_an_earlier_step_said_later_takes_nothing_back(self, cell, raiser):
        case = raised(cell, raiser)
        step(cell, raiser, case, "TOLD")
        cell.meet()
        assert code(cell, step(cell, others(raiser)[0], case, "FROZEN")) is None
        assert state(cell, case) == "told"

    def test_only_who_raised_it_ends_or_withdraws_it(self, cell, raiser):
        case = raised(cell, raiser)
        for party in others(raiser):
            assert code(cell, step(cell, party, case, "ENDED")) == "not-permitted"
            assert code(cell, write(cell, party, case, "WITHDRAW")) == "not-by-this-party"
        assert state(cell, case) == "raised"

    @pytest.mark.parametrize("lacks", ["frozen", "path", "outcome"])
    def test_a_step_says_what_it_froze_or_how_it_was_checked(self, cell, lacks):
        case = raised(cell, "s1")
        fields = next(one for one in STEPS.values() if lacks in one)
        short = {name: value for name, value in fields.items() if name != lacks}
        assert code(cell, write(cell, "s2", case, "MOVE", short)) == "missing-field"

    @pytest.mark.parametrize("end", ["ENDED", "WITHDRAW"])
    def test_a_step_on_its_way_while_it_ends_is_kept(self, cell, raiser, end):
        case = raised(cell, raiser)
        crossing = step(cell, others(raiser)[0], case, "CHECKED")
        over = step(cell, raiser, case, end) if end == "ENDED" else write(cell, raiser, case, end)
        assert code(cell, crossing) is None and code(cell, over) is None
        assert state(cell, case) == ("ended" if end == "ENDED" else "withdrawn")

    def test_the_table_is_proved(self, cell):
        assert list(prove_crossings(cell.rules.kinds["D30"])) == []
