"""The local API of one node: `await start(context)` opens it and what lives beside it in the link process.

Routes and shapes: `routes`, `schemas`. Nothing is imported here, so that the table of routes can be read
without Django.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detente.node.api.running import Running
    from detente.node.context import NodeContext


async def start(context: NodeContext) -> Running:
    """Open read model, clocks, local API and metrics; Django is configured and the writer runs."""
    from detente.node.api.running import open_running

    return await open_running(context)
