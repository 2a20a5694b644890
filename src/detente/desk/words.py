"""Sentences for the codes that the core and the node give. A code without a sentence is shown as a code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from detente.record.errors import DetenteError

REFUSALS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "node-not-running": _("This desk does not reach its own node."),
        "signer-not-started": _("The signer waits for one peer to say what it holds of our log."),
        "disk-full": _("The disk of this node is full. Only safety entries still go out."),
        "second-signer": _("A second signer tried to use this log. The operator must look."),
        "session-unknown": _("This watch session is not known to the node. Sign in again."),
        "session-expired": _("This watch session has ended. Sign in again."),
        "assertion-refused": _("The passkey was not accepted."),
        "no-credential": _("No passkey is registered for this post yet."),
        "unverified": _("The passkey was not accepted."),
        "code-unknown": _("This one-time link is not valid or has been used."),
        "not-permitted": _("As the case stands now, this act is not possible."),
        "post-may-not": _("The charter does not give this act to your post."),
        "same-post": _("The second signature must come from another post."),
        "missing-field": _("Something that this act needs is missing."),
        "writer-busy": _("The node is busy. Press again."),
        "not-found": _("There is no such entry here."),
        "conflict": _("The record moved on meanwhile. Look again, then act."),
    }
)

# Form checks that speak only after a STOP-AND-CHECK has gone, since none may hold it up: each a whole
# sentence for its author.
FINDINGS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "place-missing": _("No place was given. Renew the entry with a place as soon as you know it."),
        "place-without-point": _("The place has no point. The other side sees your words only."),
        "place-mismatch": _("Point and name are more than 2 km apart. Check the place and renew."),
        "zone-seam": _("Near the seam of two grid zones: read the whole grid with its zone."),
        "place-too-fine": _("The place is finer than the charter agrees. Renew with a coarser one."),
        "future-time": _("A time lies in the future. Check it and renew."),
        "text-too-long": _("The text has more than 200 words."),
    }
)


def finding_sentences(codes: Sequence[str]) -> list[str]:
    """A sentence for each finding; a code without one is shown as it is."""
    # A place that is missing has its own sentence; the general one would say it twice.
    shown = [code for code in dict.fromkeys(codes) if code != "missing-field"]
    return [str(FINDINGS.get(code, code)) for code in shown]


@dataclass(frozen=True)
class Refusal:
    """What the officer reads: a sentence, the stable code, and the clause where there is one."""

    sentence: str
    code: str
    clause: str


def refusal(error: DetenteError) -> Refusal:
    """The words for `error` in the language of the page."""
    known = REFUSALS.get(error.code)
    sentence = str(known) if known is not None else gettext("The node did not accept this. Nothing was sent.")
    return Refusal(sentence, error.code, str(getattr(error, "clause", "") or error.values.get("clause", "")))
