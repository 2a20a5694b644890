"""R06: this party says, once for each part, that a part sealed to it does not open (protocol A12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from detente.node import selectors
from detente.node.statements import LOG_POST, Statement
from detente.record.references import Reference, reference_json

if TYPE_CHECKING:
    from detente.node.api.services import Services

KIND: Final = "R06"
MOST: Final = 16  # in one step: a flood of broken parts must not hold up what else the node has to say
_NO_KEY: Final = "no-key"


def due_complaints(services: Services) -> list[Statement]:
    """One statement for each part that does not open and that no R06 of ours names yet."""
    said = {
        (one.core.fields.get("entry", {}).get("core"), one.core.fields.get("part"))
        for one in services.model.rows.of_kind(KIND)
        if one.party == services.context.party and one.core
    }
    found = []
    for part in selectors.cannot_open():
        row = services.model.rows.get(part.entry)
        if row is None or row.header is None or (row.header.core.hex(), part.position) in said:
            continue
        reference = Reference(part.entry.log, part.entry.index, row.header.core)
        reason = "NOT_SEALED_TO_US" if part.failure == _NO_KEY else "BROKEN_FILE"
        fields = {"entry": reference_json(reference), "part": part.position, "reason": reason}
        found.append(Statement(KIND, "NEW", LOG_POST, fields))
    return found[:MOST]
