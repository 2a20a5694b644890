"""Who approved an act, and whether that is enough (protocol A7, V01).

1. Every approval in the header must hold; one that does not makes the entry irregular, not weaker.
2. An approval counts for the credential behind it: two approvals by one key are one officer. A session counts
   for the passkey that opened it.
3. The acting post must be among those who approved, and each post must have the right to the act.
4. A watch session approves acts of the floor only, and never the register.
5. A second signature comes from another post and another credential than the first.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from detente.cases import faults
from detente.cases.book import Enrolled
from detente.cases.core import Core
from detente.cases.faults import Fault
from detente.cases.register import approving_keys, is_register
from detente.charter.model import ActRule, Kind
from detente.charter.table import holds
from detente.record.approvals import (
    Approval,
    Assertion,
    Ed25519Approval,
    SessionApproval,
    WebauthnApproval,
    verify_approval,
)
from detente.record.errors import Malformed, Unverified
from detente.record.header import Header
from detente.record.names import EntryId

#: (post, what the credential is known by) of each officer who approved.
Approvers: TypeAlias = frozenset[tuple[str, bytes]]
#: Gives the approvals of an entry of the own log, to find the assertion that opened a session.
OwnApprovals: TypeAlias = Callable[[EntryId], tuple[Approval, ...]]


def approvals_needed(rule: ActRule, values: Mapping[str, Any]) -> int:
    """How many officers the act asks for; a machine's act may go with none."""
    alone = bool(rule.unapproved_when) and holds(rule.unapproved_when, values)
    return 0 if alone else rule.approvals


def check_approvals(
    kind: Kind,
    rule: ActRule,
    header: Header,
    core: Core,
    *,
    values: Mapping[str, Any],
    enrolled: Iterable[Enrolled],
    own: OwnApprovals,
) -> Approvers | Fault:
    """Who approved, or the first rule that is broken."""
    if core.post not in rule.posts:
        return Fault(faults.POST_MAY_NOT, kind.id, core.post)
    credentials = approving_keys(enrolled)
    approvers: set[tuple[str, bytes]] = set()
    for approval in header.approvals:
        try:
            by = verify_approval(
                approval,
                cell=core.cell,
                party=core.party_id,
                core=header.core,
                credentials=credentials,
                at=header.time,
                opening=_opening(approval, own),
            )
        except (Unverified, Malformed):
            return Fault(faults.BAD_APPROVAL, "A7")
        if by.via == "session" and (not rule.floor or is_register(kind)):
            return Fault(faults.SESSION_LIMIT, "A7")
        if by.post not in rule.posts:
            return Fault(faults.POST_MAY_NOT, kind.id, by.post)
        approvers.add((by.post, _known_by(approval, own)))
    return _enough(kind, core, approvals_needed(rule, values), frozenset(approvers))


def second_signature_fault(kind: Kind, rule: ActRule, first: Approvers, second: Approvers) -> Fault | None:
    """Rule 5; None where the act asks for no other post."""
    if not rule.other_post:
        return None
    posts = {post for post, _ in first} & {post for post, _ in second}
    keys = {key for _, key in first} & {key for _, key in second}
    return Fault(faults.SAME_POST, "V01", kind.id) if posts or keys else None


def _enough(kind: Kind, core: Core, needed: int, approvers: Approvers) -> Approvers | Fault:
    if len({key for _, key in approvers}) < needed:
        return Fault(faults.FEW_APPROVALS, "V01", kind.id)
    if needed and core.post not in {post for post, _ in approvers}:
        return Fault(faults.FEW_APPROVALS, "V01", core.post)
    return approvers


def _opening(approval: Approval, own: OwnApprovals) -> Assertion | None:
    """The assertion that opened the session, where the approval names the entry that holds it."""
    if not isinstance(approval, SessionApproval) or not isinstance(approval.opened, EntryId):
        return None
    for other in own(approval.opened):
        same = isinstance(other, SessionApproval) and other.key == approval.key
        if same and isinstance(other, SessionApproval) and isinstance(other.opened, Assertion):
            return other.opened
    return None


def _known_by(approval: Approval, own: OwnApprovals) -> bytes:
    match approval:
        case Ed25519Approval():
            return approval.key
        case WebauthnApproval():
            return approval.assertion.credential
        case SessionApproval():
            opened = approval.opened if isinstance(approval.opened, Assertion) else _opening(approval, own)
            return opened.credential if opened else approval.key
