"""Two histories of one log: looked for where mirrors disagree, and shown to every peer (protocol C4).

1. Every signed head that a peer shows is verified, compared with what is held, and kept.
2. A mirror's cosignature of another root than ours names no head that the log's keys signed. That mirror has
   one: it is asked for its checkpoint, and the head in it convicts.
3. What convicts is shown to every peer that can be dialled, once while this process lives: a peer that knows
   it already changes nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

from detente.charter.model import Charter
from detente.node import logs, selectors
from detente.node.charter_keys import log_keys
from detente.node.keeper import Keeper
from detente.node.link.client import PeerClient
from detente.node.reader import Reader
from detente.record.errors import DetenteError, Equivocation, Unreachable
from detente.record.evidence import parse_two_histories
from detente.record.head import open_head
from detente.record.messages import MAX_NOTICE_BODY
from detente.record.note import MAX_NOTE
from detente.record.sync import Notice, cosigned_head, encode_notice

LOOK_S: Final = 1.0


def unknown_heads(charter: Charter, notes: Iterable[bytes]) -> tuple[bytes, ...]:
    """Those signed heads that are not held already. Reads the database.

    Raises Malformed or Unverified: a head that its log did not sign is nobody's to pass on.
    """
    found = []
    for note in notes:
        head = cosigned_head(note)
        known = selectors.head_at(head.origin, head.size)
        if known is None or known.root != head.root:
            open_head(note, log_keys(charter, head.origin))
            found.append(note)
    return tuple(found)


class Histories:
    """The loop beside the pumps."""

    def __init__(self, keeper: Keeper, reader: Reader, clients: Mapping[str, PeerClient]) -> None:
        self._keeper, self._reader, self._clients = keeper, reader, clients
        self._doubts: set[tuple[str, str]] = set()  # mirror, origin
        self._shown: set[tuple[bytes, str]] = set()  # digest of the evidence, peer

    async def run(self) -> None:
        """Look, until cancelled."""
        while True:
            try:
                await self._ask()
                await self._show()
            except Exception as error:
                logs.failure("histories-failed", error)
            await asyncio.sleep(LOOK_S)

    async def _ask(self) -> None:
        self._doubts.update(await asyncio.wrap_future(self._keeper.submit(self._keeper.receiver.take_doubts)))
        for mirror, origin in sorted(self._doubts):
            client = self._clients.get(mirror)
            try:
                if client is not None:  # one that cannot be dialled sees our cosignature, and asks us
                    await self._compare(client, origin)
            except Unreachable:
                continue
            except DetenteError as error:
                logs.line("head-not-shown", origin=origin, peer=mirror, code=error.code)
            self._doubts.discard((mirror, origin))

    async def _compare(self, client: PeerClient, origin: str) -> None:
        place = hashlib.sha256(origin.encode()).hexdigest()
        note = await client.get(f"logs/{place}/checkpoint", limit=MAX_NOTE)
        try:
            await asyncio.wrap_future(self._keeper.submit(self._keeper.receiver.take_head, note))
        except Equivocation:
            logs.line("two-histories", origin=origin, peer=client.peer)

    async def _show(self) -> None:
        for row in await asyncio.wrap_future(self._reader.run(selectors.evidence)):
            found = parse_two_histories(row.file)
            body = encode_notice(Notice((found.smaller, found.larger)))
            for peer, client in self._clients.items():
                if (row.sha256, peer) in self._shown:
                    continue
                try:
                    await client.post("heads", body, limit=MAX_NOTICE_BODY)
                except DetenteError as error:
                    logs.line("evidence-not-shown", origin=row.origin, peer=peer, code=error.code)
                else:
                    self._shown.add((row.sha256, peer))
