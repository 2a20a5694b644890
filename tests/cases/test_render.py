"""Text of an entry in the charter's languages: whole sentences from codes, own words unchanged and last."""

from __future__ import annotations

import pytest

from cases.cell import Cell, started
from detente.cases.places import place_by_name, place_json
from detente.cases.render import render_entry, show_value, watch_log_line

LANGUAGES = ("ar", "he", "en")


@pytest.fixture
def cell() -> Cell:
    return started()


@pytest.fixture
def press(cell):
    place = place_json(place_by_name(cell.rules.gazetteer["P04"], precision_m=1_000))
    return cell.stop_and_check("s1", "s2", content={"place": place, "text": "كلماتي"})


class TestPress:
    """D02: nobody types, and both sides read the same in their own language."""

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_each_code_is_a_whole_sentence(self, cell, press, language):
        shown = render_entry(cell.rules, cell.book().act(press.id), language)
        assert len(shown.sentences) == 2  # meaning and ask; an own step that is not stated says nothing
        assert all(sentence.rstrip().endswith(".") and "{" not in sentence for sentence in shown.sentences)
        assert "PAUSE_AND_CHECK" not in shown.text

    def test_languages_differ_and_hold_the_same_grid_and_time(self, cell, press):
        texts = [render_entry(cell.rules, cell.book().act(press.id), one).text for one in LANGUAGES]
        assert len(set(texts)) == 3
        grid = place_by_name(cell.rules.gazetteer["P04"], precision_m=1_000).mgrs[:3]
        assert all(grid in text and "2027-01-15T08:00:10Z" in text for text in texts)

    def test_own_words_stand_last_and_unchanged(self, cell, press):
        assert render_entry(cell.rules, cell.book().act(press.id), "he").text.endswith("\nكلماتي")

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_an_exercise_says_so_first(self, cell, press, language):
        note = cell.rules.notes["N8"].label(language)
        assert render_entry(cell.rules, cell.book().act(press.id), language).heading.startswith(note)

    def test_ids_and_times_are_isolated(self, cell, press):
        heading = render_entry(cell.rules, cell.book().act(press.id), "ar").heading
        assert f"\u2068S1-X{press.id.index:05d}\u2069" in heading

    def test_without_its_content_the_sentence_with_the_place_is_left_out(self, cell, press):
        del cell.opened[press.id, 1]
        shown = render_entry(cell.rules, cell.book().act(press.id), "en")
        assert len(shown.sentences) == 1
        assert any("Fire" in line for line in shown.lines)

    def test_an_update_restates_how_the_matter_stands(self, cell, press):
        update = cell.write("s1", "D02", "UPDATE", {"own_action": "HOLDING"}, case=press)
        book = cell.book()
        shown = render_entry(cell.rules, book.act(update.id), "en", case=book.cases[press.id])
        assert len(shown.sentences) == 3


class TestWatchLog:
    """One line an entry, codes by their labels."""

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_it_holds_group_id_and_labels(self, cell, press, language):
        line = watch_log_line(cell.rules, cell.book().act(press.id), language)
        assert "150800ZJAN27" in line
        assert cell.rules.kinds["D02"].lists["ask"].codes["PAUSE_AND_CHECK"].label(language) in line
        assert "\n" not in line

    def test_a_list_of_codes_is_shown_by_labels(self, cell):
        shown = show_value(cell.rules, cell.rules.kinds["D01"], "watch_language_cover", ["AR", "HE"], "en")
        assert "AR" not in shown
