"""Failures that such channels have had, and the rule that meets each.

The page docs/explanation/failures-and-counter-measures.md names them by number (F05 to F39).
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cases.cell import Cell, Written, key_of, public_of, started
from detente.cases.instants import parse_instant, print_group, print_instant
from detente.cases.places import (
    Point,
    compare_place,
    compare_readback,
    place_at,
    place_by_grid,
    place_by_name,
    place_json,
)
from detente.cases.render import render_entry
from detente.record.approvals import Credential, Ed25519Approval, approval_message, verify_approval
from detente.record.errors import Malformed, RuleViolation, Unverified

LANGUAGES = ("ar", "he", "en")


@pytest.fixture
def cell() -> Cell:
    return started()


def accident(cell: Cell) -> Written:
    """S1 tells S2 of an accident on its part, by one officer on watch."""
    place = place_json(place_by_name(cell.rules.gazetteer["P04"], precision_m=1_000))
    fields = {"meaning": "ACCIDENT_OURS"}
    return cell.stop_and_check("s1", "s2", fields=fields, content={"place": place}, by=("WATCH",))


class TestSilence:
    """F05: months of unanswered calls, once by a broken line: answer, living line and dead line differ."""

    def test_three_states_are_told_apart_in_one_record(self, cell: Cell) -> None:
        answered = cell.contact_check("s1", "s2")
        cell.hold("s2", "s1")
        cell.echo("s2", answered)
        cell.hold("s1", "s2")
        cell.heartbeat("s1")
        alive = cell.contact_check("s1", "s2")
        cell.pass_time(5)
        cell.hold("s2", "s1")
        cell.heartbeat("s2")
        dead = cell.contact_check("s1", "s2")
        cell.pass_time(5)
        results = {one.id: one.result for one in cell.book(cell.now + 600).checks}
        assert [results[one.id] for one in (answered, alive, dead)] == [
            "OK",
            "LINE_ALIVE_NO_ANSWER",
            "LINE_DEAD",
        ]


class TestPoliticalNo:
    """F06: a refused call of ministers is no refusal of safety."""

    def test_a_declined_check_leaves_stop_and_check_open_and_answerable(self, cell: Cell) -> None:
        check = cell.contact_check("s1", "s2")
        cell.hold("s2", "s1")
        cell.write(
            "s2", "D01", "ANSWER", {"answer": "DECLINED_WITH_REASON"}, case=check, post="LOG", by=(),
            content={"reason": "protest"},
        )  # fmt: skip
        press = cell.stop_and_check("s1", "s2")
        cell.hold("s2", "s1")
        answer = cell.write("s2", "D02", "ANSWER", {"answer": "CHECKING"}, case=press)
        book = cell.book()
        assert book.verdict(press.id).state == book.verdict(answer.id).state == "ok"
        assert book.cases[press.id].is_open

    def test_stop_and_check_has_no_answer_that_declines(self, cell: Cell) -> None:
        answers = set(cell.rules.kinds["D02"].lists["answer"].codes)
        assert answers
        assert not [one for one in answers if "DECLINE" in one]


class TestAccident:
    """F07: the line existed and the accident was told after two days: one code, no blame, at once."""

    def test_one_code_is_the_whole_message_in_three_languages(self, cell: Cell) -> None:
        press = accident(cell)
        texts = {one: render_entry(cell.rules, cell.book().act(press.id), one) for one in LANGUAGES}
        assert len({text.text for text in texts.values()}) == 3
        for language, text in texts.items():
            assert "ACCIDENT_OURS" not in text.text
            assert text.sentences or text.lines, language

    def test_its_words_say_at_once_within_fifteen_minutes_and_without_blame(self, cell: Cell) -> None:
        code = cell.rules.kinds["D02"].lists["meaning"].codes["ACCIDENT_OURS"]
        for language in LANGUAGES:
            assert "15" in code.definition[language]
            assert code.not_to_be_read_as[language]

    def test_no_second_person_is_needed_before_it_goes(self, cell: Cell) -> None:
        press = accident(cell)
        assert cell.book().verdict(press.id).state == "ok"


class TestHoax:
    """F08: a call that named the right caller alerted an air force: without a key there is no entry."""

    def test_what_nobody_approved_opens_no_case(self, cell: Cell) -> None:
        press = cell.stop_and_check("s1", "s2", by=())
        book = cell.book()
        assert (book.verdict(press.id).state, press.id in book.cases) == ("irregular", False)

    def test_a_wrong_echo_does_not_make_the_check_good(self, cell: Cell) -> None:
        check = cell.contact_check("s1", "s2")
        cell.hold("s2", "s1")
        cell.echo("s2", check, text="אבג ابت abc 124")
        cell.hold("s1", "s2")
        cell.heartbeat("s1")
        (found,) = [one for one in cell.book(cell.now + 600).checks if one.id == check.id]
        assert (found.result, found.echo_matches) == ("LINE_ALIVE_NO_ANSWER", False)


class TestExercise:
    """F09: a drill that said it was none: an exercise is a cell of its own, down to what is signed."""

    def test_an_approval_given_in_the_exercise_releases_nothing_actual(self, cell: Cell) -> None:
        core = hashlib.sha256(b"core").digest()
        known = [Credential("WATCH", "ed25519", public_of("s1", "WATCH"), b"", "", ())]
        signed = key_of("s1", "WATCH").sign(approval_message("harbour.exercise", "s1", core))
        approval = Ed25519Approval(public_of("s1", "WATCH"), signed)
        options = {"party": "s1", "core": core, "credentials": known, "at": 1}
        assert verify_approval(approval, cell="harbour.exercise", **options).post == "WATCH"  # type: ignore[arg-type]
        with pytest.raises(Unverified):
            verify_approval(approval, cell="harbour", **options)  # type: ignore[arg-type]

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_every_entry_of_it_says_so_first(self, cell: Cell, language: str) -> None:
        press = cell.stop_and_check("s1", "s2")
        note = cell.rules.notes["N8"].label(language)
        assert render_entry(cell.rules, cell.book().act(press.id), language).text.startswith(note)


class TestGap:
    """F26: jammed sensors were read as calm: what is not held is called so, and is no value."""

    def test_a_closed_core_leaves_its_case_without_a_state(self, cell: Cell) -> None:
        press = cell.stop_and_check("s1", "s2")
        cell.hold("s2", "s1")
        answer = cell.write("s2", "D02", "ANSWER", {"answer": "PAUSED"}, case=press)
        assert cell.book().cases[press.id].state != "not held here"
        del cell.opened[answer.id, 0]
        case = cell.book().cases[press.id]
        assert (case.state, case.not_held) == ("not held here", (answer.id,))

    def test_a_check_without_result_is_not_good(self, cell: Cell) -> None:
        check = cell.contact_check("s1", "s2")
        (found,) = [one for one in cell.book().checks if one.id == check.id]
        assert found.result is None


class TestZone:
    """F29: one wrong digit of the zone moved a place by half a province."""

    def test_swapped_zones_are_refused_or_differ_from_the_name(self, cell: Cell) -> None:
        caught = 0
        for named in cell.rules.gazetteer.values():
            true = place_by_name(named, precision_m=1_000)
            zone = int(true.mgrs[:2])
            for other in (zone - 1, zone + 1):
                try:
                    swapped = place_by_grid(f"{other:02d}{true.mgrs[2:]}", basis="MAP")
                except Malformed:
                    caught += 1
                    continue
                assert compare_readback(true, swapped) == "DIFFERS"
                caught += 1
        assert caught == 2 * len(cell.rules.gazetteer)

    def test_a_name_with_the_neighbour_zones_grid_is_a_mismatch(self, cell: Cell) -> None:
        named = min(cell.rules.gazetteer.values(), key=lambda one: one.id)
        true = place_by_name(named, precision_m=1_000)
        assert compare_place(true, cell.rules.gazetteer).agreement == "MATCH"
        beside = Point(named.lat_e6, named.lon_e6 + 6_000_000)
        swapped = replace(place_at([beside], precision_m=1_000, basis="MAP"), gazetteer_id=named.id)
        assert compare_place(swapped, cell.rules.gazetteer).agreement == "MISMATCH"


class TestWinter:
    """F30: two capitals an hour apart in winter: UTC is typed and printed, and local time is refused."""

    def test_6_january_is_one_instant_whatever_the_wall_clocks_say(self) -> None:
        at = parse_instant("2026-01-06T10:00:00Z")
        assert (print_instant(at), print_group(at)) == ("2026-01-06T10:00:00Z", "061000ZJAN26")
        # Far-away zones that differ by an hour in January and not in July, as neighbours may.
        zones = ("America/Halifax", "America/Puerto_Rico")
        for day, apart in (("2026-01-06", 0), ("2026-07-06", 1)):
            noon = parse_instant(f"{day}T10:00:00Z")
            hours = [datetime.fromtimestamp(noon, UTC).astimezone(ZoneInfo(zone)).hour for zone in zones]
            assert hours[0] - hours[1] == apart

    @pytest.mark.parametrize(
        "typed", ["2026-01-06 10:00", "10:00", "2026-01-06T10:00:00+02:00", "061000BJAN26"]
    )
    def test_a_time_that_does_not_say_utc_is_refused(self, typed: str) -> None:
        with pytest.raises(RuleViolation):
            parse_instant(typed)
