"""Opens and closes the local API: the Unix socket, the loopback port when set, the bearer token."""

from __future__ import annotations

import ipaddress
import secrets
from typing import TYPE_CHECKING

from aiohttp import web

from detente.node import logs
from detente.node.api.app import make_app
from detente.node.folder import NodeFolder, write_private
from detente.node.unixsocket import listen
from detente.record.errors import DetenteError

if TYPE_CHECKING:
    from detente.node.api.services import Services


def token_of(folder: NodeFolder) -> str:
    """The bearer token in run/token; made at the first start and kept, so that tools stay connected."""
    if not folder.api_token.exists():
        write_private(folder.api_token, (secrets.token_urlsafe(32) + "\n").encode())
    return folder.api_token.read_text("ascii").strip()


def loopback(listen_on: str, setting: str) -> tuple[str, int]:
    """Host and port of a setting. Raises DetenteError `setting-wrong` for an address others could reach."""
    host, _, port = listen_on.rpartition(":")
    host = host.strip("[]")
    try:
        if ipaddress.ip_address(host).is_loopback:
            return host, int(port)
    except ValueError:
        pass
    raise DetenteError("setting-wrong", key=setting)


class LocalServer:
    """The running server of one node."""

    def __init__(self, services: Services) -> None:
        self._services = services
        # Streams are closed by `services.stopping`; the runner waits for nothing longer than that.
        self._runner = web.AppRunner(make_app(services), access_log=None, shutdown_timeout=1.0)

    async def start(self) -> None:
        """Listen."""
        folder = self._services.context.folder
        await self._runner.setup()
        await web.SockSite(self._runner, listen(folder.api_socket)).start()
        if folder.settings.local_listen:
            host, port = loopback(folder.settings.local_listen, "local.listen")
            await web.TCPSite(self._runner, host, port).start()
        logs.line("api-listens")

    async def stop(self) -> None:
        """Close every connection and take the socket away."""
        await self._runner.cleanup()
        self._services.context.folder.api_socket.unlink(missing_ok=True)
