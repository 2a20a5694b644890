"""What is installed is what was reviewed: locks pin every package by hash and name no place to get it."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import PurePosixPath

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from architecture.test_rooms import imported
from architecture.tree import ROOT, of, parsed, text

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PLAIN = PROJECT["dependencies"]
NODE = PROJECT["optional-dependencies"]["node"]
DEV = PROJECT["optional-dependencies"]["dev"]
_PIN = re.compile(
    r"([a-zA-Z0-9._-]+)(?:\[[a-z0-9,-]+\])?==([a-zA-Z0-9.+!]+)(?: ; [^\\]+)?"
    r"((?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n"
)


def pins(name: str) -> dict[str, str]:
    """Package → version of a lock; anything else in the file fails."""
    body = "".join(
        line + "\n" for line in (ROOT / "locks" / name).read_text("ascii").splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    )  # fmt: skip
    assert _PIN.sub("", body) == "", "a line that is neither a pinned package nor its hash"
    return {canonicalize_name(found[1]): found[2] for found in _PIN.finditer(body)}


class TestPythonLocks:
    """locks/run.txt and locks/test.txt are all that `./detente` installs from."""

    @pytest.mark.parametrize("name", ["run.txt", "test.txt"])
    def test_every_line_is_a_pin_with_hashes(self, name: str) -> None:
        assert len(pins(name)) >= 10

    @pytest.mark.parametrize(
        ("name", "wanted"), [("run.txt", [*PLAIN, *NODE]), ("test.txt", [*PLAIN, *NODE, *DEV])]
    )
    def test_every_dependency_of_the_project_is_held_in_a_version_it_accepts(
        self, name: str, wanted: list[str]
    ) -> None:
        held = pins(name)
        for words in wanted:
            need = Requirement(words)
            assert canonicalize_name(need.name) in held, words
            assert need.specifier.contains(held[canonicalize_name(need.name)]), words

    def test_the_tests_lock_is_the_runs_lock_and_more(self) -> None:
        run, test = pins("run.txt"), pins("test.txt")
        assert run.items() < test.items()

    def test_a_plain_install_brings_no_server(self) -> None:
        assert {Requirement(words).name for words in PLAIN} == {"cryptography", "mgrs", "pyproj"}


class TestOtherLocks:
    """npm locks pin by integrity; the place to get a package from is the machine's own setting."""

    @pytest.mark.parametrize("name", [one for one in of(".json") if one.name == "package-lock.json"], ids=str)
    def test_integrity_and_no_address(self, name: PurePosixPath) -> None:
        found = text(name)
        assert '"integrity": "sha512-' in found
        assert '"resolved"' not in found

    @pytest.mark.parametrize("name", [*of(".txt", under="locks/"), *of(".toml"), *of(".json")], ids=str)
    def test_no_registry_is_named(self, name: PurePosixPath) -> None:
        assert not re.search(r"index-url|find-links|registry\.[a-z]|files\.pythonhosted", text(name))


class TestWhatTheCodeImports:
    """Each room imports only what its install brings."""

    #: module -> package, where they differ; asgiref is Django's own package of ASGI types
    NAMES = {"csp": "django-csp", "django_htmx": "django-htmx", "asgiref": "django"}  # noqa: RUF012

    @pytest.mark.parametrize(
        ("room", "allowed"),
        [
            ("record", ["cryptography"]),
            ("charter", ["cryptography"]),
            ("cases", PLAIN),
            ("node", [*PLAIN, *NODE]),
            ("desk", [*PLAIN, *NODE]),
            ("cli", [*PLAIN, *NODE]),
        ],
    )
    def test_room(self, room: str, allowed: list[str]) -> None:
        ours = {canonicalize_name(Requirement(words).name) for words in allowed}
        for name in of(".py", under=f"src/detente/{room}/"):
            outside = imported(parsed(name)) - set(sys.stdlib_module_names) - {"detente", ""}
            needed = {canonicalize_name(self.NAMES.get(one, one)) for one in outside}
            assert needed <= ours, f"{name}: {needed - ours}"
