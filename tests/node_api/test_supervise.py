"""The supervisor: one command that keeps the node's processes running (protocol C5)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from detente.node.folder import NodeFolder
from detente.node.supervise import PAUSES_S, commands

SRC = Path(__file__).resolve().parents[2] / "src"

RUN = """
import sys
from detente.node.supervise import run
children = {name: [sys.executable, "-c", code] for name, code in CHILDREN.items()}
sys.exit(run(sys.argv[1], children))
"""
STAYS = "import time; time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
FAILS = "import sys; sys.exit(3)"


@pytest.fixture
def folder(tmp_path):
    return NodeFolder.create(tmp_path / "s1", {"node": {"cell": "harbour.exercise", "party": "s1"}})


@pytest.fixture
def supervisor(folder):
    made = []

    def start(**children):
        code = f"CHILDREN = {children!r}\n" + textwrap.dedent(RUN)
        own = os.environ | {"PYTHONPATH": str(SRC)}
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(folder.path)], env=own, stderr=subprocess.DEVNULL
        )
        made.append(process)
        return process

    yield start
    for one in made:
        if one.poll() is None:
            one.terminate()
            try:
                one.wait(15)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()


def events(folder, name, child=None):
    file = folder.path / "log" / "node.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [row for row in rows if row["event"] == name and child in (None, row.get("child"))]


def wait_for(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come")


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class TestChildren:
    """Rules 1 to 4 of `supervise`."""

    def test_a_killed_child_is_started_again_and_the_others_stay(self, folder, supervisor):
        supervisor(signer=STAYS, link=STAYS)
        wait_for(lambda: len(events(folder, "child-started")) == 2)
        before = {row["child"]: row["pid"] for row in events(folder, "child-started")}
        os.kill(before["link"], signal.SIGKILL)
        again = wait_for(lambda: events(folder, "child-started", "link")[1:])
        assert is_alive(again[0]["pid"])
        assert events(folder, "child-ended", "link")[0]["exit"] == -signal.SIGKILL
        assert is_alive(before["signer"])
        assert len(events(folder, "child-started", "signer")) == 1

    def test_one_that_cannot_start_is_tried_with_growing_pauses(self, folder, supervisor):
        supervisor(link=FAILS)
        starts = wait_for(lambda: events(folder, "child-started", "link")[2:])
        times = [row["time"] for row in events(folder, "child-started", "link")][:3]
        assert starts
        assert times[1] - times[0] >= PAUSES_S[0]
        assert times[2] - times[1] >= PAUSES_S[1]

    def test_sigterm_ends_every_child_and_the_command(self, folder, supervisor):
        process = supervisor(signer=STAYS, link=STAYS)
        started = wait_for(lambda: events(folder, "child-started")[1:] and events(folder, "child-started"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert not any(is_alive(row["pid"]) for row in started)

    def test_a_stubborn_child_is_killed_and_the_exit_says_so(self, folder, supervisor):
        process = supervisor(link=STUBBORN)
        pid = wait_for(lambda: events(folder, "child-started"))[0]["pid"]
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 1
        assert not is_alive(pid)

    def test_a_second_command_on_the_folder_is_refused(self, folder, supervisor):
        supervisor(link=STAYS)
        wait_for(lambda: events(folder, "child-started"))
        second = supervisor(link=STAYS)
        assert second.wait(10) == 1
        assert len(events(folder, "child-started")) == 1

    @pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal")
    def test_children_die_with_a_killed_supervisor(self, folder, supervisor):
        process = supervisor(link=STAYS)
        pid = wait_for(lambda: events(folder, "child-started"))[0]["pid"]
        time.sleep(0.3)
        process.kill()
        process.wait()
        wait_for(lambda: not is_alive(pid))


class TestCommands:
    """What a node consists of."""

    def test_signer_link_and_alarm_always_desk_when_it_listens(self, folder, tmp_path):
        assert list(commands(folder)) == ["signer", "link", "alarm"]
        desk = {"listen": "127.0.0.1:8443", "origin": "http://s1.detente.localhost:8443"}
        node = {"cell": "harbour.exercise", "party": "s1"}
        other = NodeFolder.create(tmp_path / "other", {"node": node, "desk": desk})
        assert list(commands(other)) == ["signer", "link", "alarm", "desk"]
