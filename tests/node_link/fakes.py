"""A record that only remembers what reached it: for tests of the HTTP edge alone."""

from __future__ import annotations

import asyncio

from detente.node.link import errors
from detente.record.errors import Conflict, DetenteError, Refused


class RememberingRecord:
    """Answers with what was said; `raises` is thrown once by the next call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, bytes]] = []
        self.raises: Exception | None = None
        self.refuse: dict[str, Exception] = {}  # by route, every time
        self.delay_s = 0.0
        self.parts: dict[tuple[str, bytes], bytes] = {}

    async def _take(self, route: str, peer: str, body: bytes) -> bytes:
        self.calls.append((route, peer, body))
        if route in self.refuse:
            raise self.refuse[route]
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self.raises is not None:
            error, self.raises = self.raises, None
            raise error
        return b"took " + body[:20]

    async def push(self, peer: str, body: bytes) -> bytes:
        return await self._take("push", peer, body)

    async def heads(self, peer: str, body: bytes) -> bytes:
        return await self._take("heads", peer, body)

    async def ahead(self, peer: str, body: bytes) -> bytes:
        return await self._take("ahead", peer, body)

    async def probe(self, peer: str, body: bytes) -> bytes:
        await self._take("probe", peer, body)
        return body

    async def wait(self, peer: str, body: bytes) -> bytes:
        return await self._take("wait", peer, body)

    async def checkpoint(self, peer: str, log: bytes) -> bytes:
        return await self._take("checkpoint", peer, log)

    async def certificate(self, peer: str, log: bytes) -> bytes:
        return await self._take("certificate", peer, log)

    async def take_certificate(self, peer: str, body: bytes) -> bytes:
        return await self._take("take-certificate", peer, body)

    async def tile(self, peer: str, log: bytes, path: str) -> bytes:
        return await self._take(path, peer, log)

    async def start(self, peer: str, log: bytes) -> bytes:
        return await self._take("start", peer, log)

    async def part(self, peer: str, sha256: bytes) -> bytes:
        if (peer, sha256) not in self.parts:
            raise Refused(errors.NOT_FOUND)
        return self.parts[(peer, sha256)]


__all__ = ["Conflict", "DetenteError", "RememberingRecord"]
