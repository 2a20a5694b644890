"""A cell of three real nodes in folders of their own: signer and link processes, joined by cables."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import detente.charter
from detente.charter import new_charter
from detente.charter.card import parse_card
from detente.node import pairing
from detente.node.folder import NodeFolder
from node_link.cable import Cable, Wire

CELL = "harbour.exercise"
PARTIES = ("g1", "s1", "s2")
TEMPLATE = Path(detente.charter.__file__).parent / "examples" / "exercise"
ROOT = Path(__file__).resolve().parents[2]


#: The signer as a process that ends with the test (PR_SET_PDEATHSIG), whatever ends the test.
SIGNER = (
    "import ctypes, runpy; ctypes.CDLL(None).prctl(1, 9);"
    " runpy.run_module('detente.node.signer', run_name='__main__')"
)


def log_of(party: str) -> str:
    return f"{CELL}/{party}/1"


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Node:
    """Folder and processes of one party."""

    def __init__(self, folder: NodeFolder) -> None:
        self.folder, self.party = folder, folder.party
        self.link: subprocess.Popen[str] | None = None
        self.signer: subprocess.Popen[bytes] | None = None
        self._answers: dict[int, dict[str, Any]] = {}
        self._came = threading.Condition()
        self._count = 0
        self._ready = False

    def start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}"}
        place = str(self.folder.path)
        self.log = (self.folder.log / "test.out").open("ab")
        self.signer = subprocess.Popen(
            [sys.executable, "-c", SIGNER, place],
            env=environment, stderr=self.log, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self.start_link(environment)

    def start_link(self, environment: dict[str, str] | None = None) -> None:
        environment = environment or {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}"}
        self._ready = False
        self.link = subprocess.Popen(
            [sys.executable, "-m", "node_link.child", str(self.folder.path)],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
        )  # fmt: skip
        threading.Thread(target=self._read, args=(self.link,), daemon=True).start()

    def _read(self, link: subprocess.Popen[str]) -> None:
        assert link.stdout is not None
        for line in link.stdout:
            answer = json.loads(line)
            with self._came:
                if "ready" in answer:
                    self._ready = True
                else:
                    self._answers[answer.pop("n")] = answer
                self._came.notify_all()

    def ready(self, seconds: float = 30.0) -> None:
        with self._came:
            assert self._came.wait_for(lambda: self._ready or self._dead(), seconds), self.out()
        assert not self._dead(), self.out()

    def out(self) -> str:
        return (self.folder.log / "test.out").read_text()[-4000:]

    def _dead(self) -> bool:
        return self.link is None or self.link.poll() is not None

    def ask(self, op: str, seconds: float = 15.0, **words: Any) -> dict[str, Any]:
        assert self.link is not None and self.link.stdin is not None
        self._count += 1
        number = self._count
        self.link.stdin.write(json.dumps({"n": number, "op": op, **words}) + "\n")
        self.link.stdin.flush()
        with self._came:
            assert self._came.wait_for(lambda: number in self._answers or self._dead(), seconds), op
            return self._answers.pop(number)

    def signal(self, which: signal.Signals) -> None:
        for process in (self.link, self.signer):
            if process is not None and process.poll() is None:
                process.send_signal(which)

    def stop(self) -> None:
        self.signal(signal.SIGCONT)
        for process in (self.link, self.signer):
            if process is not None:
                process.kill()
                process.wait(10)


class LiveCell:
    """`with LiveCell(path) as cell`: three started nodes; `cell.cut(a, b)`, `cell.until(…)`."""

    def __init__(
        self, place: Path, *, hidden: frozenset[str] = frozenset(), absent: frozenset[str] = frozenset()
    ) -> None:
        self._absent = absent  # folders without processes: the test itself plays that party
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        pairs = [(caller, called) for called in PARTIES for caller in PARTIES if caller != called]
        listens = dict(zip(pairs, free_ports(len(pairs)), strict=True))
        self.cables = {
            pair: self.run(_cable(port)) for pair, port in listens.items() if pair[1] not in hidden
        }
        self.nodes = {}
        for party in PARTIES:
            others = tuple(one for one in PARTIES if one != party)
            seen = {one: self.cables[(one, party)].port for one in others if party not in hidden}
            new = pairing.NewNode(
                CELL, party, others,
                listen={one: f"127.0.0.1:{listens[(one, party)]}" for one in seen},
                addresses={one: f"https://127.0.0.1:{port}" for one, port in seen.items()} or {},
                settings={"disk": {"reserved_mb": 1}},
            )  # fmt: skip
            self.nodes[party] = Node(pairing.init(place / party, new))
        self._accede(place / "charter")

    def _accede(self, out: Path) -> None:
        cards = [pairing.own_card(node.folder) for node in self.nodes.values()]
        (out / "kinds").mkdir(parents=True)
        for kind in pairing.KINDS.glob("*.toml"):
            (out / "kinds" / kind.name).write_bytes(kind.read_bytes())
        for drawing in TEMPLATE.glob("*.geojson"):
            (out / drawing.name).write_bytes(drawing.read_bytes())
        text = new_charter((TEMPLATE / "charter.toml").read_bytes(), [parse_card(one) for one in cards])
        (out / "charter.toml").write_bytes(text)
        for node in self.nodes.values():
            for card in cards:
                if parse_card(card).party != node.party:
                    pairing.add_peer(node.folder, card)
            pairing.accede(node.folder, out)

    def __enter__(self) -> LiveCell:
        running = [node for node in self.nodes.values() if node.party not in self._absent]
        for node in running:
            node.start()
        for node in running:
            node.ready()
        self.until(lambda: all(node.ask("state")["signer"] == "started" for node in running), 20)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for node in self.nodes.values():
            if kind is not None and node.party not in self._absent:
                sys.stderr.write(f"--- {node.party}\n{node.out()}\n")
            node.stop()
        for cable in self.cables.values():
            self.run(cable.__aexit__())
        self._loop.call_soon_threadsafe(self._loop.stop)

    def cut(self, one: str, other: str, mode: str = "silent") -> None:
        for pair in ((one, other), (other, one)):
            if pair in self.cables:
                self._loop.call_soon_threadsafe(self.cables[pair].cut, mode)

    def mend(self, one: str, other: str) -> None:
        for pair in ((one, other), (other, one)):
            if pair in self.cables:
                self._loop.call_soon_threadsafe(self.cables[pair].mend)

    def shape(self, one: str, other: str, rate: float = 0.0, delay: float = 0.0) -> tuple[Wire, Wire]:
        """Make the line between two slow from now on, in both directions; (one → other, other → one)."""
        there, back = Wire(rate, delay), Wire(rate, delay)
        for pair, wires in (((one, other), (there, back)), ((other, one), (back, there))):
            if pair in self.cables:
                self.cables[pair].there, self.cables[pair].back = wires
        return there, back

    def until(self, true: Callable[[], bool], seconds: float = 10.0) -> float:
        started = time.monotonic()
        while not true():
            assert time.monotonic() - started < seconds, "did not come"
            time.sleep(0.02)
        return time.monotonic() - started

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


async def _cable(port: int) -> Cable:
    return await Cable("127.0.0.1", port).__aenter__()
