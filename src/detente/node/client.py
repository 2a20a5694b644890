"""The party's own tools speak to their node here: the local API over its Unix socket, standard library only.

`LocalApi` is what desk, command line and alarm use. Every refusal is raised with the node's own code; a node
that does not answer is `Refused("node-not-running")`, for then the operator must act, not the caller.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, cast
from urllib.parse import quote, urlencode

from detente.node.unixsocket import connect
from detente.record.errors import DetenteError, Refused, declare

NOT_RUNNING: Final = declare("node-not-running", "operator", "the node's local API does not answer; start it")
ANSWER_LIMIT: Final = 64 * 1024 * 1024  # bytes of one answer; the API's own pages are far smaller
LINE_LIMIT: Final = 65536  # bytes of one line of the event stream


class ApiError(DetenteError):
    """The node refused: `code`, `who`, `clause` and `values` are the node's, `status` is the HTTP status."""

    def __init__(self, status: int, answer: Mapping[str, Any]) -> None:
        super().__init__(str(answer.get("error", "unknown")), **dict(answer.get("values") or {}))
        self.status = status
        self.said_who = str(answer.get("who", "operator"))
        self.clause: str | None = answer.get("clause")

    @property
    def who(self) -> str:
        """Who must act, as the node says."""
        return self.said_who


@dataclass(frozen=True)
class ServerEvent:
    """One server-sent event; `id` is set for entries only (their position)."""

    type: str
    data: Mapping[str, Any]
    id: str | None = None


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float | None) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = connect(self._path, self.timeout)


class LocalApi:
    """A connection to the node that owns `folder`; one per thread, opens itself again when closed."""

    def __init__(self, folder: Path | str | Any, *, timeout: float = 30.0) -> None:
        # A NodeFolder is accepted as well: whoever has one need not take it apart.
        self.folder = Path(getattr(folder, "path", folder))
        self._timeout = timeout
        self._connection: _UnixConnection | None = None

    def get(self, path: str, **query: str | int | bool | None) -> Any:
        """The JSON answer of a GET. A `from` parameter is written `from_`; None is left out."""
        return self._call("GET", _with_query(path, query), None)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON answer of a POST."""
        return self._call("POST", path, dict(body or {}))

    def delete(self, path: str) -> Any:
        """The JSON answer of a DELETE."""
        return self._call("DELETE", path, None)

    def events(
        self, path: str = "/v1/events", *, from_: int | None = None, timeout: float = 25.0
    ) -> Iterator[ServerEvent]:
        """Server-sent events until the node closes; a stream silent for `timeout` seconds raises Refused.

        `from_` is the position to start from (inclusive). The stream has its own connection; the node sends
        a comment every few seconds, so silence means that it is stopped or gone.
        """
        connection = self._open(timeout)
        try:
            query: dict[str, str | int | bool | None] = {"from_": from_}
            response = self._ask(connection, "GET", _with_query(path, query), None, "text/event-stream")
            if response.status != 200:
                raise _refusal(response.status, response.read(ANSWER_LIMIT))
            yield from _parse_stream(response)
        except (OSError, http.client.HTTPException) as exc:
            raise Refused(NOT_RUNNING) from exc
        finally:
            connection.close()

    def close(self) -> None:
        """Close the kept connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> LocalApi:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _exc: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, timeout: float) -> _UnixConnection:
        return _UnixConnection(self.folder / "run" / "api.sock", timeout)

    def _token(self) -> str:
        try:
            return (self.folder / "run" / "token").read_text("ascii").strip()
        except OSError as exc:
            raise Refused(NOT_RUNNING) from exc

    def _ask(
        self, connection: _UnixConnection, method: str, path: str, body: dict[str, Any] | None, accept: str
    ) -> http.client.HTTPResponse:
        headers = {"Authorization": f"Bearer {self._token()}", "Accept": accept}
        text = None if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        if text is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, path, text, headers)
        return connection.getresponse()

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        fresh = self._connection is None
        try:
            return self._once(method, path, body)
        except (ConnectionError, http.client.HTTPException) as exc:
            self.close()
            # A kept connection may have been closed by a restart before our request reached anyone. Only a
            # read may be asked twice: a release whose answer was lost must not become two entries.
            if fresh or method != "GET":
                raise Refused(NOT_RUNNING) from exc
        except OSError as exc:
            self.close()
            raise Refused(NOT_RUNNING) from exc
        try:
            return self._once(method, path, body)
        except (OSError, http.client.HTTPException) as exc:
            self.close()
            raise Refused(NOT_RUNNING) from exc

    def _once(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        if self._connection is not None and method != "GET" and _closed(self._connection):
            self.close()
        if self._connection is None:
            self._connection = self._open(self._timeout)
        response = self._ask(self._connection, method, path, body, "application/json")
        text = response.read(ANSWER_LIMIT)
        if response.status >= 400:
            raise _refusal(response.status, text)
        return json.loads(text) if text else None


def printed(path_part: str) -> str:
    """An id or code as one segment of a path."""
    return quote(path_part, safe="")


def _closed(connection: _UnixConnection) -> bool:
    """Whether the node has closed a kept connection: then a POST can safely go on a new one."""
    link = cast("socket.socket | None", connection.sock)
    if link is None:
        return True
    link.setblocking(False)
    try:
        return link.recv(1, socket.MSG_PEEK) == b""
    except (BlockingIOError, InterruptedError):
        return False
    except OSError:
        return True
    finally:
        link.settimeout(connection.timeout)


def _with_query(path: str, query: Mapping[str, str | int | bool | None]) -> str:
    given = {
        name.rstrip("_"): ("true" if value else "false") if isinstance(value, bool) else value
        for name, value in query.items()
        if value is not None
    }
    return f"{path}?{urlencode(given)}" if given else path


def _refusal(status: int, text: bytes) -> ApiError:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = {}
    return ApiError(status, answer if isinstance(answer, dict) else {})


def _parse_stream(response: http.client.HTTPResponse) -> Iterator[ServerEvent]:
    kind, lines, position = "message", [], None
    while line := response.readline(LINE_LIMIT):
        name, _, value = line.decode("utf-8").rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            kind = value
        elif name == "data":
            lines.append(value)
        elif name == "id":
            position = value
        elif not name and not value and lines:
            yield ServerEvent(kind, json.loads("\n".join(lines)), position)
            kind, lines, position = "message", [], None
