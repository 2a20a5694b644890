"""Shared set-up of the link's tests: three parties' certificates."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

import node.database  # noqa: F401 - configures Django before any test imports the models
from node_link.pki import Party, make_party


@pytest.fixture(scope="session")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Party]:
    folder = tmp_path_factory.mktemp("pki")
    return {name: make_party(name, folder) for name in ("s1", "s2", "g1")}
