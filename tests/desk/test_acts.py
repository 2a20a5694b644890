"""What the officer does reaches the node as one call; a refusal comes back as a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from desk.fake_api import Refused
from desk.harness import Visitor


def sent(officer: Visitor) -> list[dict[str, Any]]:
    return [body for _, path, body in officer.desk.node.calls if path == "/v1/send"]


def theirs(officer: Visitor) -> dict[str, Any]:
    return next(case for case in officer.desk.node.cases if case["opened_by"] == "s2" and case["open"])


class TestStop:
    """Domain 10 no. 22: three presses and the place; the rest is filled in and can be changed later."""

    def test_it_carries_the_press_and_the_place(self, officer: Visitor) -> None:
        now = officer.desk.node.status()["time"]
        assert (
            officer.post("/en/stop/send/", {"meaning": "AIRCRAFT_AT_RISK", "place": "Old Mill"}).status == 302
        )
        [body] = sent(officer)
        assert (body["kind"], body["act"], body["post"]) == ("D02", "NEW", "WATCH")
        assert body["session"] in officer.desk.node.sessions
        assert body["fields"]["meaning"] == "AIRCRAFT_AT_RISK"
        assert body["fields"]["ask"] == "PAUSE_AND_CHECK"
        assert body["fields"]["own_action"] == "NOT_STATED"
        assert 0 <= body["fields"]["since"] - now <= 5
        assert body["content"]["place"]["gazetteer_id"] == "P05"

    def test_words_that_are_no_place_never_hold_it_up(self, officer: Visitor) -> None:
        officer.post("/en/stop/send/", {"meaning": "OTHER", "place": "by the burnt tree"})
        [body] = sent(officer)
        assert body["content"] == {"text": "by the burnt tree"}
        assert officer.get("/en/").has("was sent at", "The place has no point.")

    def test_no_place_at_all_never_holds_it_up(self, officer: Visitor) -> None:
        officer.post("/en/stop/send/", {"meaning": "OTHER", "place": ""})
        assert len(sent(officer)) == 1
        assert officer.get("/en/").has("No place was given.")

    def test_what_was_sent_is_said_once(self, officer: Visitor) -> None:
        officer.post("/en/stop/send/", {"meaning": "OTHER", "place": "Old Mill"})
        assert officer.get("/en/").has("was sent at")
        assert "was sent at" not in officer.get("/en/").text

    @pytest.mark.parametrize("meaning", ["", "NO_SUCH_CODE", "<b>"])
    def test_only_a_meaning_of_the_list_goes(self, officer: Visitor, meaning: str) -> None:
        assert officer.post("/en/stop/send/", {"meaning": meaning, "place": "Old Mill"}).status == 200
        assert sent(officer) == []

    def test_confirm_or_withdraw_is_asked_for(self, officer: Visitor) -> None:
        officer.post("/en/stop/send/", {"meaning": "OTHER", "place": "Old Mill"})
        assert officer.get("/en/cases/").has("Confirm or withdraw by", "Withdraw our entry")

    def test_the_exercise_desk_offers_actual_first(self, officer: Visitor) -> None:
        text = officer.get("/en/stop/").text
        assert text.index("ACTUAL") < text.index('class="meaning"')


class TestActs:
    @pytest.mark.parametrize(
        ("form", "fields"),
        [
            ({"act": "READ"}, {}),
            ({"act": "ACK", "field": "ack", "code": "UNDERSTOOD"}, {"ack": "UNDERSTOOD"}),
            ({"act": "ANSWER", "field": "answer", "code": "PAUSED"}, {"answer": "PAUSED"}),
        ],
    )
    def test_one_press_is_one_entry(
        self, officer: Visitor, form: dict[str, str], fields: dict[str, str]
    ) -> None:
        case = theirs(officer)
        page = officer.post(f"/en/cases/{case['id']}/act/", form, HX_Request="true")
        [body] = sent(officer)
        assert (body["act"], body["case"], body["fields"]) == (form["act"], case["id"], fields)
        assert page.has(f'data-case="{case["id"]}"')

    def test_passing_on_says_when(self, officer: Visitor) -> None:
        case = theirs(officer)
        officer.post(f"/en/cases/{case['id']}/act/", {"act": "PASS_ON", "field": "echelon", "code": "SECTOR"})
        [body] = sent(officer)
        assert abs(body["fields"]["passed_at"] - officer.desk.node.status()["time"]) <= 5

    def test_cannot_handle_now_says_why_and_until_when(self, officer: Visitor) -> None:
        case = theirs(officer)
        form = {
            "act": "ACK",
            "field": "ack",
            "code": "CANNOT_HANDLE_NOW",
            "text": "hand-over",
            "minutes": "15",
        }
        officer.post(f"/en/cases/{case['id']}/act/", form)
        [body] = sent(officer)
        assert body["content"] == {"ack_reason": "hand-over"}
        assert 890 <= body["fields"]["until"] - officer.desk.node.status()["time"] <= 905

    def test_a_refusal_stands_on_the_entry_with_its_clause(self, officer: Visitor) -> None:
        case = theirs(officer)
        officer.desk.node.refuse_next = Refused(409, "post-may-not", "D02 acts")
        page = officer.post(f"/en/cases/{case['id']}/act/", {"act": "READ"}, HX_Request="true")
        assert page.status == 200
        assert page.has("The charter does not give this act to your post.", "post-may-not", "D02 acts")

    def test_a_code_without_a_sentence_is_shown_as_a_code(self, officer: Visitor) -> None:
        officer.desk.node.refuse_next = Refused(409, "some-new-code")
        page = officer.post(f"/en/cases/{theirs(officer)['id']}/act/", {"act": "READ"}, HX_Request="true")
        assert page.has("The node did not accept this. Nothing was sent.", "some-new-code")

    @pytest.mark.parametrize(
        "form", [{"act": "NEW"}, {"act": "DELETE"}, {"act": "ACK", "field": "Ack;", "code": "x"}]
    )
    def test_a_form_of_another_shape_sends_nothing(self, officer: Visitor, form: dict[str, str]) -> None:
        officer.post(f"/en/cases/{theirs(officer)['id']}/act/", form, HX_Request="true")
        assert sent(officer) == []

    def test_once_read_the_button_is_gone(self, officer: Visitor) -> None:
        case = theirs(officer)
        path = f"/en/cases/{case['id']}/"
        assert 'data-key="KeyR"' in officer.get(path).text
        officer.post(f"{path}act/", {"act": "READ"})
        assert 'data-key="KeyR"' not in officer.get(path).text

    def test_the_second_signature_is_offered_to_the_posts_that_may(self, officer: Visitor) -> None:
        ours = next(c for c in officer.desk.node.cases if c["opened_by"] == "s1" and c["open"])
        assert 'data-key="KeyY"' not in officer.get(f"/en/cases/{ours['id']}/").text
        releasing = Visitor(officer.desk)
        releasing.sign_in("RELEASE")
        assert 'data-key="KeyY"' in releasing.get(f"/en/cases/{ours['id']}/").text


SPELLINGS = (
    "Old Mill",
    "الطاحونة القديمة",
    "הטחנה הישנה",
    "-45.05100 -125.90200",
    "٤٥.٠٥١٠٠ S ١٢٥.٩٠٢٠٠ W",
    "45.05100S, 125.90200W",
)


class TestReadBack:
    @pytest.mark.parametrize("typed", SPELLINGS)
    def test_one_place_in_every_spelling(self, officer: Visitor, typed: str) -> None:
        from urllib.parse import quote

        text = officer.get(f"/en/stop/place/?place={quote(typed)}").text
        assert "10G" in text

    def test_a_grid_reads_back_as_typed(self, officer: Visitor) -> None:
        assert officer.get("/en/stop/place/?place=09GYL307110").has("09G YL 307 110", "±100 m", "Reads back:")

    def test_near_the_seam_the_reader_is_warned(self, officer: Visitor) -> None:
        assert officer.get("/en/stop/place/?place=-45.012+-126.004").has("Near the seam")
        assert "Near the seam" not in officer.get("/en/stop/place/?place=-45.012+-126.404").text

    def test_a_point_far_from_its_name_is_shown(self, officer: Visitor) -> None:
        """V05."""
        assert officer.get("/en/stop/place/?place=Old+Mill+-45.0510+-126.1000").has("Point and name are")
        assert (
            "Point and name are" not in officer.get("/en/stop/place/?place=Old+Mill+-45.0510+-125.9021").text
        )

    def test_own_words_are_escaped_and_isolated(self, officer: Visitor) -> None:
        answer = officer.get("/en/stop/place/?place=%3Cimg%20src%3Dx%3E%E2%80%AEevil")
        assert answer.has("&lt;img src=x&gt;", '<bdi dir="auto">')
        assert "<img" not in answer.text


class TestNodeLost:
    def test_the_page_says_so_and_names_the_other_paths(self, officer: Visitor) -> None:
        socket = officer.desk.folder / "run" / "api.sock"
        aside = socket.with_name("aside.sock")
        socket.rename(aside)
        try:
            answer = officer.get("/en/cases/", HX_Request="true")
            whole = officer.get("/en/")
        finally:
            aside.rename(socket)
        assert answer.has("This desk does not reach its own node.")
        assert answer.headers["hx-retarget"] == "#refusals"
        assert whole.status == 503
        assert whole.has("voice, radio or paper")
