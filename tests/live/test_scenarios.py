"""Every scenario that comes along, over three living nodes, as it is and with the sides exchanged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from detente.cli.play import SCENARIOS, run
from detente.cli.scenario import parse_scenario, swapped

pytestmark = pytest.mark.live

CODES = {"S1": "S2", "S2": "S1"}


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.toml")), ids=lambda path: path.stem)
def test_it_holds_and_its_swap_differs_in_names_only(path: Path, tmp_path: Path) -> None:
    scenario = parse_scenario(path.read_bytes(), path.name)
    transcripts = []
    for turn, one in enumerate((scenario, swapped(scenario, "s1", "s2"))):
        held, lines = run(one, tmp_path / str(turn), quiet=True)
        assert held, lines
        transcripts.append("\n".join(lines))
    renamed = re.sub(r"\bS[12]\b", lambda code: CODES[code[0]], transcripts[1])
    assert renamed == transcripts[0]
