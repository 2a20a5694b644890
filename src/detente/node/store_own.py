"""Writes that are this node's own affair: proposals, watch sessions, one-time codes, local facts.

As in `store`: one transaction each, run by the writer thread alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from django.db.models import F

from detente.node import models as tables
from detente.node.inserts import insert
from detente.node.lists import pack
from detente.node.refusals import CODE_UNKNOWN
from detente.node.rows import EnrolmentRow, ProposalRow, SessionRow
from detente.node.store import add_bytes, one_transaction
from detente.record.errors import DetenteError, Refused, declare

NO_PROPOSAL: Final = declare("no-proposal", "caller", "no such proposal waits here")
CORE_REPEATED: Final = declare("core-repeated", "caller", "that core stands in a proposal or entry already")

PROPOSED, RELEASED, LOGGED, WITHDRAWN = "proposed", "released", "logged", "withdrawn"


def save_proposal(row: ProposalRow, parts: Mapping[bytes, bytes]) -> bool:
    """Store an own entry on its way and its sealed parts; False if this very one is here already.

    Raises Refused `core-repeated` if another proposal has the core.
    """
    (found,) = save_proposals([(row, parts)])
    if isinstance(found, DetenteError):
        raise found
    return found


def save_proposals(
    rows: Sequence[tuple[ProposalRow, Mapping[bytes, bytes]]],
) -> Sequence[bool | DetenteError]:
    """`save_proposal` for many at the cost of one transaction: what it gives or raises for each, in order.

    Where all together do not fit on the disk, some alone may.
    """
    try:
        return _save_together(rows) if rows else ()
    except DetenteError as error:
        return [error] if len(rows) == 1 else [found for row in rows for found in save_proposals([row])]


@one_transaction
def _save_together(rows: Sequence[tuple[ProposalRow, Mapping[bytes, bytes]]]) -> list[bool | DetenteError]:
    cores = [row.core_sha256.hex() for row, _ in rows]
    held = tables.Proposal.objects.filter(core_sha256__in=cores).values_list("core_sha256", "name")
    names: dict[str, str] = dict(held)
    found: list[bool | DetenteError] = []
    fresh: list[tuple[object, ...]] = []
    parts: dict[bytes, bytes] = {}
    for core, (row, sealed) in zip(cores, rows, strict=True):
        found.append(_taken(names.get(core), row))
        if found[-1] is True:
            names[core] = row.name
            fresh.append(_values(row))
            parts |= sealed
    add_bytes(parts, rows[0][0].made_at)
    insert(tables.Proposal, _PROPOSAL, fresh)
    return found
    # durable from here: the parts are in the store before the signer is asked (C1)


def _taken(name: str | None, row: ProposalRow) -> bool | DetenteError:
    """True if no proposal has the core, False if this very one has it."""
    if name is None or name == row.name:
        return name is None
    return Refused(CORE_REPEATED, proposal=name)


def _values(row: ProposalRow) -> tuple[object, ...]:
    return (
        row.name, row.state, row.floor, row.core_sha256.hex(), row.draft, pack(row.plaintexts),
        pack(row.file_keys), row.post, row.made_at,
    )  # fmt: skip


_PROPOSAL: Final = (
    "name", "state", "floor", "core_sha256", "draft", "plaintexts", "file_keys", "post", "made_at",
)  # fmt: skip


@one_transaction
def release_proposal(name: str, draft: bytes) -> None:
    """Fix the draft with its approvals. Raises Refused `no-proposal` unless it waits for release.

    A proposal that was released before keeps its first draft.
    """
    changed = tables.Proposal.objects.filter(name=name, state=PROPOSED).update(state=RELEASED, draft=draft)
    if not changed and not tables.Proposal.objects.filter(name=name, state__in=(RELEASED, LOGGED)).exists():
        raise Refused(NO_PROPOSAL, proposal=name)


@one_transaction
def withdraw_proposal(name: str, *, state: str = PROPOSED) -> None:
    """Give up a proposal in that state, never one in the log. Raises Refused `no-proposal`."""
    if state == LOGGED or not tables.Proposal.objects.filter(name=name, state=state).update(state=WITHDRAWN):
        raise Refused(NO_PROPOSAL, proposal=name)


@one_transaction
def save_session(row: SessionRow) -> None:
    """Store a watch session, or its assertion once it is there."""
    tables.WatchSession.objects.update_or_create(
        name=row.name,
        defaults={
            "post": row.post,
            "public": row.public,
            "seed": row.seed,
            "not_before": row.not_before,
            "not_after": row.not_after,
            "assertion": row.assertion,
            "ended_at": row.ended_at,
        },
    )


@one_transaction
def end_session(name: str, *, at: int) -> bool:
    """End a watch session now; its seed is erased. False if it was over."""
    return bool(tables.WatchSession.objects.filter(name=name, ended_at=None).update(ended_at=at, seed=b""))


@one_transaction
def save_enrolment(row: EnrolmentRow) -> None:
    """Store a one-time code by its SHA-256."""
    tables.Enrolment.objects.create(
        code_sha256=row.code_sha256.hex(), post=row.post, made_at=row.made_at, valid_until=row.valid_until
    )


@one_transaction
def use_enrolment(code_sha256: bytes, *, at: int) -> str:
    """Use a one-time code up; the post it is for. Raises Refused `code-unknown`."""
    fresh = tables.Enrolment.objects.filter(
        code_sha256=code_sha256.hex(), used_at=None, valid_until__gte=at, made_at__lte=F("valid_until")
    )
    if not fresh.update(used_at=at):
        raise Refused(CODE_UNKNOWN)
    return tables.Enrolment.objects.get(code_sha256=code_sha256.hex()).post


@one_transaction
def set_local(name: str, value: str, *, at: int) -> None:
    """Remember a small fact of this node."""
    tables.LocalState.objects.update_or_create(name=name, defaults={"value": value, "set_at": at})
