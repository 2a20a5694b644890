"""One unchanging view of the database for a long read, beside a node that goes on writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connection

# Django's own transactions take SQLite's write lock at once (IMMEDIATE): a check that runs for minutes must
# not keep the node from storing a floor entry. A deferred one only reads, from WAL, and waits for nobody.
_BEGIN: Final = {
    "sqlite": "BEGIN DEFERRED",
    "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
}


@contextmanager
def snapshot() -> Iterator[None]:
    """Every query inside sees the database as it was at the first of them. Nothing may be written inside."""
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN[connection.vendor])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")
