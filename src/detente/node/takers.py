"""Who takes a bundle in: the running node through its local API, or this process while it is stopped."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from detente.node import selectors
from detente.node.client import LocalApi
from detente.node.folder import NodeFolder
from detente.node.keeper import Keeper
from detente.node.nodeclock import NodeClock
from detente.node.signer_client import SignerClient
from detente.node.writer import Writer
from detente.record.encoding import encode_base64
from detente.record.errors import Refused, Unreachable, declare
from detente.record.messages import Push, encode_push, parse_ahead

SIGNER_BUSY: Final = declare(
    "signer-busy", "operator", "a signer runs in this folder, but no node answers; stop it or start the node"
)
#: A step of entries, or the largest part, with the receipt signed.
STEP_S: Final = 300.0
SIGNER_S: Final = 20.0


class ApiTaker:
    """The running node: each step is one call."""

    def __init__(self, api: LocalApi) -> None:
        self._api = api

    def sizes(self) -> Mapping[str, int]:
        """Size of every log held."""
        found: Mapping[str, int] = self._api.get("/v1/carried")["sizes"]
        return found

    def push(self, peer: str, push: Push) -> int:
        """Take entries; the size held then."""
        return int(self._take("push", encode_push(push), peer)["size"])

    def ahead(self, peer: str, data: bytes) -> bool:
        """Take a floor entry ahead of its log."""
        return bool(self._take("ahead", data, peer)["taken"])

    def part(self, data: bytes) -> bool:
        """Take a part."""
        return bool(self._take("part", data)["taken"])

    def cosignature(self, note: bytes) -> bool:
        """Take a receipt."""
        return bool(self._take("receipt", note)["taken"])

    def _take(self, what: str, data: bytes, peer: str = "") -> dict[str, Any]:
        body = {"what": what, "data": encode_base64(data)}
        if peer:
            body["from"] = peer
        answer: dict[str, Any] = self._api.post("/v1/carried", body)
        return answer


class KeeperTaker:
    """This process itself, through the same receiver and one writer."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def sizes(self) -> Mapping[str, int]:
        """Size of every log held."""
        return {log.origin: log.size for log in selectors.logs()}

    def push(self, peer: str, push: Push) -> int:
        """Take entries; the size held then."""
        return int(self._run(self._keeper.receiver.take_push, peer, push).size)

    def ahead(self, peer: str, data: bytes) -> bool:
        """Take a floor entry ahead of its log."""
        return bool(self._run(self._keeper.receiver.take_ahead, peer, parse_ahead(data), floor=True))

    def part(self, data: bytes) -> bool:
        """Take a part."""
        return bool(self._run(self._keeper.receiver.take_part, data))

    def cosignature(self, note: bytes) -> bool:
        """Take a receipt."""
        return bool(self._run(self._keeper.receiver.take_cosignature, note))

    def _run(self, job: Callable[..., Any], *words: Any, floor: bool = False) -> Any:
        return self._keeper.submit(job, *words, floor=floor).result(STEP_S)


@contextmanager
def taker_of(folder: NodeFolder) -> Iterator[ApiTaker | KeeperTaker]:
    """Who takes for this node now. Raises Refused `signer-busy`."""
    api = LocalApi(folder, timeout=STEP_S)
    try:
        taker = ApiTaker(api)
        taker.sizes()
    except Refused as error:
        api.close()
        if error.code != "node-not-running":
            raise
    else:
        with api:
            yield taker
        return
    with _stopped(folder) as keeper:
        yield KeeperTaker(keeper)


@contextmanager
def _stopped(folder: NodeFolder) -> Iterator[Keeper]:
    """Keeper of a stopped node: its signer runs as long as the import, and holds the keys' lock (C1)."""
    from detente.node import django_setup
    from detente.node.supervise import commands

    django_setup.open_tables(folder)
    from detente.node.keeper import open_keeper
    from detente.node.pairing import node_charter

    child = subprocess.Popen(commands(folder)["signer"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    writer = Writer()
    try:
        client = SignerClient(folder)
        _wait_for(client, child)
        keeper = open_keeper(folder, node_charter(folder), writer, client, NodeClock(folder).now)
        writer.start()
        keeper.submit(keeper.receiver.cosign_owed).result(STEP_S)
        yield keeper
    finally:
        if writer.is_alive():
            writer.stop(STEP_S)
        child.terminate()
        child.communicate(timeout=SIGNER_S)


def _wait_for(client: SignerClient, child: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + SIGNER_S
    while time.monotonic() < end:
        if child.poll() is not None:
            raise Refused(SIGNER_BUSY)
        try:
            client.status()
        except Unreachable:
            time.sleep(0.05)
        else:
            return
    raise Refused(SIGNER_BUSY)
