"""The reference pages are what the kind files say today; `tools/docs.py` writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from charter.harbour import charter
from detente.charter.reference import kind_pages, state_drawing

PAGES = Path(__file__).parents[2] / "docs" / "reference" / "kinds"


class TestPages:
    """docs/reference/kinds is made from the data and nothing else."""

    @pytest.mark.parametrize("name", sorted(kind_pages(charter())))
    def test_page(self, name: str) -> None:
        assert (PAGES / name).read_text() == kind_pages(charter())[name]

    def test_there_is_no_other_page(self) -> None:
        assert {one.name for one in PAGES.iterdir()} == set(kind_pages(charter()))

    def test_every_code_field_act_and_state_has_its_words_there(self) -> None:
        for kind in charter().kinds.values():
            page = kind_pages(charter())[f"{kind.id}.md"]
            worded = [*kind.fields, *kind.acts.values(), *kind.states.values(), *kind.prepared]
            worded += [code for one in kind.lists.values() for code in one.codes.values()]
            for one in worded:
                assert f"`{one.id}`" in page
                assert all(text in page for text in one.labels.values())


class TestDrawing:
    """The drawing is the table: an arrow for each row that moves."""

    def test_of_stop_and_check(self) -> None:
        kind = charter().kinds["D02"]
        lines = state_drawing(kind).splitlines()
        assert "    [*] --> sent" in lines
        assert "    sent --> human_reply: ACK by addressee, PASS_ON by addressee" in lines
        assert "    checking --> holding: ANSWER PAUSED by addressee" in lines
        assert "    ended --> false_alarm: CORRECT by author" in lines
        moves = {(row.at, row.to) for row in kind.transitions if row.at != row.to}
        finals = sum(state.final for state in kind.states.values())
        assert len(lines) == 2 + len(moves) + finals
