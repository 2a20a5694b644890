"""What is this node's own: order of arrival, proposals, watch sessions, evidence."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from detente.cases.core import Core, parse_core
from detente.node import models as tables
from detente.node.fsck.findings import Finding
from detente.node.fsck.logs import Scope, is_changed, keys_of, named
from detente.node.fsck.parts import Unlock
from detente.node.lists import unpack
from detente.node.nextlogs import verified
from detente.node.opening import unwrap
from detente.node.store import AHEAD, ENTRY, OPENED, PART
from detente.node.store_own import LOGGED, PROPOSED, RELEASED, WITHDRAWN
from detente.record import strictjson
from detente.record.approvals import session_challenge
from detente.record.assertions import Credential, parse_assertion, verify_assertion
from detente.record.errors import DetenteError
from detente.record.evidence import parse_two_histories, verify_two_histories
from detente.record.header import Header, parse_header
from detente.record.parts import open_with_file_key, plaintext_hash

_STEP = 1000
#: Stands in the place of an assertion where an exercise cell let the post's own key open the watch.
BY_POST_KEY: Final = b'{"post_key":true}'
ASSERTION_LIMIT: Final = 16_384
_WHAT = frozenset((ENTRY, AHEAD, PART, OPENED))


def check_arrivals(scope: Scope) -> Iterator[Finding]:
    """Positions count from 1 without a gap, every one names what is here, and each entry arrived once."""
    sizes = dict(tables.Log.objects.values_list("pk", "size"))
    waiting = set(tables.Ahead.objects.values_list("log_id", "index"))
    names = dict(tables.Log.objects.values_list("pk", "origin"))
    last, once = 0, set()
    rows = tables.Arrival.objects.order_by("position").values_list("position", "log_id", "index", "what")
    total = rows.count()
    for position, log, index, what in rows.iterator(chunk_size=_STEP):
        where = f"position {position}: {named(names.get(log, str(log)), index)}"
        if position != last + 1:
            yield Finding("arrival", where, f"follows {last}")
        last = position
        here = 0 <= index < sizes.get(log, 0) or (what != ENTRY and (log, index) in waiting)
        if what not in _WHAT or not here:
            yield Finding("arrival", where, f"{what!r}")
        if what == ENTRY:
            if (log, index) in once:
                yield Finding("arrival", where, "arrived before")
            once.add((log, index))
        if not position % _STEP:
            scope.tell("arrivals", position, total)
    for row in tables.Counter.objects.all():
        if row.name != "position" or row.value != last:
            yield Finding("counter", row.name, f"{row.value}, last position {last}")
    if last and not tables.Counter.objects.filter(name="position").exists():
        yield Finding("counter", "position", "gone")


def check_proposals(scope: Scope, unlock: Unlock | None) -> Iterator[Finding]:
    """Own entries on their way, and those that are in the log."""
    for row in tables.Proposal.objects.select_related("log").iterator(chunk_size=256):
        try:
            wrong = _proposal(row, scope, unlock)
        except (DetenteError, ValueError) as error:
            wrong = f"unreadable: {error}"
        if wrong:
            yield Finding("proposal", row.name, wrong)


def _proposal(row: tables.Proposal, scope: Scope, unlock: Unlock | None) -> str:
    """What is wrong with one; empty when it holds together."""
    header, texts = parse_header(bytes(row.draft)), unpack(bytes(row.plaintexts))
    hashes = tuple(plaintext_hash(one) for one in texts)
    if row.core_sha256 != header.core.hex() or hashes[0] != header.core or row.floor != header.floor:
        return "its row differs from its header"
    if (core := _core(texts[0])) is not None and (
        hashes[1:] not in (core.parts, ()) or row.post not in ("", core.post)
    ):
        return "its plaintexts or its post are not those of its core"
    known = row.state in (PROPOSED, RELEASED, LOGGED, WITHDRAWN)
    if not known or (row.state == LOGGED) != (row.log_id is not None and row.index is not None):
        return f"state {row.state!r}"
    keys = unpack(bytes(row.file_keys))
    if len(texts) < len(header.parts) and not _behind_stones(header):
        return "its plaintexts are gone without a tombstone"
    if unlock is not None:
        # Of a proposal whose content was destroyed the core alone is left (protocol A4).
        for part, text, key in zip(header.parts[: len(texts)], texts, keys, strict=True):
            data = tables.PartBytes.objects.filter(sha256=part.sha256.hex()).first()
            if data is not None and open_with_file_key(bytes(data.data), unwrap(unlock.storage, key)) != text:
                return "a file key is not that of its part"
    if row.state == LOGGED:
        return _logged(row, header)
    return ""


def _behind_stones(header: Header) -> bool:
    """Whether every part behind the core was destroyed with a tombstone."""
    names = {part.sha256.hex() for part in header.parts[1:]}
    return tables.Destroyed.objects.filter(sha256__in=names).count() == len(names)


def _core(data: bytes) -> Core | None:
    """The core; None if it is none: that is for the fold to say."""
    try:
        return parse_core(data)
    except DetenteError:
        return None


def _logged(row: tables.Proposal, draft: Header) -> str:
    entry = tables.Entry.objects.filter(log__pk=row.log_id or 0, index=row.index or 0).first()
    if entry is None:
        return "the entry it became is not here"
    if is_changed(bytes(entry.header), bytes(entry.leaf)):
        return ""
    header = parse_header(bytes(entry.header))
    # Approvals too: the draft was fixed with them at release. What the signer added is the rest.
    same = all(getattr(header, name) == getattr(draft, name) for name in _DRAFT)
    return "" if same else "the entry it became is another"


_DRAFT = ("version", "cell", "log", "floor", "charter", "to", "parts", "core", "approvals")


def check_sessions(scope: Scope, unlock: Unlock | None, passkeys: Iterable[Credential]) -> Iterator[Finding]:
    """A session's row is what its passkey signed; its seed is the half of its public key.

    `passkeys`: those in force. A session of a passkey that is no longer in force keeps its challenge only.
    """
    known = {one.credential_id: one for one in passkeys}
    for row in tables.WatchSession.objects.iterator(chunk_size=256):
        try:
            wrong = _session(row, scope, unlock, known)
        except (DetenteError, ValueError, KeyError) as error:
            wrong = f"unreadable: {error}"
        if wrong:
            yield Finding("session", row.name, wrong)


def _session(
    row: tables.WatchSession, scope: Scope, unlock: Unlock | None, known: Mapping[bytes, Credential]
) -> str:
    if (row.ended_at is not None) != (not row.seed):
        return "ended and not erased, or the reverse"
    if unlock is not None and row.seed:
        key = Ed25519PrivateKey.from_private_bytes(unwrap(unlock.storage, bytes(row.seed)))
        if key.public_key().public_bytes_raw() != bytes(row.public):
            return "seed of another key"
    said = bytes(row.assertion)
    if said in (b"", BY_POST_KEY):
        return ""
    assertion = parse_assertion(strictjson.parse(said, limit=ASSERTION_LIMIT))
    challenge = session_challenge(
        scope.charter.cell, scope.own, row.post, bytes(row.public), row.not_before, row.not_after
    )
    if assertion.credential in known:
        verify_assertion(assertion, challenge, [known[assertion.credential]])
        return ""
    shown = json.loads(assertion.client_data)["challenge"]
    same = shown == base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
    return "" if same else "not what the passkey signed"


def check_certificates(scope: Scope) -> Iterator[Finding]:
    """Each was signed by the recovery key that the charter names, for the log that its row names."""
    for row in tables.Certificate.objects.iterator(chunk_size=16):
        try:
            said = verified(scope.charter, bytes(row.note)).origin
        except (DetenteError, KeyError) as error:
            yield Finding("certificate", repr(row.origin), str(error))
            continue
        if said != row.origin:
            yield Finding("certificate", repr(row.origin), f"certifies {said}")


def check_evidence(scope: Scope) -> Iterator[Finding]:
    """Each file's name is its hash, and it proves a fork of the log that its row names."""
    for row in tables.Evidence.objects.select_related("log").iterator(chunk_size=16):
        where = f"{row.log.origin} {row.sha256[:16]}"
        file, keys = bytes(row.file), keys_of(scope.charter, row.log.origin)
        if hashlib.sha256(file).hexdigest() != row.sha256:
            yield Finding("evidence", where, "not the file of that name")
            continue
        try:
            if keys is not None:
                verify_two_histories(parse_two_histories(file), keys)
        except DetenteError as error:
            yield Finding("evidence", where, error.code)
