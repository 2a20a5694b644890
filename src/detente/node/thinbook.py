"""Thin messages that this node heard: provisional until the log covers them (protocol E3).

1. A message is known by SHA-256 of its bytes: the same again is no news. It is verified before it is kept.
2. It moves no state and is no receipt. It only sounds: STOP-AND-CHECK by another party, not older than a day,
   until an officer here says that it was heard, or an entry of its party names it.
3. Covered is what the record says: an entry of the same party, kind and act whose core has its name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from detente.cases.thin import ThinSaid, read_thin
from detente.charter.model import Charter
from detente.node import models as tables
from detente.node.rowbook import EntryRow
from detente.record.encoding import encode_base64, parse_base64
from detente.record.errors import DetenteError, Refused, declare
from detente.record.thin import CASE_NAME, thin_name

UNKNOWN: Final = declare("thin-unknown", "caller", "no thin message of that name was heard here")
OWN: Final = declare("thin-own", "caller", "the message is this party's own; the other party hears it")
FULL: Final = declare("thin-too-many", "operator", "more thin messages were heard than a node keeps")

PREFIX: Final = "thin."
MAX_HEARD: Final = 10_000
#: Seconds after which a message is shown, but no longer sounds: a replay may be as old as it likes.
FRESH_S: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class HeardThin:
    """A message as it was heard. `heard_by` is the post that silenced it, empty until then."""

    name: bytes
    data: bytes
    said: ThinSaid
    path: str
    heard_at: int
    silenced_by: str = ""

    @property
    def key(self) -> str:
        """Its row among the node's small facts."""
        return PREFIX + self.name.hex()[:48]

    @property
    def short(self) -> str:
        """How it is spoken of until it has an entry: `THIN-` and the twelve digits that a case names."""
        return "THIN-" + self.name[:CASE_NAME].hex().upper()

    def value(self) -> str:
        """What is remembered of it."""
        found = {"data": encode_base64(self.data), "path": self.path, "at": self.heard_at}
        return json.dumps({**found, "silenced_by": self.silenced_by})


class ThinBook:
    """The messages heard here. Lives in the link process; filled once from the database."""

    def __init__(self) -> None:
        self.heard: dict[bytes, HeardThin] = {}
        self.loaded = False

    def load(self, charter: Charter) -> None:
        """Read what was remembered. Reads the database; a message of another charter is left out."""
        for row in tables.LocalState.objects.filter(name__startswith=PREFIX).order_by("set_at"):
            found = json.loads(row.value)
            data = parse_base64(found["data"], "thin")
            try:
                said = read_thin(charter, data)
            except DetenteError:
                continue
            one = HeardThin(thin_name(data), data, said, found["path"], found["at"], found["silenced_by"])
            self.heard.setdefault(one.name, one)
        self.loaded = True

    def hear(self, charter: Charter, me: str, data: bytes, path: str, at: int) -> tuple[HeardThin, bool]:
        """A message that was read, and whether it is new. Raises what `read_thin` raises, and Refused."""
        said = read_thin(charter, data)
        if said.party == me:
            raise Refused(OWN)
        known = self.heard.get(thin_name(data))
        if known is not None:
            return known, False
        if len(self.heard) >= MAX_HEARD:
            raise Refused(FULL, limit=MAX_HEARD)
        return HeardThin(thin_name(data), data, said, path, at), True

    def keep(self, one: HeardThin) -> None:
        """Remember it here, after the writer has stored it."""
        self.heard[one.name] = one

    def silenced(self, text: str, post: str) -> HeardThin:
        """The message of that printed name, heard by an officer. Raises Refused `thin-unknown`."""
        for one in self.heard.values():
            if one.short == text or one.name.hex() == text:
                return replace(one, silenced_by=post)
        raise Refused(UNKNOWN, name=text)


def covering(one: HeardThin, rows: Iterable[EntryRow]) -> EntryRow | None:
    """The entry that says the same in the log, if it is here."""
    for row in rows:
        core = row.core
        if core is None or row.party != one.said.party or core.fields.get("thin") != one.name.hex():
            continue
        if (core.kind, core.act) == (one.said.kind, one.said.act):
            return row
    return None


def sounding(
    book: ThinBook, charter: Charter, now: int, rows_of: Callable[[str], Iterable[EntryRow]]
) -> list[HeardThin]:
    """The messages that should sound now, the oldest first."""
    return [
        one for one in book.heard.values()
        if one.said.act == "NEW" and charter.kinds[one.said.kind].precedence == "FLASH"
        if not one.silenced_by and now - one.said.time <= FRESH_S
        if covering(one, rows_of(one.said.kind)) is None
    ]  # fmt: skip


def case_words(charter: Charter, said: ThinSaid) -> Mapping[str, Any] | None:
    """The case a message is about: {log party, generation, index} or {name}."""
    if said.case is None:
        return None
    if said.case.name:
        return {"thin": "THIN-" + said.case.name.hex().upper()}
    order = sorted(charter.parties)
    party = order[said.case.party] if said.case.party < len(order) else "?"
    return {"party": party, "generation": said.case.generation, "index": said.case.index}
