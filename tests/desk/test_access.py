"""Who sees what: own officer, nobody, a locked screen, a strange host, a form from elsewhere."""

from __future__ import annotations

import re

import pytest

from desk.harness import Desk, Visitor

RECORD_PAGES = (
    "",
    "lines/",
    "cases/",
    "cases/S1-X00123/",
    "stop/",
    "stop/place/?place=Old+Mill",
    "alarm/",
    "locked/",
)
ACTS = ("stop/send/", "cases/S1-X00123/act/", "lock/", "signout/", "alarm/")


class TestNobody:
    """Who is not signed in sees the sign-in page and learns nothing of the record."""

    @pytest.mark.parametrize("page", RECORD_PAGES)
    def test_every_page_of_the_record_leads_to_sign_in(self, s1: Desk, page: str) -> None:
        answer = Visitor(s1).get(f"/en/{page}")
        assert (answer.status, answer.headers["location"]) == (302, "/en/signin/")

    @pytest.mark.parametrize("page", ACTS)
    def test_no_act_reaches_the_node(self, s1: Desk, page: str) -> None:
        nobody = Visitor(s1)
        nobody.get("/en/signin/")
        s1.node.calls.clear()
        answer = nobody.post(f"/en/{page}", {"act": "ACK", "meaning": "OTHER"})
        assert (answer.status, answer.headers["location"]) == (302, "/en/signin/")
        assert [call for call in s1.node.calls if call[0] == "POST"] == []

    def test_an_entry_that_exists_and_one_that_does_not_look_alike(self, s1: Desk) -> None:
        known, unknown = (Visitor(s1).get(f"/en/cases/{i}/") for i in (s1.node.cases[0]["id"], "S9-X99999"))
        assert (known.status, known.text) == (unknown.status, unknown.text)

    def test_a_part_asked_by_htmx_moves_the_whole_page(self, s1: Desk) -> None:
        answer = Visitor(s1).get("/en/cases/", HX_Request="true")
        assert (answer.status, answer.headers["hx-redirect"]) == (200, "/en/signin/")

    def test_the_event_stream_is_refused(self, s1: Desk) -> None:
        assert Visitor(s1).get("/events").status == 403

    def test_a_made_up_session_cookie_is_nobody(self, s1: Desk) -> None:
        visitor = Visitor(s1, cookies={"desk": "a" * 32})
        assert visitor.get("/en/").status == 302
        assert visitor.get("/events").status == 403


class TestForms:
    """A form counts only from our own page (CSRF), and only under our own name (Host)."""

    def test_without_the_token_nothing_is_sent(self, officer: Visitor) -> None:
        officer.token = ""
        answer = officer.post("/en/stop/send/", {"meaning": "OTHER"})
        assert answer.status == 403
        assert answer.has("Nothing was sent.")
        assert not [call for call in officer.desk.node.calls if call[1] == "/v1/send"]

    def test_a_form_of_another_origin_is_refused(self, officer: Visitor) -> None:
        answer = officer.post("/en/stop/send/", {"meaning": "OTHER"}, Origin="http://evil.example")
        assert answer.status == 403

    @pytest.mark.parametrize("host", ["127.0.0.1", "evil.example", "g1.detente.localhost"])
    @pytest.mark.parametrize("page", ["/en/signin/", "/events"])
    def test_another_host_name_is_not_answered(self, officer: Visitor, host: str, page: str) -> None:
        officer.host = f"{host}:{officer.desk.port}"
        assert officer.get(page).status == 400

    def test_a_read_is_never_an_act(self, officer: Visitor) -> None:
        assert officer.get("/en/stop/send/").status == 405
        assert officer.get("/en/cases/S1-X00123/act/").status == 405


class TestLocked:
    """A locked screen shows nothing of the record and still sends STOP-AND-CHECK."""

    @pytest.fixture
    def locked(self, officer: Visitor) -> Visitor:
        assert officer.post("/en/lock/").headers["location"] == "/en/locked/"
        return officer

    @pytest.mark.parametrize("page", ["", "lines/", "cases/", "alarm/"])
    def test_the_record_is_behind_the_lock(self, locked: Visitor, page: str) -> None:
        assert locked.get(f"/en/{page}").headers["location"] == "/en/locked/"

    def test_the_locked_page_says_how_many_are_open_and_no_more(self, locked: Visitor) -> None:
        page = locked.get("/en/locked/")
        assert page.has("2 STOP-AND-CHECK are open.", 'id="stop-panel"')
        assert "Aircraft at risk</h3>" not in page.text

    def test_stop_and_check_goes_in_the_watch_session(self, locked: Visitor) -> None:
        locked.get("/en/locked/")
        answer = locked.post("/en/stop/send/", {"meaning": "FIRE_ON_US", "place": "Old Mill"})
        assert answer.headers["location"] == "/en/locked/"
        assert locked.desk.node.cases[0]["opened_by"] == "s1"
        assert locked.get("/en/locked/").has("was sent at")

    def test_acts_on_entries_wait_for_the_unlock(self, locked: Visitor) -> None:
        locked.get("/en/locked/")
        case = locked.desk.node.cases[0]["id"]
        assert locked.post(f"/en/cases/{case}/act/", {"act": "READ"}).headers["location"] == "/en/locked/"
        assert len(locked.desk.node.cases[0]["timeline"]) == 1


class TestLeaving:
    def test_leaving_the_watch_ends_the_session_at_the_node(self, officer: Visitor) -> None:
        before = len(officer.desk.node.sessions)
        assert officer.post("/en/signout/").headers["location"] == "/en/signin/"
        assert len(officer.desk.node.sessions) == before - 1
        assert officer.get("/en/").status == 302


class TestHeaders:
    """Nothing from elsewhere, nothing inline, nothing kept."""

    @pytest.mark.parametrize("page", ["/en/signin/", "/en/", "/ar/stop/"])
    def test_the_policy_allows_own_files_only(self, officer: Visitor, page: str) -> None:
        answer = officer.get(page)
        rules = dict(
            rule.strip().split(" ", 1)
            for rule in answer.headers["content-security-policy"].split(";")
            if rule.strip()
        )
        assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == "'none'"
        assert {v for k, v in rules.items() if k.endswith("-src") and k != "default-src"} == {"'self'"}
        assert answer.headers["cache-control"] == "no-store"
        assert " style=" not in answer.text
        assert "<script>" not in answer.text
        assert " on" + "click" not in answer.text

    def test_the_session_cookie_is_kept_from_scripts_and_other_sites(self, s1: Desk) -> None:
        visitor = Visitor(s1)
        visitor.get("/en/signin/")
        answer = visitor.post("/en/preferences/", {"theme": "dark"})
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert "SameSite=Strict" in answer.headers["set-cookie"]


class TestPostAtSignIn:
    def chosen(self, text: str) -> str:
        found = re.search(r'name="post" value="(\w+)" required checked', text)
        assert found
        return found[1]

    def test_a_one_time_link_names_its_post(self, s1: Desk) -> None:
        visitor = Visitor(s1)
        answer = visitor.get("/enrol/invite-release-1/?post=RELEASE")
        assert answer.headers["location"] == "/ar/enrol/invite-release-1/?post=RELEASE"
        assert self.chosen(visitor.get(answer.headers["location"]).text) == "RELEASE"

    def test_the_screen_remembers_the_post_that_left(self, s1: Desk) -> None:
        visitor = Visitor(s1)
        assert self.chosen(visitor.get("/en/signin/").text) == "WATCH"
        visitor.sign_in("RELEASE")
        visitor.get("/en/")
        visitor.post("/en/signout/")
        assert self.chosen(visitor.get("/en/signin/").text) == "RELEASE"
