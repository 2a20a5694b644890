"""A node that nobody can dial works fully by asking (protocol D4)."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from detente.cli.demo.cell import Cell, build
from live import faults
from live.officers import START_S, all_ready, until

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    cell = build(tmp_path_factory.mktemp("cell") / "d", hidden=frozenset({"s2"}))
    try:
        cell.start()
        until(lambda: all_ready(cell), START_S, "three nodes come up")
        yield cell
    finally:
        cell.stop()


class TestDialOutOnly:
    """S2 listens for nobody; entries, parts, alarm, receipts and answers go both ways all the same."""

    def test_it_listens_nowhere(self, cell: Cell) -> None:
        for peer in ("s1", "g1"):
            assert not cell.node("s2").folder.settings.link[peer].listen
            with socket.socket() as probe:
                port = int(cell.places.listen("s2", peer).rpartition(":")[2])
                assert probe.connect_ex(("127.0.0.1", port)) != 0

    def test_what_is_said_to_it_sounds_within_five_seconds_and_is_confirmed(self, cell: Cell) -> None:
        faults.sent_in_the_end(cell, "s1")
        entry = faults.stop_and_check(cell, "s1")
        faults.sounded(cell, "s2", entry, 5)
        faults.confirmed(cell, entry, ["s2", "g1"], 8)
        faults.opened(cell, "s2", entry, 2)

    def test_what_it_says_is_confirmed_and_answered(self, cell: Cell) -> None:
        entry = faults.sent_in_the_end(cell, "s2")
        faults.sounded(cell, "s1", entry, 5)
        faults.confirmed(cell, entry, ["s1", "g1"], 8)
        faults.api(cell, "s1").post("/v1/send", {
            "kind": "D02", "act": "ANSWER", "fields": {"answer": "PAUSED"}, "case": entry, "post": "WATCH",
            "post_key": True,
        })  # fmt: skip
        until(
            lambda: faults.api(cell, "s2").get(f"/v1/cases/{entry}")["state"] == "holding", 8,
            "the answer comes back",
        )  # fmt: skip

    def test_after_a_restart_and_a_silence_it_catches_up(self, cell: Cell) -> None:
        faults.end(cell, "s2")
        sent = [faults.stop_and_check(cell, "s1") for _ in range(3)]
        cell.start_node("s2")
        for entry in sent:
            faults.confirmed(cell, entry, ["s2", "g1"])
            faults.sounded(cell, "s2", entry)
        faults.whole(cell, "s1", "s2")
