"""A cable between two nodes that a test can cut and mend: a TCP relay on loopback, tests only.

`cut("refuse")` closes every connection and takes no new one; `cut("silent")` keeps all sockets open and
carries nothing, as a pulled network plug does. With a `Wire` a direction the cable is slow: whatever runs
over it, in whichever connection, waits for the bytes before it.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Literal

#: Bytes that are put on a slow wire at once: what comes next waits for no more than these.
FRAME = 512


class Wire:
    """One direction of a line: `rate` bytes a second (0: no bound), each byte `delay` seconds under way."""

    def __init__(self, rate: float = 0.0, delay: float = 0.0) -> None:
        self.rate, self.delay = rate, delay
        self.carried = 0
        self._free = 0.0

    @property
    def slow(self) -> bool:
        return bool(self.rate or self.delay)

    async def take(self, size: int) -> float:
        """Wait until the bytes are on the wire; the instant at which they leave its far end."""
        loop = asyncio.get_running_loop()
        self.carried += size
        self._free = max(self._free, loop.time()) + (size / self.rate if self.rate else 0.0)
        if self._free > loop.time():
            await asyncio.sleep(self._free - loop.time())
        return loop.time() + self.delay


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
        self.there, self.back = Wire(), Wire()
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
        for end in (writer, far_writer):
            if self.there.slow:  # a fast machine's buffers would take in what a slow line cannot carry
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        for source, sink, back in ((reader, far_writer, False), (far_reader, writer, True)):
            task = asyncio.create_task(self._carry(source, sink, back))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, back: bool) -> None:
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)
        arriving = asyncio.create_task(self._arrive(under_way, sink))
        with suppress(OSError, asyncio.CancelledError):
            while piece := await source.read(FRAME if self.there.slow else 1 << 16):
                await self._mended.wait()
                self.carried += len(piece)
                at = await (self.back if back else self.there).take(len(piece))
                await under_way.put((at, piece))
        await under_way.put((0.0, b""))
        with suppress(OSError, asyncio.CancelledError):
            await arriving
        arriving.cancel()
        sink.close()

    async def _arrive(
        self, under_way: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while (one := await under_way.get())[1]:
                if (rest := one[0] - asyncio.get_running_loop().time()) > 0:
                    await asyncio.sleep(rest)
                await self._mended.wait()
                sink.write(one[1])
                await sink.drain()
        while not under_way.empty():  # the far end is gone: what is still on the wire goes nowhere
            under_way.get_nowait()
