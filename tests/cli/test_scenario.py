"""Scenario files: strictly read, the same for both sides, and without anything real in them."""

from __future__ import annotations

import pytest

from detente.cli.play import SCENARIOS
from detente.cli.scenario import parse_scenario, swapped, told
from detente.record.errors import Malformed

HEAD = 'title.en = "t"\nshows = ["S00"]\n'
SEND = '[[step]]\ndo = "send"\nby = "s1"\nkind = "D02"\nas = "press"\n'
SHIPPED = sorted(SCENARIOS.glob("*.toml"))


def steps(text: str) -> object:
    return parse_scenario((HEAD + text).encode(), "f").steps


class TestStrictness:
    """A misspelt step must not be passed over in silence."""

    @pytest.mark.parametrize(
        ("text", "path"),
        [
            ("", "step"),
            ('[[step]]\ndo = "shoot"\n', "do"),
            ('[[step]]\ndo = "say"\n', "text"),
            (SEND + 'unknown = "x"\n', "unknown"),
            (SEND + 'on = "press"\n', "step"),
            (SEND + SEND, "step[2]"),
            ('[[step]]\ndo = "act"\nby = "s1"\nact = "ACK"\non = "nothing"\n', "step[1]"),
            ('[[step]]\ndo = "cut"\nbetween = ["s1"]\n', "between"),
            ('[[step]]\ndo = "ahead"\nseconds = 0\n', "seconds"),
            ('[[step]]\ndo = "expect"\nthat = "guilt"\nsays = "x"\n', "that"),
            ('[[step]]\ndo = "expect"\nthat = "state"\n', "says"),
        ],
    )
    def test_what_is_wrong_is_refused_with_its_path(self, text, path):
        with pytest.raises(Malformed) as refused:
            steps(text)
        assert path in str(refused.value)

    def test_too_many_steps_are_refused(self):
        with pytest.raises(Malformed):
            steps('[[step]]\ndo = "say"\ntext = "x"\n' * 501)

    def test_no_name_may_be_used_before_the_step_that_gives_it(self):
        late = '[[step]]\ndo = "act"\nby = "s2"\nact = "ACK"\non = "press"\n'
        assert len(steps(SEND + late)) == 2
        with pytest.raises(Malformed):
            steps(late + SEND)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
class TestShipped:
    """The files that come along."""

    def test_it_is_fictional_worded_in_three_languages_and_ends_in_a_check(self, path):
        assert path.read_text(encoding="utf-8").startswith("# EXERCISE")
        found = parse_scenario(path.read_bytes(), path.name)
        assert set(found.title) == {"ar", "he", "en"}
        assert path.stem in found.shows
        assert found.steps[-1].do in ("expect", "refused")

    def test_exchanged_twice_it_is_itself(self, path):
        found = parse_scenario(path.read_bytes(), path.name)
        assert swapped(found, "s1", "s2") != found
        assert swapped(swapped(found, "s1", "s2"), "s1", "s2") == found

    def test_no_text_names_a_party_but_by_its_hole(self, path):
        for step in parse_scenario(path.read_bytes(), path.name).steps:
            assert "S1" not in step.text and "S2" not in step.text
            assert "{" not in told(step)
