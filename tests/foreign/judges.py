"""Builds and calls the judges in other languages. With CI=true one that cannot run is a failure."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
GOPATH = Path("/usr/share/gocode")


class Refused(Exception):  # noqa: N818
    """The judge said no; its reason."""


def need(present: object, what: str) -> None:
    """Skip the test for want of `what`, or fail where no skip is allowed."""
    if not present:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"no foreign judge: {what}")


def go_judge(folder: Path) -> Path:
    """The program of tests/foreign/tlog, built into `folder` with Debian's packages and no network."""
    need(shutil.which("go"), "go is not here (Debian: golang-go)")
    need((GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir(), "Debian: golang-golang-x-mod-dev")
    env = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": str(GOPATH),
        "GOFLAGS": "",
        "GOCACHE": str(folder / "cache"),
    }
    program = folder / "judge"
    subprocess.run(
        ["go", "build", "-o", program, HERE / "tlog" / "main.go"], env=env, check=True, timeout=300
    )
    return program


def mldsa_judge() -> Path:
    """The program of tests/foreign/mldsa, with its packages as its lock says."""
    folder = HERE / "mldsa"
    need(shutil.which("node"), "node is not here (Debian: nodejs)")
    if not (folder / "node_modules").is_dir() and shutil.which("npm"):
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=300)
    need((folder / "node_modules" / "@noble").is_dir(), "npm ci in tests/foreign/mldsa")
    return folder / "judge.mjs"


def ask(*command: object) -> dict:
    """The judge's answer. Raises Refused with its reason."""
    done = subprocess.run(
        [str(one) for one in command], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode == 1:
        raise Refused(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
