"""Tombstones say by what and how much; a log of views (protocol A4, A11), append-only like the record."""

from collections.abc import Iterator

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

TABLE = "node_view"


def sqlite_guards() -> Iterator[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, 'append-only: {TABLE}'); END"
    same = f"EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id)"
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
    dependencies = [("node", "0003_next_logs")]
    operations = [
        # Nullable and without default: SQLite then adds columns in place, and the guards stay on the table.
        migrations.AddField("destroyed", "size", models.BigIntegerField(null=True)),
        migrations.AddField("destroyed", "held", models.BooleanField(null=True)),
        migrations.AddField("destroyed", "act_log", models.TextField(null=True)),
        migrations.AddField("destroyed", "act_index", models.BigIntegerField(null=True)),
        migrations.CreateModel(
            name="View",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("side", models.CharField(max_length=6)),
                ("log", models.TextField()),
                ("index", models.BigIntegerField()),
                ("position", models.PositiveIntegerField()),
                ("viewer", models.CharField(max_length=16)),
                ("post", models.CharField(max_length=64, blank=True)),
                ("request", models.BinaryField()),
                ("signature", models.BinaryField()),
                ("certificate", models.BinaryField()),
                ("code", models.CharField(max_length=40, blank=True)),
                ("at", models.BigIntegerField()),
            ],
        ),
        migrations.RunPython(guard),
    ]
