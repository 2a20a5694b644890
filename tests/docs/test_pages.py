"""The pages written by hand: four kinds, one a page, dated; the two commands; the changelog; the glossary."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import PurePosixPath

import pytest

from architecture.tree import ROOT, SOURCE, of, prose, text
from detente import __version__

KINDS = {"tutorial": "Tutorial", "how-to": "How-to", "explanation": "Explanation"}
WRITTEN = [name for folder in KINDS for name in of(".md", under=f"docs/{folder}/")]
DECISIONS = of(".md", under="docs/decisions/")
TOP = ("README", "ARCHITECTURE", "GLOSSARY", "CHANGELOG", "CONTRIBUTING", "SECURITY")
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_DATE = rf"([0-9]{{1,2}} (?:{_MONTHS}) 20[0-9]{{2}})"


class TestFourKinds:
    @pytest.mark.parametrize("page", WRITTEN, ids=str)
    def test_a_page_says_its_kind_and_date_under_its_heading(self, page: PurePosixPath) -> None:
        said = re.match(rf"# .+\n\n\*({'|'.join(KINDS.values())})\. {_DATE}\.", text(page))
        assert said
        assert said[1] == KINDS[page.parts[1]]
        datetime.strptime(said[2], "%d %B %Y")  # noqa: DTZ007 - a day, no instant

    def test_there_is_a_page_of_each_kind(self) -> None:
        assert {page.parts[1] for page in WRITTEN} == set(KINDS)

    def test_the_docs_have_no_other_folder(self) -> None:
        folders = {name.parts[1] for name in of(".md", under="docs/")}
        assert folders == {*KINDS, "reference", "decisions"}

    def test_the_reference_is_dated_by_the_version_it_is_made_from(self) -> None:
        assert f"\n*Reference. Detente {__version__}." in text(PurePosixPath("docs/reference/README.md"))

    @pytest.mark.parametrize("page", WRITTEN, ids=str)
    def test_a_how_to_and_a_tutorial_show_commands(self, page: PurePosixPath) -> None:
        if page.parts[1] != "explanation":
            assert "```" in text(page)


class TestDecisions:
    PARTS = ("Question", "What pulls", "Options", "Choice", "Price", "What would make us change it")

    @pytest.mark.parametrize("page", DECISIONS, ids=str)
    def test_number_status_and_date(self, page: PurePosixPath) -> None:
        assert re.match(rf"# {page.name[:4]} .+\n\nStatus: .+, {_DATE}\.\n", text(page))
        assert re.fullmatch(r"[0-9]{4}(-[a-z]+)+\.md", page.name)

    @pytest.mark.parametrize("page", DECISIONS, ids=str)
    def test_it_weighs_options_and_says_what_would_change_it(self, page: PurePosixPath) -> None:
        said = text(page).lower()
        assert "change" in said.rpartition("**")[2] or "change it" in said
        assert len(said.split()) >= 120

    def test_numbers_are_used_once_and_without_a_gap(self) -> None:
        assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


class TestTopPages:
    @pytest.mark.parametrize("name", TOP)
    def test_page_is_there(self, name: str) -> None:
        assert (ROOT / f"{name}.md").is_file()

    def test_the_two_commands_of_the_readme_exist(self) -> None:
        block = text(PurePosixPath("README.md")).partition("## Two commands")[2].split("```")[1]
        commands = re.findall(r"(?m)^\./detente (\w+)", block)
        assert commands == ["demo", "test"]
        assert (ROOT / "detente").stat().st_mode & 0o111
        assert (ROOT / "tools" / "test.py").is_file()
        assert (SOURCE / "cli" / "demo" / "__init__.py").is_file()

    def test_the_readme_says_what_it_is_not_and_shows_one_picture(self) -> None:
        said = text(PurePosixPath("README.md"))
        assert "**What it is not.**" in said
        assert len(re.findall(r"!\[[^\]]+\]\(", said)) == 1

    def test_the_changelog_has_an_entry_for_this_version(self) -> None:
        versions = re.findall(r"(?m)^## ([0-9.]+) \((unreleased|20[0-9]{2}-[0-9]{2}-[0-9]{2})\)$",
                              text(PurePosixPath("CHANGELOG.md")))  # fmt: skip
        assert versions[0][0] == __version__
        entry = text(PurePosixPath("CHANGELOG.md")).split("\n## ")[1]
        assert re.search(r"(?m)^- (breaking|security|added|changed|fixed|format): .{20,}$", entry)

    # fmt: off
    WORDS = (
        "side", "guarantor", "cell", "charter", "basket", "kind", "entry", "case", "post", "watch", "clock",
        "log", "head", "cosignature", "mirror", "tile", "proof", "origin", "core", "content", "receipt",
    )
    # fmt: on

    def test_the_glossary_explains_the_words_that_the_code_is_made_of(self) -> None:
        page = ROOT / "GLOSSARY.md"
        said = page.read_text("utf-8").lower() if page.is_file() else ""
        assert [word for word in self.WORDS if not re.search(rf"\b{word}\b", said)] == []


class TestNames:
    """What a page names in code letters is there."""

    @pytest.mark.parametrize(
        "page", [*WRITTEN, *DECISIONS, *(PurePosixPath(f"{one}.md") for one in TOP)], ids=str
    )
    def test_modules_and_files(self, page: PurePosixPath) -> None:
        said = prose((ROOT / page).read_text("utf-8")) if (ROOT / page).is_file() else ""
        modules = re.findall(r"`(detente(?:\.[a-z_]+)+)`", said)
        files = re.findall(r"`((?:src|tools|tests|docs|spec|bench|locks)/[A-Za-z0-9_./-]+)`", said)
        lost = [one for one in modules if not _module(one)] + [
            one for one in files if not (ROOT / one).exists()
        ]
        assert lost == []


def _module(name: str) -> bool:
    place = SOURCE.parent.joinpath(*name.split("."))
    inside = place.parent  # a name inside a module
    return place.with_suffix(".py").is_file() or place.is_dir() or inside.with_suffix(".py").is_file()
