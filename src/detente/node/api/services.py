"""What the handlers share: the context, the read model, the officers, the one who speaks for the node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from detente.node.arming import Arming
from detente.node.context import NodeContext
from detente.node.officers import Officers
from detente.node.partlife import PartLife
from detente.node.reader import Reader
from detente.node.readmodel import ReadModel
from detente.node.refusals import STARTING, not_found
from detente.node.rowbook import EntryRow
from detente.node.shows import Shows
from detente.node.signerwatch import SignerWatch
from detente.node.statedigest import DigestWatch
from detente.node.thinbook import ThinBook
from detente.record.errors import Malformed, Refused
from detente.record.names import EntryId, parse_id

if TYPE_CHECKING:
    from detente.node.speak import Speaker

_P = ParamSpec("_P")
_R = TypeVar("_R")


@dataclass
class Services:
    """One node's, made by `start`."""

    context: NodeContext
    model: ReadModel
    officers: Officers
    speaker: Speaker
    arming: Arming
    signer: SignerWatch
    reader: Reader
    work: Reader  # threads that wait for the writer; apart from the readers, or a burst would starve them
    token: str
    digests: DigestWatch
    life: PartLife
    shows: Shows
    thin: ThinBook = field(default_factory=ThinBook)
    stopping: bool = False
    tests: int = 0
    last_heartbeat: int | None = None
    paths: dict[tuple[str, int], str] = field(default_factory=dict)

    async def read(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Run a read in a reader thread."""
        return await asyncio.wrap_future(self.reader.run(function, *args, **kwargs))

    async def act(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Run what waits for the writer or the signer in a working thread."""
        return await asyncio.wrap_future(self.work.run(function, *args, **kwargs))

    def need_ready(self) -> None:
        """Raise Refused `starting` until the record was read once."""
        if not self.model.ready.is_set():
            raise Refused(STARTING)

    def entry_id(self, text: str) -> EntryId:
        """The entry a printed id names. Raises Refused `not-found` for one of another cell."""
        try:
            return parse_id(text, self.context.charter.cell)
        except Malformed as exc:
            raise not_found("entry") from exc

    def row(self, text: str) -> EntryRow:
        """The row of a printed id. Raises Refused `not-found`."""
        self.need_ready()
        row = self.model.rows.get(self.entry_id(text))
        if row is None:
            raise not_found("entry")
        return row
