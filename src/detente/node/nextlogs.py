"""Next logs (protocol C3): the certificates held here, and what they say of keys and of the logs before.

1. A certificate is what the recovery key that the charter names has signed; the first one for an origin
   stands for ever. A second, different one can only come from that key and is refused by name.
2. A log with a successor is frozen: nothing of it behind the size that the certificate names is cosigned, and
   it is taken only where another party had cosigned it already (it stands, disowned by its own party).
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

from detente.cases.nextlogs import old_log_line, opening_fields
from detente.charter.model import Charter
from detente.node import models as tables
from detente.node import selectors
from detente.node.charter_keys import opened_cosignature
from detente.node.store import one_transaction
from detente.record.errors import DetenteError, Refused, Unverified, declare
from detente.record.header import Seen
from detente.record.messages import Push, cosigned_head
from detente.record.names import origin as origin_named
from detente.record.names import parse_origin
from detente.record.nextlog import LOG_CLOSED, NextLog, certified_by, open_next_log, read_next_log

CERTIFICATE_DIFFERS: Final = declare(
    "certificate-differs", "the log's party", "another certificate for that log is here; open one more log"
)


def certificates() -> dict[str, bytes]:
    """Every certificate held here: origin of the new log → note."""
    return {row.origin: bytes(row.note) for row in tables.Certificate.objects.order_by("origin")}


def certificate(origin: str) -> bytes | None:
    """The certificate of the log `origin`, as it was received."""
    row = tables.Certificate.objects.filter(origin=origin).first()
    return bytes(row.note) if row else None


def next_log(charter: Charter, origin: str) -> NextLog | None:
    """The next log with that origin, if its certificate is here."""
    note = certificate(origin)
    return _opened(note, _recovery(charter, origin)) if note is not None else None


def successor(charter: Charter, origin: str) -> NextLog | None:
    """The log that follows `origin`, if its certificate is here."""
    cell, party, generation = parse_origin(origin)
    return next_log(charter, origin_named(cell, party, generation + 1))


def verified(charter: Charter, note: bytes) -> NextLog:
    """What a certificate says. Raises Malformed, Unverified."""
    return _opened(note, _recovery(charter, read_next_log(note).origin))


def is_left(charter: Charter, origin: str, size: int) -> bool:
    """Whether the log has a successor that names less than `size` of it (rule 2)."""
    following = successor(charter, origin)
    return following is not None and size > following.old_size


def may_complete(charter: Charter, push: Push, me: str) -> bool:
    """Whether two histories of the log are known; the push may complete the one held here all the same (C4).

    What the next log names, or another party had cosigned, lies in the past of entries to come. Raises
    Refused `log-closed` for anything else of a log that is left or has two histories.
    """
    size, log = cosigned_head(push.head).size, selectors.log(push.log)
    following = successor(charter, push.log)
    stopped = log is not None and log.stopped_at is not None
    if following is not None and size <= following.old_size:
        return stopped
    if following is None and not stopped:
        return False
    rows = list(selectors.cosignatures(push.log, size))
    for note in (*push.cosignatures, push.head):
        with suppress(DetenteError):
            rows.append(opened_cosignature(charter, note))
    if not any(row.origin == push.log and row.size >= size and row.mirror != me for row in rows):
        raise Refused(LOG_CLOSED, log=push.log)
    return stopped


@one_transaction
def keep(charter: Charter, note: bytes, *, at: int) -> NextLog | None:
    """Keep a certificate; None if it is known.

    Raises Malformed, Unverified, Refused `certificate-differs`.
    """
    found = verified(charter, note)
    known = certificate(found.origin)
    if known is not None:
        # Ed25519 signs one text in one way, but a stranger may spell a note's lines anew: the text decides.
        if _opened(known, _recovery(charter, found.origin)) != found:
            raise Refused(CERTIFICATE_DIFFERS, log=found.origin)
        return None
    tables.Certificate.objects.create(origin=found.origin, note=note, at=at)
    return found


def successor_fields(charter: Charter, origin: str, *, software: str) -> dict[str, Any]:
    """What R01 of a next log says: the certificate's words (C3). Empty for a first log."""
    found = next_log(charter, origin)
    note = certificate(origin)
    if found is None or note is None:
        return {}
    signature = certified_by(note, found, _recovery(charter, origin))
    return opening_fields(found, signature=signature, software=software)


def old_line(me: str) -> Seen | None:
    """What every header of this party's next log says of the log before it (signing, the next log 2)."""
    row = tables.Certificate.objects.filter(origin__contains=f"/{me}/").order_by("-id").first()
    return old_log_line(read_next_log(bytes(row.note)), row.at) if row else None


def _recovery(charter: Charter, origin: str) -> bytes:
    cell, party, _ = parse_origin(origin)
    found = charter.parties.get(party) if cell == charter.cell else None
    if found is None:
        raise Unverified("log unknown", origin=origin)
    return bytes.fromhex(found.recovery)


@lru_cache(maxsize=64)
def _opened(note: bytes, recovery: bytes) -> NextLog:
    return open_next_log(note, recovery)
