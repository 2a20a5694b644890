"""The start question: before its first signature a signer needs a peer's word on its own log (protocol C2).

A loop beside the pumps: it looks at the signer once a second, and while that one is asking, asks every peer
that can be dialled "what is the largest head of my log?". If a peer knows more, the own log is pulled by the
pumps, which see that the peer holds more of it. It runs for ever: a signer that was restarted asks again,
and what came for other logs while it was away is cosigned.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Final

from detente.node import logs
from detente.node.keeper import Keeper
from detente.node.link.client import PeerClient
from detente.node.signer_client import SignerClient
from detente.record.errors import DetenteError
from detente.record.messages import cosigned_head
from detente.record.note import MAX_NOTE

STARTED_S: Final = 1.0
ASKING_S: Final = 0.3


class StartQuestion:
    """Asks for one signer. `signer` is a connection of its own: it must not wait behind an append."""

    def __init__(
        self, origin: str, signer: SignerClient, keeper: Keeper, clients: Mapping[str, PeerClient]
    ) -> None:
        self._route = f"start/{hashlib.sha256(origin.encode()).hexdigest()}"
        self._signer, self._keeper, self._clients = signer, keeper, clients
        self._state = ""

    async def run(self) -> None:
        """Look and ask, until cancelled."""
        while True:
            try:
                await self._look()
            except DetenteError as error:
                self._state = error.code
            except Exception as error:
                logs.failure("start-question-failed", error)
            await asyncio.sleep(STARTED_S if self._state == "started" else ASKING_S)

    async def _look(self) -> None:
        state = (await asyncio.to_thread(self._signer.status)).state
        if state != self._state:
            logs.line("start", state=state)
        if state == "started" and self._state != "started":
            await asyncio.wrap_future(self._keeper.submit(self._keeper.author.catch_up, floor=True))
        self._state = state
        await asyncio.wrap_future(self._keeper.submit(self._keeper.receiver.cosign_owed))
        if state in ("asking", "behind"):
            await asyncio.wrap_future(self._keeper.submit(self._keeper.author.feed_signer, floor=True))
        if state == "asking":
            answers = await asyncio.gather(*(self._ask(client) for client in self._clients.values()))
            # The largest first: a peer that knows less of a rolled back log may answer sooner than one that
            # knows more, and the signer starts with the first good answer.
            for peer, size, answer in sorted(answers, key=lambda one: -one[1]):
                if size >= 0:
                    await self._judge(peer, answer)

    async def _ask(self, client: PeerClient) -> tuple[str, int, bytes]:
        """Peer, size by its word and answer; size -1 if none came that can be read."""
        try:
            answer = await client.get(self._route, limit=MAX_NOTE)
            return client.peer, cosigned_head(answer).size, answer
        except DetenteError as error:
            logs.line("start-answer", peer=client.peer, code=error.code)
            return client.peer, -1, b""

    async def _judge(self, peer: str, answer: bytes) -> None:
        body, _, lines = answer.rpartition(b"\n\n")
        try:
            await asyncio.to_thread(self._signer.start_answer, body + b"\n", lines)
        except DetenteError as error:
            logs.line("start-answer", peer=peer, code=error.code)
