"""Puts the cards of the parties into a charter without keys: its text stays as it was written."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Final

from detente.charter.card import PeerCard
from detente.charter.load import read_template
from detente.charter.strict import contradiction
from detente.record.approvals import Credential
from detente.record.encoding import encode_base64
from detente.record.errors import Malformed

_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)\s+-----END CERTIFICATE-----\s*")
_CLAUSE: Final = "protocol A13"
_RULER: Final = "# " + "-" * 64


def new_charter(template: bytes, cards: Iterable[PeerCard]) -> bytes:
    """The template's bytes with one `[[keys]]` table a party after them, sides and guarantors by id.

    The same template and cards give the same bytes at every party, in whatever order the cards came, so that
    three parties who make it alone can compare one digest. Raises Malformed or RuleViolation.
    """
    cell, parties = read_template(template)
    by_party: dict[str, PeerCard] = {}
    for card in cards:
        if card.cell != cell or card.party not in parties or card.party in by_party:
            raise contradiction(
                _CLAUSE, "cards", f"{card.party} of {card.cell} is not asked for, or came twice"
            )
        by_party[card.party] = card
    if missing := [party for party in parties if party not in by_party]:
        raise contradiction(_CLAUSE, "cards", f"no card of {missing[0]}")
    lines = ["", f"{_RULER} keys, from the parties' cards"]
    for party in sorted(by_party):
        lines += ["", *_keys(by_party[party])]
    return template.rstrip(b"\n") + b"\n" + "\n".join(lines).encode() + b"\n"


def ca_fingerprint(pem: str) -> str:
    """SHA-256, lower-case hex, of the one certificate in a PEM text. Raises Malformed."""
    found = _PEM.fullmatch(pem)
    try:
        der = base64.b64decode("".join(found[1].split()), validate=True) if found else b""
    except binascii.Error as error:
        raise Malformed("card ca", "not base64") from error
    if not der:
        raise Malformed("card ca", "not one PEM certificate")
    return hashlib.sha256(der).hexdigest()


def _keys(card: PeerCard) -> Iterator[str]:
    yield "[[keys]]"
    yield _row("party", card.party)
    yield _row("receiving", card.receiving)
    yield _row("recovery", card.recovery.hex())
    if card.thin:
        yield _row("thin", card.thin.hex())
    yield _row("ca_fingerprint", ca_fingerprint(card.ca))
    yield _row("rp_id", card.rp_id)
    if card.desk_origin:
        yield _row("desk_origin", card.desk_origin)
    yield _row("log.ed25519", card.log.ed25519.encode())
    yield _row("log.mldsa44", card.log.mldsa44.encode())
    for watched in sorted(card.mirrors):
        yield from ("", "[[keys.mirror]]", _row("watched", watched))
        yield _row("ed25519", card.mirrors[watched].ed25519.encode())
        yield _row("mldsa44", card.mirrors[watched].mldsa44.encode())
    for admin in card.admins:
        yield from ("", "[[keys.admin]]", *_admin(admin))


def _admin(admin: Credential) -> Iterator[str]:
    yield _row("post", admin.post)
    yield _row("kind", admin.kind)
    if admin.kind == "ed25519":
        yield _row("public", admin.public.hex())
        return
    yield _row("public", encode_base64(admin.public))
    yield _row("credential_id", encode_base64(admin.credential_id))
    yield _row("rp_id", admin.rp_id)
    yield "origins = [" + ", ".join(_quoted(one) for one in admin.origins) + "]"


def _row(key: str, value: str) -> str:
    return f"{key} = {_quoted(value)}"


def _quoted(value: str) -> str:
    # A card's text must never open a table of its own inside the charter.
    if not value.isprintable() or '"' in value or "\\" in value:
        raise Malformed("card", f"{value[:40]} cannot stand in a charter")
    return f'"{value}"'
