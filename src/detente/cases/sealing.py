"""Who holds a key to each part of an entry and who keeps its bytes, by delivery mode and handling.

1. The core goes as the delivery mode says, whatever the handling: what moves state is never only shown.
2. Content and attachments that are SHOW are sealed to their author alone and kept by nobody else; each view
   is asked of the author (protocol A11).
3. DIRECT has no depositary; in SEALED the guarantor keeps what it cannot open (protocol A10).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from detente.cases.core import Core
from detente.charter.model import Charter
from detente.record.header import CORE

SHOW: Final = "SHOW"


class Holders(NamedTuple):
    """Parties that have a key and parties that keep the bytes, sorted, without the author."""

    to: tuple[str, ...]
    keep: tuple[str, ...]


NOBODY: Final = Holders((), ())


def is_shown(core: Core) -> bool:
    """Whether the entry's content and attachments are shown for each view and given to nobody."""
    return core.handling.get("mode") == SHOW


def holders(charter: Charter, core: Core, role: str) -> Holders:
    """Holders of a part of that role, the same for all parts of one role."""
    if role != CORE and is_shown(core):
        return NOBODY
    addressed = core.addressees
    readers = addressed - {one.id for one in charter.guarantors()}
    match core.mode:
        case "DIRECT":
            return Holders(tuple(sorted(readers)), tuple(sorted(readers)))
        case "SEALED":
            return Holders(tuple(sorted(readers)), tuple(sorted(addressed)))
        case _:
            return Holders(tuple(sorted(addressed)), tuple(sorted(addressed)))
