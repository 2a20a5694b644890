"""Reads the `[[keys]]` tables of a charter: what each party's card has brought.

The names inside the keys must be those of the cell: a key of another cell or party is refused, so that no
charter can lend one party's voice to another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from detente.charter.strict import CODE, PARTY, Table, contradiction
from detente.record.age import check_recipient
from detente.record.approvals import Credential
from detente.record.encoding import parse_base64, parse_hex
from detente.record.errors import Malformed, RuleViolation, declare
from detente.record.keys import LogKeys, MirrorKeys, parse_vkey
from detente.record.names import mirror_name, origin

KEYS_MISSING: Final = declare(
    "charter-keys-missing", "charter authors", "a party's card is not in the charter yet"
)

ADMINS: Final = 2
"""First administrator credentials a party (protocol A13)."""

_HEX32: Final = re.compile(r"[0-9a-f]{64}")
_RP_ID: Final = re.compile(r"(?=.{1,253}$)[a-z0-9-]+(?:\.[a-z0-9-]+)*")
_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]{1,253}(?::[0-9]{1,5})?")
_CLAUSE: Final = "protocol A13"
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class PartyKeys:
    """One party's public keys and names, as `model.Party` holds them."""

    log: LogKeys
    mirrors: Mapping[str, MirrorKeys]
    receiving: str
    recovery: str
    admins: tuple[Credential, ...]
    thin: str | None
    ca_fingerprint: str
    rp_id: str
    desk_origin: str


def read_keys(top: Table, cell: str, parties: tuple[str, ...]) -> dict[str, PartyKeys]:
    """Keys of every party, by id. Raises RuleViolation `charter-keys-missing` while a card is lacking."""
    found: dict[str, PartyKeys] = {}
    for row in top.tables("keys"):
        party = row.text("party", PARTY)
        if party not in parties or party in found:
            raise contradiction(_CLAUSE, row.at("party"), f"{party} is no party, or stands twice")
        found[party] = _party_keys(row, cell, party, parties)
        row.done()
    if missing := [party for party in parties if party not in found]:
        raise RuleViolation(_CLAUSE, KEYS_MISSING, parties=",".join(missing))
    return found


def _party_keys(row: Table, cell: str, party: str, parties: tuple[str, ...]) -> PartyKeys:
    name = origin(cell, party)
    log = row.table("log")
    keys = _turned(
        log, lambda: LogKeys(name, parse_vkey(log.text("ed25519")), parse_vkey(log.text("mldsa44")))
    )
    log.done()
    return PartyKeys(
        log=keys,
        mirrors=_mirrors(row, cell, party, parties),
        receiving=_turned(row, lambda: check_recipient(row.text("receiving"))),
        recovery=row.text("recovery", _HEX32),
        admins=_admins(row),
        thin=row.maybe_text("thin", _HEX32),
        ca_fingerprint=row.text("ca_fingerprint", _HEX32),
        rp_id=row.text("rp_id", _RP_ID),
        desk_origin=row.maybe_text("desk_origin", _ORIGIN) or "",
    )


def _mirrors(row: Table, cell: str, party: str, parties: tuple[str, ...]) -> dict[str, MirrorKeys]:
    found: dict[str, MirrorKeys] = {}
    for inner in row.tables("mirror", required=True):
        watched = inner.text("watched", PARTY)
        if watched not in parties or watched == party or watched in found:
            raise contradiction(
                _CLAUSE, inner.at("watched"), f"{watched} is not another party, or stands twice"
            )
        found[watched] = _mirror(inner, mirror_name(cell, party, watched))
        inner.done()
    # SPEC: protocol B1: a party mirrors every other log, or delivery to it can never be shown.
    if missing := [other for other in parties if other != party and other not in found]:
        raise contradiction(_CLAUSE, row.at("mirror"), f"{party} has no key for the log of {missing[0]}")
    return found


def _mirror(row: Table, name: str) -> MirrorKeys:
    return _turned(
        row, lambda: MirrorKeys(name, parse_vkey(row.text("ed25519")), parse_vkey(row.text("mldsa44")))
    )


def _admins(row: Table) -> tuple[Credential, ...]:
    found = tuple(_admin(inner) for inner in row.tables("admin", required=True))
    if len(found) != ADMINS or len({one.public for one in found}) != ADMINS:
        raise contradiction(
            _CLAUSE, row.at("admin"), f"{ADMINS} different administrators approve what counts"
        )
    return found


def _admin(row: Table) -> Credential:
    post = row.text("post", CODE)
    if row.choice("kind", ("ed25519", "webauthn")) == "ed25519":
        public = parse_hex(row.text("public", _HEX32), row.at("public"), size=32)
        row.done()
        return Credential(post, "ed25519", public)
    found = Credential(
        post,
        "webauthn",
        parse_base64(row.text("public"), row.at("public")),
        parse_base64(row.text("credential_id"), row.at("credential_id")),
        row.text("rp_id", _RP_ID),
        row.texts("origins", _ORIGIN, required=True),
    )
    row.done()
    return found


def _turned(row: Table, read: Callable[[], _Value]) -> _Value:
    """What `read` gives; its refusal with this table's path."""
    try:
        return read()
    except Malformed as error:
        raise Malformed(row.path, f"{error.what}: {error.detail}"[:200]) from error
