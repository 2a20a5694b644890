"""A node per test over one cell's keys; the keys are made once a session, for they take a second."""

from __future__ import annotations

import shutil
import time

import pytest

from node import database as database  # configures Django before any model is imported
from node.rig import Clock
from node_api.rig import PARTIES, Node, make_cell


@pytest.fixture(scope="session")
def paired(tmp_path_factory):
    root = tmp_path_factory.mktemp("cell")
    make_cell(root, alarm={"hook": ["true"]}, metrics={"listen": "127.0.0.1:0"})
    return root


@pytest.fixture
def folders(paired, tmp_path):
    from detente.node.folder import NodeFolder

    for party in PARTIES:
        shutil.copytree(paired / party, tmp_path / party)
    return {party: NodeFolder.open(tmp_path / party) for party in PARTIES}


@pytest.fixture
def clock():
    return Clock(int(time.time()))


@pytest.fixture
def node(folders, clock):
    made = Node(folders, clock)
    made.start()
    yield made
    made.stop()
