"""What a person types after `detente send KIND`, and how values look in a terminal."""

from __future__ import annotations

import pytest
import typer

from detente.charter.model import Named
from detente.cli.send import place, typed
from detente.cli.words import isolate, receipt_line, utc


class TestTypedValues:
    """A value is read by the type that the kind's file gives the field; nothing is guessed."""

    @pytest.mark.parametrize(
        ("kind", "text", "value"),
        [
            ("int", "-17", -17),
            ("bool", "yes", True),
            ("bool", "no", False),
            ("time", "1970-01-01T00:01:00Z", 60),
            ("list", "ar,he", ["ar", "he"]),
            ("code", "PAUSE_AND_CHECK", "PAUSE_AND_CHECK"),
        ],
    )
    def test_a_value_of_its_type_is_read(self, kind: str, text: str, value: object) -> None:
        assert typed({"id": "x", "type": kind}, text) == value

    @pytest.mark.parametrize(
        ("kind", "text"),
        [("int", "١٧"), ("int", "1_0"), ("bool", "true"), ("time", "2026-11-23 17:05"), ("time", "17:05")],
    )
    def test_local_time_and_loose_spellings_are_refused(self, kind: str, text: str) -> None:
        with pytest.raises(typer.Exit) as ended:
            typed({"id": "x", "type": kind}, text)
        assert ended.value.exit_code == 2

    def test_a_place_is_a_point_a_grid_or_a_name_at_its_precision(self) -> None:
        name = Named("P07", {"en": "Quay"}, -45_500_000, -24_250_000)
        by_point, by_name = place("-45.5,-24.25,1000,GPS", {}), place("P07", {"P07": name})
        assert (by_point["precision_m"], by_point["basis"]) == (1000, "GPS")
        assert by_name["points"] == by_point["points"] == place(by_point["mgrs"], {})["points"]

    def test_degrees_that_are_none_end_the_program(self) -> None:
        with pytest.raises(typer.Exit):
            place("north,east", {})


class TestWordsOfAReceipt:
    """Receipts are said in plain words with UTC times; receipt is never agreement."""

    def test_the_steps_stand_in_their_order_with_their_times(self) -> None:
        line = receipt_line({
            "party": "s2", "state": "held", "at": 60, "anchored": True, "by_path": "relay",
            "read_at": 61, "acknowledged_at": 62, "answered_at": None,
            "passed_on": [{"echelon": "SECTOR", "at": 63}],
        })  # fmt: skip
        assert line == (
            "S2: on its disk 00:01:00Z (through the guarantor), read 00:01:01Z, acknowledged 00:01:02Z, "
            "passed on to SECTOR 00:01:03Z"
        )

    def test_a_receipt_that_its_party_has_not_anchored_is_called_in_hand(self) -> None:
        line = receipt_line({"party": "s2", "state": "held", "at": 60, "anchored": False})
        assert "receipt in hand" in line

    def test_what_is_not_held_has_no_time(self) -> None:
        assert receipt_line({"party": "g1", "state": "not held", "at": None}) == "G1: not held"

    def test_times_are_utc_to_the_second_and_strings_are_isolated(self) -> None:
        assert utc(0) == "1970-01-01 00:00:00Z"
        assert utc(None) == "-"
        assert isolate("א") == "\u2068א\u2069"
