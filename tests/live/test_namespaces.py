"""`demo --netns`: each party in its own network, as its own user, with its own clock; only packets cross."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from detente.cli.demo.places import FIRST_UID, may_use_namespaces
from live.test_demo import run

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if sentence := may_use_namespaces():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(sentence)
    place = tmp_path_factory.mktemp("netns") / "d"
    for above in (place.parent, place.parent.parent, place.parent.parent.parent):
        above.chmod(above.stat().st_mode | 0o011)  # the parties' users must reach their folders
    done = run("demo", "--fast", "--netns", "--dir", str(place))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return place


class TestNamespaces:
    """The same scenes hold when nothing but cards and packets crosses."""

    def test_each_folder_belongs_to_its_own_user(self, played: Path) -> None:
        owners = [(played / "nodes" / party).stat().st_uid for party in ("s1", "s2", "g1")]
        assert owners == [FIRST_UID, FIRST_UID + 1, FIRST_UID + 2]

    def test_one_party_cannot_read_anothers_folder(self, played: Path) -> None:
        uid = FIRST_UID
        command = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "cat"]
        own = subprocess.run([*command, played / "nodes/s1/node.toml"], capture_output=True, check=False)
        other = subprocess.run([*command, played / "nodes/s2/node.toml"], capture_output=True, check=False)
        assert own.returncode == 0
        assert other.returncode != 0
        assert b"Permission denied" in other.stderr

    def test_nothing_of_it_is_left_on_the_machine(self, played: Path) -> None:
        assert (played / "nodes").is_dir()
        names = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
        assert "detente" not in names
