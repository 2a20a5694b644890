"""GET /events: server-sent events for signed-in pages, a small raw ASGI app."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.conf import settings

from detente.desk.feed import Feed, Notice, Reader

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BEAT_S: Final = 5.0  # the page calls itself old after three beats without one
HEADERS: Final = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]


class EventStream:
    """Answers only for this desk's own host name and a signed-in web session; a locked page is one too."""

    def __init__(self, feed: Feed, *, host: str) -> None:
        self._feed = feed
        self._host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["method"] != "GET" or headers.get("host", "").rsplit(":", 1)[0] != self._host:
            await _refuse(send, 400)
        elif not await sync_to_async(signed_in, thread_sensitive=False)(headers.get("cookie", "")):
            await _refuse(send, 403)
        else:
            await self._serve(_number(headers.get("last-event-id", "")), receive, send)

    async def _serve(self, after: int | None, receive: Receive, send: Send) -> None:
        reader, missed = self._feed.join(after)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await _send(send, b"retry: 1000\n: begin\n\n")
            for notice in missed:
                await _send(send, _lines(notice))
            pump = asyncio.ensure_future(_pump(reader, send))
            gone = asyncio.ensure_future(_gone(receive))
            _, pending = await asyncio.wait((pump, gone), return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            await asyncio.gather(pump, gone, return_exceptions=True)
        finally:
            self._feed.leave(reader)


async def _pump(reader: Reader, send: Send) -> None:
    while True:
        try:
            notice = await asyncio.wait_for(reader.queue.get(), BEAT_S)
        except TimeoutError:
            await _send(send, b"event: beat\ndata: {}\n\n")
            continue
        if notice is None:  # fell behind: the browser returns with Last-Event-ID
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        await _send(send, _lines(notice))


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def signed_in(cookie: str) -> bool:
    """True if the cookie names a live web session of an officer on watch."""
    try:
        morsel = SimpleCookie(cookie).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return False
    if morsel is None:
        return False
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key=morsel.value)
    return bool(store.get("watch"))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def _lines(notice: Notice) -> bytes:
    return f"id: {notice.number}\nevent: {notice.type}\ndata: {notice.data}\n\n".encode()


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _refuse(send: Send, status: int) -> None:
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]}
    )
    await send({"type": "http.response.body", "body": b"", "more_body": False})
