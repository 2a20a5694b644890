"""The local API as an aiohttp application: token, strict bounded input, one answer for every error.

1. Every request carries the bearer token, on the socket as on the loopback port; it is compared in constant
   time, and nothing is read of a request that lacks it.
2. A body is read to the route's limit and no further; JSON is parsed strictly (no duplicate keys, no floats)
   and must fit the route's shape before the handler sees it.
3. Errors become `{"error", "who", "clause", "values"}` here and nowhere else. A fault of ours is logged by
   type and place, and its text is not shown: it could quote content.
4. No answer is cached, and none is given to a page of another site (a `Host` or `Origin` that is not local is
   refused: a browser on the same machine must not be talked into it).
"""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from detente.node import logs
from detente.node.api import events, openapi, routes, shape
from detente.node.api.call import Call
from detente.node.api.schemas import NAMED
from detente.node.refusals import (
    NOT_ALLOWED,
    NOT_FOUND,
    TOO_LARGE,
    UNAUTHORISED,
    UNEXPECTED,
    body_of,
    status_of,
)
from detente.record import strictjson
from detente.record.errors import DetenteError, Malformed, Refused

if TYPE_CHECKING:
    from detente.node.api.routes import Route
    from detente.node.api.services import Services

_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_LOCAL_HOSTS: Final = frozenset(("localhost", "127.0.0.1", "[::1]", ""))


def make_app(services: Services) -> web.Application:
    """The application with every route of the table."""
    app = web.Application(middlewares=[_guard(services)], client_max_size=routes.SAID_BODY)
    for route in routes.ROUTES:
        app.router.add_route(route.method, route.path, _serve(route, services))
    return app


def _guard(services: Services) -> Any:
    expected = f"Bearer {services.token}".encode()

    @web.middleware
    async def guard(request: web.Request, handler: Any) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        try:
            if not hmac.compare_digest(given, expected) or not _is_local(request):
                raise Refused(UNAUTHORISED)  # noqa: TRY301 - one place turns errors into answers
            answer: web.StreamResponse = await handler(request)
        except DetenteError as exc:
            return _refusal(request, exc)
        except web.HTTPException as exc:
            return _refusal(request, Refused(_HTTP.get(exc.status, NOT_FOUND)))
        except Exception as exc:
            logs.failure("api-fault", exc, method=request.method, route=_route_name(request))
            return _refusal(request, Refused(UNEXPECTED))
        return answer

    return guard


_HTTP: Final = {404: NOT_FOUND, 405: NOT_ALLOWED, 413: TOO_LARGE}


def _is_local(request: web.Request) -> bool:
    host = request.headers.get("Host", "")
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    return name in _LOCAL_HOSTS and "Origin" not in request.headers


def _route_name(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else "?"


def _refusal(request: web.Request, error: DetenteError) -> web.Response:
    status = status_of(error)
    route = _route_name(request)
    logs.line("api-refused", method=request.method, route=route, status=status, code=error.code)
    return _json(body_of(error), status)


def _json(value: Any, status: int = 200) -> web.Response:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return web.Response(text=text, status=status, content_type="application/json", headers=_HEADERS)


def _serve(route: Route, services: Services) -> Any:
    async def serve(request: web.Request) -> web.StreamResponse:
        call = Call(_path(route, request), _query(route, request), await _body(route, request))
        if route.handler is None:
            return await events.stream(services, request, call)
        return _json(await route.handler(services, call))

    return serve


def _path(route: Route, request: web.Request) -> dict[str, str]:
    found = dict(request.match_info)
    for parameter in openapi.path_parameters(route):
        try:
            shape.check(found[parameter.name], parameter.schema, NAMED, parameter.name)
        except Malformed as exc:  # a name that can name nothing is simply not here
            raise Refused(NOT_FOUND, what=parameter.name) from exc
    return found


def _query(route: Route, request: web.Request) -> dict[str, Any]:
    known = {parameter.name: parameter.schema for parameter in route.query}
    found = {name: schema["default"] for name, schema in known.items() if "default" in schema}
    if len(set(request.query)) != len(request.query):
        raise Malformed("query", "a name stands twice")
    for name, text in request.query.items():
        if name not in known:
            raise Malformed("query", "unknown name")
        found[name] = _value(text, known[name]["type"], name)
        shape.check(found[name], known[name], NAMED, name)
    return found


def _value(text: str, kind: str, name: str) -> Any:
    if kind == "boolean":
        if text not in ("true", "false"):
            raise Malformed(name, "true or false")
        return text == "true"
    if kind == "integer":
        if not (text.isascii() and text.isdecimal() and len(text) <= 16):
            raise Malformed(name, "a number")
        return int(text)
    return text


async def _body(route: Route, request: web.Request) -> dict[str, Any]:
    data = await _read(request, route.limit)
    if route.body is None:
        if data:
            raise Malformed("body", "none is expected")
        return {}
    value = strictjson.parse(data or b"{}", limit=route.limit)
    shape.check(value, NAMED[route.body], NAMED)
    if not isinstance(value, dict):
        raise Malformed("body", "type")
    return value


async def _read(request: web.Request, limit: int) -> bytes:
    if request.content_length is not None and request.content_length > limit:
        raise Refused(TOO_LARGE, limit=limit)
    data = bytearray()
    async for piece in request.content.iter_chunked(1 << 16):
        data += piece
        if len(data) > limit:
            raise Refused(TOO_LARGE, limit=limit)
    return bytes(data)
