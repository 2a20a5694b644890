"""A charter is read strictly: whole and unambiguous, or refused with the path of what is wrong."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charter.harbour import (
    CELL,
    DEMO,
    EXERCISE,
    PARTIES,
    card,
    changed,
    charter,
    charter_text,
    kind_files,
    template,
)
from detente.charter import charter_digest, load_charter, new_charter
from detente.record.errors import DetenteError, Malformed, RuleViolation


class TestWhole:
    """What the files say is what the values hold."""

    def test_cell_parties_and_languages(self) -> None:
        found = charter()
        assert (found.cell, found.exercise, found.languages) == (CELL, True, ("ar", "he", "en"))
        assert [(p.id, p.role, p.language) for p in found.parties.values()] == [
            ("s1", "side", "ar"),
            ("s2", "side", "he"),
            ("g1", "guarantor", "en"),
        ]
        assert [p.id for p in found.sides()] == ["s1", "s2"]
        assert [p.id for p in found.guarantors()] == ["g1"]
        assert found.name("he") == "תא הנמל (תרגיל)"

    def test_keys_are_those_of_the_cards(self) -> None:
        for party in PARTIES:
            found, given_card = charter().parties[party], card(party)
            assert (found.log, found.mirrors) == (given_card.log, given_card.mirrors)
            assert (found.receiving, found.admins) == (given_card.receiving, given_card.admins)
            assert found.recovery == given_card.recovery.hex()
            assert found.ca_fingerprint == hashlib.sha256(bytes(range(8))).hexdigest()

    def test_numbers_of_clocks_stand_in_the_charter_alone(self) -> None:
        clocks = charter().clocks
        assert (clocks["T1"].bound_s, clocks["T30"].bound_s, clocks["T31"].bound_s) == (120, 900, 900)
        assert clocks["T28"].bound("FLASH") == 120
        assert clocks["T1"].bound("FLASH") == 120
        assert [(s.code, s.at_s) for s in clocks["T8"].steps] == [
            ("RETRY", 600),
            ("ALTERNATE_PATH", 1200),
            ("GUARANTOR", 1800),
            ("UNEXPLAINED_SILENCE", 7200),
        ]

    def test_posts_know_what_they_may_from_the_kind_files(self) -> None:
        may = charter().posts
        assert ("D02", "NEW") in may["WATCH"].may
        assert ("D02", "NEW") not in may["SUPERVISOR"].may
        assert ("D02", "SIGN") not in may["WATCH"].may
        assert may["AUDITOR"].may == ()

    def test_degrees_are_whole_millionths(self) -> None:
        place = charter().gazetteer["P01"]
        assert (place.lat_e6, place.lon_e6) == (-45_012_300, -126_004_100)

    def test_the_demo_differs_in_numbers_of_clocks_and_bounds_only(self) -> None:
        def parted(text: str) -> tuple[list[str], list[str]]:
            lines = [one for one in text.splitlines() if not one.startswith("#")]
            start = lines.index("[[clock]]")
            return lines[:start], [one for one in lines[start:] if one.startswith(("id", "label", "def"))]

        assert parted((DEMO / "charter.toml").read_text()) == parted(template().decode())
        for drawing in EXERCISE.glob("*.geojson"):
            assert (DEMO / drawing.name).read_bytes() == drawing.read_bytes()
        assert load_charter(
            new_charter((DEMO / "charter.toml").read_bytes(), [card(one) for one in PARTIES]), kind_files()
        )


class TestDigest:
    """The digest covers every byte of every file and the version of the fold."""

    @pytest.mark.parametrize("name", sorted(kind_files()))
    def test_one_changed_byte_of_a_kind_file_changes_it(self, name: str) -> None:
        other = kind_files() | {name: kind_files()[name] + b"#"}
        assert charter_digest(charter_text(), other) != charter().digest

    def test_one_changed_byte_of_the_charter_changes_it(self) -> None:
        assert charter_digest(charter_text() + b"\n", kind_files()) != charter().digest

    def test_it_is_the_hash_of_these_lines(self) -> None:
        lines = ["detente/charter/v1", f"charter.toml {hashlib.sha256(b'c').hexdigest()}"]
        lines += [
            f"kinds/{n} {hashlib.sha256(d).hexdigest()}" for n, d in (("A.toml", b"a"), ("B.toml", b"b"))
        ]
        text = "\n".join([*lines, "fold 1", ""])
        found = charter_digest(b"c", {"B.toml": b"b", "A.toml": b"a"})
        assert found == hashlib.sha256(text.encode()).digest()
        spec = Path(__file__).parents[2] / "spec" / "formats" / "charter.md"
        assert found.hex() in spec.read_text()  # the worked example of formats/charter 2

    def test_the_order_of_cards_does_not_matter(self) -> None:
        backwards = [card(one) for one in reversed(PARTIES)]
        assert new_charter(template(), backwards) == charter_text()


class TestRefused:
    """Every refusal names where."""

    @pytest.mark.parametrize("name", sorted(kind_files()))
    @pytest.mark.parametrize("content", [b"", b"\n", b"# nothing\n"])
    def test_an_emptied_kind_file(self, name: str, content: bytes) -> None:
        with pytest.raises(Malformed) as refusal:
            load_charter(charter_text(), kind_files() | {name: content})
        assert name in str(refusal.value)

    @pytest.mark.parametrize("name", sorted(kind_files()))
    def test_a_missing_kind_file(self, name: str) -> None:
        left = {key: value for key, value in kind_files().items() if key != name}
        with pytest.raises(DetenteError):
            load_charter(charter_text(), left)

    @pytest.mark.parametrize(
        ("old", "new", "detail"),
        [
            ('initial = "sent"', 'initial = "gone"', "no state gone"),
            ('to = "ended"', 'to = "over"', "no state over"),
            ('act = "MOVE"\nby', 'act = "BOW"\nby', "no act BOW"),
            ('when = { answer = ["PAUSED"] }', 'when = { answer = ["NEVER"] }', "no code NEVER"),
            ('when = { answer = ["PAUSED"] }', 'when = { text = ["PAUSED"] }', "text is no code field"),
            ('when = { answer = ["PAUSED"] }', 'when = { answer = ["CHECKING"] }', "two rows for ANSWER"),
            ('codes = "readback"', 'codes = "readbacks"', "no list readbacks"),
            ('printed = ["meaning"', 'printed = ["colour"', "no field colour"),
            ('default = "NOT_STATED"', 'default = "NONE"', "no code NONE"),
            ('holes = ["place", "since"]', 'holes = ["place"]', "holes differ"),
            ("{place} since {since}.", "{place}.", "holes differ"),
            ('second_signature = ["NEW"]', 'second_signature = ["ASK"]', "no act ASK"),
            ('id = "meaning"', 'id = "ack"', "ack is a shared list"),
            ('id = "D02"', 'id = "D03"', "D03 stands in a file called D02.toml"),
            ('id = "FIRE_ON_CIVILIANS"', 'id = "FIRE_ON_US"', "FIRE_ON_US stands twice"),
            (
                'by = ["addressee"]\nto = "human_reply"',
                'by = ["author"]\nto = "human_reply"',
                "not for author",
            ),
        ],
    )
    def test_a_kind_file_that_contradicts_itself(self, old: str, new: str, detail: str) -> None:
        with pytest.raises(RuleViolation) as refusal:
            load_charter(charter_text(), changed("D02.toml", old, new))
        assert detail in str(refusal.value.values["detail"])
        assert "kinds/D02.toml" in str(refusal.value.values["path"])

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("definition.en = ", "defintion.en = "),
            ('label.en = "Meaning"', 'label.en = " Meaning"'),
            ('label.en = "Meaning"', 'label.en = "Mea\u202ening"'),
            ('label.en = "Meaning"', 'label.en = "Mea\\nning"'),
            ('label.en = "Meaning"', 'label.en = "Me\u0301aning"'),
            ('label.en = "Meaning"', 'label.en = "Meaning"\nreview = "checked"'),
            ('label.en = "Meaning"', 'label.en = "Meaning"\nreviewed_by = ["s1/HEAD"]'),
        ],
    )
    def test_words_that_do_not_show_what_they_hold(self, old: str, new: str) -> None:
        with pytest.raises(Malformed, match=r"kinds/D02\.toml"):
            load_charter(charter_text(), changed("D02.toml", old, new))

    @pytest.mark.parametrize(
        ("old", "new", "detail"),
        [
            ('id = "g1"\nrole = "guarantor"', 'id = "g1"\nrole = "side"', "two sides"),
            ('id = "s2"\nrole', 'id = "s1"\nrole', "s1 stands twice"),
            ('party = "s2"', 'party = "s1"', "s1 is no party, or stands twice"),
            ('[[kind]]\nid = "R06"', '[[kind]]\nid = "R07"', "R07 has no file"),
            ('modes = ["COPY"]', 'modes = ["DIRECT"]', "D01 is COPY"),
            ("at_s = 1200", "at_s = 300", "its steps rise"),
            ("at_s = 600 }", "at_s = 601 }", "its steps rise"),
            ('code = "RETRY"', 'code = "SHOUT"', "has no SHOUT"),
            ('id = "T2"', 'id = "T1"', "a clock stands once"),
            ('stated_by = "all"', 'stated_by = "s1"', "agreed is what all have stated"),
            ('watched = "s1"', 'watched = "g1"', "stands twice"),
        ],
    )
    def test_a_charter_that_contradicts_itself(self, old: str, new: str, detail: str) -> None:
        text = charter_text().decode()
        assert old in text
        with pytest.raises(RuleViolation) as refusal:
            load_charter(text.replace(old, new, 1).encode(), kind_files())
        assert detail in str(refusal.value.values["detail"])

    def test_a_charter_without_a_partys_keys(self) -> None:
        text = charter_text().decode()
        cut = text[: text.index('[[keys]]\nparty = "s2"')]
        with pytest.raises(RuleViolation) as refusal:
            load_charter(cut.encode(), kind_files())
        assert (refusal.value.code, refusal.value.values["parties"]) == ("charter-keys-missing", "s2")

    def test_a_key_that_carries_another_partys_name(self) -> None:
        swapped = charter_text().decode().replace(f"{CELL}/s1/1+", f"{CELL}/s2/1+")
        with pytest.raises(Malformed):
            load_charter(swapped.encode(), kind_files())

    def test_a_card_of_another_cell_or_party(self) -> None:
        for cards in ([card("s1"), card("s2")], [card(p) for p in ("s1", "s2", "g1", "g1")]):
            with pytest.raises(RuleViolation):
                new_charter(template(), cards)
        other = template().replace(b'cell = "harbour.exercise"', b'cell = "haven.exercise"')
        with pytest.raises(RuleViolation):
            new_charter(other, [card(p) for p in PARTIES])

    def test_a_template_that_has_keys_already(self) -> None:
        with pytest.raises(RuleViolation):
            new_charter(charter_text(), [card(p) for p in PARTIES])

    @settings(deadline=None, max_examples=40)
    @given(data=st.binary(max_size=300))
    def test_any_bytes_are_refused_by_our_own_errors_only(self, data: bytes) -> None:
        for files in (kind_files(), kind_files() | {"D02.toml": data}, kind_files() | {"common.toml": data}):
            with pytest.raises((Malformed, RuleViolation)):
                load_charter(data if files == kind_files() else charter_text(), files)

    @settings(deadline=None, max_examples=60)
    @given(st.data())
    def test_any_cut_or_changed_byte_gives_a_charter_or_our_own_errors(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from([*sorted(kind_files()), "charter.toml"]))
        files = kind_files() | {"charter.toml": charter_text()}
        at = data.draw(st.integers(0, len(files[name]) - 1))
        files[name] = files[name][:at] + data.draw(st.binary(max_size=3)) + files[name][at + 1 :]
        text = files.pop("charter.toml")
        try:
            load_charter(text, files)
        except (Malformed, RuleViolation) as error:
            assert error.values
