"""Neutral words everywhere a person reads: pages, the desk's sentences, kind files, error meanings.

The words that no shared text may hold are those that `charter check` refuses (`charter/refused.py`), and a
few more that name an area or a group by one side's view. Whole words count. Who needs one of them for another
reason writes it into ALLOWED with that reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import polib
import pytest

from architecture.tree import ROOT, SOURCE, of, prose, text, tracked
from charter.harbour import kind_files
from detente.charter.refused import REFUSED, refused_words

LANGUAGES = ("ar", "he", "en")

#: (files, word, reason). A row that nothing needs any more fails.
ALLOWED = (
    (r".*\.md", "frontier", "a Merkle tree's: the roots of its full subtrees, as in the C2SP libraries"),
    (r"SECURITY\.md", "hostile", "of bytes that a program must withstand, never of a party"),
)
#: By one side's view, or for use of force; beside `REFUSED`, in pages only.
MORE = re.compile(
    r"(?i)\b(occupied|liberated|annexed|buffer zone|security zone|militants?|militia|infiltrat\w+"
    r"|normali[sz]ation|attack(?:s|ed)?|opponents?|adversar(?:y|ies)|whitelist|blacklist)\b"
)
#: Real states, areas and forces stand in no page, label, example or test: this project's cells are fictional.
REAL = re.compile(
    r"(?i)\b(israel\w*|syria\w*|leban(?:on|ese)|jordan(?:ian)?|egypt(?:ian)?|iran(?:ian)?|turk(?:ey|ish)"
    r"|golan|hermon|quneitra|damascus|jerusalem|amman|beirut|gaza|idf|undof|unifil)\b"
)
_SELF = PurePosixPath("tests/docs/test_wording.py")


def found() -> Iterator[tuple[str, str, str]]:
    """(file, word, line) of every refused word in pages and in the desk's sentences."""
    for name in of(".md"):
        for line in prose(text(name)).splitlines():
            words = {one for language in LANGUAGES for one in refused_words(line, language)}
            words |= {hit[1].lower() for hit in MORE.finditer(line)}
            yield from ((str(name), word, line.strip()[:120]) for word in sorted(words))
    for name in of(".po"):
        language = name.parts[-3]
        for entry in polib.pofile(str(ROOT / name)):
            for said in (entry.msgstr, *entry.msgstr_plural.values()):
                yield from ((str(name), word, said[:120]) for word in refused_words(said, language))


def is_allowed(name: str, word: str) -> bool:
    return any(word == row[1] and re.fullmatch(row[0], name) for row in ALLOWED)


class TestWords:
    def test_no_page_and_no_sentence_holds_a_refused_word(self) -> None:
        assert [row for row in found() if not is_allowed(row[0], row[1])] == []

    @pytest.mark.parametrize("name", sorted(kind_files()))
    def test_no_kind_file_holds_a_refused_word(self, name: str) -> None:
        """Comments too: a lawyer reads the file itself."""
        lines = (SOURCE / "charter" / "kinds" / name).read_text("utf-8").splitlines()
        wrong = [(line, word) for line in lines for one in LANGUAGES for word in refused_words(line, one)]
        assert wrong == []

    def test_every_allowance_is_needed(self) -> None:
        rows = list(found())
        unused = [
            row for row in ALLOWED if not any(w == row[1] and re.fullmatch(row[0], n) for n, w, _ in rows)
        ]
        assert unused == []

    @pytest.mark.parametrize(
        ("line", "language"),
        [("a violation of the border", "en"), ("انتهاك الحدود", "ar"), ("הפרה של הגבול", "he")],
    )
    def test_a_refused_word_would_be_seen(self, line: str, language: str) -> None:
        assert len(refused_words(line, language)) == 2

    def test_the_list_of_each_language_is_there(self) -> None:
        assert set(REFUSED) == set(LANGUAGES)
        assert all(len(words) >= 15 for words in REFUSED.values())

    def test_receipt_is_never_agreement_stands_where_a_reader_begins(self) -> None:
        for page in ("README.md", "ARCHITECTURE.md", "docs/reference/cli.md"):
            assert re.search(r"(?i)receipt is never agreement", text(PurePosixPath(page)))


class TestNoRealPlace:
    def test_no_file_names_a_real_state_area_or_force(self) -> None:
        read = of(".md", ".py", ".toml", ".html", ".js", ".json", ".geojson", ".po", ".vector")
        held = [(str(name), hit[0]) for name in read if name != _SELF for hit in REAL.finditer(_text(name))]
        assert held == []


def _text(name: PurePosixPath) -> str:
    return (ROOT / name).read_bytes().decode("utf-8", "replace")


class TestTheProjectAlone:
    """Files speak of the project: no path of somebody's machine, no package registry, no notes to oneself."""

    PATTERNS = (
        r"(?<![\w.])/(?:home|root|Users|work|workspace)/[\w.]",
        r"(?:py[p]i|python[h]osted|npm[j]s|artifactory|jfrog)\.[a-z]{2,3}\b|\bproxy\.golang\.",
        r"\b(?:TO[D]O|FIX[M]E|HA[C]K)\b|\blorem ipsum\b|\b(?:issue|ticket) #?[0-9]+\b",
    )

    @pytest.mark.parametrize("pattern", PATTERNS)
    def test_no_file_holds_it(self, pattern: str) -> None:
        sought = re.compile(pattern)
        held = [
            (str(name), hit[0])
            for name in tracked()
            if name != _SELF and name.suffix not in (".woff2", ".mo", ".png")
            for hit in sought.finditer(_text(name))
        ]
        assert held == []

    @pytest.mark.parametrize("line", ["see /home/me/x", "registry.npm" + "js.org", "as issue 12 says"])
    def test_it_would_be_seen(self, line: str) -> None:
        assert any(re.search(pattern, line) for pattern in self.PATTERNS)
