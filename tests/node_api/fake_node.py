"""A local API of a few lines: what the alarm and the client are tried against."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any

from detente.node.unixsocket import short_address

TOKEN = "a-token"


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


class FakeNode:
    """Answers with `answer(method, path, body) -> (status, JSON)`; `publish` sends an event."""

    def __init__(self, folder: Path, answer: Callable[[str, str, Any], tuple[int, Any]]) -> None:
        (folder / "run").mkdir(parents=True, exist_ok=True)
        (folder / "run" / "token").write_text(TOKEN + "\n")
        self.calls: list[tuple[str, str, Any]] = []
        self._streams: list[Any] = []
        self._socket = folder / "run" / "api.sock"
        self._socket.unlink(missing_ok=True)
        with short_address(self._socket) as address:
            self._server = _Server(address, _handler(self, answer))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def publish(self, kind: str, data: Any, event_id: str | None = None) -> None:
        """Send a server-sent event."""
        lines = [f"id: {event_id}"] if event_id else []
        text = "\n".join([*lines, f"event: {kind}", f"data: {json.dumps(data)}", "", ""])
        for stream in list(self._streams):
            stream.write(text.encode())
            stream.flush()

    def close(self) -> None:
        """Stop and drop every connection."""
        self._server.shutdown()
        self._server.server_close()
        for stream in self._streams:
            stream.close()
        self._socket.unlink(missing_ok=True)


def _handler(
    node: FakeNode, answer: Callable[[str, str, Any], tuple[int, Any]]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            value = json.loads(body) if body else None
            assert self.headers["Authorization"] == f"Bearer {TOKEN}"
            if self.path.startswith("/v1/events"):
                self._stream()
                return
            node.calls.append((self.command, self.path, value))
            status, found = answer(self.command, self.path, value)
            text = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - the library's names

        def _stream(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(b": here\n\n")
            self.wfile.flush()
            node._streams.append(self.wfile)
            self.close_connection = True
            threading.Event().wait(30)

        def address_string(self) -> str:
            return "unix"

        def log_message(self, *_args: Any) -> None:
            pass

    return Handler
