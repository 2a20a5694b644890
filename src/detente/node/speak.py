"""How this node's party speaks: compose, approve, bring into the log.

    statement → cases.compose (form, clause) → approvals → author.prepare (seal) → writer, signer → durable

1. Form checks are `compose`'s alone. What the charter refuses stops here with its clause; nothing is kept.
2. Approvals are checked before the signer is asked: what the others would find irregular never leaves.
3. A floor entry waits for nobody: no second officer, no form check, no queue (ARCHITECTURE, Never).
4. Whatever comes after the release is durable even if the signer cannot sign yet: the refusal then names the
   proposal, which goes into the log by itself (`resume`).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final

from detente import __version__
from detente.cases.approving import approvals_needed
from detente.cases.core import parse_core
from detente.charter.model import Kind
from detente.node import selectors
from detente.node.authoring import Draft, DraftPart, Logged, Prepared, Release
from detente.node.context import NodeContext
from detente.node.officers import Officers
from detente.node.readmodel import ReadModel
from detente.node.refusals import APPROVALS_MISSING, RELEASED_ALREADY, not_found
from detente.node.rows import ProposalRow
from detente.node.seeing import own_seen
from detente.node.statedigest import HEARTBEAT, own_digest
from detente.node.statements import ADMIN_POST, LOG_POST, By, Proposed, Spoken, Statement
from detente.node.store_own import PROPOSED
from detente.record.approvals import Approval, approval_challenge, verify_approval
from detente.record.encoding import encode_base64
from detente.record.errors import DetenteError, Refused, RuleViolation
from detente.record.header import Seen
from detente.record.names import EntryId, print_id
from detente.record.references import Reference

if TYPE_CHECKING:
    from detente.cases.author import Composed
    from detente.cases.faults import Fault
    from detente.node.rowbook import EntryRow

ANSWER_S: Final = 30.0  # the writer and the signer answer in milliseconds; beyond this something is stopped


class Speaker:
    """Everything blocks on the writer: call it in a worker thread."""

    def __init__(
        self, context: NodeContext, model: ReadModel, officers: Officers, compose: Callable[..., Composed]
    ) -> None:
        """`compose` is that of `cases.author`; a test may give another."""
        self._context, self._model, self._officers = context, model, officers
        self._composer = compose

    # ---- for the local API

    def propose(self, statement: Statement) -> Proposed:
        """Compose and keep; nothing is sent. Raises RuleViolation with the clause."""
        composed = self._compose(statement)
        prepared = self._prepare(composed, statement.post, ())
        self._submit(lambda: self._context.keeper.author.propose(prepared), floor=composed.floor)
        return Proposed(
            prepared.row.name, composed.core, prepared.core, self._challenge(prepared.core),
            self._preview(statement, composed), composed.notices,
        )  # fmt: skip

    def waiting(self) -> list[dict[str, Any]]:
        """Proposals that wait for approvals. Reads the database."""
        found = []
        for row in selectors.proposals(PROPOSED):
            core = parse_core(row.plaintexts[0])
            found.append({
                "proposal": row.name, "kind": core.kind, "act": core.act, "post": core.post,
                "made_at": row.made_at, "core": encode_base64(row.plaintexts[0]),
                "sha256": row.core_sha256.hex(), "challenge": self._challenge(row.core_sha256),
                "approvals": approvals_needed(self._kind(core.kind).acts[core.act], core.fields),
            })  # fmt: skip
        return found

    def release(self, name: str, approvals: Sequence[Approval], by: By) -> Spoken:
        """Release a kept proposal. Raises Refused, Unverified, RuleViolation."""
        row = self._proposal(name)
        core = parse_core(row.plaintexts[0])
        kind = self._kind(core.kind)
        self._ensure_post_keys(by, row.post)
        given = (*approvals, *self._approve(by, row.post, row.core_sha256, kind, core.act))
        self._check(kind, core.act, row.core_sha256, given, core.fields)
        return self._into_log(Release(name, given), name, floor=row.floor, notices=())

    def send(self, statement: Statement, by: By) -> Spoken:
        """Compose, approve and release in one step."""
        self._ensure_post_keys(by, statement.post)
        composed = self._compose(statement)
        kind, core = self._kind(statement.kind), hashlib.sha256(composed.core).digest()
        approvals = self._approve(by, statement.post, core, kind, statement.act)
        self._check(kind, statement.act, core, approvals, statement.fields)
        prepared = self._prepare(composed, statement.post, approvals)
        return self._into_log(prepared, prepared.row.name, floor=composed.floor, notices=composed.notices)

    def say(self, statement: Statement) -> Spoken:
        """What the node itself says, signed by the log alone (record kinds, machine contact checks)."""
        composed = self._compose(statement)
        prepared = self._prepare(composed, statement.post, ())
        return self._into_log(prepared, prepared.row.name, floor=composed.floor, notices=())

    def heartbeat(self, armed: bool) -> Spoken | None:
        """R03 with the state digest of its own cut (B8); None if the record grew in between: try again."""
        context, size = self._context, self._own_size()
        seen = own_seen(context.party)
        fields: dict[str, Any] = {"armed": armed, "software": __version__}
        with self._model.reading() as book:
            digest = own_digest(book, self._model.rows, context.folder.origin, size, seen)
        if digest is not None:
            fields["state_digest"] = digest
        composed = self._compose(Statement(HEARTBEAT, "NEW", LOG_POST, fields))
        prepared = self._prepare(composed, LOG_POST, ())

        def job() -> Logged | DetenteError | None:
            # In the writer thread nothing else can grow: what holds here holds when the signer sets `seen`.
            same = _cut(own_seen(context.party)) == _cut(seen) and self._own_size() == size
            return context.keeper.author.append([prepared])[0] if same or digest is None else None

        logged = self._submit(job, floor=False)
        if isinstance(logged, DetenteError):
            raise logged
        return None if logged is None else Spoken(logged.entry, logged.time, ())

    def _own_size(self) -> int:
        log = selectors.log(self._context.folder.origin)
        return log.size if log else 0

    # ---- posts' keys

    def ensure_post_key(self, post: str) -> None:
        """Have the post's own key in force (exercise cells): made and registered by D28 at first use."""
        key = self._officers.post_key(post)
        if self._officers.is_registered(key.public):
            return
        fields = {
            "change": "REGISTERED", "post": post, "credential_kind": "ED25519", "public": key.public.hex(),
        }  # fmt: skip
        self.register_credential(fields)

    def _ensure_post_keys(self, by: By, post: str) -> None:
        for one in (post, *by.also) if by.post_key else ():
            self.ensure_post_key(one)

    def register_credential(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Enter a D28, approved by the administrators whose keys are here; else keep it as a proposal."""
        statement = Statement("D28", "NEW", ADMIN_POST, fields)
        composed = self._compose(statement)
        core = hashlib.sha256(composed.core).digest()
        approvals = self._officers.approve_by_admins(core)
        prepared = self._prepare(composed, ADMIN_POST, approvals)
        if len(approvals) < self._kind("D28").acts["NEW"].approvals:
            self._submit(lambda: self._context.keeper.author.propose(prepared), floor=True)
            return {"state": "pending", "id": None, "proposal": prepared.row.name}
        spoken = self._into_log(prepared, prepared.row.name, floor=True, notices=())
        self._model.wait_folded(spoken.entry)
        return {"state": "registered", "id": print_id(spoken.entry), "proposal": None}

    # ---- inside

    def _compose(self, statement: Statement) -> Composed:
        context = self._context
        with self._model.reading() as book:
            return self._composer(
                context.charter, party=context.party, post=statement.post, kind=statement.kind,
                act=statement.act, fields=dict(statement.fields), content=dict(statement.content) or None,
                case=None if statement.case is None else self._reference(statement.case),
                refers_to=tuple(self._reference(one) for one in statement.refers_to),
                to=statement.to, precedence=statement.precedence,
                book=book, as_of=context.now(),
                salts=(secrets.token_bytes(32), secrets.token_bytes(32)),
                **_beside(statement),
            )  # fmt: skip

    def _reference(self, entry: EntryId) -> Reference:
        row: EntryRow | None = self._model.rows.get(entry)
        if row is None or row.header is None:
            raise not_found("entry")
        return Reference(entry.log, entry.index, row.header.core)

    def _prepare(self, composed: Composed, post: str, approvals: Sequence[Approval]) -> Prepared:
        parts = [DraftPart(role, data, who.to, who.keep) for role, data, who in composed.parts]
        addressed = tuple(sorted(parse_core(composed.core).addressees))
        draft = Draft(composed.floor, addressed, self._context.charter.digest, tuple(parts), post)
        return self._context.keeper.author.prepare(draft, approvals)

    def _approve(self, by: By, post: str, core: bytes, kind: Kind, act: str) -> tuple[Approval, ...]:
        if by.admins:
            return self._officers.approve_by_admins(core)
        if by.session is not None:
            return (self._officers.approve(by.session, core, kind, act),)
        posts = (post, *by.also) if by.post_key else ()
        return tuple(self._officers.approve_by_post_key(one, core) for one in posts)

    def _check(
        self, kind: Kind, act: str, core: bytes, approvals: Sequence[Approval], values: Mapping[str, Any]
    ) -> None:
        """Every approval holds now, and there are as many as the act needs (rule 2)."""
        context = self._context
        for approval in approvals:
            verify_approval(
                approval, cell=context.charter.cell, party=context.party, core=core,
                credentials=self._officers.credentials(), at=context.now(),
            )  # fmt: skip
        needed = approvals_needed(kind.acts[act], values) if act in kind.acts else 0
        if len(approvals) < needed:
            raise RuleViolation("A7", APPROVALS_MISSING, needed=needed, given=len(approvals))

    def _kind(self, name: str) -> Kind:
        kind = self._context.charter.kinds.get(name)
        if kind is None:
            raise not_found("kind")
        return kind

    def _proposal(self, name: str) -> ProposalRow:
        row = selectors.proposal(name)
        if row is None:
            raise not_found("proposal")
        if row.state != PROPOSED:
            raise Refused(RELEASED_ALREADY, entry=print_id(row.entry) if row.entry else None)
        return row

    def _challenge(self, core: bytes) -> str:
        challenge = approval_challenge(self._context.charter.cell, self._context.party, core)
        return base64.urlsafe_b64encode(challenge).rstrip(b"=").decode("ascii")

    def _preview(self, statement: Statement, composed: Composed) -> dict[str, Any]:
        return {
            "kind": statement.kind, "act": statement.act, "post": statement.post, "floor": composed.floor,
            "to": list(composed.to), "keep": list(composed.keep),
            "approvals": self._kind(statement.kind).acts[statement.act].approvals,
        }  # fmt: skip

    def _into_log(
        self, payload: Prepared | Release, name: str, *, floor: bool, notices: tuple[Fault, ...]
    ) -> Spoken:
        future: Future[Logged] = self._context.keeper.append(payload, floor=floor)
        try:
            logged = future.result(ANSWER_S)
        except DetenteError as error:
            error.values["proposal"] = name
            raise
        return Spoken(logged.entry, logged.time, notices)

    def _submit(self, job: Any, *, floor: bool) -> Any:
        return self._context.writer.submit(job, floor=floor).result(ANSWER_S)


def _beside(statement: Statement) -> dict[str, Any]:
    """What few statements ask for: mode, handling, attachments behind their salt (protocol A3)."""
    found: dict[str, Any] = {}
    if statement.mode is not None:
        found["mode"] = statement.mode
    if statement.handling:
        found["handling"] = dict(statement.handling)
    if statement.attachments:
        found["attachments"] = [secrets.token_bytes(32) + one for one in statement.attachments]
    return found


def _cut(seen: Sequence[Seen]) -> list[tuple[Any, ...]]:
    """What of `seen` decides which acts a digest covers."""
    return [(one.log, one.size, one.missing) for one in seen]
