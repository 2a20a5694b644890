"""What the charter says of keys: whose heads, whose cosignatures, who can open a part.

The charter binds; cards only brought the keys into it. A next log's keys come from its certificate, which the
charter's recovery key signed (C3); receiving keys change by entries (R04), which the fold reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from detente.charter.model import Charter
from detente.node.rows import CosignatureRow
from detente.record.errors import Unverified
from detente.record.keys import LogKeys, MirrorKeys
from detente.record.messages import cosigned_head, open_cosignature_note
from detente.record.names import parse_origin, party_of


def watching_mirrors(charter: Charter, me: str) -> Mapping[str, MirrorKeys]:
    """Keys under which each other party cosigns this party's logs."""
    return {one.id: one.mirrors[me] for one in charter.parties.values() if me in one.mirrors}


def log_keys(charter: Charter, origin: str) -> LogKeys:
    """Keys of a log by its origin. Raises Unverified for a log that neither charter nor certificate names.

    Asks the database for a next log: in the writer or a reader thread.
    """
    cell, party, generation = parse_origin(origin)
    found = charter.parties.get(party) if cell == charter.cell else None
    if found is None:
        raise Unverified("log unknown", origin=origin)
    if generation == 1:
        return found.log
    from detente.node.nextlogs import next_log

    following = next_log(charter, origin)
    if following is None:
        raise Unverified("log unknown", origin=origin)
    return following.keys


def watched_logs(charter: Charter, me: str) -> Mapping[str, LogKeys]:
    """Keys of every known log of another party, by origin. Asks the database."""
    from detente.node.nextlogs import certificates

    origins = {*(one.log.origin for one in charter.parties.values()), *certificates()}
    return {one: log_keys(charter, one) for one in sorted(origins) if party_of(one) != me}


def origin_of(charter: Charter, sha256: bytes) -> str:
    """The log, of the charter or of a certificate held here, whose origin hashes to `sha256`.

    Raises Unverified. Asks the database.
    """
    from detente.node.nextlogs import certificates

    for name in (*(one.log.origin for one in charter.parties.values()), *certificates()):
        if hashlib.sha256(name.encode()).digest() == sha256:
            return name
    raise Unverified("log unknown", sha256=sha256.hex())


def mirror_keys(charter: Charter, mirror: str, watched: str) -> MirrorKeys:
    """Keys under which `mirror` cosigns the logs of `watched`. Raises Unverified."""
    found = charter.parties.get(mirror)
    if found is None or watched not in found.mirrors:
        raise Unverified("mirror unknown", mirror=mirror, watched=watched)
    return found.mirrors[watched]


class Recipients:
    """Receiving key (age recipient) of each party: the newest of R04 once it is read, else the charter's.

    `follow` gives it the fold's word; any thread may ask.
    """

    def __init__(self, charter: Charter) -> None:
        self._charter = charter
        self._newest: Callable[[str], tuple[str, ...]] = lambda _party: ()

    def follow(self, newest: Callable[[str], tuple[str, ...]]) -> None:
        """`newest(party)`: its receiving keys in force, newest first; none while the record is not read."""
        self._newest = newest

    def __call__(self) -> Mapping[str, str]:
        found = {one.id: self._newest(one.id) for one in self._charter.parties.values()}
        return {
            party: keys[0] if keys else self._charter.parties[party].receiving
            for party, keys in found.items()
        }


def opened_cosignature(charter: Charter, note: bytes) -> CosignatureRow:
    """A mirror's cosignature, verified with the charter's keys. Raises Malformed or Unverified."""
    head = cosigned_head(note)
    watched = party_of(head.origin)
    for party in charter.parties:
        if party != watched:
            try:
                found = open_cosignature_note(note, mirror_keys(charter, party, watched))
            except Unverified:
                continue
            return CosignatureRow(head.origin, head.size, head.root, party, found.time, found.lines)
    raise Unverified("cosignature", origin=head.origin, size=head.size)
