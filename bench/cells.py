"""A living exercise cell for the benches, and readers that note when an entry is opened at a party."""

from __future__ import annotations

import contextlib
import json
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from detente.cases.places import place_by_name, place_json
from detente.cli.demo.cell import PARTIES, Cell, build
from detente.node.client import LocalApi
from detente.node.pairing import node_charter

START_S = 90


@contextlib.contextmanager
def cell(*, desks: bool = False) -> Iterator[Cell]:
    """Three started nodes on loopback, all lines direct; taken down at the end."""
    with tempfile.TemporaryDirectory(prefix="detente-bench-") as place:
        made = build(Path(place), desks=desks)
        try:
            made.start()
            wait_until(lambda: all(ready(made, party) for party in PARTIES), START_S)
            time.sleep(2)  # accession and first heartbeats settle: they are not what is measured
            yield made
        finally:
            made.stop()


def ready(made: Cell, party: str) -> bool:
    """Whether a node signs and hears both peers."""
    now = made.node(party).status()
    direct = all(peer["line"] == "direct" for peer in now["peers"].values())
    return now["signer"]["state"] == "started" and direct


def wait_until(condition: Any, within: float) -> None:
    """Wait for a condition, or raise TimeoutError."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        with contextlib.suppress(Exception):
            if condition():
                return
        time.sleep(0.05)
    raise TimeoutError(f"not within {within} s")


class Opened:
    """Notes the instant at which each entry's event came out of a party's local API."""

    def __init__(self, made: Cell, party: str) -> None:
        self.at: dict[str, float] = {}
        self._api = LocalApi(made.node(party).folder)
        self._news = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(Exception):
            for event in self._api.events(timeout=600):
                if event.type == "entry":
                    with self._news:
                        self.at.setdefault(str(event.data["id"]), time.monotonic())
                        self._news.notify_all()

    def wait(self, name: str, within: float) -> float:
        """The instant at which `name` was opened there."""
        with self._news:
            if not self._news.wait_for(lambda: name in self.at, within):
                raise TimeoutError(f"{name} was not opened within {within} s")
            return self.at[name]


def stop(made: Cell, party: str, meaning: str = "OTHER") -> dict[str, Any]:
    """Press STOP-AND-CHECK at `party`."""
    gazetteer = node_charter(made.node(party).folder).gazetteer
    place = place_json(place_by_name(min(gazetteer.values(), key=lambda one: one.id), precision_m=1000))
    sent: dict[str, Any] = made.node(party).api.post("/v1/send", {
        "kind": "D02", "act": "NEW", "fields": {"meaning": meaning}, "content": {"place": place},
        "post": "WATCH", "post_key": True,
    })  # fmt: skip
    return sent


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]


def report(name: str, **figures: Any) -> None:
    """One JSON line."""
    shown = {key: round(value, 3) if isinstance(value, float) else value for key, value in figures.items()}
    print(json.dumps({"bench": name, **shown}), flush=True)
