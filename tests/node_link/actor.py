"""A party played by the test itself: it has a folder's keys and certificate, and may say anything."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from detente.charter.card import parse_card
from detente.node import keys as key_files
from detente.node import pairing
from detente.node.link import server
from detente.node.link.client import PeerClient
from detente.node.link.tls import Identity, client_context, server_context
from detente.record.head import Head, sign_head
from detente.record.header import Header, PartInfo, encode_header
from detente.record.messages import MAX_NOTICE_BODY
from detente.record.sync import Push, PushAnswer, encode_push, parse_push_answer
from detente.record.tree import leaf_hash, root_of
from node_link.fakes import RememberingRecord
from node_link.live import LiveCell, log_of


class Actor:
    """Speaks to the node `to` as `me`. `entries` are what it has pushed well."""

    def __init__(self, cell: LiveCell, me: str, to: str) -> None:
        self.cell, self.me, self.to = cell, me, to
        self.log = log_of(me)
        self.folder = cell.nodes[me].folder
        self.pair = key_files.log_pair(self.folder)
        self.entries: list[bytes] = []

    def entry(self, *, part: bytes | None = None, note: str = "") -> bytes:
        """A fresh header of ours; `part` is named as kept by the receiver."""
        data = part if part is not None else note.encode() + b"%d" % time.monotonic_ns()
        info = PartInfo("core", hashlib.sha256(data).digest(), len(data), (self.to,), (self.to,))
        cell = self.log.split("/", maxsplit=1)[0]
        core = hashlib.sha256(data + b"core").digest()
        header = Header(
            1, cell, self.log, True, int(time.time()), bytes(32), (self.to,), (info,), (), core, ()
        )
        return encode_header(header)

    def note(self, entries: list[bytes], *, origin: str | None = None) -> bytes:
        head = Head(origin or self.log, len(entries), root_of(map(leaf_hash, entries)))
        return sign_head(head, self.pair, int(time.time()))

    def next_push(self, *entries: bytes, parts: tuple[bytes, ...] = ()) -> Push:
        """A right push of `entries` behind what went well."""
        return Push(self.log, len(self.entries), entries, self.note([*self.entries, *entries]), parts)

    def push(self, push: Push) -> PushAnswer:
        """Send it; what it brought counts as pushed well. Raises what the node answers."""
        answer = parse_push_answer(self.post("push", encode_push(push), limit=MAX_NOTICE_BODY))
        self.entries = [*self.entries[: push.start], *push.entries][: answer.size]
        return answer

    def post(self, route: str, body: bytes, *, limit: int = 1 << 20) -> bytes:
        return self._with(lambda client: client.post(route, body, limit=limit))

    def get(self, route: str) -> bytes:
        return self._with(lambda client: client.get(route))

    def _with(self, use: Callable[[PeerClient], object]) -> bytes:
        async def inner() -> bytes:
            identity = Identity(self.folder.link_keys / "leaf.pem", self.folder.link_keys / "leaf.key")
            card = parse_card(pairing.own_card(self.cell.nodes[self.to].folder))
            client = PeerClient(self.to, card.addresses[self.me], client_context(identity, card.ca.encode()))
            try:
                return await use(client)  # type: ignore[no-any-return, misc]
            finally:
                await client.close()

        return asyncio.run(inner())


@contextmanager
def served(cell: LiveCell, me: str, peer: str, record: RememberingRecord) -> Iterator[None]:
    """The listener of the absent party `me` for `peer`, with `record` behind it."""
    folder = cell.nodes[me].folder
    host, _, port = folder.settings.link[peer].listen.rpartition(":")
    identity = Identity(folder.link_keys / "leaf.pem", folder.link_keys / "leaf.key")
    ca = parse_card(pairing.own_card(cell.nodes[peer].folder)).ca.encode()
    app = server.build_app(peer, record)
    runner = cell.run(server.listen(app, host, int(port), server_context(identity, ca)))
    try:
        yield
    finally:
        cell.run(runner.cleanup())
