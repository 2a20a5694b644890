"""Certificates of next logs, append-only like the rest of the record (protocol C3)."""

from collections.abc import Iterator

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

TABLE = "node_certificate"


def sqlite_guards() -> Iterator[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, 'append-only: {TABLE}'); END"
    same = f"EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id OR origin = NEW.origin)"
    yield f"CREATE TRIGGER {TABLE}_no_update BEFORE UPDATE ON {TABLE} {refuse}"
    yield f"CREATE TRIGGER {TABLE}_no_delete BEFORE DELETE ON {TABLE} {refuse}"
    yield f"CREATE TRIGGER {TABLE}_no_replace BEFORE INSERT ON {TABLE} WHEN {same} {refuse}"


def postgresql_guards() -> Iterator[str]:
    statement = "FOR EACH STATEMENT EXECUTE FUNCTION node_append_only()"
    yield f"CREATE TRIGGER {TABLE}_no_update BEFORE UPDATE OR TRUNCATE ON {TABLE} {statement}"
    yield f"CREATE TRIGGER {TABLE}_no_delete BEFORE DELETE ON {TABLE} {statement}"


def guard(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    made = postgresql_guards() if schema_editor.connection.vendor == "postgresql" else sqlite_guards()
    for statement in made:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("node", "0002_guard_append_only")]
    operations = [
        migrations.CreateModel(
            name="Certificate",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("origin", models.TextField(unique=True)),
                ("note", models.BinaryField()),
                ("at", models.BigIntegerField()),
            ],
        ),
        migrations.RunPython(guard),
    ]
