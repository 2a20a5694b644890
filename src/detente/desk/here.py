"""Which desk this process is: its settings and its way to the node. Set once, before Django starts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from detente.desk.api import Api
from detente.desk.config import DeskConfig


@dataclass(frozen=True)
class Here:
    """One desk; `connect` opens a new connection to the node."""

    config: DeskConfig
    connect: Callable[[], Api]


_of_thread = threading.local()
_here: list[Here] = []


def settle(here: Here) -> None:
    """Say which desk this process is; a second call is our own mistake."""
    if _here:
        raise RuntimeError("this process is a desk already")
    _here.append(here)


def config() -> DeskConfig:
    """The settings of this desk."""
    return _here[0].config


def api() -> Api:
    """The node of this desk; a connection belongs to one thread."""
    node: Api | None = getattr(_of_thread, "node", None)
    if node is None:
        node = _here[0].connect()
        _of_thread.node = node
    return node
