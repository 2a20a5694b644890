"""What the tests need besides Python packages: Debian and npm packages, what for, and how to get them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Need:
    """One thing from outside: how to see it is there, and what is skipped without it."""

    name: str
    present: Callable[[], bool]
    debian: tuple[str, ...]
    skipped: str


def _command(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


NEEDS = (
    Need("chromium", _command("chromium"), ("chromium",), "every test that drives the desk in a browser"),
    Need(
        "go with its note and tlog libraries",
        lambda: (
            shutil.which("go") is not None
            and Path("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog").is_dir()
        ),
        ("golang-go", "golang-golang-x-mod-dev", "golang-golang-x-crypto-dev"),
        "the judges in Go of logs, proofs and forks",
    ),
    Need("node and npm", _command("npm"), ("nodejs", "npm"), "the judges in JavaScript of age and ML-DSA"),
    Need(
        "ip and setpriv",
        lambda: _command("ip")() and _command("setpriv")(),
        ("iproute2", "util-linux"),
        "the demo with a network namespace for each party",
    ),
)


def may_install() -> bool:
    """Only root on a Debian machine may install, and only when nobody said otherwise."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None and not os.environ.get("DETENTE_NO_APT")


def install(packages: tuple[str, ...]) -> bool:
    """True if apt-get installed them."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
    ):
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f"detente: {' '.join(command[:3])} failed: {done.stderr.strip()[-300:]}")
            return False
    return True


def npm_folders() -> Iterator[Path]:
    """The judges that bring a package-lock.json."""
    for lock in sorted((ROOT / "tests" / "foreign").rglob("package-lock.json")):
        if "node_modules" not in lock.parts:
            yield lock.parent


def npm_install(folder: Path) -> bool:
    """True if the judge's packages stand as its lock says."""
    stamp, lock = folder / "node_modules" / ".package-lock.json", folder / "package-lock.json"
    if stamp.exists() and stamp.stat().st_mtime >= lock.stat().st_mtime:
        return True
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"detente: npm ci in {folder.relative_to(ROOT)} failed: {done.stderr.strip()[-300:]}")
        return False
    return True


def prepare() -> list[str]:
    """Install what is missing when that is allowed. Returns what will be skipped, a sentence each."""
    missing = [need for need in NEEDS if not need.present()]
    if missing and may_install():
        wanted = tuple(p for need in missing for p in need.debian)
        print(f"detente: installing Debian packages for the tests: {' '.join(wanted)}", flush=True)
        install(wanted)
        missing = [need for need in NEEDS if not need.present()]
    skipped = [
        f"{need.name} is not here (Debian: apt-get install {' '.join(need.debian)}); skipped: {need.skipped}"
        for need in missing
    ]
    if shutil.which("npm"):
        skipped += [
            f"npm packages of {folder.relative_to(ROOT)} could not be installed; skipped: that judge"
            for folder in npm_folders()
            if not npm_install(folder)
        ]
    return skipped
