"""A cable between two nodes that a test can cut and mend: a TCP relay on loopback, tests only.

`cut("refuse")` closes every connection and takes no new one; `cut("silent")` keeps all sockets open and
carries nothing, as a pulled network plug does.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Literal


class Cable:
    """Relays one local port to `host:port`; `carried` counts bytes."""

    def __init__(self, host: str, port: int) -> None:
        self._far = (host, port)
        self._mode: Literal["whole", "refuse", "silent"] = "whole"
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._mended = asyncio.Event()
        self._mended.set()
        self.carried = 0
        self.port = 0

    async def __aenter__(self) -> Cable:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._server is not None:
            self._server.close()
        self._drop()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def lead_to(self, host: str, port: int) -> None:
        """Change the far end; for connections made from now on."""
        self._far = (host, port)

    def cut(self, mode: Literal["refuse", "silent"] = "refuse") -> None:
        self._mode = mode
        self._mended.clear()
        if mode == "refuse":
            self._drop()

    def mend(self) -> None:
        """Carry again. Connections from before a silent cut are dead: their bytes were lost."""
        self._drop()
        self._mode = "whole"
        self._mended.set()

    def _drop(self) -> None:
        for writer in tuple(self._writers):
            writer.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        if self._mode == "refuse":
            writer.close()
            return
        if self._mode == "silent":
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._far)
        except OSError:
            writer.close()
            return
        self._writers.add(far_writer)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._carry(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            while piece := await source.read(1 << 16):
                await self._mended.wait()
                self.carried += len(piece)
                sink.write(piece)
                await sink.drain()
        sink.close()
