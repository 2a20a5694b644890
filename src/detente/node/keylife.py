"""R04: the life of this party's receiving keys, said by the node itself (protocol A12, E1).

1. The newest key in the folder is announced. Peers seal to it once their record holds the entry.
2. An older key is destroyed when every other party's `seen` covers the announcement of the newest, core and
   content there, and the courier time has passed since; then its end is announced.
3. A key that is announced and not in the folder is lost or was destroyed: its end is announced as well, once
   another one is in force.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from detente.cases.nextlogs import receiving_fields
from detente.node import keys, logs
from detente.node.statements import LOG_POST, Statement
from detente.record.age import recipient_of

if TYPE_CHECKING:
    from detente.node.api.services import Services
    from detente.record.names import EntryId

KIND: Final = "R04"
_ADDED: Final = "RECEIVING_ADDED"


def due_key_changes(services: Services) -> list[Statement]:
    """What is to be said of the receiving keys now; old ones whose time is over are destroyed on the way."""
    context = services.context
    seeds = keys.receiving_seeds(context.folder)
    context.keeper.opener.renew(seeds)
    register = services.model.book.register
    known = register.receiving_keys.get(context.party, ())
    if not seeds or not known:
        return []
    newest = _recipient(seeds[0])
    if newest not in known:
        return [Statement(KIND, "NEW", LOG_POST, receiving_fields(newest))]
    if newest != known[0] and len(known) > 1 and _announced(services, newest) is None:
        return []  # the charter's own key is the newest here: an older folder came back
    held = {_recipient(seed): seed for seed in seeds}
    if len(held) > 1 and _is_over(services, newest):
        for recipient, seed in held.items():
            if recipient != newest:
                keys.destroy_receiving(context.folder, seed)
                logs.line("receiving-key-destroyed")
        held = {newest: seeds[0]}
        context.keeper.opener.renew(seeds[:1])
    gone = [one for one in known if one not in held]
    return [Statement(KIND, "NEW", LOG_POST, receiving_fields(one, retired=True)) for one in gone]


def _is_over(services: Services, newest: str) -> bool:
    """Rule 2."""
    entry = _announced(services, newest)
    if entry is None:
        return False
    context = services.context
    with services.model.reading() as book:
        receipts = [
            book.receipts(entry, party) for party in context.charter.parties if party != context.party
        ]
    times = [one.at for one in receipts if one is not None and one.state == "held" and one.at is not None]
    courier = context.folder.settings.keys_courier_s
    return len(times) == len(receipts) and context.now() >= max(times, default=0) + courier


def _announced(services: Services, recipient: str) -> EntryId | None:
    for row in services.model.rows.of_kind(KIND):
        fields = row.core.fields if row.core else {}
        if row.party == services.context.party and (fields.get("change"), fields.get("key")) == (
            _ADDED,
            recipient,
        ):
            return row.id
    return None


@lru_cache(maxsize=16)
def _recipient(seed: bytes) -> str:
    return recipient_of(seed)
