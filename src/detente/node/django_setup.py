"""Django's settings for one process of a node: its database and nothing else.

SQLite: WAL, so that readers never wait for the writer; synchronous=FULL, so that a commit survives a power
cut; IMMEDIATE, so that two writers queue at BEGIN instead of failing in the middle.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

from detente.record.errors import Refused, declare

if TYPE_CHECKING:
    from detente.node.folder import NodeFolder

SCHEMA_OTHER: Final = declare(
    "schema-other",
    "operator",
    "the tables are another version's: `needs` names a step that only a newer version knows, so run that "
    "version; `lacks` names one that `detente upgrade` takes",
)
GUARD_MISSING: Final = declare(
    "guard-missing", "operator", "a trigger that keeps a table append-only is gone from the database"
)

# Kept short: Django opens a connection a thread, and each runs it.
_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; "
    "PRAGMA secure_delete=ON"
)
_BUSY_S: Final = 10


def sqlite_database(path: Path | str) -> dict[str, Any]:
    """Django's DATABASES row for a durable SQLite file."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "CONN_MAX_AGE": None,
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": _BUSY_S, "init_command": _PRAGMAS},
    }


def database(folder: NodeFolder) -> dict[str, Any]:
    """Django's DATABASES row for a node: SQLite in its folder, or the PostgreSQL its settings name."""
    url = folder.settings.database_url
    if not url:
        return sqlite_database(folder.database)
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": None,
    }


def base_settings(row: dict[str, Any] | None = None) -> dict[str, Any]:
    """The settings every process of a node shares; `row` is the default database."""
    return {
        "DATABASES": {"default": row or sqlite_database(":memory:")},
        "INSTALLED_APPS": ["detente.node.apps.NodeConfig"],
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "USE_I18N": False,
        "LOGGING_CONFIG": None,  # node/logs.py alone sets up logging
    }


def frozen_database(path: Path) -> dict[str, Any]:
    """DATABASES row of a SQLite file that nobody writes and that must not change by a byte: a backup's."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": f"file:{quote(str(path))}?immutable=1",
        "CONN_MAX_AGE": None,
        "OPTIONS": {"timeout": _BUSY_S, "init_command": "PRAGMA query_only=ON; PRAGMA temp_store=MEMORY"},
    }


def configure(folder: NodeFolder, *, frozen: bool = False) -> None:
    """Set Django up for this process. Once a process; a second call for the same folder does nothing.

    `frozen`: the folder is a backup, which is only read.
    """
    import django
    from django.conf import settings

    row = frozen_database(folder.database) if frozen else database(folder)
    if settings.configured:
        if settings.DATABASES["default"]["NAME"] != row["NAME"]:
            raise RuntimeError("one process serves one node")
        return
    settings.configure(**base_settings(row))
    django.setup()


def known_steps() -> tuple[str, ...]:
    """Steps of the tables that this version knows, in order; no database is asked."""
    found = (Path(__file__).parent / "migrations").glob("[0-9]*.py")
    return tuple(sorted(one.stem for one in found))


def is_older(taken: Iterable[str]) -> bool:
    """Whether tables that took these steps lack some of ours. Raises Refused if one of them is not ours."""
    known, done = set(known_steps()), set(taken)
    if newer := done - known:
        raise Refused(SCHEMA_OTHER, needs=max(newer))
    return bool(known - done)


def open_tables(folder: NodeFolder) -> None:
    """Make the tables of a new node, or refuse those of another version. An upgrade is an operator's act."""
    configure(folder)
    from django.db import connection

    if "node_log" in connection.introspection.table_names():
        check_schema()
    else:
        migrate(folder)


def migrate(folder: NodeFolder) -> None:
    """Make or bring forward the tables, and keep the file to its user alone."""
    configure(folder)
    from django.core.management import call_command

    if not folder.settings.database_url:
        folder.database.touch(mode=0o600)
    call_command("migrate", interactive=False, verbosity=0)
    check_schema()


def check_schema() -> None:
    """Raise Refused if the tables are not exactly those of this version, or a guard is missing."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    from detente.node.guards import missing_guards

    executor = MigrationExecutor(connection)
    known = {name for app, name in executor.loader.disk_migrations if app == "node"}
    applied = {name for app, name in executor.loader.applied_migrations if app == "node"}
    if newer := applied - known:
        raise Refused(SCHEMA_OTHER, needs=max(newer))
    if lacking := known - applied:
        raise Refused(SCHEMA_OTHER, lacks=min(lacking))
    if gone := missing_guards(connection):
        raise Refused(GUARD_MISSING, guards=", ".join(gone))
