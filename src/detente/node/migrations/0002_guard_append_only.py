"""Guard the record's tables by triggers: nothing received is changed or removed."""

from collections.abc import Iterator

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# Table -> columns that name a row, for SQLite's REPLACE.
TABLES = {
    "node_entry": ("id", "log_id, index"),
    "node_head": ("id", "log_id, size"),
    "node_cosignature": ("id", "log_id, mirror, size, time"),
    "node_part": ("id", "log_id, index, position"),
    "node_destroyed": ("sha256",),
    "node_evidence": ("id", "sha256"),
    "node_arrival": ("position",),
}
BYTES = "node_partbytes"


def _same(columns: str) -> str:
    return " AND ".join(f'"{name}" = NEW."{name}"' for name in columns.split(", "))


def sqlite_guards() -> Iterator[str]:
    for table in (*TABLES, BYTES):
        refuse = f"BEGIN SELECT RAISE(ABORT, 'append-only: {table}'); END"
        yield f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}"
        tombstone = ""
        if table == BYTES:
            tombstone = "WHEN NOT EXISTS (SELECT 1 FROM node_destroyed WHERE sha256 = OLD.sha256)"
        yield f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {tombstone} {refuse}"
        # REPLACE removes the old row without running the delete trigger (recursive_triggers is off by
        # default and belongs to the connection), so an insert over an existing row is refused as well.
        keys = TABLES.get(table, ("sha256",))
        same = " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE {_same(columns)})" for columns in keys)
        yield f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {same} {refuse}"


def postgresql_guards() -> Iterator[str]:
    yield (
        "CREATE OR REPLACE FUNCTION node_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'append-only: %', TG_TABLE_NAME; END $$"
    )
    yield (
        "CREATE OR REPLACE FUNCTION node_tombstone_first() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF NOT EXISTS (SELECT 1 FROM node_destroyed WHERE sha256 = OLD.sha256) THEN "
        "RAISE EXCEPTION 'append-only: %', TG_TABLE_NAME; END IF; RETURN OLD; END $$"
    )
    statement = "FOR EACH STATEMENT EXECUTE FUNCTION node_append_only()"
    for table in TABLES:
        yield f"CREATE TRIGGER {table}_no_update BEFORE UPDATE OR TRUNCATE ON {table} {statement}"
        yield f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {statement}"
    yield f"CREATE TRIGGER {BYTES}_no_update BEFORE UPDATE OR TRUNCATE ON {BYTES} {statement}"
    yield (
        f"CREATE TRIGGER {BYTES}_no_delete BEFORE DELETE ON {BYTES} "
        "FOR EACH ROW EXECUTE FUNCTION node_tombstone_first()"
    )


def guard(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    made = postgresql_guards() if schema_editor.connection.vendor == "postgresql" else sqlite_guards()
    for statement in made:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("node", "0001_first_tables")]
    operations = [migrations.RunPython(guard)]
