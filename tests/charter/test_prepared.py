"""D02 renders whole and right from its codes in each language: nobody has to type, nothing is glued."""

from __future__ import annotations

import itertools
import re

import pytest

from charter.harbour import charter
from detente.charter.prepared import FIRST_STRONG_ISOLATE, POP_ISOLATE, fill, sentences

D02 = charter().kinds["D02"]
HOLES = {"place": "10GBR643126", "since": "2026-11-23 20:00Z", "area_radius_m": "500", "minutes": "15"}
LETTERS = {"ar": r"[\u0600-\u06ff]", "he": r"[\u0590-\u05ff]", "en": r"[A-Za-z]"}
COMBINATIONS = list(itertools.product(*(D02.lists[name].codes for name in ("meaning", "ask", "own_action"))))


class TestSentences:
    """Every combination of codes says one sentence for each of its codes, in every language."""

    @pytest.mark.parametrize("lang", charter().languages)
    def test_every_stop_and_check_is_whole(self, lang: str) -> None:
        texts = set()
        for meaning, ask, own_action in COMBINATIONS:
            values = {"meaning": meaning, "ask": ask, "own_action": own_action}
            said = sentences(D02, "NEW", values)
            assert len(said) == (2 if own_action == "NOT_STATED" else 3)
            text = " ".join(fill(one, lang, HOLES) for one in said)
            assert "{" not in text
            assert HOLES["place"] in text
            assert HOLES["since"] in text
            assert ("500" in text) == (ask == "HOLD_AREA")
            assert re.search(LETTERS[lang], text)
            texts.add(text)
        assert len(texts) == len(COMBINATIONS) == 160

    @pytest.mark.parametrize("answer", D02.lists["answer"].codes)
    def test_every_answer_says_one_sentence(self, answer: str) -> None:
        assert len(sentences(D02, "ANSWER", {"answer": answer})) == 1

    @pytest.mark.parametrize("act", ["MOVE", "CORRECT", "WITHDRAW"])
    def test_every_way_out_says_one_sentence(self, act: str) -> None:
        assert len(sentences(D02, act, {})) == 1

    @pytest.mark.parametrize("lang", charter().languages)
    def test_a_false_alarm_is_note_n9(self, lang: str) -> None:
        (said,) = sentences(D02, "CORRECT", {})
        assert fill(said, lang, {}) == charter().notes["N9"].labels[lang]

    def test_no_sentence_of_a_language_has_letters_of_another_script(self) -> None:
        for one in D02.prepared:
            for lang, others in (("ar", "he"), ("he", "ar"), ("en", "ar"), ("en", "he")):
                assert not re.search(LETTERS[others], one.labels[lang])

    def test_sentences_end(self) -> None:
        for one in D02.prepared:
            assert {text[-1] for text in one.labels.values()} == {"."}


class TestFill:
    """Filled texts are isolated, once, and never read again."""

    def test_a_grid_keeps_its_order_inside_a_right_to_left_line(self) -> None:
        said = sentences(D02, "NEW", {"meaning": "FIRE_ON_US"})[0]
        assert f"{FIRST_STRONG_ISOLATE}10GBR643126{POP_ISOLATE}" in fill(said, "ar", HOLES)
        assert FIRST_STRONG_ISOLATE not in fill(said, "ar", HOLES, isolate=False)

    def test_a_place_name_with_braces_is_shown_as_it_is(self) -> None:
        said = sentences(D02, "NEW", {"meaning": "FIRE_ON_US"})[0]
        assert "{since}" in fill(said, "en", HOLES | {"place": "{since}"})

    def test_a_missing_text_is_our_own_mistake(self) -> None:
        said = sentences(D02, "NEW", {"meaning": "FIRE_ON_US"})[0]
        with pytest.raises(KeyError):
            fill(said, "en", {})
