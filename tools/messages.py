"""Collects the desk's sentences and compiles their translations; for maintainers, installing needs neither.

`python tools/messages.py collect` needs GNU gettext and rewrites the .po files; `compile` writes the .mo
files with polib. English is filled from the source, so that all three languages are complete catalogues.
A test compares each .mo with its .po, so that what is shown is what was reviewed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import polib

DESK = Path(__file__).resolve().parent.parent / "src" / "detente" / "desk"
LANGUAGES = ("ar", "he", "en")


def catalogue(language: str) -> Path:
    return DESK / "locale" / language / "LC_MESSAGES" / "django.po"


def collect() -> None:
    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.configure(USE_I18N=True, LOCALE_PATHS=[], INSTALLED_APPS=[])
    django.setup()
    os.chdir(DESK)
    call_command("makemessages", locale=list(LANGUAGES), no_location=True, no_wrap=True, verbosity=0)
    for language in LANGUAGES:
        fill(language)


def fill(language: str) -> None:
    """Drop what is no longer said, and say English as it stands in the source."""
    file = polib.pofile(str(catalogue(language)), wrapwidth=0)
    for entry in [*file.obsolete_entries()]:
        file.remove(entry)
    file.metadata = {
        k: file.metadata[k]
        for k in ("Content-Type", "Content-Transfer-Encoding", "Plural-Forms")
        if k in file.metadata
    }
    file.metadata["Language"] = language
    if language == "en":
        for entry in file:
            entry.flags = [flag for flag in entry.flags if flag != "fuzzy"]
            entry.previous_msgid = None
            if entry.msgid_plural:
                entry.msgstr_plural = {0: entry.msgid, 1: entry.msgid_plural}
            else:
                entry.msgstr = entry.msgid
    file.header = (
        "Sentences of the desk. Arabic and Hebrew are drafts until a native reviewer has signed them."
    )
    file.save()


def compile_all() -> None:
    for language in LANGUAGES:
        po = catalogue(language)
        po.with_suffix(".mo").write_bytes(polib.pofile(str(po)).to_binary())


if __name__ == "__main__":
    if sys.argv[1:] == ["collect"]:
        collect()
    elif sys.argv[1:] != ["compile"]:
        sys.exit("detente: tools/messages.py collect|compile")
    compile_all()
