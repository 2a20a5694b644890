"""Audit of what is installed: every pin has hashes and a licence on our list.

`tools/audit.py` reads the locks and the metadata of the installed packages; it asks no network. `--page`
writes docs/explanation/what-is-installed.md. Exit 1 when a package is unpinned, unhashed, missing or of an
unknown licence.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "explanation" / "what-is-installed.md"
LOCKS = ("run", "test")
_NAME = re.compile(r"([A-Za-z0-9._-]+)(?:\[[a-z0-9,-]+\])?==([A-Za-z0-9.+!]+)")
_MARKED = re.compile(r"([A-Za-z0-9._-]+)==[^;\\]+;")

#: A word in a package's own licence metadata → the family that we accept. The longest word that stands wins.
FAMILIES = {
    "apache": "Apache-2.0", "mit": "MIT", "bsd": "BSD", "isc": "ISC", "mpl": "MPL-2.0",
    "mozilla public": "MPL-2.0",
    "python software foundation": "PSF-2.0", "psf": "PSF-2.0", "unlicense": "Unlicense", "0bsd": "BSD",
    "zlib": "Zlib", "lgpl": "LGPL", "lesser general public": "LGPL",
}  # fmt: skip
#: What a package's metadata does not say, read in its licence file by a person.
READ_BY_HAND = {
    "atheris": "Apache-2.0",
    "axe-playwright-python": "MIT",
}


HEAD = """\
# What is installed

*Explanation. 24 November 2026.*

Written by `tools/audit.py --page` from the locks and from the metadata of what is installed; `./detente lint`
fails on a package that is unpinned, without hash, or of an unknown licence. No advisory database is asked:
that needs the network, and a build needs none.

| package | version | used by | licence | hashes |
|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Package:
    """One pin of a lock; `licence` is empty when nobody knows it."""

    name: str
    version: str
    hashes: int
    licence: str
    run: bool


def canonical(name: str) -> str:
    """A package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text: str) -> Iterator[tuple[str, str, int, bool]]:
    """(name, version, number of hashes, has a marker) of every requirement of a lock."""
    for block in re.split(r"\n(?=\S)", text):
        if not block.strip() or block.startswith("#"):
            continue
        found = _NAME.match(block)
        if found is None:
            yield block.partition("\n")[0], "", 0, False
            continue
        yield canonical(found[1]), found[2], block.count("--hash=sha256:"), bool(_MARKED.match(block))


def licence_of(name: str) -> str:
    """The family of a package's licence by its own metadata, or empty."""
    if name in READ_BY_HAND:
        return READ_BY_HAND[name]
    try:
        said = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    words = [said.get("License-Expression") or "", (said.get("License") or "")[:120]]
    words += [one for one in said.get_all("Classifier") or [] if one.startswith("License")]
    text = " ".join(words).lower()
    found = sorted({family for word, family in FAMILIES.items() if re.search(rf"\b{word}", text)})
    if re.search(r"(?<!lesser )(?<!l)\b(a?gpl|affero|general public license)\b", text) and not found:
        return ""
    return " / ".join(found)


def packages() -> list[Package]:
    """Everything that the locks name."""
    run = {name for name, *_ in pins((ROOT / "locks" / "run.txt").read_text("ascii"))}
    found = {}
    for lock in LOCKS:
        for name, version, hashes, marked in pins((ROOT / "locks" / f"{lock}.txt").read_text("ascii")):
            licence = licence_of(name) or ("not for this platform" if marked else "")
            found[name] = Package(name, version, hashes, licence, name in run)
    return sorted(found.values(), key=lambda one: one.name)


def faults(found: list[Package]) -> Iterator[str]:
    """What must be mended before a build passes."""
    for one in found:
        if not one.version:
            yield f"{one.name}: not pinned"
        elif not one.hashes:
            yield f"{one.name}: no hash"
        if not one.licence:
            yield f"{one.name}: licence unknown; read it and put it into READ_BY_HAND"


def page(found: list[Package]) -> str:
    """docs/reference/dependencies.md."""
    lines = []
    for one in found:
        user = "node" if one.run else "tests only"
        lines.append(f"| {one.name} | {one.version} | {user} | {one.licence} | {one.hashes} |\n")
    return HEAD + "".join(lines)


def main() -> int:
    found = packages()
    if "--page" in sys.argv:
        PAGE.write_text(page(found), "utf-8")
    bad = list(faults(found))
    for fault in bad:
        print(f"detente: {fault}")
    if not bad:
        print(f"detente: {len(found)} packages pinned, hashed and licensed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
