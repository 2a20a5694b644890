"""What the parts of the link process share: folder, charter, writer, signer, event bus, lines.

1. One process (the link) holds the writer thread, the peers' listener, the local API, the read model and the
   clocks. They meet only here.
2. Whoever has stored something calls `NodeContext.grew()`, from any thread. The read model folds from its
   own cursor and then publishes one `entry` event for each new position; nobody else publishes these.
3. Events carry ids and kinds, never content: whoever wants more asks the local API, where rights are
   checked, at one place.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from detente.node.bus import EventBus
from detente.node.lines import LineBoard
from detente.record.errors import Unreachable

if TYPE_CHECKING:
    from detente.charter.model import Charter
    from detente.node.folder import NodeFolder
    from detente.node.keeper import Keeper
    from detente.node.signer_client import SignerClient
    from detente.node.writer import Writer


async def _no_peer(party: str, _body: bytes, _limit: int) -> bytes:
    raise Unreachable(party, why="not-dialled")


@dataclass
class NodeContext:
    """The link process's shared objects; made once by `node/link/main.py`, handed to `api.start(context)`."""

    folder: NodeFolder
    charter: Charter
    party: str
    writer: Writer
    signer: SignerClient
    keeper: Keeper
    bus: EventBus = field(default_factory=EventBus)
    lines: LineBoard = field(default_factory=LineBoard)
    # The one time source of the process: the exercise's clock offset (refused outside `.exercise`) is in it.
    clock: Callable[[], float] = time.time
    # Says whether the own watch is armed, for probes; set by the local API at its start.
    armed: Callable[[], bool] = bool
    # Posts a request for one view to a peer (protocol A11); set by the link once it dials.
    ask_peer: Callable[[str, bytes, int], Awaitable[bytes]] = field(default=_no_peer)
    _grown: list[Callable[[], None]] = field(default_factory=list)

    def now(self) -> int:
        """This node's time: POSIX seconds, UTC."""
        return int(self.clock())

    def on_grown(self, call: Callable[[], None]) -> None:
        """Have `call()` run in the caller's thread after every `grew()`; it must only set a flag."""
        self._grown.append(call)

    def grew(self) -> None:
        """Tell that entries, parts or receipts were stored (after the commit); any thread may call it."""
        for call in self._grown:
            call()
