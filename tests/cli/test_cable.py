"""The demo's cables: silent when cut, whole again when mended."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest

from detente.cli.demo.cable import CableBox


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(1024):
            self.request.sendall(data)


@pytest.fixture
def echo() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def box() -> Iterator[CableBox]:
    box = CableBox()
    yield box
    box.close()


def _answer(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.settimeout(0.3)
        connection.sendall(b"there?")
        try:
            return connection.recv(64)
        except TimeoutError:
            return b"(silence)"


class TestCable:
    """A cut line is silent, not closed; only the two parties' own line is cut."""

    def test_a_whole_cable_carries_both_ways(self, box: CableBox, echo: int) -> None:
        assert _answer(box.lay("s1", "s2", echo)) == b"there?"

    def test_a_cut_cable_is_silent_and_another_line_goes_on(self, box: CableBox, echo: int) -> None:
        direct, through = box.lay("s1", "s2", echo), box.lay("s1", "g1", echo)
        box.cut("s2", "s1")
        assert _answer(direct) == b"(silence)"
        assert _answer(through) == b"there?"

    def test_a_mended_cable_carries_new_connections(self, box: CableBox, echo: int) -> None:
        port = box.lay("s1", "s2", echo)
        box.cut("s1", "s2")
        assert _answer(port) == b"(silence)"
        box.mend("s1", "s2")
        assert _answer(port) == b"there?"
