"""The database as a file: damage, rows that point nowhere, tables and guards as this version makes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from django.core.management import call_command
from django.db import DatabaseError, connection, connections

from detente.node.fsck.findings import Finding
from detente.node.guards import missing_guards

_FRESH: Final = "fsck-fresh"
_MADE: Final = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"


def check_structure() -> Iterator[Finding]:
    """Damage first: nothing else that is read from a damaged file can be trusted."""
    gone = missing_guards(connection)
    yield from (Finding("guard", name) for name in gone)
    if connection.vendor != "sqlite":
        return
    try:
        for (said,) in _ask("PRAGMA integrity_check(100)"):
            if said != "ok":
                yield Finding("database", connection.settings_dict["NAME"], said)
        for table, row, parent, _number in _ask("PRAGMA foreign_key_check"):
            yield Finding("database", f"{table} row {row}", f"points to no {parent}")
        yield from _check_schema(frozenset(gone))
    except DatabaseError as error:
        yield Finding("database", str(connection.settings_dict["NAME"]), str(error))


def _check_schema(known: frozenset[str]) -> Iterator[Finding]:
    here = {name: _plain(sql) for name, sql in _ask(_MADE)}
    fresh = fresh_schema()
    for name in sorted(here.keys() | fresh.keys()):
        if here.get(name) != fresh.get(name) and name not in known:
            said = (
                "differs" if name in here and name in fresh else "gone" if name in fresh else "unknown here"
            )
            yield Finding("schema", name, said)


@cache
def fresh_schema() -> dict[str, str]:
    """Name → SQL of every table, index and guard, as the migrations of this version make them."""
    row: dict[str, Any] = {**connections.settings["default"], "NAME": ":memory:", "OPTIONS": {}}
    connections.settings[_FRESH] = row
    try:
        call_command("migrate", "node", database=_FRESH, interactive=False, verbosity=0)
        with connections[_FRESH].cursor() as cursor:
            cursor.execute(_MADE)
            return {name: _plain(sql) for name, sql in cursor.fetchall()}
    finally:
        connections[_FRESH].close()
        del connections[_FRESH]
        del connections.settings[_FRESH]


def _plain(sql: str) -> str:
    """SQL without what only its writer's taste decides: space and the quotes around names."""
    return re.sub(r'[\s"]+', " ", sql).strip()


def _ask(question: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return list(cursor.fetchall())
