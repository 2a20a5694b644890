"""Certificates of next logs, told to every peer and asked of every peer (protocol C3).

1. A node tells each peer that it can dial every certificate it holds, its own and others', once while this
   process lives and before it asks the start question: a peer that does not know the new log cannot answer.
2. What peers say of a log that no certificate here names is asked of them; so a node that is only dialled out
   of learns it too, and over a cut line it comes by the third party.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Final

from detente.node import logs
from detente.node.link.client import PeerClient
from detente.node.link.shelf import KeptShelf
from detente.record.errors import DetenteError
from detente.record.nextlog import MAX_CERTIFICATE

LOOK_S: Final = 1.0


class Successors:
    """The loop beside the pumps."""

    def __init__(self, shelf: KeptShelf, clients: Mapping[str, PeerClient]) -> None:
        self._shelf, self._clients = shelf, clients
        self._told: set[tuple[str, bytes]] = set()

    async def run(self) -> None:
        """Tell and ask, until cancelled."""
        while True:
            try:
                await asyncio.gather(*(self._tell(client) for client in self._clients.values()))
                await self._ask()
            except Exception as error:
                logs.failure("successors-failed", error)
            await asyncio.sleep(LOOK_S)

    async def _tell(self, client: PeerClient) -> None:
        for origin, note in (await self._shelf.read_certificates()).items():
            if (client.peer, note) in self._told:
                continue
            try:
                await client.post("certificate", note, limit=0)
            except DetenteError as error:
                logs.line("certificate-not-told", origin=origin, peer=client.peer, code=error.code)
                return
            self._told.add((client.peer, note))

    async def _ask(self) -> None:
        for origin in self._shelf.strangers():
            place = f"logs/{hashlib.sha256(origin.encode()).hexdigest()}/certificate"
            for client in self._clients.values():
                try:
                    await self._shelf.take_certificate(await client.get(place, limit=MAX_CERTIFICATE))
                except DetenteError as error:
                    logs.line("certificate-not-had", origin=origin, peer=client.peer, code=error.code)
                else:
                    break
