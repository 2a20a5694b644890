"""Opens and closes the local API with its read model, signer watch, clocks and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from detente.cases.author import Composed, compose
from detente.cases.fold import Folder
from detente.node import selectors
from detente.node.api.server import LocalServer, token_of
from detente.node.api.services import Services
from detente.node.arming import Arming
from detente.node.clocks import ClockLoop
from detente.node.context import NodeContext
from detente.node.metrics import MetricsServer
from detente.node.officers import Officers
from detente.node.partlife import PartLife
from detente.node.reader import Reader
from detente.node.readmodel import ReadModel
from detente.node.shows import Shows
from detente.node.signerwatch import SignerWatch
from detente.node.speak import Speaker
from detente.node.statedigest import DigestWatch

WORKERS = 8  # officers and tools that may wait for the writer at once


@dataclass
class Running:
    """Everything `start` opened."""

    services: Services
    clocks: ClockLoop
    local: LocalServer
    metrics: MetricsServer

    async def open(self, *, clocks: bool = True) -> None:
        """Start everything; a test may step the clocks by itself."""
        services = self.services
        await services.read(services.officers.load)
        services.model.start()
        services.signer.start()
        if clocks:
            self.clocks.start()
        await self.local.start()
        await self.metrics.start()

    async def stop(self) -> None:
        """Close the listeners, then the loops, then the threads."""
        self.services.stopping = True
        await self.metrics.stop()
        await self.local.stop()
        for stop in (self.clocks.stop, self.services.signer.stop, self.services.model.stop):
            await asyncio.to_thread(stop)
        await asyncio.to_thread(self.services.work.stop)
        await asyncio.to_thread(self.services.reader.stop)


def make_services(context: NodeContext, compose: Callable[..., Composed] = compose) -> Services:
    """The services of a node, nothing running yet."""
    model = ReadModel(
        context,
        lambda: Folder(context.charter),
        lambda after, limit: selectors.arrivals(after, limit=limit),
    )
    officers = Officers(context, model)
    arming = Arming(lambda: officers.heard_at() is not None)
    context.armed = lambda: arming.state().armed
    context.keeper.recipients.follow(lambda party: model.book.register.receiving_keys.get(party, ()))
    speaker, signer = Speaker(context, model, officers, compose), SignerWatch(context.folder)
    token = token_of(context.folder)
    life = PartLife(context, model)
    model.enforce = life.enforce
    return Services(
        context, model, officers, speaker, arming, signer, Reader(), Reader(WORKERS), token,
        DigestWatch(context.party), life, Shows(context, model),
    )  # fmt: skip


async def open_running(context: NodeContext) -> Running:
    """Start everything."""
    services = make_services(context)
    running = Running(services, ClockLoop(services), LocalServer(services), MetricsServer(services))
    await running.open()
    return running
