"""A real browser with a virtual authenticator drives the watch page against a node in memory."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from desk.harness import Desk, Visitor

pytestmark = pytest.mark.browser
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LANGUAGES = ("ar", "he", "en")


STICKING_OUT = """[...document.querySelectorAll('main *, .top *')].filter(e => {
  const b = e.getBoundingClientRect();
  return e.checkVisibility() && b.width > 1 && (b.left < -1 || b.right > innerWidth + 1);
}).map(e => e.outerHTML.slice(0, 90))"""
LEFT_EDGES = "names => names.map(n => document.querySelector(n).getBoundingClientRect().left)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium: Debian's package `chromium` is needed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Screen:
    """A page that fails its test on any script error, console complaint or request to another host."""

    def __init__(self, browser: Browser, desk: Desk, **options: Any) -> None:
        self.desk = desk
        self.context: BrowserContext = browser.new_context(viewport={"width": 1366, "height": 900}, **options)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type == "error" else None
        )
        self.page.on("request", lambda request: self._asked(request.url))

    def _asked(self, url: str) -> None:
        if not url.startswith(self.desk.origin + "/"):
            self.elsewhere.append(url)

    def sign_in(self, post: str = "WATCH") -> Screen:
        visitor = Visitor(self.desk)
        visitor.sign_in(post)
        host = self.desk.host.partition(":")[0]
        self.context.add_cookies(
            [{"name": "desk", "value": visitor.cookies["desk"], "domain": host, "path": "/"}]
        )
        return self

    def open(self, path: str) -> Page:
        self.page.goto(self.desk.origin + path)
        self.page.evaluate("document.fonts.ready")
        return self.page

    def close(self) -> None:
        self.context.close()
        assert self.complaints == []
        assert self.elsewhere == []


@pytest.fixture
def screen(browser: Browser, s1: Desk) -> Iterator[Screen]:
    screen = Screen(browser, s1).sign_in()
    yield screen
    screen.close()


def authenticator(page: Page) -> None:
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
    }
    options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
    cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})


class TestPasskey:
    """From the one-time link to the armed watch, and through a lock."""

    def test_from_the_link_to_the_armed_watch(self, browser: Browser, s1: Desk) -> None:
        s1.node.codes["invite-watch-2"] = "WATCH"
        screen = Screen(browser, s1)
        page = screen.open("/enrol/invite-watch-2/")
        authenticator(page)
        assert page.url.endswith("/ar/enrol/invite-watch-2/")
        page.locator(".posts input[value=WATCH]").check()
        page.locator("form[data-passkey] button").click()
        page.wait_for_url("**/ar/signin/")
        [credential] = s1.node.credentials["WATCH"][-1:]
        assert credential["origins"] == [s1.origin]

        page.locator("form[data-passkey] button").click()
        page.wait_for_url("**/ar/alarm/")
        page.keyboard.press("t")
        page.locator("[name=heard][value=yes]").wait_for()
        assert ("POST", "/v1/alarm/test") in [call[:2] for call in s1.node.calls]
        page.keyboard.press("y")
        page.wait_for_url("**/ar/")
        assert s1.node.armed

        page.keyboard.press("l")
        page.wait_for_url("**/ar/locked/")
        page.locator("form[data-passkey] button").click()
        page.wait_for_url("**/ar/")
        screen.close()

    def test_a_used_link_is_refused_in_words(self, browser: Browser, s1: Desk) -> None:
        screen = Screen(browser, s1)
        page = screen.open("/en/enrol/used-up-code/")
        authenticator(page)
        page.locator("form[data-passkey] button").click()
        expect(page.locator("[data-said]")).to_contain_text("not valid or has been used")
        screen.close()


class TestThreePresses:
    """Press, meaning, place, send; what is sent is what was read back."""

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_by_keys_alone(self, screen: Screen, language: str) -> None:
        page = screen.open(f"/{language}/")
        page.keyboard.press("s")
        page.keyboard.press("3")
        expect(page.locator("#place")).to_be_focused()
        page.keyboard.type("09G YL 307 110")
        expect(page.locator("#read-back .grid")).to_have_text("09G YL 307 110")
        page.keyboard.press("Enter")
        page.locator(".sent strong").wait_for()
        sent = screen.desk.node.cases[0]
        assert sent["opened_by"] == "s1"
        assert sent["fields"]["meaning"]["value"] == "AIRCRAFT_AT_RISK"
        assert sent["fields"]["place"]["value"]["mgrs"] == "09GYL307110"

    def test_by_three_clicks(self, screen: Screen) -> None:
        page = screen.open("/en/")
        page.locator(".stop-button").click()
        page.locator(".meaning").nth(0).click()
        page.keyboard.type("Old Mill")
        page.locator(".send button").click()
        page.locator(".sent strong").wait_for()
        assert screen.desk.node.cases[0]["fields"]["place"]["value"]["gazetteer_id"] == "P05"

    def test_from_a_locked_screen(self, screen: Screen) -> None:
        page = screen.open("/en/")
        page.keyboard.press("l")
        page.wait_for_url("**/locked/")
        page.keyboard.press("s")
        page.keyboard.press("1")
        page.keyboard.press("Enter")
        page.locator(".sent strong").wait_for()
        assert screen.desk.node.cases[0]["fields"]["meaning"]["value"] == "FIRE_ON_US"

    def test_without_scripts(self, browser: Browser, s1: Desk) -> None:
        screen = Screen(browser, s1, java_script_enabled=False).sign_in()
        screen.page.goto(s1.origin + "/en/")
        screen.page.locator(".stop-button").click()
        screen.page.locator(".meaning input").nth(7).check()
        screen.page.locator(".send button").click()
        assert s1.node.cases[0]["fields"]["meaning"]["value"] == "OTHER"
        screen.close()


class TestKeys:
    """One or two keys answer; the frame says which entry they mean."""

    def theirs(self, screen: Screen) -> dict[str, Any]:
        return next(case for case in screen.desk.node.cases if case["opened_by"] == "s2" and case["open"])

    def wait(self, screen: Screen, state: str) -> None:
        deadline = time.monotonic() + 5
        while self.theirs(screen)["state"] != state and time.monotonic() < deadline:
            screen.page.wait_for_timeout(50)
        assert self.theirs(screen)["state"] == state

    def test_answer_by_two_keys(self, screen: Screen) -> None:
        screen.open("/he/")
        screen.page.keyboard.press("a")
        screen.page.keyboard.press("1")
        self.wait(screen, "holding")

    def test_acknowledge_by_two_keys_whatever_the_layout(self, screen: Screen) -> None:
        page = screen.open("/ar/")
        # An Arabic layout gives another letter for the same place on the keyboard.
        page.evaluate(
            "document.dispatchEvent(new KeyboardEvent('keydown', {code: 'KeyC', key: 'ؤ', bubbles: true}))"
        )
        page.keyboard.press("1")
        self.wait(screen, "human_reply")

    def test_j_moves_the_frame_to_the_next_entry(self, screen: Screen) -> None:
        page = screen.open("/en/")
        first = page.locator("article.selected").get_attribute("data-case")
        page.keyboard.press("j")
        assert page.locator("article.selected").get_attribute("data-case") != first
        expect(page.locator("article.selected")).to_be_focused()

    def test_switched_off_no_key_acts(self, screen: Screen) -> None:
        page = screen.open("/en/")
        page.keyboard.press("h")
        page.locator("button[name=keys]").click()
        page.wait_for_load_state()
        page.keyboard.press("s")
        page.keyboard.press("a")
        expect(page.locator("dialog[open]")).to_have_count(0)
        expect(page.locator("details.menu[open]")).to_have_count(0)

    def test_typing_a_place_presses_nothing_else(self, screen: Screen) -> None:
        page = screen.open("/en/")
        page.keyboard.press("s")
        page.keyboard.press("2")
        page.keyboard.type("sal 4")
        expect(page.locator("#place")).to_have_value("sal 4")
        expect(page.locator("[name=meaning]:checked")).to_have_value("FIRE_ON_CIVILIANS")


class TestLive:
    """What arrives is seen without a reload, and what the officer had open stays open."""

    def test_a_new_entry_appears(self, screen: Screen) -> None:
        page = screen.open("/en/")
        page.evaluate("window.same = true")
        page.wait_for_timeout(600)
        case = screen.desk.node.open_case("s2", {"meaning": "ACCIDENT_OURS", "since": int(time.time())}, {})
        expect(page.locator(f'article[data-case="{case["id"]}"] h3')).to_have_text(
            "Accident on our part", timeout=2000
        )
        assert page.evaluate("window.same")

    def test_an_open_menu_and_the_focus_stay(self, screen: Screen) -> None:
        page = screen.open("/en/")
        page.keyboard.press("a")
        focused = page.evaluate("document.activeElement.dataset.key")
        assert focused == "KeyA"
        page.wait_for_timeout(600)
        case = screen.desk.node.open_case("s2", {"meaning": "OTHER", "since": int(time.time())}, {})
        page.locator(f'article[data-case="{case["id"]}"]').wait_for(timeout=2000)
        expect(page.locator("details.menu[open]")).to_have_count(1)
        assert page.evaluate("document.activeElement.dataset.key") == "KeyA"
        assert page.locator("article.selected").get_attribute("data-case") != case["id"]

    def test_without_events_the_page_calls_itself_old(self, browser: Browser, s1: Desk) -> None:
        screen = Screen(browser, s1).sign_in()
        screen.page.clock.install()
        page = screen.open("/en/")
        expect(page.locator("#stale")).to_be_hidden()
        screen.page.route("**/events", lambda route: route.abort())
        page.evaluate("new BroadcastChannel('x')")
        page.clock.fast_forward(20_000)
        expect(page.locator("#stale")).to_be_visible()
        screen.context.close()


class TestEye:
    """Mirrored, whole, in the shipped type, and without a fault of accessibility in both themes."""

    PAGES = ("/{}/", "/{}/stop/", "/{}/alarm/")

    @pytest.mark.parametrize(("language", "theme"), [("ar", "light"), ("he", "light"), ("en", "dark")])
    def test_no_fault_of_accessibility(self, browser: Browser, s1: Desk, language: str, theme: str) -> None:
        screen = Screen(browser, s1, color_scheme=theme, bypass_csp=False, reduced_motion="reduce").sign_in()
        for path in self.PAGES:
            page = screen.open(path.format(language))
            if path == "/{}/":
                page.keyboard.press("c")
            found = Axe().run(
                page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
            )
            assert found.response["violations"] == [], found.generate_report()
        page = screen.open(f"/{language}/")
        page.keyboard.press("s")
        found = Axe().run(page)
        assert found.response["violations"] == [], found.generate_report()
        screen.close()

    def test_the_guarantors_page_and_sign_in_too(self, browser: Browser, desks: dict[str, Desk]) -> None:
        for post, path in (
            ("SUPERVISOR", "/en/"),
            (None, "/he/signin/"),
            (None, "/ar/enrol/invite-super-1/"),
        ):
            screen = Screen(browser, desks["g1"], reduced_motion="reduce")
            if post:
                screen.sign_in(post)
            found = Axe().run(screen.open(path))
            assert found.response["violations"] == [], found.generate_report()
            screen.close()

    @pytest.mark.parametrize("width", [320, 390, 768, 1366])
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_nothing_sticks_out(self, screen: Screen, language: str, width: int) -> None:
        screen.page.set_viewport_size({"width": width, "height": 900})
        page = screen.open(f"/{language}/")
        out = page.evaluate(STICKING_OUT)
        assert out == []

    def test_the_page_is_mirrored(self, screen: Screen) -> None:
        sides = {}
        for language in LANGUAGES:
            page = screen.open(f"/{language}/")
            sides[language] = page.evaluate(LEFT_EDGES, [".stop-button", "#lines"])
        assert sides["en"][0] < sides["en"][1]
        assert sides["ar"][0] > sides["ar"][1]
        assert sides["he"][0] > sides["he"][1]

    def test_shipped_type_is_what_is_shown(self, screen: Screen) -> None:
        """System fonts hide a missing file: ask which faces were loaded."""
        page = screen.open("/ar/")
        page.wait_for_timeout(300)
        loaded = page.evaluate(
            "[...document.fonts].filter(f => f.status === 'loaded').map(f => f.family + f.weight)"
        )
        assert {"Plex400", "Plex600", "Plex Code400"} <= {name.replace('"', "") for name in loaded}

    def test_pictures_for_the_eye(self, browser: Browser, desks: dict[str, Desk]) -> None:
        """Kept where DETENTE_SHOTS says, for a person to look at."""
        folder = os.environ.get("DETENTE_SHOTS")
        if not folder:
            return
        for party, language in (("s1", "ar"), ("s2", "he"), ("g1", "en")):
            for width in (1366, 390):
                for theme in ("light", "dark"):
                    screen = Screen(browser, desks[party], color_scheme=theme)
                    screen.sign_in("SUPERVISOR" if party == "g1" else "WATCH")
                    screen.page.set_viewport_size({"width": width, "height": 900})
                    page = screen.open(f"/{language}/")
                    page.wait_for_timeout(300)
                    name = f"{party}-{language}-{width}-{theme}.png"
                    page.screenshot(path=str(Path(folder) / name), full_page=True)
                    screen.close()


class TestClocks:
    def test_they_go_by_the_nodes_time_not_the_browsers(self, screen: Screen) -> None:
        screen.page.clock.install(time=1_000_000_000)
        page = screen.open("/en/")
        shown = page.locator(".clock-utc .clock-time").inner_text()
        assert re.fullmatch(r"\d\d:\d\d:\d\d", shown)
        h, m, s = (int(x) for x in shown.split(":"))
        now = int(time.time()) % 86400
        assert min((h * 3600 + m * 60 + s - now) % 86400, (now - h * 3600 - m * 60 - s) % 86400) <= 5
