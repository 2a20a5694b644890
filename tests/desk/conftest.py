"""One desk a party for the whole run, each beside a node in memory; a test takes a fresh conversation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from desk.fake_api import conversation
from desk.harness import Desk, Visitor, start


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Desk]]:
    folder = tmp_path_factory.mktemp("desks")
    desks = {
        party: start(folder / party, party, language)
        for party, language in (("s1", "ar"), ("s2", "he"), ("g1", "en"))
    }
    yield desks
    for desk in desks.values():
        desk.stop()


@pytest.fixture
def desks(running: dict[str, Desk]) -> dict[str, Desk]:
    for desk in running.values():
        with desk.node.lock:
            desk.node.cases.clear()
            desk.node.calls.clear()
            desk.node.refuse_next = None
            desk.node.armed = False
            conversation(desk.node)
    return running


@pytest.fixture
def s1(desks: dict[str, Desk]) -> Desk:
    return desks["s1"]


@pytest.fixture
def officer(s1: Desk) -> Visitor:
    """S1's duty officer, signed in."""
    visitor = Visitor(s1)
    visitor.sign_in("WATCH")
    visitor.get("/en/")
    return visitor


@pytest.fixture
def supervisor(desks: dict[str, Desk]) -> Visitor:
    visitor = Visitor(desks["g1"])
    visitor.sign_in("SUPERVISOR")
    visitor.get("/en/")
    return visitor
