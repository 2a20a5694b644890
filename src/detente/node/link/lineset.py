"""Which lines this node has, from its settings, the charter and the peers' cards.

A line needs the peer's card: its CA and where to dial. The charter binds: a card whose CA is not the one that
the charter names by its fingerprint is refused, and with it the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from detente.charter.make import ca_fingerprint
from detente.charter.model import Charter
from detente.node import pairing
from detente.node.folder import NodeFolder
from detente.record.errors import Refused, declare

CARD_MISSING: Final = declare("card-missing", "operator", "a party of the charter has no card here; peer add")
CA_DIFFERS: Final = declare("ca-differs", "operator", "the card's CA is not the one that the charter names")


@dataclass(frozen=True)
class Line:
    """One peer's line. `listen` None: only dialled; `dial` "": it only calls us; `host`: in its leaf."""

    peer: str
    ca: bytes
    listen: tuple[str, int] | None
    dial: str
    host: str
    pin: bytes | None


def lines_of(folder: NodeFolder, charter: Charter) -> tuple[Line, ...]:
    """The lines to all other parties, by party. Raises Refused `card-missing` or `ca-differs`."""
    cards = pairing.peer_cards(folder)
    found = []
    for party in sorted(charter.parties.values(), key=lambda one: one.id):
        if party.id == folder.party:
            continue
        card = cards.get(party.id)
        if card is None:
            raise Refused(CARD_MISSING, party=party.id)
        if ca_fingerprint(card.ca) != party.ca_fingerprint:
            raise Refused(CA_DIFFERS, party=party.id)
        address = card.addresses.get(folder.party, "")
        setting = folder.settings.link.get(party.id)
        dial = (setting.dial if setting else "") or address
        found.append(
            Line(
                party.id,
                card.ca.encode("ascii"),
                _address(setting.listen) if setting and setting.listen else None,
                dial,
                # However it is reached, the peer's leaf names the host of its card.
                urlsplit(address or dial).hostname or "",
                bytes.fromhex(setting.pin) if setting and setting.pin else None,
            )
        )
    return tuple(found)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
