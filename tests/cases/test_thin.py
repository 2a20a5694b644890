"""The thin form: what it bears of D01 and D02, its letters in three scripts, what is not believed (E3)."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charter.harbour import charter, thin_seed
from detente.cases.places import Point, place_at, place_json
from detente.cases.thin import TEXT, ThinSaid, carried_fields, make_thin, read_thin
from detente.charter.model import Charter, Field, Kind
from detente.record.errors import DetenteError, Malformed, Refused, Unverified
from detente.record.letters import ALPHABETS, MAX_LINES, join_lines, read_line, write_lines
from detente.record.thin import MAX_THIN, ThinCase, length_of, parse_thin, thin_name

NOON = 1_795_000_000
SCRIPTS = tuple(ALPHABETS)


def said(kind: str = "D02", act: str = "NEW", party: str = "s1", **values: Any) -> ThinSaid:
    content = {name: values.pop(name) for name in ("place", "readback_place") if name in values}
    case = None if act == "NEW" else ThinCase(2, 1, 7)
    asked = "s2" if party == "s1" else "s1"
    return ThinSaid(party, asked, kind, act, NOON, b"abc", values, content, case)


def square(lat: float = -45.125, lon: float = -30.02, precision: int = 1000) -> dict[str, Any]:
    point = Point(round(lat * 1_000_000), round(lon * 1_000_000))
    return place_json(place_at([point], precision_m=precision, basis="MAP"))


def largest(kind: Kind, field: Field) -> Any:
    """A value that takes the most bytes."""
    match field.type:
        case "code":
            return list(kind.codes(field))[-1]
        case "int":
            return field.maximum
        case "time":
            return NOON
        case "list":
            return list(kind.codes(field))
        case "place":
            return square()
        case _:
            return "x" * TEXT


def longest() -> list[ThinSaid]:
    """Every act of D01 and D02 with every field that it may bear, each as large as it can be."""
    found = []
    for kind in (charter().kinds[one] for one in ("D01", "D02")):
        for rule in kind.acts.values():
            fields = carried_fields(kind, rule)
            values = {one.id: largest(kind, one) for one in fields if one.id not in ("ask", "answer", "ack")}
            for code in {"ask": "HOLD_AREA", "answer": "ECHO", "ack": None}.items():
                field = next((one for one in fields if one.id == code[0]), None)
                if field is not None:
                    codes = list(kind.codes(field))
                    values[field.id] = code[1] if code[1] in codes else codes[0]
            found.append(said(kind.id, rule.id, **values))
    return found


def carriable() -> list[bytes]:
    """Those of `longest` that need no words."""
    found = []
    for one in longest():
        try:
            found.append(make_thin(charter(), one, thin_seed("s1")))
        except Refused as error:
            assert error.code == "thin-not-carried", error
            assert one.act == "COMMENT", one.act
    return found


def heard(lines: list[str]) -> dict[int, bytes]:
    read = [read_line(line, number) for number, line in enumerate(lines, 1)]
    return {one.line: one.data for one in read if one and one.data is not None and one.line is not None}


class TestWhatItBears:
    """D01 and D02, whole, in at most 120 bytes."""

    def test_every_act_without_own_words_fits(self) -> None:
        made = carriable()
        assert len(made) == 12
        assert max(map(len, made)) <= MAX_THIN

    def test_read_gives_back_what_was_made(self) -> None:
        for data, one in zip(carriable(), (x for x in longest() if x.act != "COMMENT"), strict=True):
            again = read_thin(charter(), data)
            assert replace(again, content={}) == replace(one, content={})
            assert set(again.content) == set(one.content)

    def test_a_place_is_never_finer_than_a_kilometre(self) -> None:
        fine = square(precision=10)
        back = read_thin(charter(), make_thin(charter(), said(meaning="OTHER", place=fine), thin_seed("s1")))
        assert back.content["place"]["precision_m"] == 1000
        assert back.content["place"]["mgrs"] == square()["mgrs"]

    def test_ten_kilometres_and_a_call_point_come_back(self) -> None:
        name = next(iter(charter().gazetteer.values()))
        point = {**square(), "gazetteer_id": name.id}
        for place, key in ((square(precision=10_000), "mgrs"), (point, "gazetteer_id")):
            data = make_thin(charter(), said(meaning="OTHER", place=place), thin_seed("s1"))
            back = read_thin(charter(), data).content["place"]
            assert back[key] == (name.id if key == "gazetteer_id" else square(precision=10_000)["mgrs"])

    @pytest.mark.parametrize(
        ("kind", "act", "values"),
        [("D02", "NEW", {}), ("D02", "NEW", {"meaning": "OTHER", "text": "words"}), ("D02", "COMMENT", {}),
         ("D01", "NEW", {"slot": "AD_HOC", "path": "RADIO"}), ("R03", "NEW", {}), ("D02", "GO", {}),
         ("D02", "ACK", {"ack": "CANNOT_HANDLE_NOW", "until": NOON})],
    )  # fmt: skip
    def test_what_it_cannot_bear_is_refused_by_name(
        self, kind: str, act: str, values: dict[str, Any]
    ) -> None:
        with pytest.raises(Refused, match="thin-not-carried"):
            make_thin(charter(), said(kind, act, **values), thin_seed("s1"))

    def test_both_sides_messages_have_one_length(self) -> None:
        sizes = {
            party: len(make_thin(charter(), said(party=party, meaning="OTHER"), thin_seed(party)))
            for party in ("s1", "s2")
        }
        assert sizes["s1"] == sizes["s2"]

    def test_the_numbers_of_this_version_are_frozen(self) -> None:
        """A change of these orders makes paper forms that are out there mean something else."""
        d02 = charter().kinds["D02"]
        assert list(d02.acts) == [
            "NEW", "UPDATE", "SIGN", "WITHDRAW", "CORRECT", "MOVE", "READ", "ACK", "PASS_ON", "ANSWER",
            "COMMENT",
        ]  # fmt: skip
        assert [one.id for one in d02.fields][:10] == [
            "meaning", "since", "place", "ask", "area_radius_m", "minutes", "own_action", "answer", "ack",
            "ack_reason",
        ]  # fmt: skip
        assert list(d02.lists["meaning"].codes)[:3] == ["FIRE_ON_US", "FIRE_ON_CIVILIANS", "AIRCRAFT_AT_RISK"]
        body = make_thin(charter(), said(meaning="OTHER", since=NOON), thin_seed("s1"))[:-64]
        assert body[7:].hex() == "01020201006afd86c061626300030000076afd86c0"
        assert list(charter().kinds["D01"].acts) == ["NEW", "ANSWER", "COMMENT"]


class TestWhatIsNotBelieved:
    """Nothing but the party's own message of this cell and charter is read."""

    data = make_thin(charter(), said(meaning="OTHER", since=NOON), thin_seed("s1"))

    @given(st.integers(0, len(data) - 1), st.integers(1, 255))
    def test_no_changed_byte_passes(self, place: int, change: int) -> None:
        changed = bytearray(self.data)
        changed[place] ^= change
        with pytest.raises(DetenteError):
            read_thin(charter(), bytes(changed))

    @given(st.binary(max_size=140))
    def test_any_bytes_are_refused_by_name(self, data: bytes) -> None:
        with pytest.raises(DetenteError):
            read_thin(charter(), data)
        with pytest.raises(DetenteError):
            parse_thin(data, charter().cell)
        assert length_of(data) is None or data[0] == 1

    @given(st.binary(max_size=40))
    def test_signed_nonsense_is_malformed_or_something(self, fields: bytes) -> None:
        from detente.record.thin import Thin, sign_thin

        thin = Thin(
            charter().digest[:3], 1, 2, 2, charter().kinds["D02"].version, 0, NOON, b"abc", None, fields
        )
        try:
            read_thin(charter(), sign_thin(thin, charter().cell, thin_seed("s1")))
        except Malformed:
            return
        except Refused as error:
            assert error.code == "thin-too-long"

    def test_another_partys_key_another_cell_another_charter(self) -> None:
        forged = make_thin(charter(), said(meaning="OTHER"), thin_seed("s2"))
        with pytest.raises(Unverified):
            read_thin(charter(), forged)
        quay: Charter = replace(charter(), cell="quay.exercise")
        with pytest.raises(Refused, match="thin-other-cell"):
            read_thin(quay, self.data)
        with pytest.raises(Refused, match="thin-other-charter"):
            read_thin(replace(charter(), digest=bytes(32)), self.data)
        parties = {one: replace(party, thin=None) for one, party in charter().parties.items()}
        with pytest.raises(Refused, match="thin-key-unknown"):
            read_thin(replace(charter(), parties=parties), self.data)

    def test_its_name_is_the_hash_of_all_its_bytes(self) -> None:
        assert len({thin_name(self.data), thin_name(self.data[:-1] + b"\0")}) == 2


@pytest.mark.parametrize("script", SCRIPTS)
class TestLetters:
    """Read back from paper in every script; a wrong line is named."""

    @given(st.binary(min_size=84, max_size=MAX_THIN))
    def test_read_gives_back_what_was_printed(self, script: str, data: bytes) -> None:
        lines = list(write_lines(data, script))
        assert len(lines) <= MAX_LINES
        assert join_lines(heard(lines), len(data)) == data

    def test_every_one_or_two_wrong_letters_of_a_line_are_found(self, script: str) -> None:
        line = list(write_lines(TestWhatIsNotBelieved.data, script))[3].replace(" ", "")
        alphabet = ALPHABETS[script]
        missed = tried = 0
        for one, other in itertools.combinations_with_replacement(range(len(line)), 2):
            for first, second in itertools.product(alphabet, alphabet):
                wrong = list(line)
                wrong[one], wrong[other] = first, second
                if "".join(wrong) != line:
                    tried += 1
                    heard = read_line("".join(wrong), 4)
                    missed += heard is None or heard.data is not None
        assert (tried > 20_000, missed) == (True, 0)

    def test_swapped_letters_and_lines_are_found_by_their_line(self, script: str) -> None:
        lines = list(write_lines(TestWhatIsNotBelieved.data, script))
        for number in range(1, len(lines) + 1):
            for other in range(1, len(lines) + 1):
                read = read_line(lines[other - 1], number)
                assert (read is not None and read.data is not None) == (number == other)
        plain = lines[0].replace(" ", "")
        for place in range(13):
            if plain[place] != plain[place + 1]:
                wrong = plain[:place] + plain[place + 1] + plain[place] + plain[place + 2 :]
                assert read_line(wrong, 1).data is None  # type: ignore[union-attr]

    def test_a_missing_line_is_named(self, script: str) -> None:
        data = TestWhatIsNotBelieved.data
        found = heard(list(write_lines(data, script)))
        del found[5]
        with pytest.raises(Refused, match="thin-line-missing") as refused:
            join_lines(found, len(data))
        assert refused.value.values["line"] == 5

    def test_writing_habits_are_forgiven(self, script: str) -> None:
        line = next(iter(write_lines(TestWhatIsNotBelieved.data, script)))
        habits = [
            line.lower(), " ".join(line.replace(" ", "")), line.replace(" ", ""), f"1. {line}", f"١) {line}",
            f"\u200f{line}\u200e", "ـ".join(line.replace(" ", "")), line.replace("י", "\u05b4י"),
        ]  # fmt: skip
        finals = str.maketrans({"מ": "ם", "נ": "ן", "פ": "ף", "צ": "ץ", "ا": "أ", "ي": "ى"})
        for habit in [*habits, line.translate(finals)]:
            read = read_line(habit, 1)
            assert read is not None
            assert read.data == TestWhatIsNotBelieved.data[:6], habit

    @given(st.text(max_size=40), st.integers(-3, 30))
    def test_any_text_is_a_line_or_none(self, script: str, text: str, number: int) -> None:
        read = read_line(text, number)
        assert read is None or read.data is None or len(read.data) == 6

    def test_at_300_bits_a_second_it_takes_less_than_a_minute(self, script: str) -> None:
        """F38: ten bits a byte on the wire, letters, spaces, line numbers and ends of line with it."""
        for data in carriable():
            text = "".join(f"{n:02d} {line}\r\n" for n, line in enumerate(write_lines(data, script), 1))
            assert len(text.encode()) * 10 / 300 < 30
