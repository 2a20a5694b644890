"""The dialling end towards one peer: short waits, bounded answers, and no socket kept that may be dead.

Connecting, and every silence in an answer, takes a second at most (protocol D4), on a line that is known to
be slow a little more (pace.py); a request that carries much may take the time its bytes need, and that of
the bytes which are under way before them. After any failure no socket is used again: an idle one through a
cut line looks alive until it is used. What is under way over the others may still end: on a slow line it was
only late.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Final

import aiohttp

from detente.node.link.errors import ERROR_LIMIT, decode_error
from detente.node.link.pace import Pace
from detente.node.link.server import PREFIX, PUSH_LIMIT
from detente.record.errors import Malformed, Unreachable

SOCKETS: Final = 6  # pushes, pulls and a probe at once; more would only queue at the peer's writer


@dataclass(frozen=True)
class Answer:
    """A good answer: status 200, 206 or 416, and its body."""

    status: int
    body: bytes
    total: int | None = None  # of a ranged answer: size of the whole


class PeerClient:
    """Requests to one peer. All methods raise Unreachable, or the error that the peer's answer names."""

    def __init__(self, peer: str, base: str, context: ssl.SSLContext, *, host: str = "") -> None:
        """`host` stands in the peer's leaf; by default that of `base`."""
        self.peer, self.pace = peer, Pace()
        self._host = host or None
        self._base = base.rstrip("/") + PREFIX
        self._context = context
        self._session: aiohttp.ClientSession | None = None
        self._users: dict[aiohttp.ClientSession, int] = {}  # requests under way
        self._under_way = 0  # bytes of their bodies

    async def post(self, route: str, body: bytes, *, limit: int, wait_s: float = 0.0) -> bytes:
        """POST `body`; `limit` bounds the answer; `wait_s` is time the peer may take before it answers."""
        return (await self._ask("POST", route, body, limit, wait_s, {})).body

    async def get(self, route: str, *, limit: int = PUSH_LIMIT) -> bytes:
        """GET a tile, bundle, checkpoint or start answer."""
        return (await self._ask("GET", route, None, limit, 0.0, {})).body

    async def get_range(self, route: str, first: int, length: int, *, wait_s: float = 0.0) -> Answer:
        """GET `length` bytes from `first`; `.total` says how long the whole is."""
        headers = {"Range": f"bytes={first}-{first + length - 1}"}
        return await self._ask("GET", route, None, length, wait_s, headers)

    async def close(self) -> None:
        """Close all sockets; the next request opens new ones."""
        self._session, sessions = None, {*self._users, *filter(None, [self._session])}
        for session in sessions:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._context, limit=SOCKETS, keepalive_timeout=20.0),
                auto_decompress=False,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept-Encoding": "identity", "User-Agent": "detente"},
            )
        return self._session

    async def _ask(
        self, method: str, route: str, body: bytes | None, limit: int, wait_s: float, headers: dict[str, str]
    ) -> Answer:
        sent, patience, began = len(body or b""), self.pace.patience_s(), asyncio.get_running_loop().time()
        silence = patience + wait_s + self.pace.body_s(self._under_way + sent)
        timeout = aiohttp.ClientTimeout(connect=patience, sock_connect=patience, sock_read=silence)
        session, url = self._open(), f"{self._base}/{route}"
        self._users[session] = self._users.get(session, 0) + 1
        self._under_way += sent
        try:
            async with session.request(
                method, url, data=body, headers=headers, timeout=timeout, allow_redirects=False,
                server_hostname=self._host,
            ) as answer:  # fmt: skip
                found = await self._read(answer, limit)
                if body is not None and not wait_s:
                    self.pace.answered(sent, asyncio.get_running_loop().time() - began)
                return found
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if isinstance(error, TimeoutError):
                self.pace.missed(0 if isinstance(error, aiohttp.ConnectionTimeoutError) else sent)
            if session is self._session:
                self._session = None
            raise Unreachable(self.peer, why=type(error).__name__) from error
        finally:
            self._under_way -= sent
            await self._leave(session)

    async def _read(self, answer: aiohttp.ClientResponse, limit: int) -> Answer:
        good = answer.status in (200, 206)
        bound = limit if good else ERROR_LIMIT
        got = bytearray()
        async for piece in answer.content.iter_any():
            got += piece
            if len(got) > bound:
                answer.close()
                raise Malformed("answer", f"longer than {bound} bytes")
        if not good:
            raise decode_error(answer.status, answer.content_type, bytes(got))
        return Answer(answer.status, bytes(got), _total(answer.headers.get("Content-Range", "")))

    async def _leave(self, session: aiohttp.ClientSession) -> None:
        """One request less; the last one closes a session that is not used again."""
        self._users[session] -= 1
        if not self._users[session]:
            del self._users[session]
            if session is not self._session:
                await session.close()


def _total(content_range: str) -> int | None:
    whole = content_range.rpartition("/")[2]
    return int(whole) if whole.isascii() and whole.isdigit() and len(whole) <= 12 else None
