"""A cell's keys and a settable clock for every test of the node's record."""

from __future__ import annotations

from pathlib import Path

import pytest

from node import database as database  # configures Django before any model is imported
from node.rig import Cell, Clock


@pytest.fixture
def cell(tmp_path: Path) -> Cell:
    return Cell(tmp_path)


@pytest.fixture
def clock() -> Clock:
    return Clock()
