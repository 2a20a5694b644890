"""Three real nodes: signer and link processes, SQLite, mutual TLS, cut cables, held and killed processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from detente.charter.card import parse_card
from detente.node import pairing
from detente.record.errors import Refused
from detente.record.sync import check_ahead, parse_ahead
from node_link.actor import served
from node_link.fakes import RememberingRecord
from node_link.live import CELL, PARTIES, ROOT, LiveCell, Node, log_of

pytestmark = pytest.mark.live


def confirmed(node: Node, mirror: str) -> int:
    """Entries of the node's own log that `mirror` has confirmed, as far as the node knows."""
    receipts: dict[str, int] = node.ask("state")["receipts"].get(log_of(node.party), {})
    return receipts.get(mirror, 0)


def held(node: Node, party: str) -> int:
    sizes: dict[str, int] = node.ask("state")["sizes"]
    return sizes.get(log_of(party), 0)


def opened(node: Node, party: str) -> int:
    return sum(key.startswith(f"{CELL}/{party}/") for key in node.ask("state")["opened"])


@pytest.fixture(scope="class")
def cell(tmp_path_factory: pytest.TempPathFactory) -> LiveCell:  # type: ignore[misc]
    with LiveCell(tmp_path_factory.mktemp("cell")) as found:
        yield found


class TestRecord:
    """An entry is stored, opened, confirmed by both; cut lines, held nodes and kills lose nothing."""

    def test_entries_go_to_both_others_and_both_receipts_come_back(self, cell: LiveCell) -> None:
        s1, s2, g1 = (cell.nodes[one] for one in ("s1", "s2", "g1"))
        for _ in range(3):
            s1.ask("append")
        cell.until(lambda: confirmed(s1, "s2") == 3 and confirmed(s1, "g1") == 3)
        cell.until(lambda: opened(s2, "s1") == opened(g1, "s1") == 3)

    def test_a_large_part_and_a_part_for_one_alone_come_to_who_keeps_them(self, cell: LiveCell) -> None:
        s1, s2, g1 = (cell.nodes[one] for one in ("s1", "s2", "g1"))
        before = opened(s2, "s1")
        s1.ask("append", floor=False, size=400_000)
        s1.ask("append", floor=False, keep=["s2"])
        cell.until(lambda: opened(s2, "s1") == before + 2)
        cell.until(lambda: all(node.ask("state")["wanted"] == 0 for node in (s2, g1)))
        assert opened(g1, "s1") == before + 1

    def test_a_cut_line_is_gone_round_within_a_second(self, cell: LiveCell) -> None:
        s1, s2 = cell.nodes["s1"], cell.nodes["s2"]
        cell.cut("s1", "s2")
        try:
            before = opened(s2, "s1")
            began = s1.ask("append")["at"]
            cell.until(lambda: opened(s2, "s1") == before + 1)
            newest = max(s2.ask("state")["opened"].values())
            assert newest - began < 1.0, "\n".join(node.out() for node in cell.nodes.values())
            size = held(s1, "s1")
            cell.until(lambda: confirmed(s1, "s2") == size)
            cell.until(lambda: s1.ask("state")["lines"]["s2"] == "relay", 12)
        finally:
            cell.mend("s1", "s2")

    def test_what_waited_arrives_within_two_seconds_of_mending(self, cell: LiveCell) -> None:
        s1, s2 = cell.nodes["s1"], cell.nodes["s2"]
        for one in ("s1", "g1"):
            cell.cut(one, "s2")
        before = opened(s2, "s1")
        for _ in range(3):
            s1.ask("append")
        time.sleep(6)
        assert opened(s2, "s1") == before
        for one in ("s1", "g1"):
            cell.mend(one, "s2")
        cell.until(lambda: opened(s2, "s1") == before + 3, 2.0)
        size = held(s1, "s1")
        cell.until(lambda: confirmed(s1, "s2") == size, 3.0)

    def test_a_held_node_shows_within_ten_seconds_and_then_misses_nothing(self, cell: LiveCell) -> None:
        s1, s2 = cell.nodes["s1"], cell.nodes["s2"]
        cell.until(lambda: s1.ask("state")["lines"]["s2"] == "direct", 5)
        before = opened(s2, "s1")
        s2.signal(signal.SIGSTOP)
        try:
            s1.ask("append")
            shown = cell.until(lambda: s1.ask("state")["lines"]["s2"] == "none", 11)
            assert shown < 10
        finally:
            s2.signal(signal.SIGCONT)
        cell.until(lambda: opened(s2, "s1") == before + 1, 3.0)
        cell.until(lambda: s1.ask("state")["lines"]["s2"] == "direct", 5)

    def test_a_killed_link_comes_back_with_all_it_confirmed(self, cell: LiveCell) -> None:
        s1, s2 = cell.nodes["s1"], cell.nodes["s2"]
        size = held(s2, "s1")
        assert s2.link is not None
        s2.link.kill()
        s2.link.wait(10)
        total = s1.ask("append")["index"] + 1
        s2.start_link()
        s2.ready()
        assert held(s2, "s1") >= size
        cell.until(lambda: held(s2, "s1") == confirmed(s1, "s2") == total, 20)
        s2.ask("append")
        cell.until(lambda: confirmed(s2, "s1") == confirmed(s2, "g1") == held(s2, "s2"), 20)
        digests = {node.ask("log")["digest"] for node in cell.nodes.values()}
        assert len(digests) == 1


class TestDialOutOnly:
    """Protocol D4: a node that nobody can dial works fully by asking."""

    def test_it_sends_receives_and_confirms(self, tmp_path: Path) -> None:
        with LiveCell(tmp_path, hidden=frozenset({"s2"})) as cell:
            s1, s2 = cell.nodes["s1"], cell.nodes["s2"]
            s2.ask("append", floor=False)
            cell.until(lambda: opened(s1, "s2") == 1 and confirmed(s2, "s1") == 1)
            began = s1.ask("append")["at"]
            cell.until(lambda: opened(s2, "s1") == 1)
            assert max(s2.ask("state")["opened"].values()) - began < 1.0
            cell.until(lambda: confirmed(s1, "s2") == 1)


class TestLostRecord:
    """Protocol C2: a node that lost its record gets its own log back before it signs again."""

    def test_a_node_without_database_and_journal_refetches_its_log(self, tmp_path: Path) -> None:
        with LiveCell(tmp_path) as cell:
            s1, s2 = cell.nodes["s1"], cell.nodes["s2"]
            for _ in range(3):
                s1.ask("append")
            cell.until(lambda: confirmed(s1, "s2") == 3 and confirmed(s1, "g1") == 3)
            s1.stop()
            for lost in (*s1.folder.path.glob("node.sqlite3*"), *s1.folder.journal.glob("*")):
                lost.unlink()
            s1.start()
            s1.ready()
            cell.until(lambda: s1.ask("state")["signer"] == "started", 20)
            assert held(s1, "s1") == 3
            assert s1.ask("append")["index"] == 3
            cell.until(lambda: confirmed(s1, "s2") == confirmed(s1, "g1") == 4)
            assert s2.ask("state")["evidence"] == 0


class TestAhead:
    """Protocol D3: while a peer refuses pushes, a floor entry comes ahead with what proves it."""

    def test_a_floor_entry_comes_with_head_proof_and_parts(self, tmp_path: Path) -> None:
        with LiveCell(tmp_path, absent=frozenset({"s1"})) as cell:
            s2 = cell.nodes["s2"]
            record = RememberingRecord()
            record.refuse = {"push": Refused("quota")}
            with served(cell, "s1", "s2", record):
                for _ in range(3):
                    s2.ask("append", floor=False)
                cell.until(lambda: any(route == "push" for route, _, _ in record.calls))
                index = s2.ask("append", floor=True)["index"]
                cell.until(lambda: any(route == "ahead" for route, _, _ in record.calls), 5)
                ahead = parse_ahead(next(body for route, _, body in record.calls if route == "ahead"))
                keys = parse_card(pairing.own_card(s2.folder)).log
                assert ahead.index == index
                assert check_ahead(ahead, keys).head.size == index + 1
                assert len(ahead.parts) == 2


class TestProcess:
    """`python -m detente.node.link DIR` as the supervisor starts it, with the local API beside it."""

    def test_it_serves_and_ends_in_order_on_sigterm(self, tmp_path: Path) -> None:
        with LiveCell(tmp_path, absent=frozenset({"s1"})) as cell:
            folder = cell.nodes["s1"].folder
            with (folder.log / "test.out").open("wb") as out:
                link = subprocess.Popen(
                    [sys.executable, "-m", "detente.node.link", str(folder.path)],
                    env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, stderr=out, stdin=subprocess.DEVNULL,
                )  # fmt: skip
            try:
                g1 = cell.nodes["g1"]
                cell.until(lambda: g1.ask("state")["lines"]["s1"] == "direct", 20)
                assert folder.api_socket.exists()
                link.send_signal(signal.SIGTERM)
                assert link.wait(5) == 0
                assert not folder.api_socket.exists()
            finally:
                link.kill()
                link.wait(5)

    def test_a_taken_address_is_named_and_nothing_serves(self, tmp_path: Path) -> None:
        cell = LiveCell(tmp_path, absent=frozenset(PARTIES))
        with cell:
            folder = cell.nodes["s1"].folder
            host, _, port = folder.settings.link["g1"].listen.rpartition(":")
            with socket.create_server((host, int(port))):
                ended = subprocess.run(
                    [sys.executable, "-m", "detente.node.link", str(folder.path)],
                    env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, stderr=subprocess.PIPE, timeout=20,
                    stdin=subprocess.DEVNULL, check=False,
                )  # fmt: skip
            assert ended.returncode == 1
            assert b"cannot-listen" in ended.stderr
