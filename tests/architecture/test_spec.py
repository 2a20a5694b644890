"""spec/ is enough for a second implementation: every rule stands there; vectors and citations find theirs."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath

import pytest

from architecture.tree import ROOT, of, text

#: How many rules each part of the protocol has; a rule is never renumbered, a new one goes to the end.
PARTS = {
    "A": ("entries", 13),
    "B": ("receipts", 8),
    "C": ("signing", 5),
    "D": ("link", 6),
    "E": ("carriers", 4),
    "F": ("fold", 16),
}
FORMATS = [name for name in of(".md", under="spec/formats/") if name.name != "README.md"]
VECTOR_FOLDERS = sorted({name.parents[1] for name in of(".vector")})
_RULE = re.compile(r"(?m)^((?:[A-F])?[1-9][0-9]?)\. (.*(?:\n(?![A-F]?[0-9]+\. |#).*)*)")


def rules(name: PurePosixPath) -> dict[str, str]:
    """Number → text of every rule of a page, in order."""
    return {found[1]: found[2] for found in _RULE.finditer(text(name))}


def page(citation: str) -> dict[str, str]:
    """Rules of `formats/head`, `protocol/link` or `protocol` (all parts)."""
    if citation == "protocol":
        pages = [PurePosixPath(f"spec/protocol/{one}.md") for one, _ in PARTS.values()]
        return {number: said for one in pages for number, said in rules(one).items()}
    name = PurePosixPath(f"spec/{citation}.md")
    return rules(name) if (ROOT / name).is_file() else {}


class TestProtocol:
    @pytest.mark.parametrize(
        ("part", "number"), [(part, n + 1) for part, (_, count) in PARTS.items() for n in range(count)]
    )
    def test_rule_stands_there_in_words(self, part: str, number: int) -> None:
        said = rules(PurePosixPath(f"spec/protocol/{PARTS[part][0]}.md")).get(f"{part}{number}", "")
        assert len(said.split()) >= 8

    def test_there_is_no_other_rule(self) -> None:
        found = {number for number in page("protocol") if number[0].isalpha()}
        assert found == {f"{part}{n + 1}" for part, (_, count) in PARTS.items() for n in range(count)}


class TestFormats:
    @pytest.mark.parametrize("name", FORMATS, ids=str)
    def test_rules_are_numbered_without_a_gap_and_say_something(self, name: PurePosixPath) -> None:
        found = rules(name)
        assert [int(number) for number in found] == list(range(1, len(found) + 1))
        assert len(found) >= 3
        assert all(len(said.split()) >= 5 for said in found.values())

    @pytest.mark.parametrize("folder", ["formats", "protocol"])
    def test_the_folder_s_page_names_every_other_page(self, folder: str) -> None:
        front = text(PurePosixPath(f"spec/{folder}/README.md"))
        others = [name for name in of(".md", under=f"spec/{folder}/") if name.name != "README.md"]
        assert [name.name for name in others if f"({name.name})" not in front] == []


def header(vector: PurePosixPath) -> dict[str, str]:
    """Header words of a vector's file; the payload behind the empty line may be any bytes."""
    head = (ROOT / vector).read_bytes().partition(b"\n\n")[0].decode("utf-8")
    return dict(line.split(": ", 1) for line in head.split("\n"))


class TestVectors:
    @pytest.mark.parametrize("folder", VECTOR_FOLDERS, ids=str)
    def test_each_folder_has_its_row_in_the_table_of_origins(self, folder: PurePosixPath) -> None:
        rows = set(re.findall(r"(?m)^\| `([a-z-]+)/` \| \S", text(folder / "ORIGINS.md")))
        held = {name.parent.name for name in of(".vector", under=f"{folder}/")}
        assert rows == held

    @pytest.mark.parametrize("folder", VECTOR_FOLDERS, ids=str)
    def test_each_cites_a_rule_that_stands_in_the_spec(self, folder: PurePosixPath) -> None:
        for name in of(".vector", under=f"{folder}/"):
            place, _, number = header(name)["rule"].rpartition(" ")
            assert number in page(place), name

    @pytest.mark.parametrize("folder", VECTOR_FOLDERS, ids=str)
    def test_each_uses_only_the_words_that_the_table_explains(self, folder: PurePosixPath) -> None:
        cells = re.findall(r"(?m)^\| ((?:`[a-z]+`(?:, )?)+) \| ", text(folder / "ORIGINS.md"))
        explained = {word for cell in cells for word in re.findall(r"`([a-z]+)`", cell)}
        used = {word for name in of(".vector", under=f"{folder}/") for word in header(name)}
        assert used <= explained

    @pytest.mark.parametrize("folder", VECTOR_FOLDERS, ids=str)
    def test_a_bad_one_names_the_good_one_it_was_made_from(self, folder: PurePosixPath) -> None:
        for name in of(".vector", under=f"{folder}/"):
            found = header(name)
            if found["expect"] != "ok":
                assert found.get("comment", "").strip(), name
            if "sound" in found:
                good = name.with_name(f"{found['sound']}.vector")
                assert found["expect"] != "ok", name
                assert header(good)["expect"] == "ok", name
            if "value" in found:
                assert found["expect"] == "ok", name
                json.loads(found["value"])


READ = (".py", ".js", ".md", ".toml", ".css", ".html")
_CITED = re.compile(r"\b(protocol) ([A-F][0-9]+)\b|\b((?:formats|protocol)/[a-z-]+) ([0-9]+)\b")
_PAPERS = r"\b(?:DESIGN|MODELS|domain|record_layer|stack)"
_AWAY = re.compile(rf"{_PAPERS}\.md\b|{_PAPERS},? (?:section |rule )?(?:P?[0-9]+\b|D[0-9]{{2}}\.)")
_SELF = PurePosixPath("tests/architecture/test_spec.py")


def citations() -> list[tuple[str, str, str]]:
    """(file, page, number) of every citation `protocol A5`, `formats/head 3` in code, tests and pages."""
    return [
        (str(name), hit[1] or hit[3], hit[2] or hit[4])
        for name in of(*READ)
        if name.parts[0] != "spec"
        for hit in _CITED.finditer(text(name))
    ]


class TestCitations:
    def test_a_cited_rule_stands_in_the_spec(self) -> None:
        assert [one for one in citations() if one[2] not in page(one[1])] == []

    def test_the_code_cites_every_part_of_the_protocol(self) -> None:
        cited = {number[0] for name, place, number in citations() if place == "protocol" and "src/" in name}
        assert cited == set(PARTS)

    def test_no_page_is_cited_that_is_not_here(self) -> None:
        """A reader of the code has this repository and nothing else."""
        read = (name for name in of(*READ) if name != _SELF)
        found = [(str(name), hit[0]) for name in read for hit in _AWAY.finditer(text(name))]
        assert found == []

    def test_every_form_check_that_an_officer_is_shown_stands_in_words(self) -> None:
        """A refusal names its clause, V01 and on: whoever reads it must find what it asks for."""
        code = "\n".join(text(name) for name in of(".py", ".toml", under="src/"))
        shown = set(re.findall(r"\bV[0-9]{2}\b", code))
        pages = "\n".join(text(name) for name in of(".md"))
        said = set(re.findall(r"(?m)^(?:\| )?`?(V[0-9]{2})`?(?:\.| \|) .{20,}$", pages))
        assert sorted(shown - said) == []
