"""What every page carries: the party, the exercise mark, the clocks, the languages, the theme."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language

from detente.desk.charter import CharterView, PartyWords, charter
from detente.desk.here import api, config
from detente.desk.viewer import viewer_of
from detente.record.errors import DetenteError

THEMES: Final = ("auto", "light", "dark")
OFFSET_MINUTE: Final = 60


@dataclass(frozen=True)
class ClockRow:
    """A party's wall clock: `offset_s` from UTC now, and the text for a page without scripts."""

    party: PartyWords | None
    offset_s: int
    text: str
    zone: str
    day: str


class Frame:
    """Asked lazily by the templates, so that a partial pays only for what it shows."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @cached_property
    def charter(self) -> CharterView | None:
        try:
            return charter()
        except DetenteError:
            return None  # the page that says so must still be drawn

    @cached_property
    def status(self) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = api().get("/v1/status")
        except DetenteError:
            return {"time": int(time.time())}
        return found

    @cached_property
    def as_of(self) -> int:
        """The node's time: a node's clock may be off, and entries carry its time, not the browser's."""
        return int(self.status["time"])

    @property
    def me(self) -> PartyWords | None:
        return self.charter.party(self.charter.me) if self.charter else None

    @property
    def post_label(self) -> str:
        viewer = viewer_of(self.request)
        return self.charter.post_label(viewer.post) if self.charter and viewer else ""

    def _note(self, note: str) -> str:
        return self.charter.note(note) if self.charter else ""

    @property
    def note_exercise(self) -> str:
        return self._note("N8")

    @property
    def note_names(self) -> str:
        return self._note("N4")

    @property
    def note_receipt(self) -> str:
        return self._note("N2")

    @property
    def note_channel(self) -> str:
        return self._note("N3")

    @property
    def actual_origin(self) -> str:
        return str(config().actual_origin)

    @property
    def theme(self) -> str:
        return str(self.request.session.get("theme", "auto"))

    @property
    def keys_on(self) -> bool:
        return bool(self.request.session.get("keys", True))

    @property
    def idle_lock_s(self) -> int:
        return int(config().idle_lock_s)

    @property
    def languages(self) -> tuple[tuple[str, str, str, bool], ...]:
        """(code, own name, address of this page in it, current) of each language."""
        path = self.request.path
        here = get_language()
        tail = path.split("/", 2)[2] if path.count("/") > 1 else ""
        return tuple((code, str(name), f"/{code}/{tail}", code == here) for code, name in settings.LANGUAGES)

    @property
    def clocks(self) -> tuple[ClockRow, ...]:
        """The own clock first, then the others in the order of the charter; UTC last."""
        if self.charter is None:
            return (_clock(None, "UTC", self.as_of),)
        me = self.charter.me
        parties = sorted(self.charter.parties(), key=lambda p: p.id != me)
        if not self.charter.is_side(me):  # the guarantor's page draws both sides first, alike
            parties = sorted(self.charter.parties(), key=lambda p: p.role != "side")
        zones = config().time_zones
        rows = [_clock(p, zones.get(p.id) or p.time_zone or "UTC", self.as_of) for p in parties]
        return (*rows, _clock(None, "UTC", self.as_of))


def _clock(party: PartyWords | None, zone: str, as_of: int) -> ClockRow:
    local = datetime.fromtimestamp(as_of, UTC).astimezone(ZoneInfo(zone))
    offset = local.utcoffset()
    seconds = int(offset.total_seconds()) if offset else 0
    sign, minutes = ("+" if seconds >= 0 else "−"), abs(seconds) // OFFSET_MINUTE
    name = (
        "UTC"
        if party is None
        else f"UTC{sign}{minutes // 60}" + (f":{minutes % 60:02}" if minutes % 60 else "")
    )
    return ClockRow(party, seconds, f"{local:%H:%M:%S}", name, f"{local:%Y-%m-%d}")


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor."""
    return {"frame": Frame(request), "viewer": getattr(request, "viewer", None)}


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that did not come from our own page; what was typed is not sent."""
    return render(request, "csrf.html", {"reason": reason}, status=403)
