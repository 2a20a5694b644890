"""The link process: writer, listeners, pumps, and the local API that lives beside them.

    python -m detente.node.link DIR

1. Every listener is tested before its gate opens: if anybody without the peer's certificate would be
   answered, the node does not serve. SPEC: protocol D1
2. It ends on SIGTERM: listeners first, then pumps, then what waits in the writer is finished.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from detente.node import logs
from detente.node.folder import NodeFolder
from detente.node.nodeclock import NodeClock
from detente.record.errors import DetenteError


def main(argv: Sequence[str] | None = None) -> int:
    """Run until SIGTERM; 0 when ended in order, 1 when refused by name, 2 for wrong use."""
    words = sys.argv[1:] if argv is None else list(argv)
    if len(words) != 1:
        sys.stderr.write("usage: python -m detente.node.link DIR\n")
        return 2
    try:
        folder = NodeFolder.open(Path(words[0]))
        logs.start(folder.path, "link")
        sys.setswitchinterval(SWITCH_S)
        asyncio.run(_run(folder))
    except DetenteError as error:
        logs.failure("link-refused-to-start", error)
        sys.stderr.write(f"detente: {error.code}: {error}\n")
        return 1
    return 0


#: Seconds after which a computing thread lets another go on. The interpreter's own 5 ms are long for a chain
#: of threads (loop, writer, reader, loop) that an entry passes through on its way to the alarm.
SWITCH_S = 0.001


async def _run(folder: NodeFolder) -> None:
    from detente.node import django_setup

    await asyncio.to_thread(django_setup.open_tables, folder)
    from detente.node.link.process import LinkProcess

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with AsyncExitStack() as stack:
        process = LinkProcess(folder, NodeClock(folder))
        await process.open(stack)
        logs.line("link-serves")
        await ended.wait()
    logs.line("link-ended")
