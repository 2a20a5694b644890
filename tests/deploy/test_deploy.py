"""What stands in deploy/: alert rules over real metrics, and units with their hardening."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from node import database
from node.rig import Clock
from node_api.rig import Node, make_cell

database.template()

from detente.node.metrics import metric_lines  # noqa: E402 - Django must be configured first

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
UNIT = ROOT / "deploy" / "systemd" / "detente-node@.service"
_SAMPLE = re.compile(r"([a-z_]+)(?:\{([^}]*)\})? (-?[0-9.e+]+)")
_TERM = re.compile(
    r"(?P<name>[a-z_]+)(?:\{(?P<labels>[^}]*)\})? (?P<op>==|>|<) (?:(?P<factor>[0-9]+) \* )?(?P<right>\S+)"
)
Samples = dict[tuple[str, str], float]


def rules() -> dict[str, str]:
    """Alert → expression."""
    return dict(re.findall(r"- alert: (\w+)\n\s+expr: (.+)\n", RULES.read_text()))


def fires(expression: str, samples: Samples) -> bool:
    """Whether an expression of our rules' small form holds for any sample. KeyError for an unknown one."""
    return any(all(_holds(one, samples) for one in part.split(" and ")) for part in expression.split(" or "))


def _holds(term: str, samples: Samples) -> bool:
    found = _TERM.fullmatch(term)
    assert found, term
    wanted = found["labels"] or ""
    left = [value for (name, labels), value in samples.items() if name == found["name"] and wanted in labels]
    if not left:
        raise KeyError(term)
    right = float(found["right"]) if found["right"].lstrip("-")[0].isdigit() else samples[found["right"], ""]
    right *= float(found["factor"] or 1)
    return any({"==": one == right, ">": one > right, "<": one < right}[found["op"]] for one in left)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samples]:
    """What a real node says on its port, with `up` as Prometheus adds it."""
    node = Node(make_cell(tmp_path_factory.mktemp("cell"), alarm={"hook": ["true"]}), Clock(int(time.time())))
    node.start()
    node.in_force()
    lines = node.services.reader.run(metric_lines, node.services).result(10)
    node.stop()
    found = {}
    for line in lines:
        if not line.startswith("#"):
            said = _SAMPLE.fullmatch(line)
            assert said, line
            found[said[1], said[2] or ""] = float(said[3])
    yield found | {("up", 'job="detente"'): 1.0}


class TestAlerts:
    """A renamed metric or label value makes its rule fail here."""

    def test_there_are_rules(self) -> None:
        assert len(rules()) >= 14

    @pytest.mark.parametrize("name", rules())
    def test_each_expression_asks_for_what_the_node_says(self, samples: Samples, name: str) -> None:
        for part in re.split(" or | and ", rules()[name]):
            fires(part, samples)

    @pytest.mark.parametrize(
        ("name", "sample", "good", "bad"),
        [
            ("DetenteDown", ("up", 'job="detente"'), 1, 0),
            ("DetenteSignerNotStarted", ("detente_signer_started", ""), 1, 0),
            ("DetenteTwoHistories", ("detente_two_histories", ""), 0, 1),
            ("DetenteWatchNotArmed", ("detente_armed", ""), 1, 0),
            ("DetenteQuarantine", ("detente_quarantined", ""), 0, 2),
            ("DetenteDiskLow", ("detente_disk_free_bytes", ""), 1e12, 1e6),
            ("DetenteQuotaNearlyUsed", ("detente_quota_used_ratio", 'party="s2"'), 0.5, 0.9),
            ("DetenteClockApart", ("detente_peer_clock_offset_seconds", 'peer="s2"'), 3, -40),
            ("DetenteStateDiffers", ("detente_peer_state_differs", 'peer="g1"'), 0, 1),
            ("DetenteQueue", ("detente_waiting", 'what="released"'), 0, 1),
        ],
    )
    def test_it_is_quiet_when_well_and_fires_when_not(
        self, samples: Samples, name: str, sample: tuple[str, str], good: float, bad: float
    ) -> None:
        assert sample in samples
        assert not fires(rules()[name], samples | {sample: good})
        assert fires(rules()[name], samples | {sample: bad})

    def test_a_renamed_metric_would_be_noticed(self, samples: Samples) -> None:
        with pytest.raises(KeyError):
            fires("detente_armed_state == 0", samples)

    def test_labels_are_parties_and_states_only(self, samples: Samples) -> None:
        for _name, labels in samples:
            assert re.fullmatch(r'((peer|party|line|what|state|job)="[a-z0-9]+",?)*', labels), labels


class TestUnits:
    """Units that systemd takes, hardened."""

    NEEDED = (
        "ProtectSystem=strict", "NoNewPrivileges=yes", "PrivateUsers=yes", "CapabilityBoundingSet=",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6", "MemoryDenyWriteExecute=yes", "LimitCORE=0",
        "KillMode=mixed", "UMask=0077",
    )  # fmt: skip

    @pytest.mark.parametrize("line", NEEDED)
    def test_the_hardening_stands(self, line: str) -> None:
        assert line in UNIT.read_text().splitlines()

    def test_systemd_takes_it(self, tmp_path: Path) -> None:
        if shutil.which("systemd-analyze") is None:
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(
                "no systemd-analyze (Debian: systemd)"
            )
        text = UNIT.read_text().replace("/opt/detente/.venv/bin/python", "/bin/sh")
        (tmp_path / UNIT.name).write_text(text)
        done = subprocess.run(
            ["systemd-analyze", "verify", tmp_path / UNIT.name.replace("@", "@s1")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert [line for line in done.stderr.splitlines() if "detente" in line] == []
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--threshold=25", tmp_path / UNIT.name],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-300:]
