"""Cables between the demo's nodes that can be cut: plain TCP relays on loopback, one for each direction.

A cut cable is silent, not closed: bytes stop, connections stay, and new ones are accepted and never
answered. That is how a cut line looks to a node, and harder on it than a refused connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass, field

CHUNK = 65536


@dataclass
class Cable:
    """One direction of dialling between two parties: `port` here leads to `towards` there."""

    ends: frozenset[str]
    towards: int
    port: int = 0
    cut: bool = False
    streams: set[asyncio.StreamWriter] = field(default_factory=set)


class CableBox:
    """All cables of a cell, served by one thread. Close it when the demo ends."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cables", daemon=True)
        self._thread.start()
        self._cables: list[Cable] = []
        self._servers: list[asyncio.Server] = []

    def lay(self, one: str, other: str, towards: int) -> int:
        """A port on loopback that leads to `towards` while the line between the two parties is whole."""
        cable = Cable(frozenset({one, other}), towards)
        self._cables.append(cable)
        return asyncio.run_coroutine_threadsafe(self._open(cable), self._loop).result(5)

    def cut(self, one: str, other: str) -> None:
        """Silence every cable between the two."""
        self._set(one, other, cut=True)

    def mend(self, one: str, other: str) -> None:
        """Let bytes pass again; connections that were open during the cut are dropped."""
        self._set(one, other, cut=False)

    def close(self) -> None:
        """Stop serving."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _open(self, cable: Cable) -> int:
        server = await asyncio.start_server(lambda r, w: self._serve(cable, r, w), "127.0.0.1", 0)
        self._servers.append(server)
        cable.port = server.sockets[0].getsockname()[1]
        return cable.port

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _set(self, one: str, other: str, *, cut: bool) -> None:
        def apply() -> None:
            for cable in self._cables:
                if cable.ends == {one, other}:
                    cable.cut = cut
                    if not cut:
                        for stream in tuple(cable.streams):
                            stream.close()

        self._loop.call_soon_threadsafe(apply)

    async def _serve(self, cable: Cable, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cable.streams.add(writer)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            if cable.cut:
                await reader.read(-1)  # until the caller gives up
                return
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", cable.towards)
            cable.streams.add(inner_writer)
            try:
                await asyncio.gather(
                    self._pass(cable, reader, inner_writer), self._pass(cable, inner_reader, writer)
                )
            finally:
                cable.streams.discard(inner_writer)
                inner_writer.close()
        cable.streams.discard(writer)
        writer.close()

    async def _pass(self, cable: Cable, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK):
            if not cable.cut:
                writer.write(chunk)
                await writer.drain()
        writer.close()
