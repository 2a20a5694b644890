"""Officers at this node: credentials in force, watch sessions, and approvals made here (protocol A7).

1. A watch session is an Ed25519 key made by the node; a passkey of the post signs `session_message` over it,
   and only then may it approve. It is kept wrapped, so that a restart does not sign the watch out.
2. A session approves only floor kinds, and with them READ, ACK, PASS_ON and ANSWER, and never a change of
   credentials. Everything else needs the passkey itself over the entry's core.
3. In exercise cells the node may hold a post's own Ed25519 key (`post_key`). Outside it never uses one.
4. Whose key counts is what the fold says of the register, never what this file remembers.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from detente.cases.register import is_register
from detente.charter.model import Kind
from detente.node import keys, selectors, store_own
from detente.node.context import NodeContext
from detente.node.opening import unwrap, wrap
from detente.node.readmodel import ReadModel
from detente.node.refusals import (
    CREDENTIAL_ABSENT,
    POST_KEY_ABSENT,
    POST_KEY_OUTSIDE,
    SESSION_KIND,
    SESSION_UNKNOWN,
)
from detente.node.rows import SessionRow
from detente.record import strictjson
from detente.record.approvals import (
    Approval,
    Assertion,
    Credential,
    Ed25519Approval,
    SessionApproval,
    approval_message,
    session_challenge,
)
from detente.record.assertions import assertion_json, parse_assertion, verify_assertion
from detente.record.errors import Refused, RuleViolation

WATCH_S: Final = 12 * 3600  # longest watch; the next one signs in anew
ASSERTION_LIMIT: Final = 16384
_BY_POST_KEY: Final = b'{"post_key":true}'  # in the place of an assertion, exercise cells only


@dataclass(frozen=True)
class Session:
    """A watch session in force or on its way; `opened` is None when a post's own key stands for it."""

    name: str
    post: str
    public: bytes
    not_before: int
    not_after: int
    opened: Assertion | None
    signed: bool

    def covers(self, at: int) -> bool:
        """Whether an approval made at `at` counts."""
        return self.signed and self.not_before <= at <= self.not_after


class Officers:
    """Sessions and approvals of one node. Methods block on the writer: call them in a worker thread."""

    def __init__(self, context: NodeContext, model: ReadModel) -> None:
        self._context = context
        self._model = model
        self._lock = threading.Lock()  # guards _sessions, _seeds and _heard
        self._sessions: dict[str, Session] = {}
        self._seeds: dict[str, bytes] = {}
        self._heard: dict[str, int] = {}

    def load(self) -> None:
        """Take up the sessions that outlived a restart. In a thread that may read the database."""
        now = self._context.now()
        for row in selectors.sessions():
            if row.not_after < now or not row.seed:
                continue
            heard = selectors.local(_heard_name(row.name))
            with self._lock:
                self._sessions[row.name] = _session(row)
                self._seeds[row.name] = row.seed
                if heard is not None:
                    self._heard[row.name] = int(heard)

    # ---- who may approve

    def credentials(self, post: str | None = None) -> tuple[Credential, ...]:
        """Own party's credentials in force now, of one post when given."""
        party = self._context.party
        register = self._model.book.register
        found = [one.credential for one in register.credentials.get(party, ())]
        found += [one for one in self._context.charter.parties[party].admins if one not in found]
        return tuple(one for one in found if post is None or one.post == post)

    def passkeys(self, post: str) -> tuple[Credential, ...]:
        """The post's passkeys in force. Raises Refused `no-credential`."""
        found = tuple(one for one in self.credentials(post) if one.kind == "webauthn")
        if not found:
            raise Refused(CREDENTIAL_ABSENT, post=post)
        return found

    # ---- sessions

    def begin(self, post: str) -> tuple[Session, bytes]:
        """A new session and the challenge that a passkey of the post must sign."""
        self.passkeys(post)
        session = self._keep(post, b"")
        context = self._context
        challenge = session_challenge(
            context.charter.cell, context.party, post, session.public, session.not_before, session.not_after
        )
        return session, challenge

    def begin_by_post_key(self, post: str) -> Session:
        """A session in force by the post's own key. Raises Refused outside exercise cells."""
        self.post_key(post)
        return self._keep(post, _BY_POST_KEY)

    def watch_by_post_key(self, post: str) -> Session:
        """The session in force of a post's own key, begun if there is none. Exercise cells only."""
        self.post_key(post)
        found = (one for one in self.on_watch() if one.post == post and one.opened is None)
        return next(found, None) or self.begin_by_post_key(post)

    def sign(self, name: str, assertion: Assertion) -> Session:
        """Put a session in force. Raises Refused `session-unknown`, Unverified."""
        session = self._sessions.get(name)
        if session is None or session.signed:
            raise Refused(SESSION_UNKNOWN)
        context = self._context
        challenge = session_challenge(
            context.charter.cell, context.party, session.post, session.public,
            session.not_before, session.not_after,
        )  # fmt: skip
        verify_assertion(assertion, challenge, self.passkeys(session.post))
        text = strictjson.encode(assertion_json(assertion))
        row = _row(session, self._seeds[name], text)
        context.writer.submit(lambda: store_own.save_session(row), floor=True).result()
        signed = replace(session, opened=assertion, signed=True)
        with self._lock:
            self._sessions[name] = signed
        return signed

    def end(self, name: str) -> None:
        """End a session. Raises Refused `session-unknown`."""
        now = self._context.now()
        ended = self._context.writer.submit(lambda: store_own.end_session(name, at=now)).result()
        with self._lock:
            self._sessions.pop(name, None)
            self._seeds.pop(name, None)
            self._heard.pop(name, None)
        if not ended:
            raise Refused(SESSION_UNKNOWN)

    def session(self, name: str) -> Session:
        """A session in force now. Raises Refused `session-unknown`."""
        session = self._sessions.get(name)
        if session is None or not session.covers(self._context.now()):
            raise Refused(SESSION_UNKNOWN)
        return session

    def on_watch(self) -> tuple[Session, ...]:
        """Sessions in force now."""
        now = self._context.now()
        return tuple(one for one in list(self._sessions.values()) if one.covers(now))

    # ---- the alarm was heard

    def confirm_heard(self, name: str) -> None:
        """The officer of that session heard the alarm. Raises Refused `session-unknown`."""
        self.session(name)
        now = self._context.now()
        job = partial(store_own.set_local, _heard_name(name), str(now), at=now)
        self._context.writer.submit(job).result()
        with self._lock:
            self._heard[name] = now

    def heard_at(self) -> int | None:
        """When a session in force last confirmed hearing the alarm."""
        found = (self._heard[one.name] for one in self.on_watch() if one.name in self._heard)
        return max(found, default=None)

    # ---- approvals

    def approve(self, name: str, core_sha256: bytes, kind: Kind, act: str) -> Approval:
        """An approval by a session. Raises Refused `session-unknown`, RuleViolation `session-floor-only`."""
        session = self.session(name)
        if session.opened is None:
            return self.approve_by_post_key(session.post, core_sha256)
        if not kind.acts[act].floor or is_register(kind):  # SPEC: protocol A7
            raise RuleViolation("A7", SESSION_KIND, kind=kind.id)
        seed = unwrap(keys.storage_key(self._context.folder), self._seeds[name])
        key = Ed25519PrivateKey.from_private_bytes(seed)
        return SessionApproval(
            session.public, key.sign(self._message(core_sha256)), session.post, session.not_before,
            session.not_after, session.opened,
        )  # fmt: skip

    def approve_by_post_key(self, post: str, core_sha256: bytes) -> Approval:
        """An approval by the post's own key. Raises Refused outside exercise cells or without the key."""
        key = self.post_key(post)
        return Ed25519Approval(key.public, key.sign(self._message(core_sha256)))

    def approve_by_admins(self, core_sha256: bytes) -> tuple[Approval, ...]:
        """Approvals by the administrators whose keys lie in this folder; none outside exercise cells."""
        if not self._context.charter.exercise:
            return ()
        message = self._message(core_sha256)
        admins = keys.admin_keys(self._context.folder)
        return tuple(Ed25519Approval(one.public, one.sign(message)) for one in admins)

    def post_key(self, post: str) -> keys.PostKey:
        """The key of a post, exercise cells only; made if there is none."""
        if not self._context.charter.exercise:
            raise Refused(POST_KEY_OUTSIDE)
        if post not in self._context.charter.posts:
            raise Refused(POST_KEY_ABSENT, post=post)
        try:
            return keys.post_key(self._context.folder, post)
        except Refused:
            return keys.make_post_key(self._context.folder, post)

    def is_registered(self, public: bytes, credentials: Iterable[Credential] | None = None) -> bool:
        """Whether a key is in force for a post of ours."""
        known = self.credentials() if credentials is None else credentials
        return any(one.public == public for one in known)

    # ---- inside

    def _message(self, core_sha256: bytes) -> bytes:
        return approval_message(self._context.charter.cell, self._context.party, core_sha256)

    def _keep(self, post: str, assertion: bytes) -> Session:
        name, now = secrets.token_urlsafe(18), self._context.now()
        seed = secrets.token_bytes(32)
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        wrapped = wrap(keys.storage_key(self._context.folder), seed)
        row = SessionRow(name, post, public, wrapped, now, now + WATCH_S, assertion, None)
        self._context.writer.submit(lambda: store_own.save_session(row), floor=True).result()
        session = _session(row)
        with self._lock:
            self._sessions[name], self._seeds[name] = session, wrapped
        return session


def _session(row: SessionRow) -> Session:
    opened = None
    if row.assertion and row.assertion != _BY_POST_KEY:
        opened = parse_assertion(strictjson.parse(row.assertion, limit=ASSERTION_LIMIT))
    return Session(
        row.name, row.post, row.public, row.not_before, row.not_after, opened, signed=bool(row.assertion)
    )


def _row(session: Session, seed: bytes, assertion: bytes) -> SessionRow:
    return SessionRow(
        session.name, session.post, session.public, seed,
        session.not_before, session.not_after, assertion, None,
    )  # fmt: skip


def _heard_name(name: str) -> str:
    return f"alarm.heard.{name}"
