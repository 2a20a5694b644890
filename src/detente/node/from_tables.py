"""Frozen rows from table rows: hashes as bytes, lists as tuples, no lazy field left."""

from __future__ import annotations

from typing import Any, Final

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

#: Columns of the rows that are read as tuples, in the order in which the functions below take them.
LOG: Final = ("origin", "party", "generation", "size", "frontier", "stopped_at")
HEAD: Final = ("size", "root", "time", "note")
COSIGNATURE: Final = ("size", "root", "mirror", "time", "lines")


def log_row(row: tuple[Any, ...]) -> LogRow:
    origin, party, generation, size, frontier, stopped_at = row
    hashes = bytes(frontier)
    return LogRow(
        origin, party, generation, size,
        tuple(hashes[at : at + HASH_SIZE] for at in range(0, len(hashes), HASH_SIZE)),
        stopped_at,
    )  # fmt: skip


def head_row(origin: str, row: tuple[Any, ...]) -> HeadRow:
    size, root, time, note = row
    return HeadRow(origin, size, bytes(root), time, bytes(note))


def cosignature_row(origin: str, row: tuple[Any, ...]) -> CosignatureRow:
    size, root, mirror, time, lines = row
    return CosignatureRow(origin, size, bytes(root), mirror, time, bytes(lines))


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
