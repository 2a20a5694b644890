"""Points this test process's Django at a node's database, made by copying one migrated template.

Import it before anything that imports the models: Django is configured here, once a process.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

import django
from django.conf import settings

from detente.node.django_setup import base_settings, sqlite_database
from detente.node.folder import NodeFolder

_PLACE = Path(tempfile.mkdtemp(prefix="detente-template-"))
atexit.register(shutil.rmtree, _PLACE, ignore_errors=True)

if not settings.configured:
    settings.configure(**base_settings(sqlite_database(_PLACE / "template.sqlite3")))
    django.setup()


@functools.cache
def template() -> Path:
    """A database with all tables and no rows, made once a process."""
    made = _PLACE / "template.sqlite3"
    point_at(made)
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", "node", interactive=False, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return made


def point_at(path: Path) -> None:
    """Have every connection made from now on open that file; this thread's old ones are closed."""
    from django.db import connections

    connections.close_all()
    connections.settings["default"]["NAME"] = str(path)
    # A thread that asked before keeps its wrapper, whose settings are that same dictionary.


def use(folder: NodeFolder) -> NodeFolder:
    """Open the folder's database here, made from the template if there is none yet."""
    made = template()
    if not folder.database.exists():
        shutil.copyfile(made, folder.database)
        folder.database.chmod(0o600)
    point_at(folder.database)
    return folder
