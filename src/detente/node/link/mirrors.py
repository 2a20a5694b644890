"""What a restored node's mirrors may have cosigned: asked of peers before they cosign (protocol B1, C2).

A backup has no journal, so a mirror that is brought back does not know its last head. A smaller one under its
keys, or a start answer that denies a head it confirmed, would make an honest node look dishonest. The watched
party knows every head it signed, and its answer is waited for; if it cannot be asked, after `PATIENCE_S` the
largest answer of the others stands for it, as in a start question.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

from detente.node import logs
from detente.node.link.errors import NOT_FOUND
from detente.node.signer_client import SignerClient
from detente.record.errors import DetenteError
from detente.record.head import open_head
from detente.record.keys import LogKeys
from detente.record.names import party_of
from detente.record.note import MAX_NOTE

ASK_S: Final = 1.0
PATIENCE_S: Final = 60.0


class Peer(Protocol):
    """What is asked of `PeerClient`."""

    async def get(self, route: str, *, limit: int) -> bytes: ...


class MirrorQuestion:
    """Asks once for each log of another party, while `mark` is there; removes it when all are answered."""

    def __init__(
        self,
        mark: Path,
        signer: SignerClient,
        watched: Callable[[], Mapping[str, LogKeys]],
        peers: Mapping[str, Peer],
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`watched`: keys of every log of another party, by origin; called in a thread."""
        self._mark, self._signer, self._peers = mark, signer, peers
        self._watched, self._patience_s = watched, patience_s

    async def run(self) -> None:
        """Ask until every mirror is sure; ends at once if the node was not restored."""
        started = asyncio.get_running_loop().time()
        while self._mark.exists():
            waited = asyncio.get_running_loop().time() - started
            try:
                watched = await asyncio.to_thread(self._watched)
                if all([await self._settle(one, waited < self._patience_s) for one in watched.values()]):
                    self._mark.unlink()
                    logs.line("mirrors-sure", count=len(watched))
            except DetenteError as error:
                logs.line("mirror-question", code=error.code)
            except Exception as error:
                logs.failure("mirror-question-failed", error)
            await asyncio.sleep(ASK_S)

    async def _settle(self, keys: LogKeys, patient: bool) -> bool:
        """Whether the mirror of that log is sure now."""
        origin = keys.origin
        if not await asyncio.to_thread(self._signer.mirror_unsure, origin):
            return True
        answers = {peer: await _largest(client, keys) for peer, client in self._peers.items()}
        known = {peer: size for peer, size in answers.items() if size is not None}
        if not known or (patient and party_of(origin) not in known):
            return False
        return not await asyncio.to_thread(self._signer.mirror_unsure, origin, max(known.values()))


async def _largest(client: Peer, keys: LogKeys) -> int | None:
    """Size of the largest head that this peer shows; 0 if it has none, None if it did not answer."""
    place = hashlib.sha256(keys.origin.encode()).hexdigest()
    try:
        note = await client.get(f"logs/{place}/checkpoint", limit=MAX_NOTE)
        return open_head(note, keys).head.size
    except DetenteError as error:
        return 0 if error.code == NOT_FOUND else None
