"""Refreshes the vendored fonts of the desk from npm; only maintainers run it, installing needs no npm.

`python tools/vendor.py` installs the packages of tools/vendor/package-lock.json (integrity hashes, no
addresses) into a scratch folder without running any install script, copies the listed files and writes
`vendor.json`. A test compares the manifest with the files, so drift fails the build.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = Path(__file__).resolve().parent / "vendor"
FONTS = ROOT / "src" / "detente" / "desk" / "static" / "desk" / "fonts"
SUBSETS = {
    "ibm-plex-sans": "latin",
    "ibm-plex-sans-arabic": "arabic",
    "ibm-plex-sans-hebrew": "hebrew",
    "ibm-plex-mono": "latin",
}
WEIGHTS = (400, 600)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def vendor(scratch: Path) -> list[dict[str, object]]:
    """Copies each package's files and gives its row of the manifest."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LOCK / name, scratch / name)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=scratch, check=True)
    rows: list[dict[str, object]] = []
    for package, subset in SUBSETS.items():
        source = scratch / "node_modules" / "@fontsource" / package
        about = json.loads((source / "package.json").read_text())
        licence = FONTS / f"{package}.LICENSE.txt"
        shutil.copy(source / "LICENSE", licence)
        names = [f"{package}-{subset}-{weight}-normal.woff2" for weight in WEIGHTS]
        for name in names:
            shutil.copy(source / "files" / name, FONTS / name)
        files = {name: sha256(FONTS / name) for name in [*names, licence.name]}
        said = {"name": about["name"], "version": about["version"], "licence": about["license"]}
        rows.append({**said, "files": files})
    return rows


if __name__ == "__main__":
    FONTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        rows = vendor(Path(folder))
    (FONTS / "vendor.json").write_text(json.dumps(rows, indent=2) + "\n")
