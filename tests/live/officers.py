"""Officers at real desks: a browser page for each, with a virtual authenticator, over living nodes."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from detente.cli.demo.cell import PARTIES, Cell, build

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PICTURES = Path(__file__).resolve().parents[2] / "build" / "screens" / "watch"
START_S = 90


def need_chromium() -> None:
    """Skip for want of Chromium, or fail where no skip is allowed."""
    if shutil.which("chromium") is None:
        why = "no browser (Debian: chromium)"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)


def until(condition: Callable[[], Any], within: float, what: str) -> Any:
    """Wait for a true value; AssertionError with `what` if it does not come."""
    deadline, last = time.monotonic() + within, None
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
        except Exception as error:  # a node that is stopped on purpose does not answer
            last = error
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {within} s; last: {last!r}")


def all_ready(cell: Cell) -> bool:
    """Whether every node signs and hears both peers."""
    for party in PARTIES:
        now = cell.node(party).status()
        if now["signer"]["state"] != "started":
            return False
        if any(peer["line"] != "direct" for peer in now["peers"].values()):
            return False
    return True


@contextmanager
def started(place: Path, *, desks: bool) -> Iterator[Cell]:
    """A living cell with all lines direct."""
    cell = build(place, desks=desks)
    try:
        cell.start()
        until(lambda: all_ready(cell), START_S, "three nodes come up")
        yield cell
    finally:
        cell.stop()


@dataclass
class Officer:
    """One officer's browser page at a party's desk, in a language."""

    party: str
    lang: str
    page: Any
    origin: str

    def open(self, path: str) -> None:
        """Open a page of the desk in the officer's language."""
        self.page.goto(f"{self.origin}/{self.lang}/{path}")

    def picture(self, name: str) -> None:
        """Keep what the officer sees, once the fonts are there."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.evaluate("document.fonts.ready")
        width = self.page.viewport_size["width"]
        path = PICTURES / f"{name}-{self.party}-{self.lang}-{width}.png"
        self.page.screenshot(path=str(path), full_page=True)

    def enrol(self, link: str) -> None:
        """Register a passkey with a one-time link."""
        path = link.removeprefix(self.origin).lstrip("/")
        self.page.goto(f"{self.origin}/{self.lang}/{path.removeprefix(f'{self.lang}/')}")
        self.page.locator("form[data-passkey=create] button.strong").click()
        self.page.wait_for_url("**/signin/**")

    def sign_in(self) -> None:
        """Sign in by passkey, hear the alarm, confirm it."""
        self.open("signin/")
        self.page.locator("form[data-passkey=get] button.strong").click()
        self.page.wait_for_url("**/alarm/**")
        self.page.keyboard.press("t")
        self.page.locator("button[name=heard][value=yes]").wait_for()
        self.page.keyboard.press("y")
        self.page.wait_for_url(f"{self.origin}/{self.lang}/")

    def press_stop(self, *, meaning: int, place: str) -> float:
        """STOP-AND-CHECK in three presses and the place; the instant of the last press."""
        self.page.keyboard.press("s")
        self.page.locator("#stop-panel[open]").wait_for()
        self.page.keyboard.press(str(meaning))
        self.page.locator("#stop-panel #place").fill(place)
        self.page.locator("#stop-panel .place-point").wait_for()
        pressed = time.time()
        self.page.locator("#stop-panel #place").press("Enter")
        return pressed


def officer(browser: Any, cell: Cell, party: str, lang: str, *, width: int = 1366) -> Officer:
    """A page of its own with a virtual authenticator of its own."""
    settings = cell.node(party).folder.settings
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme="light")
    page = context.new_page()
    client = context.new_cdp_session(page)
    client.send("WebAuthn.enable")
    client.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }})  # fmt: skip
    return Officer(party, lang, page, settings.desk_origin)
