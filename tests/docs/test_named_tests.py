"""A page that names a test as proof names one that is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from architecture.tree import ROOT

PAGES = ("SECURITY.md", "docs/explanation/failures-and-counter-measures.md")
_NAMED = re.compile(r"\[`(\w+(?:::\w+)?)`\]\(([^)]*tests/[^)]+\.py)\)")


@cache
def names_in(path: Path) -> frozenset[str]:
    """`Class`, `Class::test` and `test` of a file."""
    found = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found.add(node.name)
            found |= {
                f"{node.name}::{one.name}"
                for one in node.body
                if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
            }
    return frozenset(found)


def rows(page: str) -> list[str]:
    """The rows of the page's table that names tests."""
    lines = (ROOT / page).read_text("utf-8").splitlines()
    head = next(
        n for n, line in enumerate(lines) if line.startswith("|") and line.rstrip("| ").endswith("tests")
    )
    table = []
    for line in lines[head + 2 :]:
        if not line.startswith("|"):
            break
        table.append(line)
    return table


#: Failures that this version must meet, each by a rule and the test that shows it at work.
FAILURES = ("F05", "F06", "F07", "F08", "F09", "F26", "F29", "F30", "F38", "F39")


class TestFailures:
    """No row of the page of failures is lost, doubled or left without its proof."""

    def test_every_failure_has_its_one_row(self) -> None:
        found = [row.split("|")[1].strip() for row in rows(PAGES[1])]
        assert {one for one in FAILURES if found.count(one) != 1} == set()

    def test_a_proof_is_a_test_that_runs(self) -> None:
        """What is named is collected: a class with a test in it, or a test."""
        for page in PAGES:
            for name, link in (pair for row in rows(page) for pair in _NAMED.findall(row)):
                held = names_in(((ROOT / page).parent / link).resolve())
                tests = {one for one in held if one.rpartition("::")[2].startswith("test_")}
                assert any(one == name or one.startswith(f"{name}::") for one in tests), f"{link}: {name}"


class TestNamedTests:
    """Every row has its test; every test named is one."""

    @pytest.mark.parametrize("page", PAGES)
    def test_every_row_names_a_test_that_is_there(self, page: str) -> None:
        assert rows(page)
        for row in rows(page):
            named = _NAMED.findall(row)
            assert named, row
            for name, link in named:
                path = ((ROOT / page).parent / link).resolve()
                assert path.is_file(), link
                assert name in names_in(path), f"{link}: {name}"
