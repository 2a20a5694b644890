"""A node of an earlier version among nodes of this one, and its folder brought forward in place.

The earlier version is taken from the project's own history, as it was; it also made the cell: charter, cards
and keys are those that a cell of that time has.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from detente.node.client import LocalApi
from detente.node.folder import NodeFolder
from detente.record.errors import DetenteError
from live.officers import until

pytestmark = pytest.mark.live

ROOT = Path(__file__).resolve().parents[2]
EARLIER = "162bd3a"
PARTIES = ("s1", "s2", "g1")
BUILD = """
import sys
from pathlib import Path
from detente.cli.charter import write_charter
from detente.cli.demo.cell import CELL, HOOK, PARTIES, TEMPLATE, free_ports
from detente.node.pairing import NewNode, accede, add_peer, init, own_card

place, ports, made = Path(sys.argv[1]), iter(free_ports(6)), {}
for party in PARTIES:
    peers = tuple(one for one in PARTIES if one != party)
    listen = {peer: f"127.0.0.1:{next(ports)}" for peer in peers}
    hook = ["/bin/sh", "-c", HOOK, str(place / party / "run" / "alarms")]
    made[party] = init(place / party, NewNode(
        CELL, party, peers, listen=listen, addresses={peer: "https://" + at for peer, at in listen.items()},
        settings={"alarm": {"hook": hook, "sound": False}, "heartbeat": {"interval_s": 30}},
    ))
cards = [own_card(folder) for folder in made.values()]
write_charter(TEMPLATE, cards, place / "charter")
for party, folder in made.items():
    accede(folder, place / "charter")
    for card, other in zip(cards, PARTIES):
        if other != party:
            add_peer(folder, card)
"""


def earlier_source(into: Path) -> Path:
    """The earlier version's source, unpacked; skipped or failed by name where the history is cut short."""
    there = subprocess.run(
        ["git", "-C", ROOT, "cat-file", "-e", f"{EARLIER}^{{commit}}"], capture_output=True, check=False
    )
    if there.returncode:
        why = f"the history does not hold {EARLIER}: fetch all of it (git fetch --unshallow)"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)
    packed = subprocess.run(
        ["git", "-C", ROOT, "archive", EARLIER, "src"], capture_output=True, check=True
    ).stdout
    into.mkdir()
    subprocess.run(["tar", "-x", "-C", into], input=packed, check=True)
    return into / "src"


@dataclass
class Mixed:
    """Three folders and the processes that run on them, each with a source of its own."""

    place: Path
    old: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def run(self, source: Path, *words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words], env={**os.environ, "PYTHONPATH": str(source)}, capture_output=True,
            text=True, timeout=timeout, check=False,
        )  # fmt: skip

    def start(self, party: str, source: Path) -> None:
        with (self.place / party / "log" / "test.out").open("ab") as log:
            self.processes[party] = subprocess.Popen(
                [sys.executable, "-m", "detente", "node", "--node", str(self.place / party)],
                env={**os.environ, "PYTHONPATH": str(source)}, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def end(self, party: str) -> None:
        process = self.processes.pop(party)
        process.send_signal(signal.SIGTERM)
        process.wait(20)

    def status(self, party: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api(party).get("/v1/status")
        return found

    def api(self, party: str) -> LocalApi:
        return LocalApi(NodeFolder(self.place / party), timeout=5)

    def stop_and_check(self, party: str) -> str:
        """Press STOP-AND-CHECK once the node takes it; the entry's id."""

        def attempt() -> str | None:
            try:
                said = self.api(party).post("/v1/send", {
                    "kind": "D02", "act": "NEW", "fields": {"meaning": "OTHER"}, "post": "WATCH",
                    "post_key": True,
                })  # fmt: skip
            except DetenteError:
                return None
            return str(said["id"])

        found: str = until(attempt, 30, f"{party} sends")
        return found

    def crosses(self, author: str, reader: str) -> None:
        """A STOP-AND-CHECK goes out, is read, sounds, and the author has receipts of both others."""
        entry = self.stop_and_check(author)
        until(lambda: self.api(reader).get(f"/v1/entries/{entry}")["core"], 30, f"{reader} reads {entry}")
        alarms = self.place / reader / "run" / "alarms"
        until(lambda: entry in alarms.read_text(), 30, f"it sounds at {reader}")
        for party in PARTIES:
            if party != author:
                until(
                    lambda party=party: self.receipt(author, entry, party) == "held", 30, f"held by {party}"
                )

    def receipt(self, author: str, entry: str, party: str) -> str:
        rows = self.api(author).get(f"/v1/receipts/{entry}")["receipts"]
        return next(row["state"] for row in rows if row["party"] == party)

    def all_talk(self) -> bool:
        found = [self.status(party) for party in PARTIES]
        lines = [peer["line"] for one in found for peer in one["peers"].values()]
        return all(one["signer"]["state"] == "started" and one["in_force"] for one in found) and set(
            lines
        ) == {"direct"}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixed]:
    """S2 runs the earlier version, the others this one."""
    root = tmp_path_factory.mktemp("versions")
    old = earlier_source(root / "earlier")
    made = Mixed(root / "nodes", old)
    built = made.run(old, "-c", BUILD, str(made.place))
    assert built.returncode == 0, built.stderr
    for party in PARTIES:
        made.start(party, old if party == "s2" else ROOT / "src")
    try:
        until(made.all_talk, 90, "two versions talk")
        yield made
    finally:
        for party in list(made.processes):
            made.end(party)


class TestEarlierAmongLater:
    """Entries and receipts cross between the versions; then the earlier folder is brought forward."""

    def test_stop_and_check_crosses_both_ways(self, mixed: Mixed) -> None:
        mixed.crosses("s1", "s2")
        mixed.crosses("s2", "s1")

    def test_both_say_what_they_run(self, mixed: Mixed) -> None:
        assert mixed.status("s1")["peers"]["s2"]["version"]
        assert mixed.status("s2")["peers"]["s1"]["version"]

    def test_the_earlier_folder_is_brought_forward_in_place(self, mixed: Mixed) -> None:
        before = mixed.status("s2")["log"]["size"]
        place = mixed.place / "s2"
        running = mixed.run(ROOT / "src", "-m", "detente", "upgrade", "--node", str(place))
        assert running.returncode == 1 and "node-already-running" in running.stderr
        mixed.end("s2")
        mixed.start("s2", ROOT / "src")
        log = place / "log" / "link.jsonl"
        until(lambda: '"code":"schema-other"' in log.read_text(), 30, "tables of before are refused by name")
        mixed.end("s2")
        backup = mixed.place.parent / "before"
        done = mixed.run(
            ROOT / "src",
            "-m",
            "detente",
            "upgrade",
            "--node",
            str(place),
            "--backup",
            str(backup),
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "up to date and whole" in done.stdout
        assert json.loads((backup / "manifest.json").read_bytes())["party"] == "s2"
        mixed.start("s2", ROOT / "src")
        until(mixed.all_talk, 90, "it talks again")
        assert mixed.status("s2")["log"]["size"] >= before
        mixed.crosses("s2", "s1")
        mixed.crosses("s1", "s2")

    def test_the_later_folder_is_refused_by_the_earlier_program(self, mixed: Mixed) -> None:
        """The step that it does not know is named; nothing is touched."""
        mixed.end("g1")
        place = mixed.place / "g1"
        whole = (place / "node.sqlite3").read_bytes()
        done = mixed.run(mixed.old, "-m", "detente.node.link", str(place))
        assert done.returncode == 1
        assert "schema-other" in done.stderr and "needs=" in done.stderr
        assert (place / "node.sqlite3").read_bytes() == whole

    def test_every_folder_is_whole_at_the_end(self, mixed: Mixed) -> None:
        for party in PARTIES:
            done = mixed.run(ROOT / "src", "-m", "detente", "fsck", "--node", str(mixed.place / party))
            assert done.returncode == 0, done.stdout + done.stderr
