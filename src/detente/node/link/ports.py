"""What the server asks of the record: one method a route, bytes in and bytes out.

The server knows HTTP and who called; whoever stands behind this knows the record. Every method may raise a
DetenteError, which `errors` turns into an answer; anything else is our own fault and answers 500.
"""

from __future__ import annotations

from typing import Protocol


class RecordPort(Protocol):
    """The record as seen by one peer's listener; `peer` is the party id that the listener stands for."""

    async def push(self, peer: str, body: bytes) -> bytes:
        """Take a push frame; the answer frame. Raises Conflict with the size that is held."""

    async def heads(self, peer: str, body: bytes) -> bytes:
        """Take a notice of heads and cosignatures."""

    async def ahead(self, peer: str, body: bytes) -> bytes:
        """Take a floor entry ahead of its log."""

    async def probe(self, peer: str, body: bytes) -> bytes:
        """Take a probe (JSON), give our own."""

    async def wait(self, peer: str, body: bytes) -> bytes:
        """As `probe`, but the answer comes when there is something new, at the latest after WAIT_S."""

    async def checkpoint(self, peer: str, log: bytes) -> bytes:
        """The largest head held of the log whose origin hashes to `log`, with the cosignatures known."""

    async def tile(self, peer: str, log: bytes, path: str) -> bytes:
        """A hash tile or an entry bundle of that log; `path` as in C2SP tlog-tiles."""

    async def part(self, peer: str, sha256: bytes) -> bytes:
        """A sealed part that `peer` is in `to` or `keep` of; not-found for any other."""

    async def start(self, peer: str, log: bytes) -> bytes:
        """A start answer: a freshly cosigned statement of the largest head held of `peer`'s log."""
