"""The listener for one peer: routes, bounds, and nothing of what the bytes mean.

1. Every body has a limit and a time; a body with Content-Encoding is refused unread: what it unpacks to
   has no bound.
2. Whose rights count is said by the listener that was reached, never by the request.
3. An error leaves through `errors.encode_error`, in one place. What we did not expect is logged with its
   trace and answered as `internal`, without a word about the inside.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from detente.node.link import errors
from detente.node.link.ports import RecordPort
from detente.record.errors import DetenteError, Malformed, Refused
from detente.record.nextlog import MAX_CERTIFICATE

PREFIX: Final = "/link/v1"
PUSH_LIMIT: Final = 17 << 20  # SPEC: protocol D2: 16 MiB of entries, and the frames around them
NOTICE_LIMIT: Final = 1 << 20
JSON_LIMIT: Final = 16 << 10
BODY_S: Final = 20.0  # a push of 16 MiB at 1 MiB/s; a slower one comes in smaller pieces
HANDSHAKE_S: Final = 3.0
RETRY_S: Final = 3  # after 429, where no other time is known
KEEPALIVE_S: Final = 30.0
HEADERS: Final = 4096  # bytes a line of our own clients' requests never reaches

log = logging.getLogger(__name__)
Take = Callable[[str, bytes], Awaitable[bytes]]
Show = Callable[[str, bytes, bytes], Awaitable[bytes]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_GATE: Final = web.AppKey[asyncio.Event | None]("gate")
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_RANGE: Final = re.compile(r"bytes=(0|[1-9][0-9]{0,11})-(0|[1-9][0-9]{0,11})?")


def build_app(
    peer: str, record: RecordPort, gate: asyncio.Event | None = None, show: Show | None = None
) -> web.Application:
    """The application behind `peer`'s listener; it refuses everything until `gate` is set.

    `show` answers requests for one view of a part that is only shown, if this node shows any.
    """
    routes = _Routes(peer, record)
    app = web.Application(middlewares=[_guard], client_max_size=PUSH_LIMIT)
    app[_GATE] = gate
    app.add_routes(
        [
            web.post(f"{PREFIX}/push", routes.taking(record.push, PUSH_LIMIT)),
            web.post(f"{PREFIX}/heads", routes.taking(record.heads, NOTICE_LIMIT)),
            web.post(f"{PREFIX}/ahead", routes.taking(record.ahead, PUSH_LIMIT)),
            web.post(f"{PREFIX}/certificate", routes.taking(record.take_certificate, MAX_CERTIFICATE)),
            web.post(f"{PREFIX}/probe", routes.taking(record.probe, JSON_LIMIT, kind="application/json")),
            web.post(f"{PREFIX}/wait", routes.taking(record.wait, JSON_LIMIT, kind="application/json")),
            web.get(PREFIX + "/logs/{log}/checkpoint", routes.checkpoint),
            web.get(PREFIX + "/logs/{log}/certificate", routes.certificate),
            web.get(PREFIX + "/logs/{log}/{tile:tile/.+}", routes.tile),
            web.get(PREFIX + "/parts/{sha256}", routes.part),
            web.get(PREFIX + "/start/{log}", routes.start),
        ]
    )
    if show is not None:
        app.add_routes([web.post(f"{PREFIX}/show", routes.showing(show))])
    return app


async def listen(app: web.Application, host: str, port: int, context: ssl.SSLContext) -> web.AppRunner:
    """Start listening; `await runner.cleanup()` ends it. Port 0 takes a free one (`runner.addresses`)."""
    runner = web.AppRunner(
        app, access_log=None, keepalive_timeout=KEEPALIVE_S, auto_decompress=False,
        max_line_size=HEADERS, max_field_size=HEADERS, lingering_time=1.0, handler_cancellation=False,
    )  # fmt: skip
    await runner.setup()
    await _Site(runner, host, port, context).start()
    return runner


class _Site(web.BaseSite):
    """A TLS site with a bound on the handshake, which aiohttp's own does not offer."""

    def __init__(self, runner: web.AppRunner, host: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(runner, ssl_context=context)
        self._host, self._port = host, port

    @property
    def name(self) -> str:
        return f"https://{self._host}:{self._port}"

    async def start(self) -> None:
        await super().start()
        loop = asyncio.get_running_loop()
        server = self._runner.server
        if server is None:
            raise RuntimeError("set up before start")
        self._server = await loop.create_server(
            server, self._host, self._port, ssl=self._ssl_context, ssl_handshake_timeout=HANDSHAKE_S,
            ssl_shutdown_timeout=1.0, backlog=64, reuse_address=True,
        )  # fmt: skip


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every answer leaves here: the caller's certificate is looked at once more, errors become answers."""
    try:
        _check_caller(request)
        return await handler(request)
    except DetenteError as error:
        return _answer_error(error)
    except web.HTTPException as error:
        if error.status == 413:
            return _answer_error(Refused(errors.TOO_LARGE))
        return _answer_error(Refused(errors.NOT_FOUND))
    except Exception:
        log.exception("link handler failed", extra={"route": request.match_info.route.resource})
        return _answer_error(Refused(errors.INTERNAL))


def _check_caller(request: web.Request) -> None:
    tls = request.transport.get_extra_info("ssl_object") if request.transport else None
    # The context demands it already; a listener that was built without must not answer. (D1)
    if tls is None or not tls.getpeercert(True):
        raise Refused(errors.NOT_FOUND)
    gate = request.app[_GATE]
    if gate is not None and not gate.is_set():
        raise Refused(errors.CLOSED)
    if "Content-Encoding" in request.headers:
        raise Refused(errors.ENCODED)


def _answer_error(error: DetenteError) -> web.Response:
    status, kind, body = errors.encode_error(error)
    answer = web.Response(status=status, body=body, content_type=kind)
    if status == 429:
        answer.headers["Retry-After"] = str(error.values.get("retry_after", RETRY_S))  # SPEC: protocol D5
    if status in (408, 413, 415):
        answer.force_close()  # the rest of the body is still under way; it is not read
    return answer


class _Routes:
    """The handlers of one peer's listener."""

    def __init__(self, peer: str, record: RecordPort) -> None:
        self._peer, self._record = peer, record

    def taking(self, take: Take, limit: int, kind: str = "application/octet-stream") -> Handler:
        """Handler of a POST: the bounded body goes to `take`, its answer goes back."""

        async def handle(request: web.Request) -> web.Response:
            body = await _body(request, limit)
            return web.Response(body=await take(self._peer, body), content_type=kind)

        return handle

    def showing(self, show: Show) -> Handler:
        """Handler of a view: whose key signed the request is said by the line itself. SPEC: protocol A11"""

        async def handle(request: web.Request) -> web.Response:
            tls = request.transport.get_extra_info("ssl_object") if request.transport else None
            certificate = tls.getpeercert(True) if tls else b""
            body = await _body(request, JSON_LIMIT)
            sealed = await show(self._peer, certificate or b"", body)
            return web.Response(body=sealed, content_type="application/octet-stream")

        return handle

    async def checkpoint(self, request: web.Request) -> web.Response:
        note = await self._record.checkpoint(self._peer, _hash(request, "log"))
        return web.Response(body=note, content_type="text/plain", charset="utf-8")

    async def certificate(self, request: web.Request) -> web.Response:
        note = await self._record.certificate(self._peer, _hash(request, "log"))
        return web.Response(body=note, content_type="text/plain", charset="utf-8")

    async def tile(self, request: web.Request) -> web.Response:
        found = await self._record.tile(self._peer, _hash(request, "log"), request.match_info["tile"])
        return web.Response(body=found, content_type="application/octet-stream")

    async def part(self, request: web.Request) -> web.Response:
        found = await self._record.part(self._peer, _hash(request, "sha256"))
        return _ranged(request, found)

    async def start(self, request: web.Request) -> web.Response:
        note = await self._record.start(self._peer, _hash(request, "log"))
        return web.Response(body=note, content_type="text/plain", charset="utf-8")


async def _body(request: web.Request, limit: int) -> bytes:
    if (request.content_length or 0) > limit:
        raise Refused(errors.TOO_LARGE, limit=limit)
    got = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.content.iter_any():
                got += piece
                if len(got) > limit:
                    raise Refused(errors.TOO_LARGE, limit=limit)
    except TimeoutError as error:
        raise Refused(errors.TOO_SLOW, seconds=int(BODY_S)) from error
    if request.content_length is not None and len(got) != request.content_length:
        raise Malformed("body", "shorter than announced")
    return bytes(got)


def _hash(request: web.Request, name: str) -> bytes:
    text = request.match_info[name]
    if not _HASH.fullmatch(text):
        raise Refused(errors.NOT_FOUND)
    return bytes.fromhex(text)


def _ranged(request: web.Request, found: bytes) -> web.Response:
    """All of `found`, or the one range asked for, so that a pull can go on where it broke off. (D2)"""
    kind = "application/octet-stream"
    asked = request.headers.get("Range")
    if asked is None:
        return web.Response(body=found, content_type=kind, headers={"Accept-Ranges": "bytes"})
    match = _RANGE.fullmatch(asked)
    if match is None or int(match[1]) >= len(found):
        return web.Response(status=416, headers={"Content-Range": f"bytes */{len(found)}"})
    first = int(match[1])
    last = min(int(match[2]), len(found) - 1) if match[2] else len(found) - 1
    headers = {"Content-Range": f"bytes {first}-{last}/{len(found)}"}
    return web.Response(status=206, body=found[first : last + 1], content_type=kind, headers=headers)
