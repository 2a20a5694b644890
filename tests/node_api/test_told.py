"""Board, timeline and explanation of a case, in each language, both sides alike."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cases.cell import Cell, started
from detente.cli import told
from detente.cli.phrases import PHRASES, say
from detente.node.api.present import case_json
from detente.node.rowbook import RowBook
from detente.record.errors import Malformed

LANGUAGES = ("ar", "he", "en")
HOLE = re.compile(r"\{[a-z]+\}")


def shown(cell: Cell, opening: Any) -> dict[str, Any]:
    """The case as the local API shows it."""
    case = cell.book().cases[opening.id]
    return case_json(case, RowBook(), receipts=[], may=["ANSWER", "ACK"], confirm_due=None)


def clock(**changed: Any) -> dict[str, Any]:
    known = {
        "rule": "T2", "entry": "S1-X00003", "party": "s2", "state": "running", "start": 1_800_000_000,
        "start_by": "receipt", "due": 1_800_000_300, "met_at": None,
    }  # fmt: skip
    return known | changed


@pytest.fixture
def cell() -> Cell:
    return started()


class TestPhrases:
    """Whole sentences in each language, with the same holes."""

    @pytest.mark.parametrize("phrase", PHRASES)
    def test_each_language_has_it_with_the_same_holes(self, phrase):
        texts = PHRASES[phrase]
        assert set(texts) == set(LANGUAGES)
        assert len({tuple(sorted(HOLE.findall(text))) for text in texts.values()}) == 1
        assert len(set(texts.values())) == 3

    def test_what_a_party_wrote_is_isolated_and_not_filled_again(self):
        assert say("state", "en", state="{entry}") == "State: \u2068{entry}\u2069."

    def test_a_language_without_sentences_is_answered_in_english(self):
        assert say("none-open", "ka") == PHRASES["none-open"]["en"]


class TestClocks:
    """Every state of a clock is a whole sentence that names who, what and until when."""

    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize("state", ["running", "met", "overdue", "on hold", "no receipt"])
    def test_each_state_is_said(self, cell, state, language):
        row = clock(state=state, met_at=1_800_000_100 if state == "met" else None)
        line = told.clock_line(cell.rules, row, language)
        assert cell.rules.clocks["T2"].label(language) in line
        assert cell.rules.parties["s2"].names[language] in line
        assert "T2" not in line and "{" not in line

    def test_a_clock_that_nothing_started_says_so(self, cell):
        line = told.clock_line(cell.rules, clock(start=None, start_by=None, due=None), "en")
        assert "not counting yet" in line

    @pytest.mark.parametrize("start_by", ["receipt", "deposit", "act", "field"])
    def test_why_it_counts_names_the_event_and_the_agreed_time(self, cell, start_by):
        lines = list(told.clock_reasons(cell.rules, clock(start_by=start_by), "en"))
        assert "S1-X00003" in lines[0] and "300" in lines[1]

    def test_the_sides_swapped_differ_in_the_name_alone(self, cell):
        one, other = (told.clock_line(cell.rules, clock(party=party), "he") for party in ("s1", "s2"))
        names = (cell.rules.parties[party].names["he"] for party in ("s1", "s2"))
        assert one.replace(*names) == other


class TestVerdicts:
    """Why an entry counts, or stands and moves nothing."""

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_an_irregular_entry_names_its_clause(self, language):
        row = {
            "id": "S1-X00009",
            "ahead": False,
            "verdict": {"state": "irregular", "code": "not-permitted", "clause": "F4", "findings": ["x"]},
        }
        lines = list(told.verdict_lines(row, language))
        assert "F4" in lines[0] and "not-permitted" in lines[0]
        assert len(lines) == (3 if language == "en" else 2)

    def test_what_this_node_does_not_hold_is_not_called_wrong(self):
        verdict = {"state": "not held here", "code": "core-missing", "clause": None}
        row = {"id": "S1-X00009", "verdict": verdict}
        assert list(told.verdict_lines(row, "en")) == [
            "\u2068S1-X00009\u2069 cannot be judged here yet: \u2068core-missing\u2069."
        ]


class TestBoardAndTimeline:
    """A real case, told from the JSON of the local API."""

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_codes_are_said_by_their_labels(self, cell, language):
        press = cell.stop_and_check("s1", "s2")
        case = shown(cell, press)
        lines = list(told.board_lines(cell.rules, case, language))
        kind = cell.rules.kinds["D02"]
        assert kind.label(language) in lines[0]
        assert cell.rules.parties["s1"].names[language] in lines[0]
        assert kind.states[case["state"]].label(language) in lines[1]
        assert "FLASH" not in lines[0]
        text = "\n".join(one.text for one in told.messages(cell.rules, case, language))
        assert kind.acts["NEW"].label(language) in text
        assert len(list(told.log_lines(cell.rules, case, language))) == len(case["timeline"])

    def test_the_acts_of_a_post_are_those_the_charter_gives_it(self, cell):
        case = shown(cell, cell.stop_and_check("s1", "s2"))
        acts = cell.rules.kinds["D02"].acts
        line = told.may_line(cell.rules, case, "en", post="WATCH")
        assert all((acts[one].label("en") in line) == ("WATCH" in acts[one].posts) for one in case["may"])
        assert told.may_line(cell.rules, case, "en", post="NOBODY") == PHRASES["may-none"]["en"]

    def test_a_state_that_rests_on_what_is_missing_is_not_said_as_one(self, cell):
        case = shown(cell, cell.stop_and_check("s1", "s2"))
        case |= {"state": "not held here", "not_held": ["S2-X00007"]}
        assert "S2-X00007" in next(told.state_lines(cell.rules, case, "en"))

    def test_the_order_is_urgency_then_time_and_never_party(self, cell):
        case = shown(cell, cell.stop_and_check("s1", "s2")) | {"precedence": "ROUTINE", "clocks": []}
        flash = case | {"id": "S2-X00001", "precedence": "FLASH"}
        late = case | {"id": "S2-X00002", "clocks": [clock(state="overdue")]}
        soon = case | {"id": "S2-X00003", "clocks": [clock(due=10)]}
        later = case | {"id": "S1-X00004", "clocks": [clock(due=20)]}
        quiet = case | {"id": "S1-X00005"}
        expected = [flash, late, soon, later, quiet]
        shuffled = [quiet, soon, flash, later, late]
        assert sorted(shuffled, key=told.board_order) == expected

    def test_a_language_that_the_charter_lacks_is_refused(self, cell):
        assert told.checked_language(cell.rules, "", "s2") == cell.rules.parties["s2"].language
        with pytest.raises(Malformed):
            told.checked_language(cell.rules, "xx", "s2")
