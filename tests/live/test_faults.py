"""Processes killed and stopped in mid-run: what was receipted stays, the channel is alive, `fsck` clean."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from detente.cli.demo.cell import Cell
from detente.record.errors import ERRORS, DetenteError
from live import faults
from live.officers import all_ready, started, until

pytestmark = pytest.mark.live

SHOWN_S = 10
ALARM_S = 5


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    with started(tmp_path_factory.mktemp("cell") / "d", desks=True) as cell:
        faults.sent_in_the_end(cell, "s1")  # registers the posts' keys
        faults.sent_in_the_end(cell, "s2")
        yield cell


class Sending(threading.Thread):
    """Presses STOP-AND-CHECK at S1 while something else happens; ids that were given, codes of refusals."""

    def __init__(self, cell: Cell, count: int = 4) -> None:
        super().__init__()
        self._cell, self._count = cell, count
        self.ids: list[str] = []
        self.refused: list[DetenteError] = []

    def run(self) -> None:
        for _ in range(self._count):
            try:
                self.ids.append(faults.stop_and_check(self._cell, "s1"))
            except DetenteError as error:
                self.refused.append(error)
                time.sleep(0.1)


class TestKilled:
    """`kill -9` of each process at the author's and the addressee's node while STOP-AND-CHECKs are sent."""

    @pytest.mark.parametrize("party", ["s1", "s2"])
    @pytest.mark.parametrize("kind", ["signer", "link", "alarm", "desk", "supervisor"])
    def test_what_was_confirmed_stays_and_the_next_goes_through(
        self, cell: Cell, party: str, kind: str
    ) -> None:
        (old,) = faults.pids(cell, party, kind)
        sending = Sending(cell)
        sending.start()
        faults.pause(0.12)
        os.kill(old, signal.SIGKILL)
        if kind == "supervisor":
            faults.started_again(cell, party)
        else:
            faults.restarted(cell, party, kind, old)
        sending.join(60)
        assert not sending.is_alive()
        for error in sending.refused:
            assert party == "s1" and kind != "alarm" and kind != "desk", error
            assert error.code in faults.WHILE_RESTARTING and ERRORS[error.code][0]
        for entry in sending.ids:  # the answer meant: durable
            faults.confirmed(cell, entry, ["s2", "g1"])
            faults.sounded(cell, "s2", entry)
        faults.whole(cell, "s1", "s2")


class TestStopped:
    """`kill -STOP` of a whole node: its peers say so within ten seconds, and later nothing is missing."""

    def test_status_says_so_and_after_cont_nothing_is_missing(self, cell: Cell) -> None:
        until(lambda: all_ready(cell), 20, "all lines direct")
        process = cell.node("s2").process
        assert process is not None
        os.killpg(process.pid, signal.SIGSTOP)
        began = time.monotonic()
        try:
            until(lambda: line(cell) == "none", SHOWN_S, "status says so")
            assert time.monotonic() - began < SHOWN_S
            sent = [faults.stop_and_check(cell, "s1") for _ in range(3)]
            for entry in sent:
                faults.confirmed(cell, entry, ["g1"])
                assert faults.held_by(cell, "s1", entry)["s2"] in ("held for relay", "not held")
            behind = faults.shown(cell, "s1")["peers"]["s2"]["holds"]
            assert behind["behind"] >= 3 and behind["since"] is not None
        finally:
            os.killpg(process.pid, signal.SIGCONT)
        for entry in sent:
            faults.confirmed(cell, entry, ["s2", "g1"])
            faults.opened(cell, "s2", entry)
            faults.sounded(cell, "s2", entry)
        until(lambda: faults.shown(cell, "s1")["peers"]["s2"]["holds"]["behind"] == 0, 10, "caught up")
        faults.whole(cell)

    @pytest.mark.parametrize("kind", ["signer", "link"])
    def test_one_stopped_process_is_named_and_goes_on(self, cell: Cell, kind: str) -> None:
        until(lambda: all_ready(cell), 20, "all lines direct")
        (pid,) = faults.pids(cell, "s1", kind)
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(DetenteError) as refused:
                faults.stop_and_check(cell, "s1")
            assert refused.value.code in faults.WHILE_RESTARTING
            if kind == "signer":
                until(lambda: faults.shown(cell, "s1")["signer"]["state"] == "unreachable", SHOWN_S, "shown")
        finally:
            os.kill(pid, signal.SIGCONT)
        faults.whole(cell)


def line(cell: Cell) -> str:
    """S1's line to S2, as the command line says."""
    return str(faults.shown(cell, "s1")["peers"]["s2"]["line"])


class TestDeskKilled:
    """The alarm needs no desk: with S2's killed, a STOP-AND-CHECK still sounds there within five seconds."""

    def test_it_sounds(self, cell: Cell) -> None:
        until(lambda: all_ready(cell), 20, "all lines direct")
        faults.kill(cell, "s2", "desk")
        began = time.time()
        entry = faults.stop_and_check(cell, "s1")
        assert faults.sounded(cell, "s2", entry, ALARM_S) - began < ALARM_S


class TestSecondNode:
    """C1, C5: one node and one signer a folder; the second is refused by name and changes nothing."""

    def test_a_second_node(self, cell: Cell) -> None:
        done = faults.detente("node", "--node", str(cell.node("s1").folder.path))
        assert done.returncode == 1
        assert "node-already-running" in done.stderr and "who must act: operator" in done.stderr

    def test_a_second_signer(self, cell: Cell) -> None:
        import subprocess
        import sys

        place = str(cell.node("s1").folder.path)
        environment = {**os.environ, "PYTHONPATH": str(faults.ROOT / "src")}
        done = subprocess.run(
            [sys.executable, "-m", "detente.node.signer", place], capture_output=True, text=True,
            env=environment, timeout=20, check=False,
        )  # fmt: skip
        assert done.returncode not in (0, -signal.SIGTERM)
        assert "second-signer" in done.stderr
        faults.whole(cell)
