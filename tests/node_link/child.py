"""One node's link process for tests, without the local API: real store, writer, signer client, link.

    python -m node_link.child DIR

Commands are JSON lines on stdin, answers JSON lines on stdout with the same `n`. Instants are
CLOCK_MONOTONIC, which all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from detente.node import django_setup, logs
from detente.node.folder import NodeFolder


class Child:
    """Carries commands out beside a LinkProcess."""

    def __init__(self, process: Any) -> None:
        self.process, self.context = process, process.context
        self.opened: dict[str, float] = {}
        self._seen = 0

    def watch(self) -> None:
        """In a thread: note when entries become readable here."""
        from detente.node import selectors

        for row in selectors.arrivals(self._seen):
            self._seen = row.position
            if row.opened and all(one.plaintext is not None for one in row.opened):
                self.opened.setdefault(f"{row.entry.log} {row.entry.index}", time.monotonic())

    def append(
        self, floor: bool = True, size: int = 600, keep: list[str] | None = None, attachment: int = 0
    ) -> dict[str, Any]:
        from detente.node.authoring import Draft, DraftPart

        context = self.context
        others = tuple(sorted(one for one in context.charter.parties if one != context.party))
        kept = others if keep is None else tuple(keep)
        core = secrets.token_bytes(32) + b"core"
        content = secrets.token_bytes(size)
        parts = [DraftPart("core", core, kept, kept), DraftPart("content", content, kept, kept)]
        if attachment:
            parts.append(DraftPart("attachment", secrets.token_bytes(attachment), kept, kept))
        keeper = context.keeper
        prepared = keeper.author.prepare(Draft(floor, others, context.charter.digest, tuple(parts)))
        logged = keeper.append(prepared, floor=floor).result(10)
        shas = [one.hex() for one in prepared.parts]
        return {"index": logged.entry.index, "at": time.monotonic(), "parts": shas}

    def state(self) -> dict[str, Any]:
        from detente.node import models, selectors

        receipts: dict[str, dict[str, int]] = {}
        for log in selectors.logs():
            rows = selectors.largest_cosignatures(log.origin).values()
            receipts[log.origin] = {row.mirror: row.size for row in rows}
        lines = self.context.lines.states(at=self.context.now())
        return {
            "sizes": {log.origin: log.size for log in selectors.logs()},
            "receipts": receipts,
            "wanted": len(selectors.wanted()),
            "ahead": models.Ahead.objects.count(),
            "evidence": len(selectors.evidence()),
            "lines": {peer: state.line for peer, state in lines.items()},
            "opened": self.opened,
            "signer": self.context.signer.status().state,
        }

    def log(self) -> dict[str, Any]:
        """All header bytes of all logs, as one digest: equal stores give equal digests."""
        from detente.node import selectors

        whole = hashlib.sha256()
        for log in selectors.logs():
            for entry in selectors.iterate_entries(log.origin):
                whole.update(entry)
        return {"digest": whole.hexdigest()}


async def serve(folder: NodeFolder) -> None:
    await asyncio.to_thread(django_setup.migrate, folder)
    from detente.node.link import process as module

    async def no_api(_context: Any) -> Any:
        return SimpleNamespace(stop=_nothing, services=None)

    module.api = SimpleNamespace(start=no_api)  # type: ignore[assignment]
    async with AsyncExitStack() as stack:
        process = module.LinkProcess(folder, time.time)
        child = Child(process)
        loop = asyncio.get_running_loop()
        grown = asyncio.Event()
        process.context.on_grown(lambda: loop.call_soon_threadsafe(grown.set))
        await process.open(stack)
        watcher = loop.create_task(_watching(child, grown))
        _say({"ready": True})
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            command = json.loads(line)
            loop.create_task(_answer(child, command))  # noqa: RUF006 - ends within the command's own limit
        watcher.cancel()


async def _watching(child: Child, grown: asyncio.Event) -> None:
    while True:
        await grown.wait()
        grown.clear()
        await asyncio.to_thread(child.watch)


async def _answer(child: Child, command: dict[str, Any]) -> None:
    number, name = command.pop("n"), command.pop("op")
    try:
        result = await asyncio.to_thread(getattr(child, name), **command)
    except Exception as error:
        result = {"error": getattr(error, "code", repr(error))}
    _say({"n": number, **result})


async def _nothing() -> None:
    return None


def _say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    place = NodeFolder.open(Path(sys.argv[1]))
    logs.start(place.path, "link")
    asyncio.run(serve(place))
