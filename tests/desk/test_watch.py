"""The watch page: what stands on it, in three languages and both kinds of party."""

from __future__ import annotations

import re

import pytest

from desk.harness import Desk, Visitor

LANGUAGES = {"ar": "rtl", "he": "rtl", "en": "ltr"}


def cards(text: str) -> dict[str, str]:
    return {
        m[1]: m[0] for m in re.finditer(r'<article[^>]* data-case="([^"]+)".*?</article>', text, re.DOTALL)
    }


@pytest.mark.parametrize("language", LANGUAGES)
class TestEveryLanguage:
    """Each view in each language: mirrored, with the charter's words, ids and instants isolated."""

    @pytest.mark.parametrize("page", ["", "stop/", "alarm/", "lines/", "cases/"])
    def test_the_page_is_drawn(self, officer: Visitor, language: str, page: str) -> None:
        answer = officer.get(f"/{language}/{page}")
        assert answer.status == 200
        if page in ("", "stop/", "alarm/"):
            assert answer.has(f'<html lang="{language}" dir="{LANGUAGES[language]}"')

    def test_sign_in_and_enrolment_are_open_to_nobody_yet(self, s1: Desk, language: str) -> None:
        for page in ("signin/", "enrol/invite-watch-1/"):
            answer = Visitor(s1).get(f"/{language}/{page}")
            assert (answer.status, f'<html lang="{language}"' in answer.text) == (200, True)

    def test_exercise_is_the_first_and_the_last_thing(self, officer: Visitor, language: str) -> None:
        text = officer.get(f"/{language}/").text
        note = officer.desk.node.charter["notes"]["N8"][language]
        body = text[text.index("<body") :]
        assert body.count(note) == 2
        assert body.index(note) < body.index('class="top"')
        assert body.rindex(note) > body.rindex("</main>")

    def test_meanings_are_the_charters_in_its_order(self, officer: Visitor, language: str) -> None:
        text = officer.get(f"/{language}/stop/").text
        fields = {f["id"]: f for f in officer.desk.node.charter["kinds"]["D02"]["fields"]}
        labels = [code["labels"][language] for code in fields["meaning"]["codes"]]
        shown = re.findall(r'<span class="meaning-words">(.*?)</span>', text)
        assert shown == labels
        assert len(shown) == 8

    def test_three_clocks_and_utc(self, officer: Visitor, language: str) -> None:
        text = officer.get(f"/{language}/").text
        assert len(re.findall(r"data-clock=", text)) == 4
        assert text.count('class="clock clock-utc"') == 1

    def test_ids_grids_and_instants_are_isolated(self, officer: Visitor, language: str) -> None:
        text = officer.get(f"/{language}/cases/").text
        visible = re.sub(
            r'<(bdi dir="ltr"|time)[^>]*>.*?</\1>|<bdi dir="ltr".*?</bdi>', "", text, flags=re.DOTALL
        )
        visible = re.sub(r"<[^>]+>", " ", visible)
        assert not re.search(r"[SG]\d-X\d{5}|\d\d:\d\d:\d\dZ|\d{2}[A-Z] [A-Z]{2} \d", visible)

    def test_receipt_is_never_agreement(self, officer: Visitor, language: str) -> None:
        """P7, rule 6.1.10: N2 stands in the menu that confirms receipt and by receipts said by a person."""
        found = cards(officer.get(f"/{language}/cases/").text)
        note = officer.desk.node.charter["notes"]["N2"][language]
        theirs = next(card for i, card in found.items() if i.startswith("S2"))
        assert note in theirs[theirs.index("-ACK") :]
        assert note in next(card for i, card in found.items() if i.startswith("S1"))

    def test_places_say_that_names_serve_orientation_only(self, officer: Visitor, language: str) -> None:
        note = officer.desk.node.charter["notes"]["N4"][language]
        assert all(note in card for card in cards(officer.get(f"/{language}/cases/").text).values())


class TestLines:
    def test_a_relayed_line_names_the_relay_and_what_is_lacking(self, officer: Visitor) -> None:
        text = officer.get("/en/lines/").text
        assert "line-relay" in text
        assert "Lacks 2 of our entries" in text
        assert text.count(">WATCH NOT ARMED<") == 1

    def test_a_dead_line(self, officer: Visitor) -> None:
        officer.desk.node.peers["s2"]["line"] = "none"
        assert "No line" in officer.get("/en/lines/").text

    def test_the_own_watch_not_armed_offers_the_test(self, officer: Visitor) -> None:
        assert officer.get("/en/lines/").has("OWN WATCH NOT ARMED", "/en/alarm/")
        officer.desk.node.armed = True
        assert "OWN WATCH NOT ARMED" not in officer.get("/en/lines/").text

    def test_a_clock_a_minute_off_is_shown(self, officer: Visitor) -> None:
        """V22."""
        officer.desk.node.peers["g1"]["clock_offset_s"] = 60
        assert "Its clock differs" not in officer.get("/en/lines/").text
        officer.desk.node.peers["g1"]["clock_offset_s"] = -61
        assert "Its clock differs" in officer.get("/en/lines/").text
        officer.desk.node.peers["g1"]["clock_offset_s"] = 0

    def test_graded_checks_are_in_the_charters_words(self, officer: Visitor) -> None:
        text = officer.get("/en/lines/").text
        words = {code["id"]: code["labels"]["en"] for code in officer.desk.node.charter["lists"]["result"]}
        for result in ("OK", "OK_LATE", "LINE_ALIVE_NO_ANSWER"):
            assert words[result] in text
        assert "Answer may still come" in text


class TestReceipts:
    """Every fact of a receipt is a sentence of its own, with its instant."""

    def test_held_read_passed_on_and_answered_stand_apart(self, officer: Visitor) -> None:
        card = next(
            c for i, c in cards(officer.get("/en/cases/").text).items() if "Fire on civilians</h3>" in c
        )
        plain = " ".join(re.sub(r"<[^>]+>", " ", card).split())
        for fact in (
            "On the disk of Shunit",
            "came through Meridian",
            "read ",
            "receipt confirmed",
            "passed on to:",
            "answered",
        ):
            assert fact in plain

    def test_not_held_is_said(self, officer: Visitor) -> None:
        card = next(c for i, c in cards(officer.get("/en/cases/").text).items() if i.startswith("S2"))
        assert "Not yet on the disk of" in card


class TestGuarantor:
    """The guarantor's page draws both sides alike and sends no STOP-AND-CHECK."""

    def test_both_sides_stand_in_one_row_in_the_charters_order(self, supervisor: Visitor) -> None:
        text = supervisor.get("/en/").text
        assert re.findall(r'<li class="line (tone-\w)', text) == ["tone-1", "tone-2"]
        assert "watch-both" in text

    def test_it_offers_no_stop_and_no_answer(self, supervisor: Visitor) -> None:
        text = supervisor.get("/en/").text
        assert 'id="stop-panel"' not in text
        assert "-ANSWER" not in text
        assert "-ACK" in text


class TestSymmetry:
    """P9: swap the two sides and nothing but names, tones and languages changes."""

    def test_the_same_situation_has_the_same_shape_on_both_desks(self, desks: dict[str, Desk]) -> None:
        shapes = []
        for party in ("s1", "s2"):
            desk = desks[party]
            desk.node.cases.clear()
            other = "s2" if party == "s1" else "s1"
            case = desk.node.open_case(other, {"meaning": "OTHER", "since": 1_800_000_000}, {})
            desk.node.hold(case, party, 1_800_000_001)
            visitor = Visitor(desk)
            visitor.sign_in()
            tags = re.sub(r">[^<]+<", "><", visitor.get("/en/cases/").text)
            tags = re.sub(
                r"tone-\d|S\d-X\d+|csrfmiddlewaretoken\" value=\"[^\"]+|datetime=\"[^\"]+|data-due=\"\d+",
                "",
                tags,
            )
            shapes.append(" ".join(tags.split()))
        assert shapes[0] == shapes[1]
