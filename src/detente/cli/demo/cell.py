"""Builds the fictional exercise cell of the demo: three private folders, paired by cards, one charter.

Only cards and the charter's public text pass from folder to folder, as between three ministries.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import detente.charter
from detente.cli.charter import write_charter
from detente.cli.demo.places import Loopback, Namespaces, Places
from detente.node.client import LocalApi
from detente.node.folder import NodeFolder
from detente.node.pairing import NewNode, accede, add_peer, init, own_card, read_charter

CELL = "harbour.exercise"
PARTIES = ("s1", "s2", "g1")
EXAMPLES = Path(detente.charter.__file__).parent / "examples"
TEMPLATE = EXAMPLES / "demo"  # its clocks are seconds long
EXERCISE = EXAMPLES / "exercise"  # its clocks are those that a cell would agree on
CLOCK_OFFSETS = {"s1": -20, "s2": 20, "g1": 0}  # 40 s apart, with --netns
STOP_S = 10
PORTS = range(20000, 32000)


@dataclass
class Node:
    """One party's node: its folder, and the process that `detente node` runs."""

    party: str
    folder: NodeFolder
    process: subprocess.Popen[bytes] | None = None
    apis: list[LocalApi] = field(default_factory=list)

    @property
    def api(self) -> LocalApi:
        """A client of its local API (one for the demo's only thread)."""
        if not self.apis:
            self.apis.append(LocalApi(self.folder, timeout=5))
        return self.apis[0]

    def status(self) -> dict[str, Any]:
        """`GET /v1/status`."""
        found: dict[str, Any] = self.api.get("/v1/status")
        return found

    def hold(self) -> None:
        """Stop every process of this node in mid-run (SIGSTOP), as a machine that hangs."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, which: signal.Signals) -> None:
        if self.process is not None:
            for pid in descendants(self.process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, which)


def descendants(pid: int) -> list[int]:
    """A process and all below it, by /proc."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, queue = [], [pid]
    while queue:
        one = queue.pop()
        found.append(one)
        queue += children.get(one, [])
    return found


@dataclass
class Cell:
    """The three nodes and the lines between them."""

    place: Path
    places: Places
    nodes: dict[str, Node]
    offsets: dict[str, int] = field(default_factory=dict)

    def node(self, party: str) -> Node:
        return self.nodes[party]

    def start(self) -> None:
        """Start every node."""
        for party in self.nodes:
            self.start_node(party)

    def start_node(self, party: str) -> None:
        """Start one party's node, in a process group of its own."""
        node = self.nodes[party]
        with (node.folder.log / "demo.out").open("ab") as log:
            node.process = subprocess.Popen(
                self.places.command(party, node.folder.path),
                env=dict(self.places.environment()), stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def stop(self) -> None:
        """Stop every node that still runs, and take the lines down."""
        running = [node for node in self.nodes.values() if node.process and node.process.poll() is None]
        for node in running:
            node.resume()
            if node.process:
                for pid in descendants(node.process.pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        for node in running:
            if node.process:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    node.process.wait(max(0.1, deadline - time.monotonic()))
                if node.process.poll() is None:
                    for pid in descendants(node.process.pid):
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
                    node.process.wait(5)
        self.places.close()

    def alarm_times(self, party: str) -> list[tuple[float, str]]:
        """(instant, entry id) of every alarm that rang at `party`, as its command hook wrote them."""
        path = self.nodes[party].folder.run / "alarms"
        if not path.exists():
            return []
        lines = (line.partition(" ") for line in path.read_text().splitlines())
        return [(float(at), name) for at, _, name in lines]


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody listens on now, and that no outgoing connection is given meanwhile."""
    found: list[int] = []
    # From below the range that systems give out by themselves: a port asked of the system and let go again
    # may belong to somebody's connection, or to one of our own cables, before the node listens on it.
    for port in random.sample(PORTS, len(PORTS)):
        if len(found) == count:
            break
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
    return found


#: What the demo's alarm runs: one line with the instant and the entry's id. A real watch would ring.
HOOK = 'echo "$(date +%s.%N) $DETENTE_ALARM_ID" >> "$0"'


def build(
    place: Path, *, netns: bool = False, desks: bool = False, hidden: frozenset[str] = frozenset(),
    template: Path = TEMPLATE,
) -> Cell:  # fmt: skip
    """Make three nodes in `place/nodes/<party>` that have each other's cards and one charter.

    `hidden` parties listen for nobody and are dialled by nobody: they dial out only (protocol D4).
    """
    place.mkdir(parents=True, exist_ok=True)
    ports = iter(free_ports(12))
    places: Places
    if netns:
        place.chmod(0o711)  # each party reaches its own folder inside, and only that
        places = Namespaces(PARTIES, place / "image")
    else:
        pairs = [(a, b) for a in PARTIES for b in PARTIES if a != b]
        places = Loopback(PARTIES, {pair: next(ports) for pair in pairs})
    nodes = {
        party: _make(place, party, places, ports, netns=netns, desks=desks, hidden=hidden)
        for party in PARTIES
    }
    cards = place / "cards"
    cards.mkdir()
    for party, node in nodes.items():
        (cards / f"{party}.card").write_bytes(own_card(node.folder))
    write_charter(template, [own_card(node.folder) for node in nodes.values()], place / "charter")
    for party, node in nodes.items():
        accede(node.folder, place / "charter")
        for peer in PARTIES:
            if peer != party:
                add_peer(node.folder, (cards / f"{peer}.card").read_bytes())
        places.own(party, node.folder.path)
    return Cell(place, places, nodes, CLOCK_OFFSETS if netns else {})


def _make(
    place: Path, party: str, places: Places, ports: Iterator[int], *, netns: bool, desks: bool,
    hidden: frozenset[str],
) -> Node:  # fmt: skip
    peers = tuple(peer for peer in PARTIES if peer != party)
    nodes = place / "nodes"
    nodes.mkdir(exist_ok=True, mode=0o711)
    path = nodes / party
    desk_port = next(ports) if desks else 0
    settings: dict[str, dict[str, Any]] = {
        "alarm": {"hook": ["/bin/sh", "-c", HOOK, str(path / "run" / "alarms")], "sound": False},
        "heartbeat": {"interval_s": 30},
    }  # fmt: skip
    if netns:
        settings["node"] = {"clock_offset_s": CLOCK_OFFSETS[party]}
    for peer in peers:
        settings[f"link.{peer}"] = {"dial": "" if peer in hidden else places.dial(party, peer)}
    callers = () if party in hidden else peers
    folder = init(path, NewNode(
        CELL, party, peers,
        listen={peer: places.listen(party, peer) for peer in callers},
        addresses={peer: f"https://{places.listen(party, peer)}" for peer in callers},
        desk_listen=f"127.0.0.1:{desk_port}" if desks else "",
        desk_origin=f"http://{party}.detente.localhost:{desk_port}" if desks else "",
        settings=settings,
    ))  # fmt: skip
    return Node(party, folder)


def digest(cell: Cell) -> str:
    """The digest of the charter that the parties compared."""
    return read_charter(cell.place / "charter").digest.hex()
