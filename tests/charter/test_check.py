"""`charter check` names every gap, lopsidedness and open crossing; the shipped charter has none."""

from __future__ import annotations

import pytest

from charter.harbour import ROOM, card, changed, charter, charter_text, kind_files
from detente.charter import Charter, Finding, check_charter, load_charter
from detente.charter.model import Worded
from detente.charter.refused import REFUSED, refused_words


def found(charter: Charter, code: str) -> list[Finding]:
    return [one for one in check_charter(charter) if one.code == code]


def errors(charter: Charter) -> list[Finding]:
    return [one for one in check_charter(charter) if one.severity == "error"]


def reading(text: str | None = None, kinds: dict[str, bytes] | None = None) -> Charter:
    return load_charter((text or charter_text().decode()).encode(), kinds or kind_files())


def charter_with(old: str, new: str) -> Charter:
    text = charter_text().decode()
    assert old in text
    return reading(text.replace(old, new, 1))


class TestShipped:
    """The exercise charter may be signed."""

    def test_it_has_no_error(self) -> None:
        assert errors(charter()) == []

    def test_its_drafts_are_one_warning(self) -> None:
        assert [one.severity for one in found(charter(), "draft-strings")] == ["warning"]


class TestGaps:
    """Everything said is said in every language of the charter."""

    @pytest.mark.parametrize("key", ["label", "definition", "not_to_be_read_as"])
    @pytest.mark.parametrize("lang", ["ar", "he", "en"])
    def test_one_removed_string_of_a_code_is_named(self, key: str, lang: str) -> None:
        head, _, tail = kind_files()["D02.toml"].decode().partition('id = "AIRCRAFT_AT_RISK"')
        lines = tail.splitlines(keepends=True)
        gone = next(i for i, one in enumerate(lines) if one.startswith(f"{key}.{lang} = "))
        text = head + 'id = "AIRCRAFT_AT_RISK"' + "".join(lines[:gone] + lines[gone + 1 :])
        gaps = errors(reading(kinds=kind_files() | {"D02.toml": text.encode()}))
        assert [one.code for one in gaps] == [f"{key.replace('_', '-')}-missing"]
        assert (gaps[0].values["id"], gaps[0].values["language"]) == ("AIRCRAFT_AT_RISK", lang)

    def test_a_language_added_to_the_charter_lacks_everything(self) -> None:
        more = charter_with('languages = ["ar", "he", "en"]', 'languages = ["ar", "he", "en", "fr"]')
        lacking = [one for one in errors(more) if one.code == "label-missing"]
        assert len(lacking) > 200
        assert {one.values["language"] for one in lacking} == {"fr"}

    def test_a_partys_missing_name(self) -> None:
        assert [
            one.values["path"] for one in found(charter_with('name.he = "סדף"\n', ""), "name-missing")
        ] == ["party s1"]


class TestLabels:
    """No two codes share a label; no label is another language's."""

    def test_two_codes_of_a_list_with_one_label(self) -> None:
        files = changed("D02.toml", 'label.en = "Not ours"', 'label.en = "Paused"')
        assert [one.values["ids"] for one in found(reading(kinds=files), "label-shared")] == [
            "PAUSED,NOT_OURS"
        ]

    def test_a_label_equal_to_another_languages(self) -> None:
        files = changed("D02.toml", 'label.he = "לא שלנו"', 'label.he = "Not ours"')
        assert [one.values["languages"] for one in found(reading(kinds=files), "label-of-two-languages")] == [
            "en,he"
        ]


class TestRefusedWords:
    """V25: no field, code or string by which the channel could direct force, in any language."""

    def test_all_field_names_codes_and_strings_are_free_of_them(self) -> None:
        strings: list[tuple[str, str]] = []
        for kind in charter().kinds.values():
            strings += [("en", one) for one in (*kind.states, *kind.acts, *(f.id for f in kind.fields))]
            strings += [("en", code) for one in kind.lists.values() for code in one.codes]
        assert len(strings) > 150
        assert [one for one in strings if refused_words(one[1], one[0])] == []
        assert found(charter(), "word-refused") == []

    @pytest.mark.parametrize(
        ("old", "new", "word"),
        [
            ('label.en = "Not ours"', 'label.en = "Not a target"', "Not a target"),
            ('label.ar = "لا يخصّنا"', 'label.ar = "ليس هدفاً"', "ليس هدفاً"),
            ('label.ar = "لا يخصّنا"', 'label.ar = "والأهداف"', "والأهداف"),
            ('label.he = "לא שלנו"', 'label.he = "לא המטרה"', "לא המטרה"),
            ('name = "minutes"', 'name = "aim_minutes"', "aim_minutes"),
        ],
    )
    def test_one_such_word_is_found_and_shown(self, old: str, new: str, word: str) -> None:
        text = kind_files()["D02.toml"].decode()
        assert old in text
        text = (
            text.replace(old, new, 1)
            .replace('"minutes"', '"aim_minutes"')
            .replace("{minutes}", "{aim_minutes}")
        )
        if "aim_minutes" not in new:
            text = text.replace("aim_minutes", "minutes")
        refused = found(reading(kinds=kind_files() | {"D02.toml": text.encode()}), "word-refused")
        assert word in {one.values["text"] for one in refused}
        assert {one.values["path"].split()[0] for one in refused} == {"D02"}

    @pytest.mark.parametrize(("lang", "words"), REFUSED.items())
    def test_each_word_of_the_list_is_found_alone_and_joined(self, lang: str, words: tuple[str, ...]) -> None:
        joined = {"en": "the {}.", "ar": "و{}،", "he": "ו{}."}[lang]
        for word in words:
            assert word in refused_words(word, lang)
            assert word in refused_words(joined.format(word), lang)

    @pytest.mark.parametrize(
        ("lang", "text"), [("en", "claims, targeteer"), ("ar", "محدود"), ("he", "גבולי"), ("fr", "target")]
    )
    def test_other_words_are_left_alone(self, lang: str, text: str) -> None:
        assert refused_words(text, lang) == ()


class TestTables:
    """Posts, clocks and crossings that kinds name."""

    def test_an_unknown_post(self) -> None:
        files = changed("D02.toml", 'posts = ["RELEASE", "HEAD"]', 'posts = ["RELEASE", "NIGHT"]')
        assert [one.values["post"] for one in found(reading(kinds=files), "post-unknown")] == ["NIGHT"]

    def test_an_unknown_clock(self) -> None:
        files = changed("D02.toml", 'clock = "T31"', 'clock = "T99"')
        assert [one.values["clock"] for one in found(reading(kinds=files), "clock-unknown")] == ["T99"]

    def test_an_act_that_nobody_approves(self) -> None:
        files = changed("D02.toml", "approvals = 1", "approvals = 0")
        assert [one.values["act"] for one in found(reading(kinds=files), "approval-missing")] == ["NEW"]

    def test_an_open_crossing(self) -> None:
        text = kind_files()["D02.toml"].decode()
        start = text.index("[[crossed]]")
        cut = text[:start] + text[text.index("# ---", start) :]
        open_ones = found(reading(kinds=kind_files() | {"D02.toml": cut.encode()}), "crossing-open")
        assert {one.values["kind"] for one in open_ones} == {"D02"}

    def test_a_floor_kind_with_its_envelope_only(self) -> None:
        lopsided = charter_with(
            'id = "D02"\nmodes = ["COPY"]\nlevel = "S0"', 'id = "D02"\nmodes = ["COPY"]\nlevel = "S3"'
        )
        assert len(found(lopsided, "floor-kind-envelope-only")) == 1


class TestSides:
    """Both sides are drawn alike (P9)."""

    def test_one_thin_key_only(self) -> None:
        one = charter_with(f'thin = "{card("s1").thin.hex()}"\n', "")
        assert [(f.severity, f.values["what"]) for f in found(one, "sides-differ")] == [("error", "thin")]

    def test_the_same_thing_missing_on_the_other_side_gives_the_same_finding(self) -> None:
        other = charter_with(f'thin = "{card("s2").thin.hex()}"\n', "")
        assert [(f.severity, f.values["what"]) for f in found(other, "sides-differ")] == [("error", "thin")]

    def test_a_line_that_only_one_side_has_stated(self) -> None:
        one = charter_with('stated_by = "all"\nstatus = "agreed"', 'stated_by = "s2"\nstatus = "one-sided"')
        assert [f.values["stated_by"] for f in found(one, "line-of-one-side")] == ["s2"]


class TestDrafts:
    """Outside an exercise no string of a floor kind may be a draft."""

    def test_an_actual_cell_with_drafts_is_an_error_for_each_string(self) -> None:
        text = charter_text().decode().replace("harbour.exercise", "harbour.example")
        # Key ids are over the name, so the cell's name cannot just be replaced in the keys.
        assert "harbour.example" in text
        actual = _renamed(charter())
        drafts = found(actual, "draft-string")
        assert {one.severity for one in drafts} == {"error"}
        assert len(drafts) > 150
        assert any(one.values["id"] == "FIRE_ON_US" for one in drafts)

    def test_a_reviewed_string_is_none(self) -> None:
        files = changed(
            "D02.toml",
            'id = "FIRE_ON_US"\n',
            'id = "FIRE_ON_US"\nreview = "agreed"\nreviewed_by = ["s1/HEAD", "s2/HEAD", "g1/HEAD"]\n',
        )
        drafts = found(_renamed(reading(kinds=files)), "draft-string")
        assert "FIRE_ON_US" not in {one.values["id"] for one in drafts}

    def test_every_worded_thing_of_a_kind_can_be_reviewed_the_kind_itself_too(self) -> None:
        files = changed(
            "D02.toml", "version = 1\n", 'version = 1\nreview = "checked"\nreviewed_by = ["s1/HEAD"]\n'
        )
        kind: Worded = reading(kinds=files).kinds["D02"]
        assert (kind.state, kind.reviewed_by) == ("checked", ("s1/HEAD",))


def _renamed(one: Charter) -> Charter:
    """The same charter as if its cell were not an exercise."""
    return Charter(**{**vars(one), "cell": "harbour.example", "exercise": False})


def test_every_shipped_data_file_is_read_by_some_test() -> None:
    """A data file counts only if emptying it fails something: these are all there are."""
    data = {str(p.relative_to(ROOM)) for p in ROOM.rglob("*") if p.suffix in (".toml", ".json", ".geojson")}
    kinds = {f"kinds/{name}" for name in kind_files()}
    drawn = {
        f"examples/{e}/{f}"
        for e in ("demo", "exercise")
        for f in ("charter.toml", "coast.geojson", "line_a.geojson")
    }
    schemas = {f"schema/{one}.schema.json" for one in ("charter", "common", "kind")}
    assert data == kinds | drawn | schemas
