"""Compiled reads: every value in its own place, however often it is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from detente.node import models as tables
from detente.node.questions import Question
from node.database import use
from node.rig import Cell


@pytest.fixture(autouse=True)
def _logs(tmp_path: Path) -> None:
    use(Cell(tmp_path).folder("s1"))
    for party, size in (("g1", 5), ("s1", 7), ("s2", 7)):
        tables.Log.objects.create(origin=f"harbour.exercise/{party}/1", party=party, generation=1, size=size)


class TestQuestion:
    """The statement is Django's, the values are the caller's."""

    def test_values_take_their_own_places(self) -> None:
        question = Question(
            lambda party, low, high: tables.Log.objects.filter(size__lt=high, size__gt=low, party=party)
            .values_list("origin"),
            str, int, int,
        )  # fmt: skip
        assert question("s1", 6, 8) == [("harbour.exercise/s1/1",)]
        assert question("s1", 7, 8) == []
        assert question("g1", 4, 6) == [("harbour.exercise/g1/1",)]
        assert question.first("s1", 8, 6) is None

    def test_constants_stay_constants(self) -> None:
        question = Question(
            lambda party: tables.Log.objects.filter(size=7, party=party).values_list("size"), str
        )
        assert question.first("s2") == (7,)
        assert question.first("g1") is None

    def test_a_value_is_never_read_as_sql(self) -> None:
        question = Question(lambda party: tables.Log.objects.filter(party=party).values_list("size"), str)
        assert question("s1' OR '1'='1") == []

    def test_a_value_without_a_place_is_a_mistake_of_ours(self) -> None:
        question = Question(lambda _party: tables.Log.objects.values_list("size"), str)
        with pytest.raises(LookupError):
            question("s1")
