"""Triggers that keep the record's tables append-only, whoever opens the database.

Their SQL stands in the migration that makes them. A guard does not stop an administrator who drops it; it
stops every slip of ours, and `check_schema` and `fsck` say when one is gone. What an administrator changes,
the peers' copies and heads convict.
"""

from __future__ import annotations

from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper

#: No row is ever changed or removed.
APPEND_ONLY: Final = (
    "node_entry",
    "node_head",
    "node_cosignature",
    "node_part",
    "node_destroyed",
    "node_evidence",
    "node_arrival",
    "node_certificate",
    "node_view",
)
#: Bytes never change; they go only behind their tombstone.
PART_BYTES: Final = "node_partbytes"

_VERBS: Final = {"sqlite": ("update", "delete", "replace"), "postgresql": ("update", "delete")}
_PRESENT: Final = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'",
}


def guard_names(vendor: str) -> tuple[str, ...]:
    """Names of all triggers that must be there. `vendor`: "sqlite" or "postgresql"."""
    return tuple(f"{table}_no_{verb}" for table in (*APPEND_ONLY, PART_BYTES) for verb in _VERBS[vendor])


def missing_guards(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of guards that are not in the database."""
    with connection.cursor() as cursor:
        cursor.execute(_PRESENT[connection.vendor])
        there = {row[0] for row in cursor.fetchall()}
    return [name for name in guard_names(connection.vendor) if name not in there]
