"""The acts on a STOP-AND-CHECK as they lie on the screen: order, key, and what stands beside each.

Keys are places on the keyboard (`KeyboardEvent.code`), so that an Arabic, a Hebrew and a Latin layout
press the same key. An act with a code list opens by its key and is sent by a digit: two keys. READ needs
one. The letter printed is the one on a Latin layout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

STOP: Final = "D02"
CHECK: Final = "D01"


@dataclass(frozen=True)
class ActKey:
    """`note` is the charter's standard note that must stand beside the act."""

    act: str
    key: str
    label: Promise
    hint: Promise | None = None
    note: str = ""
    weight: Literal["first", "plain"] = "plain"

    @property
    def letter(self) -> str:
        return self.key.removeprefix("Key")


ACTS: Final[tuple[ActKey, ...]] = (
    ActKey("READ", "KeyR", pgettext_lazy("act", "Read"), _("Says that the watch has read it."), "N2"),
    ActKey("ACK", "KeyC", pgettext_lazy("act", "Confirm receipt"), None, "N2", "first"),
    ActKey("ANSWER", "KeyA", pgettext_lazy("act", "Answer"), None, "", "first"),
    ActKey(
        "PASS_ON", "KeyP", pgettext_lazy("act", "Passed on"), _("Says to which level it was passed on."), "N2"
    ),
    ActKey(
        "SIGN",
        "KeyY",
        pgettext_lazy("act", "Confirm our entry"),
        _("Second signature. Without it the entry stays marked as not confirmed."),
    ),
    ActKey("WITHDRAW", "KeyW", pgettext_lazy("act", "Withdraw our entry")),
    ActKey("UPDATE", "KeyN", pgettext_lazy("act", "Renew"), _("Says that it still holds.")),
    ActKey("MOVE", "KeyE", pgettext_lazy("act", "End"), _("Says that the matter is over.")),
    ActKey("CORRECT", "KeyF", pgettext_lazy("act", "False alarm"), None, "N9"),
)
BY_ACT: Final = {row.act: row for row in ACTS}

MOVES: Final[tuple[tuple[str, Promise], ...]] = (
    ("S", _("Open STOP-AND-CHECK; then a digit for the meaning, the place, and Enter to send")),
    ("J / K", _("Next entry, previous entry")),
    ("1 – 9", _("Choose from the list that is open")),
    ("Esc", _("Close the list or the panel")),
    ("L", _("Lock this screen")),
    ("H", _("Show or hide this list of keys")),
)
