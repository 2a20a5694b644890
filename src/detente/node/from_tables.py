"""Frozen rows from table rows: hashes as bytes, lists as tuples, no lazy field left."""

from __future__ import annotations

from detente.node import models as tables
from detente.node.lists import unpack
from detente.node.rows import (
    AheadRow,
    CosignatureRow,
    HeadRow,
    LogRow,
    OpenedRow,
    ProposalRow,
    SessionRow,
    WantedRow,
)
from detente.record.names import EntryId
from detente.record.tree import HASH_SIZE


def log_row(row: tables.Log) -> LogRow:
    hashes = bytes(row.frontier)
    return LogRow(
        row.origin, row.party, row.generation, row.size,
        tuple(hashes[at : at + HASH_SIZE] for at in range(0, len(hashes), HASH_SIZE)),
        row.stopped_at,
    )  # fmt: skip


def head_row(row: tables.Head) -> HeadRow:
    return HeadRow(row.log.origin, row.size, bytes(row.root), row.time, bytes(row.note))


def cosignature_row(row: tables.Cosignature) -> CosignatureRow:
    return CosignatureRow(
        row.log.origin, row.size, bytes(row.root), row.mirror, row.time, bytes(row.lines)
    )


def wanted_row(row: tables.Wanted) -> WantedRow:
    entry_id = EntryId(row.log.origin, row.index)
    return WantedRow(entry_id, row.position, row.role, bytes.fromhex(row.sha256), row.size)


def opened_row(row: tables.Opened) -> OpenedRow:
    plaintext = None if row.plaintext is None else bytes(row.plaintext)
    return OpenedRow(EntryId(row.log.origin, row.index), row.position, row.role, plaintext, row.failure)


def ahead_row(row: tables.Ahead) -> AheadRow:
    proof = bytes(row.proof)
    return AheadRow(
        EntryId(row.log.origin, row.index), bytes(row.header), bytes(row.note),
        tuple(proof[at : at + HASH_SIZE] for at in range(0, len(proof), HASH_SIZE)), row.stored_at,
    )  # fmt: skip


def proposal_row(row: tables.Proposal) -> ProposalRow:
    logged = None if row.log is None or row.index is None else EntryId(row.log.origin, row.index)
    return ProposalRow(
        row.name, row.state, row.floor, bytes.fromhex(row.core_sha256), bytes(row.draft),
        unpack(bytes(row.plaintexts)), unpack(bytes(row.file_keys)), row.post, row.made_at, logged,
    )  # fmt: skip


def session_row(row: tables.WatchSession) -> SessionRow:
    return SessionRow(
        row.name, row.post, bytes(row.public), bytes(row.seed), row.not_before, row.not_after,
        bytes(row.assertion), row.ended_at,
    )  # fmt: skip
