"""Names: one spelling for each log, mirror and entry (protocol A1, B7, C3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.record import names
from detente.record.errors import Malformed
from detente.record.names import EntryId

CELL = "north"
EXERCISE = "north.exercise"


class TestOrigin:
    """Protocol A1 and C3: `<cell>/<party>/<generation>`."""

    def test_its_three_parts_are_read_back(self):
        name = names.origin(EXERCISE, "s1", 2)
        assert name == "north.exercise/s1/2"
        assert (names.cell_of(name), names.party_of(name), names.generation_of(name)) == (EXERCISE, "s1", 2)

    @pytest.mark.parametrize(
        "name",
        [
            "north/s1",
            "north/s1/0",
            "north/s1/01",
            "north/S1/1",
            "North/s1/1",
            "north/1s/1",
            ".n/s1/1",
            "n./s1/1",
            "north/s1/1/",
            "north/s1/1\n",
            "north/s1/١",
            "n" * 64 + "/s1/1",
            "north/" + "s" * 17 + "/1",
            "",
            "a+b/s1/1",
        ],
    )
    def test_another_spelling_is_refused(self, name):
        with pytest.raises(Malformed):
            names.parse_origin(name)

    def test_the_longest_names_fit(self):
        assert names.parse_origin(names.origin("n" * 63, "s" * 16, 999_999_999))

    def test_an_exercise_is_known_by_its_name(self):
        assert names.is_exercise(EXERCISE)
        assert not names.is_exercise("exercise")
        assert not names.is_exercise(CELL)


class TestMirrorName:
    """Protocol B7: `<cell>/<mirror party>/mirror/<watched party>`."""

    def test_its_parts_are_read_back(self):
        name = names.mirror_name(CELL, "g1", "s1")
        assert (name, names.parse_mirror(name)) == ("north/g1/mirror/s1", (CELL, "g1", "s1"))

    def test_nobody_mirrors_itself(self):
        with pytest.raises(Malformed):
            names.mirror_name(CELL, "s1", "s1")

    def test_no_mirror_name_is_an_origin(self):
        with pytest.raises(Malformed):
            names.parse_origin(names.mirror_name(CELL, "g1", "s1"))


class TestEntryId:
    """Protocol A1: printed ids and their inverse."""

    @pytest.mark.parametrize(
        ("log", "index", "text"),
        [
            ("north/s1/1", 123, "S1-00123"),
            ("north/s1/2", 123, "S1.2-00123"),
            ("north.exercise/s1/1", 123, "S1-X00123"),
            ("north.exercise/s1/2", 1_234_567, "S1.2-X1234567"),
            ("north/g1/1", 0, "G1-00000"),
        ],
    )
    def test_printed_as_the_rule_says(self, log, index, text):
        assert names.print_id(EntryId(log, index)) == text
        assert names.parse_id(text, names.cell_of(log)) == EntryId(log, index)

    @given(
        st.sampled_from([CELL, EXERCISE]),
        st.from_regex(r"[a-z][a-z0-9]{0,15}", fullmatch=True),
        st.integers(1, 10**9 - 1),
        st.integers(0, 2**63 - 1),
    )
    def test_parsing_is_the_inverse_of_printing(self, cell, party, generation, index):
        entry = EntryId(names.origin(cell, party, generation), index)
        assert names.parse_id(names.print_id(entry), cell) == entry

    @pytest.mark.parametrize(
        "text",
        [
            "S1-0123",
            "S1-000123",
            "S1.1-00123",
            "S1.02-00123",
            "s1-00123",
            "S1-X00123",
            "S1 00123",
            "S1-00123 ",
            "S1-0012٣",
            "-00123",
            "S1-99999999999999999999",
        ],
    )
    def test_another_spelling_is_refused(self, text):
        with pytest.raises(Malformed):
            names.parse_id(text, CELL)

    def test_an_exercise_id_needs_its_x(self):
        with pytest.raises(Malformed):
            names.parse_id("S1-00123", EXERCISE)

    def test_ids_of_one_log_are_in_its_order(self):
        assert EntryId("north/s1/1", 9) < EntryId("north/s1/1", 10) < EntryId("north/s2/1", 0)
