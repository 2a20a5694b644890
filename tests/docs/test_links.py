"""Every relative link of every page leads to a file that is here and to a heading that stands in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import PurePosixPath

import pytest

from architecture.tree import ROOT, of, prose, text, tracked

PAGES = of(".md")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?: \"[^\"]*\")?\)")
_CODE = re.compile(r"`[^`\n]*`")


def links(name: PurePosixPath) -> list[str]:
    """Targets of links and pictures, in order; what stands in code is no link."""
    return [hit[1] for hit in _LINK.finditer(_CODE.sub("``", prose(text(name))))]


@cache
def anchors(name: PurePosixPath) -> frozenset[str]:
    """Anchors of a page's headings, as the usual readers of Markdown make them."""
    return frozenset(_anchors(name))


def _anchors(name: PurePosixPath) -> Iterator[str]:
    seen: dict[str, int] = {}
    for line in prose(text(name)).splitlines():
        if heading := re.match(r"#{1,6} (.*)", line):
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).strip().lower()
            anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
            count = seen.get(anchor, 0)
            seen[anchor] = count + 1
            yield f"{anchor}-{count}" if count else anchor


def leads(page: PurePosixPath, link: str) -> bool:
    """Whether a relative link of `page` leads to a kept file (or a folder of such) and a heading in it."""
    place, _, anchor = link.partition("#")
    found = (
        PurePosixPath(ROOT.joinpath(page.parent, place).resolve()) if place else PurePosixPath(ROOT / page)
    )
    if not found.is_relative_to(ROOT):
        return False
    name = found.relative_to(ROOT)
    if not any(one == name or name in one.parents for one in tracked()):
        return False
    return not anchor or (name.suffix == ".md" and anchor in anchors(name))


def front(folder: PurePosixPath) -> list[PurePosixPath]:
    """What a reader of a folder sees first: its README, or else all that is below it."""
    readme = folder / "README.md"
    return [readme] if readme in PAGES else [one for one in PAGES if folder in one.parents]


class TestLinks:
    @pytest.mark.parametrize("page", PAGES, ids=str)
    def test_every_relative_link_leads_somewhere(self, page: PurePosixPath) -> None:
        relative = [one for one in links(page) if not re.match(r"[a-z]+:", one)]
        assert [one for one in relative if not leads(page, one)] == []

    @pytest.mark.parametrize("page", PAGES, ids=str)
    def test_a_link_to_another_host_is_encrypted(self, page: PurePosixPath) -> None:
        assert [one for one in links(page) if one.startswith("http://")] == []

    def test_a_wrong_file_and_a_wrong_heading_would_be_seen(self) -> None:
        page = PurePosixPath("README.md")
        assert leads(page, "ARCHITECTURE.md#never")
        assert not leads(page, "ARCHITECTURE.md#always")
        assert not leads(page, "ARCHITECTURES.md")
        assert not leads(page, "../outside.md")


class TestReached:
    def test_every_page_of_the_docs_is_reached_from_the_readme(self) -> None:
        """A page that nobody links to is a page that nobody reads."""
        seen: set[PurePosixPath] = set()
        waiting = [PurePosixPath("README.md")]
        while waiting:
            page = waiting.pop()
            if page in seen or page not in PAGES:
                continue
            seen.add(page)
            for link in links(page):
                place = link.partition("#")[0]
                if place and not re.match(r"[a-z]+:", place):
                    found = PurePosixPath((ROOT / page.parent / place).resolve())
                    if not found.is_relative_to(ROOT):
                        continue
                    name = found.relative_to(ROOT)
                    waiting += [name] if name.suffix else front(name)
        assert [str(one) for one in PAGES if one not in seen] == []
