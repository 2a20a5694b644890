"""The link's listener in this process: bytes of a peer with a valid certificate in, statuses and state out.

The application, its routes and the reception are those of a node; under them lies a record in memory with
real signatures. No socket and no TLS: the transport says what the handshake would have said.
"""

# ruff: noqa: E402 - Django is configured before anything of the node is imported
from __future__ import annotations

import asyncio
import atexit
import hashlib
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from node import database

database.template()

from detente.node.lines import LineBoard
from detente.node.link import server
from detente.node.link.hub import Hub
from detente.node.link.incoming import Incoming
from detente.node.link.probes import Probes
from detente.node.link.reception import Reception
from node_link.memory import CELL, MemoryShelf, log_of

NOW: Final = 1_795_000_000
ME: Final = "s2"
PEER: Final = "s1"
_STATUS: Final = re.compile(rb"HTTP/1\.1 ([0-9]{3})")


class _Certificate:
    def getpeercert(self, _binary: bool = False) -> bytes:
        return b"certificate"


class _Wire(asyncio.Transport):
    """A connection that a handshake has let through."""

    def __init__(self) -> None:
        super().__init__({"ssl_object": _Certificate(), "peername": ("127.0.0.1", 1), "sslcontext": None})
        self.sent = bytearray()
        self.closed = False

    def write(self, data: Any) -> None:
        self.sent += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    abort = close

    def pause_reading(self) -> None:
        """Nothing flows here."""

    resume_reading = pause_reading


class Endpoint:
    """A fresh node's listener for one peer; one event loop for its life."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._place = Path(tempfile.mkdtemp(prefix="detente-fuzz-"))
        atexit.register(shutil.rmtree, self._place, ignore_errors=True)
        asyncio.set_event_loop(self.loop)
        self._seed = MemoryShelf(PEER, lambda: NOW)
        self._seed.append()
        self._seed.append(floor=False)

    def shelf(self) -> MemoryShelf:
        """What the peer could truly send: for seeds."""
        return self._seed

    def send(self, data: bytes) -> tuple[list[int], bool]:
        """Give these bytes to a new listener; the statuses that came back, and whether its record changed."""
        return self.loop.run_until_complete(self._send(data))

    async def _send(self, data: bytes) -> tuple[list[int], bool]:
        shelf = MemoryShelf(ME, lambda: NOW)
        incoming = Incoming(self._place, shelf.lacked, lambda _more: None)
        hub = Hub(ME, shelf, incoming)
        hub.news.add()  # nobody waits: there is always something new
        probes = Probes(shelf, LineBoard(), lambda: NOW, lambda: True)
        runner = web.AppRunner(
            server.build_app(PEER, Reception(hub, probes)), access_log=None, auto_decompress=False,
            max_line_size=server.HEADERS, max_field_size=server.HEADERS, lingering_time=0.0,
        )  # fmt: skip
        await runner.setup()
        assert runner.server is not None
        before = fingerprint(shelf)
        connection, wire = runner.server(), _Wire()
        connection.connection_made(wire)
        connection.data_received(data)
        await self._quiet()
        if not wire.closed:
            connection.eof_received()
        connection.connection_lost(None)
        await self._quiet()
        await hub.close()
        incoming.close()
        await runner.cleanup()
        return [int(one) for one in _STATUS.findall(bytes(wire.sent))], fingerprint(shelf) != before

    async def _quiet(self) -> None:
        for _ in range(12):
            await asyncio.sleep(0)


def fingerprint(shelf: MemoryShelf) -> bytes:
    """Everything that a refused call must leave as it was."""
    what = [
        [(log, len(state.entries), sorted(state.notes)) for log, state in sorted(shelf.logs.items())],
        sorted(shelf.cosignatures), sorted(shelf.part_bytes), sorted(shelf.wanted), sorted(shelf.ahead_held),
    ]  # fmt: skip
    return hashlib.sha256(repr(what).encode()).digest()


def judge(statuses: list[int], changed: bool) -> None:
    """No failure of ours, and no trace of what was refused."""
    assert all(status < 500 for status in statuses), statuses
    assert not changed or 200 in statuses, "something was stored and nothing was taken"


def request(route: str, body: bytes, method: str = "POST") -> bytes:
    """A whole HTTP request."""
    first = f"{method} {server.PREFIX}/{route} HTTP/1.1\r\nHost: {ME}.{CELL}\r\n"
    return f"{first}Content-Length: {len(body)}\r\n\r\n".encode() + body


def log_hash(party: str) -> str:
    """How a path names a party's log."""
    return hashlib.sha256(log_of(party).encode()).hexdigest()
