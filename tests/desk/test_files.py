"""The files the browser gets: vendored with hashes, from nowhere else, mirrored by logical properties."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

import detente.desk
from detente.desk.watch.acts import ACTS

DESK = Path(detente.desk.__file__).parent
STATIC = DESK / "static" / "desk"
SCRIPTS = sorted((STATIC / "js").glob("*.js"))
STYLES = sorted(STATIC.glob("*.css"))


class TestVendored:
    def test_every_file_is_listed_with_its_hash(self) -> None:
        rows = json.loads((STATIC / "fonts" / "vendor.json").read_text())
        listed = {name: digest for row in rows for name, digest in row["files"].items()}
        held = {
            p.name: hashlib.sha256(p.read_bytes()).hexdigest()
            for p in (STATIC / "fonts").iterdir()
            if p.name != "vendor.json"
        }
        assert listed == held
        assert len(listed) == 12

    def test_each_package_names_version_and_licence_and_brings_its_text(self) -> None:
        for row in json.loads((STATIC / "fonts" / "vendor.json").read_text()):
            assert row["licence"] == "OFL-1.1"
            assert re.fullmatch(r"\d+\.\d+\.\d+", row["version"])
            assert any(name.endswith("LICENSE.txt") for name in row["files"])


class TestOwnFilesOnly:
    @pytest.mark.parametrize(
        "path", [*SCRIPTS, *STYLES, *sorted((DESK / "templates").rglob("*.html"))], ids=lambda p: p.name
    )
    def test_no_address_of_another_host(self, path: Path) -> None:
        assert not re.search(r"(https?:)?//[a-z0-9-]+\.[a-z]", path.read_text("utf-8"))


class TestStyles:
    @pytest.mark.parametrize("path", STYLES, ids=lambda p: p.name)
    def test_sides_are_logical(self, path: Path) -> None:
        """A physical side would stay where it is when the page is mirrored."""
        text = re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL)
        physical = (
            r"(?:margin|padding|border)-(?:left|right|top|bottom)|(?<![\w-])(?:left|right|top|bottom)\s*:"
            r"|text-align:\s*(?:left|right)|float:"
        )
        assert not re.search(physical, text)

    def test_each_party_has_a_pattern_beside_its_tone(self) -> None:
        text = (STATIC / "tokens.css").read_text("utf-8")
        patterns = re.findall(r"\.(tone-\w) \{ --tone: var\(--tone-\w\); --pattern: (.*?); \}", text)
        assert [name for name, _ in patterns] == ["tone-1", "tone-2", "tone-g"]
        assert len({pattern for _, pattern in patterns}) == 3

    def test_no_side_has_the_colour_of_a_flag(self) -> None:
        """Rule 6.1.3: no red, blue, green: no channel of a side's tone stands far above both others."""
        text = (STATIC / "tokens.css").read_text("utf-8")
        for tone in ("tone-1", "tone-2", "tone-g"):
            pair = re.search(rf"--{tone}: light-dark\(#(\w{{6}}), #(\w{{6}})\)", text)
            assert pair
            for colour in pair.groups():
                red, green, blue = (int(colour[i : i + 2], 16) for i in (0, 2, 4))
                assert red - max(green, blue) < 60
                assert green - max(red, blue) < 30
                assert blue - max(red, green) < 30


class TestScripts:
    @pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.name)
    def test_checked_small_and_without_inline_evaluation(self, path: Path) -> None:
        text = path.read_text("utf-8")
        assert text.startswith("// @ts-check\n")
        assert len(text.splitlines()) <= 120
        assert not re.search(r"\beval\(|new Function|innerHTML|document\.write|\.style\.", text)


class TestKeyMap:
    """No two acts share a key, and none takes a key of the page."""

    PAGE = frozenset({"KeyS", "KeyJ", "KeyK", "KeyL", "KeyH"})

    def test_keys_are_places_on_the_keyboard(self) -> None:
        assert all(re.fullmatch(r"Key[A-Z]", act.key) for act in ACTS)

    def test_no_key_means_two_things(self) -> None:
        keys = [act.key for act in ACTS]
        assert len(set(keys)) == len(keys)
        assert not set(keys) & self.PAGE

    def test_every_act_of_the_charter_but_new_and_comment_has_a_key(self) -> None:
        from charter.harbour import charter

        assert {act.act for act in ACTS} == set(charter().kinds["D02"].acts) - {"NEW", "COMMENT"}

    def test_no_accesskey_attribute_fights_with_the_browser(self) -> None:
        assert not [t for t in (DESK / "templates").rglob("*.html") if "accesskey" in t.read_text("utf-8")]
