"""Three real nodes: signer and link processes, SQLite, mutual TLS, cut cables, held and killed processes."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from node_link.live import CELL, LiveCell, Node, log_of

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
            assert newest - began < 1.0
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
