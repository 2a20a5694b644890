"""The first tables of a node; what each holds stands in models.py."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Counter",
            fields=[
                ("name", models.CharField(max_length=20, primary_key=True, serialize=False)),
                ("value", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Destroyed",
            fields=[
                ("sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("reason", models.CharField(max_length=40)),
                ("destroyed_at", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Enrolment",
            fields=[
                ("code_sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("post", models.CharField(max_length=64)),
                ("made_at", models.BigIntegerField()),
                ("valid_until", models.BigIntegerField()),
                ("used_at", models.BigIntegerField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="LocalState",
            fields=[
                ("name", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("value", models.TextField()),
                ("set_at", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Log",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("origin", models.TextField(unique=True)),
                ("party", models.CharField(max_length=16)),
                ("generation", models.PositiveIntegerField()),
                ("size", models.BigIntegerField(default=0)),
                ("frontier", models.BinaryField(default=b"")),
                ("stopped_at", models.BigIntegerField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="PartBytes",
            fields=[
                ("sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("data", models.BinaryField()),
                ("stored_at", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="WatchSession",
            fields=[
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("post", models.CharField(max_length=64)),
                ("public", models.BinaryField()),
                ("seed", models.BinaryField()),
                ("not_before", models.BigIntegerField()),
                ("not_after", models.BigIntegerField()),
                ("assertion", models.BinaryField(blank=True)),
                ("ended_at", models.BigIntegerField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Evidence",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sha256", models.CharField(max_length=64, unique=True)),
                ("file", models.BinaryField()),
                ("found_at", models.BigIntegerField()),
                ("log", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="node.log")),
            ],
        ),
        migrations.CreateModel(
            name="Arrival",
            fields=[
                ("position", models.BigIntegerField(primary_key=True, serialize=False)),
                ("index", models.BigIntegerField()),
                ("what", models.CharField(max_length=10)),
                ("at", models.BigIntegerField()),
                ("log", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="node.log")),
            ],
        ),
        migrations.CreateModel(
            name="Proposal",
            fields=[
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("state", models.CharField(db_index=True, max_length=10)),
                ("floor", models.BooleanField()),
                ("core_sha256", models.CharField(max_length=64, unique=True)),
                ("draft", models.BinaryField()),
                ("plaintexts", models.BinaryField()),
                ("file_keys", models.BinaryField()),
                ("post", models.CharField(blank=True, max_length=64)),
                ("made_at", models.BigIntegerField()),
                ("index", models.BigIntegerField(null=True)),
                (
                    "log",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="node.log"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Head",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("size", models.BigIntegerField()),
                ("root", models.BinaryField()),
                ("time", models.BigIntegerField()),
                ("note", models.BinaryField()),
                ("stored_at", models.BigIntegerField()),
                ("log", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="node.log")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("log", "size"), name="head_one_root")],
            },
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("index", models.BigIntegerField()),
                ("header", models.BinaryField()),
                ("leaf", models.BinaryField()),
                ("floor", models.BooleanField()),
                ("stored_at", models.BigIntegerField()),
                ("log", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="node.log")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("log", "index"), name="entry_once")],
            },
        ),
        migrations.CreateModel(
            name="Cosignature",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("size", models.BigIntegerField()),
                ("root", models.BinaryField()),
                ("mirror", models.CharField(max_length=16)),
                ("time", models.BigIntegerField()),
                ("lines", models.BinaryField()),
                ("stored_at", models.BigIntegerField()),
                ("log", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="node.log")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("log", "mirror", "size", "time"), name="cosignature_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Ahead",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("index", models.BigIntegerField()),
                ("header", models.BinaryField()),
                ("note", models.BinaryField()),
                ("proof", models.BinaryField()),
                ("stored_at", models.BigIntegerField()),
                ("log", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="node.log")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("log", "index"), name="ahead_once")],
            },
        ),
        migrations.CreateModel(
            name="Opened",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("index", models.BigIntegerField()),
                ("position", models.PositiveIntegerField()),
                ("role", models.CharField(max_length=10)),
                ("plaintext", models.BinaryField(null=True)),
                ("file_key", models.BinaryField(null=True)),
                ("failure", models.CharField(blank=True, max_length=40)),
                ("opened_at", models.BigIntegerField()),
                ("log", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="node.log")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("log", "index", "position"), name="opened_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Part",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("index", models.BigIntegerField()),
                ("position", models.PositiveIntegerField()),
                ("role", models.CharField(max_length=10)),
                ("sha256", models.CharField(db_index=True, max_length=64)),
                ("size", models.BigIntegerField()),
                ("to", models.TextField(blank=True)),
                ("keep", models.TextField(blank=True)),
                ("log", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="node.log")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("log", "index", "position"), name="part_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Wanted",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("index", models.BigIntegerField()),
                ("position", models.PositiveIntegerField()),
                ("role", models.CharField(max_length=10)),
                ("sha256", models.CharField(db_index=True, max_length=64)),
                ("size", models.BigIntegerField()),
                ("log", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="node.log")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("log", "index", "position"), name="wanted_once")
                ],
            },
        ),
    ]
