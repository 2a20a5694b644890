"""GLOSSARY.md: one meaning a word, each with its source, in step with the charter's own terms."""

from __future__ import annotations

import re
from pathlib import Path

from charter.harbour import charter
from detente.charter.model import ACTS, CASE_ROLES
from detente.charter.refused import refused_words

TEXT = (Path(__file__).parents[2] / "GLOSSARY.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| word")
]
SOURCES = {"C2SP", "RFC 6962", "age", "WebAuthn", "charter", "practice", "ours"}


class TestGlossary:
    """The list of words."""

    def test_every_row_has_a_meaning_and_a_known_source(self) -> None:
        assert len(ROWS) > 60
        assert {row[-1] for row in ROWS} == SOURCES
        assert all(len(row[1]) > 10 for row in ROWS)

    def test_no_word_stands_twice(self) -> None:
        words = [word for row in ROWS for word in row[0].split(", ")]
        assert len(words) == len(set(words))

    def test_the_charters_terms_stand_there_in_its_words(self) -> None:
        rows = {row[0]: row for row in ROWS}
        for term in charter().terms.values():
            if term.label("en") in rows:
                row = rows[term.label("en")]
                assert (row[2], row[3]) == (term.label("ar"), term.label("he"))
        assert {"guarantor", "side", "the other side", "cell", "channel"} <= rows.keys()

    def test_case_roles_acts_and_posts_are_named(self) -> None:
        words = set(re.findall(r"[A-Za-z_]+", TEXT))
        assert words >= {*CASE_ROLES, *ACTS, *charter().posts}

    def test_it_is_free_of_refused_words(self) -> None:
        for lang in charter().languages:
            assert refused_words(TEXT, lang) == ()
