"""S1's link process with a bench inside: entries sealed beforehand go straight to its keeper.

    python bench/author.py DIR          (beside a signer of DIR)

One JSON command a line on stdin, one JSON answer a line on stdout: `prepare` seals comments on a case with a
post's approval, `burst` has them logged as fast as the writer takes them, `held` says up to which size each
mirror has cosigned the own log.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from collections import deque
from concurrent.futures import Future
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from detente.node import django_setup, logs
from detente.node.folder import NodeFolder
from detente.node.link.main import SWITCH_S

TEXT = "x" * 600
WAITING = 900  # entries that wait in the writer at once; its queue bears 1,024


class Author:
    """Carries the commands out, each in a thread."""

    def __init__(self, process: Any, running: Any) -> None:
        self._context, self._services = process.context, running.services
        self._prepared: deque[Any] = deque()

    def state(self) -> dict[str, Any]:
        return {"signer": self._context.signer.status().state, "size": self._own_size()}

    def prepare(self, case: str, count: int) -> dict[str, Any]:
        """Seal `count` comments of 600 bytes on a case; seconds it took."""
        from detente.node.statements import By, Statement
        from detente.record.names import parse_id

        speaker, cell = self._services.speaker, self._context.charter.cell
        entry = parse_id(case, cell)
        kind = self._context.charter.kinds["D02"]
        speaker.ensure_post_key("WATCH")
        began = time.monotonic()
        for _ in range(count):
            statement = Statement("D02", "COMMENT", "WATCH", {}, {"text": TEXT}, case=entry)
            composed = speaker._compose(statement)
            core = hashlib.sha256(composed.core).digest()
            approvals = speaker._approve(By(post_key=True), "WATCH", core, kind)
            self._prepared.append(speaker._prepare(composed, "WATCH", approvals))
        return {"took_s": time.monotonic() - began}

    def burst(self, count: int, rate: float = 0.0) -> dict[str, Any]:
        """Log `count` prepared entries, at most `rate` a second if said; when it began and ended."""
        size, began = self._own_size(), time.monotonic()
        waiting: deque[Future[Any]] = deque()
        for n in range(count):
            if rate:
                time.sleep(max(0.0, began + n / rate - time.monotonic()))
            while len(waiting) >= WAITING:
                waiting.popleft().result(60)
            waiting.append(self._context.keeper.append(self._prepared.popleft(), floor=True))
        while waiting:
            waiting.popleft().result(60)
        return {"began": began, "logged": time.monotonic(), "first": size, "size": self._own_size(),
                "heads": self._heads(size)}  # fmt: skip

    def held(self) -> dict[str, Any]:
        """Size up to which each mirror cosigned."""
        from detente.node import selectors

        rows = selectors.largest_cosignatures(self._context.folder.origin).values()
        return {row.mirror: row.size for row in rows}

    def _own_size(self) -> int:
        from detente.node import selectors

        log = selectors.log(self._context.folder.origin)
        return log.size if log else 0

    def _heads(self, above: int) -> int:
        from detente.node import models

        return models.Head.objects.filter(log__origin=self._context.folder.origin, size__gt=above).count()


async def serve(folder: NodeFolder) -> None:
    """Run the link process until stdin ends."""
    await asyncio.to_thread(django_setup.open_tables, folder)
    from detente.node import api
    from detente.node.link.process import LinkProcess

    opened: list[Any] = []
    start = api.start

    async def noted(context: Any) -> Any:
        opened.append(await start(context))
        return opened[0]

    api.start = noted
    async with AsyncExitStack() as stack:
        process = LinkProcess(folder, time.time)
        await process.open(stack)
        author = Author(process, opened[0])
        say({"ready": True})
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        while line := await reader.readline():
            command = json.loads(line)
            try:
                say(await asyncio.to_thread(getattr(author, command.pop("op")), **command))
            except Exception as error:
                say({"error": repr(error)})


def say(value: dict[str, Any]) -> None:
    """One line."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serve as the link process is served."""
    folder = NodeFolder.open(Path(sys.argv[1]))
    logs.start(folder.path, "link")
    sys.setswitchinterval(SWITCH_S)
    asyncio.run(serve(folder))


if __name__ == "__main__":
    main()
