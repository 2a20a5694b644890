"""What the charter says of keys: whose heads, whose cosignatures, who can open a part.

The charter binds; cards only brought the keys into it. Keys change later by entries (R04) and next logs (C3).
"""

from __future__ import annotations

from collections.abc import Mapping

from detente.charter.model import Charter
from detente.record.errors import Unverified
from detente.record.keys import LogKeys, MirrorKeys
from detente.record.names import parse_origin


def watching_mirrors(charter: Charter, me: str) -> Mapping[str, MirrorKeys]:
    """Keys under which each other party cosigns this party's logs."""
    return {one.id: one.mirrors[me] for one in charter.parties.values() if me in one.mirrors}


def log_keys(charter: Charter, origin: str) -> LogKeys:
    """Keys of a log by its origin. Raises Unverified for a log the charter does not name."""
    cell, party, _ = parse_origin(origin)
    found = charter.parties.get(party) if cell == charter.cell else None
    if found is None or found.log.origin != origin:
        raise Unverified("log unknown", origin=origin)
    return found.log


def mirror_keys(charter: Charter, mirror: str, watched: str) -> MirrorKeys:
    """Keys under which `mirror` cosigns the logs of `watched`. Raises Unverified."""
    found = charter.parties.get(mirror)
    if found is None or watched not in found.mirrors:
        raise Unverified("mirror unknown", mirror=mirror, watched=watched)
    return found.mirrors[watched]


def recipients(charter: Charter) -> Mapping[str, str]:
    """Receiving key (age recipient) of each party."""
    return {one.id: one.receiving for one in charter.parties.values()}
