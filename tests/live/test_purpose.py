"""The sentence of the purpose, in a browser on each party's desk, over three living nodes.

S1's officer presses STOP-AND-CHECK on an Arabic page; S2's alarm sounds and shows it in Hebrew; two keys
answer; the guarantor sees both times; the direct link is cut and it works again through the guarantor.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detente.cli.demo.cell import Cell
from detente.node.pairing import node_charter
from live.officers import CHROMIUM, FLAGS, Officer, need_chromium, officer, started, until

pytestmark = [pytest.mark.live, pytest.mark.browser]

ALARM_S = 5
POSTS = {"s1": "WATCH", "s2": "WATCH", "g1": "SUPERVISOR"}


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    need_chromium()
    with started(tmp_path_factory.mktemp("cell") / "d", desks=True) as cell:
        yield cell


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    need_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def watch(cell: Cell, browser: Any) -> dict[str, Officer]:
    """Three officers, each signed in by passkey with an alarm that was heard."""
    officers = {}
    for party, lang in (("s1", "ar"), ("s2", "he"), ("g1", "en")):
        one = officer(browser, cell, party, lang)
        link = cell.node(party).api.post("/v1/enrolment", {"post": POSTS[party]})["link"]
        one.enrol(link)
        one.sign_in()
        officers[party] = one
    return officers


def place_name(cell: Cell, party: str, lang: str) -> str:
    gazetteer = node_charter(cell.node(party).folder).gazetteer
    name = min(gazetteer.values(), key=lambda one: one.id)
    return name.names[lang]


def newest(cell: Cell, party: str) -> dict[str, Any]:
    cases = cell.node(party).api.get("/v1/cases", kind="D02")["cases"]
    return cases[0] if cases else {}


def press(cell: Cell, sender: Officer, *, meaning: int) -> str:
    """Press at the sender's desk; the id of the entry, once the sender's page shows it without reload."""
    before = newest(cell, sender.party).get("id")
    sender.press_stop(meaning=meaning, place=place_name(cell, sender.party, sender.lang))
    name = until(
        lambda: newer if (newer := newest(cell, sender.party).get("id")) not in (None, before) else None,
        5, "the entry is in the sender's log",
    )  # fmt: skip
    sender.page.locator(f"[data-case='{name}']").wait_for(timeout=5000)
    return str(name)


class TestPurpose:
    """The smallest thing that is the whole product."""

    def test_pressed_in_arabic_heard_and_shown_in_hebrew_answered_by_two_keys(
        self, cell: Cell, watch: dict[str, Officer]
    ) -> None:
        name = press(cell, watch["s1"], meaning=4)
        until(lambda: any(n == name for _, n in cell.alarm_times("s2")), ALARM_S, "S2's alarm sounds")
        shown = watch["s2"].page.locator(f"[data-case='{name}']")
        shown.wait_for(timeout=5000)
        assert any("\u05d0" <= letter <= "\u05ea" for letter in shown.inner_text())
        watch["s1"].picture("pressed")
        watch["s2"].picture("alarm")
        keys(cell, watch["s2"], name, "c", "1", act="ACK")
        keys(cell, watch["s2"], name, "a", "1", act="ANSWER")
        until(lambda: newest(cell, "s1")["state"] == "holding", 5, "the sender sees the answer")
        receipts = {one["party"]: one for one in cell.node("g1").api.get(f"/v1/receipts/{name}")["receipts"]}
        assert receipts["s2"]["at"] and receipts["s2"]["answered_at"]
        seen = watch["g1"].page.locator(f"[data-case='{name}']")
        seen.wait_for(timeout=5000)
        watch["g1"].page.wait_for_timeout(1500)
        for one in watch.values():
            one.picture("answered")

    def test_the_direct_line_is_cut_and_it_works_through_the_guarantor(
        self, cell: Cell, watch: dict[str, Officer]
    ) -> None:
        cell.places.cut("s1", "s2")
        try:
            until(lambda: cell.node("s1").status()["peers"]["s2"]["line"] == "relay", 15, "relay is seen")
            name = press(cell, watch["s1"], meaning=1)
            until(lambda: any(n == name for _, n in cell.alarm_times("s2")), ALARM_S, "S2's alarm sounds")
            keys(cell, watch["s2"], name, "a", "2", act="ANSWER")
            until(lambda: newest(cell, "s1")["state"] == "checking", 8, "the answer comes back by relay")
            watch["s1"].page.wait_for_timeout(1500)
            watch["s1"].picture("relay")
        finally:
            cell.places.mend("s1", "s2")

    @pytest.mark.parametrize("lang", ["ar", "he", "en"])
    def test_every_officer_may_read_in_every_language(
        self, cell: Cell, watch: dict[str, Officer], lang: str
    ) -> None:
        page = watch["s1"].page
        page.goto(f"{watch['s1'].origin}/{lang}/")
        assert page.evaluate("document.documentElement.dir") == ("ltr" if lang == "en" else "rtl")
        page.evaluate("document.fonts.ready")
        Officer("s1", lang, page, watch["s1"].origin).picture("board")

    def test_nothing_is_asked_of_another_host(self, cell: Cell, watch: dict[str, Officer]) -> None:
        asked: list[str] = []
        page = watch["s2"].page
        page.on("request", lambda request: asked.append(request.url))
        page.reload()
        page.wait_for_timeout(500)
        own = watch["s2"].origin
        assert asked and all(url.startswith((own, "data:")) for url in asked), asked


class TestDeskDead:
    """The alarm is a process of its own: browser and desk killed, a D02 still sounds."""

    def test_it_sounds_within_five_seconds(self, cell: Cell, watch: dict[str, Officer]) -> None:
        watch["s2"].page.context.close()
        kill_desk(cell, "s2")
        name = press(cell, watch["s1"], meaning=3)
        until(lambda: any(n == name for _, n in cell.alarm_times("s2")), 5, "S2's alarm sounds")


def keys(cell: Cell, who: Officer, name: str, *pressed: str, act: str) -> None:
    """Press keys on the case until the node has the act in the case's timeline."""
    case = who.page.locator(f"[data-case='{name}']")
    case.wait_for(timeout=8000)
    case.focus()
    for key in pressed:
        who.page.keyboard.press(key)

    def done() -> bool:
        timeline = cell.node(who.party).api.get(f"/v1/cases/{name}")["timeline"]
        return any(row["act"] == act and row["party"] == who.party for row in timeline)

    until(done, 5, f"{who.party} has entered {act} by {' '.join(pressed)}")
    who.page.wait_for_timeout(300)


def kill_desk(cell: Cell, party: str) -> None:
    """SIGKILL the desk's process; the supervisor may start it again, which is not what is tested."""
    import os
    import signal

    from detente.cli.demo.cell import descendants

    process = cell.node(party).process
    assert process is not None
    for pid in descendants(process.pid):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"detente.desk" in command:
            os.kill(pid, signal.SIGKILL)
