"""The two seams of the link: what the server asks of the record, and what the record offers the link.

`RecordPort` is bytes in and bytes out, one method a route: the server knows HTTP and who called, whoever
stands behind it knows the messages. `Shelf` is the record itself: reads, and takings that return when what
was taken would survive a power cut. Methods may raise a DetenteError; anything else is our own fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from detente.record.sync import Ahead, Event, Push, PushAnswer


class RecordPort(Protocol):
    """The record as seen by one peer's listener; `peer` is the party id that the listener stands for."""

    async def push(self, peer: str, body: bytes) -> bytes:
        """Take a push; the answer's body. Raises Conflict with the size that is held."""

    async def heads(self, peer: str, body: bytes) -> bytes:
        """Take a notice of heads and cosignatures; our own notice."""

    async def ahead(self, peer: str, body: bytes) -> bytes:
        """Take a floor entry ahead of its log; an empty body."""

    async def probe(self, peer: str, body: bytes) -> bytes:
        """Take a probe (JSON), give our own."""

    async def wait(self, peer: str, body: bytes) -> bytes:
        """As `probe`, but the answer comes when there is something new, at the latest after WAIT_S."""

    async def checkpoint(self, peer: str, log: bytes) -> bytes:
        """The largest head held of the log whose origin hashes to `log`, with the cosignatures known."""

    async def certificate(self, peer: str, log: bytes) -> bytes:
        """The certificate of that next log, as it was received. SPEC: protocol C3"""

    async def take_certificate(self, peer: str, body: bytes) -> bytes:
        """Take the certificate of anybody's next log; an empty body. SPEC: protocol C3"""

    async def tile(self, peer: str, log: bytes, path: str) -> bytes:
        """A hash tile or an entry bundle of that log; `path` as in C2SP tlog-tiles."""

    async def part(self, peer: str, sha256: bytes) -> bytes:
        """A sealed part that `peer` is in `to` or `keep` of; not-here for any other."""

    async def start(self, peer: str, log: bytes) -> bytes:
        """A start answer: a freshly cosigned statement of the largest head held of `peer`'s log."""


class Shelf(Protocol):
    """The record on this node's disk. No method keeps the event loop waiting."""

    # Reads.

    async def changes(self) -> tuple[Event, ...]:
        """What is new since the last call, as events for every talk; the first call tells everything."""

    async def push_body(
        self, log: str, start: int, size: int, peer: str, room: int | None = None
    ) -> Push | None:
        """Entries of the own log from `start` to a head of at most `size`, and the parts that go along.

        `room`: bytes that the line should be given at once, if it is slow.
        """

    async def parts(self, hashes: tuple[bytes, ...], peer: str) -> tuple[bytes, ...]:
        """Those of these parts that are here and that `peer` may keep, as many as fit into one push."""

    async def head_notes(self, heads: tuple[tuple[str, int], ...]) -> tuple[bytes, ...]:
        """The newest note of each of these logs."""

    async def ahead_of(self, log: str, index: int, peer: str) -> Ahead | None:
        """An own floor entry with head, inclusion proof and the parts that `peer` may keep."""

    async def origin_of(self, log: bytes) -> str | None:
        """The origin held here that hashes to `log`."""

    async def checkpoint(self, log: str) -> bytes | None: ...

    async def certificate(self, log: str) -> bytes | None: ...

    async def tile(self, log: str, path: str) -> bytes | None: ...

    async def part(self, sha256: bytes, peer: str) -> bytes | None: ...

    def knows(self, log: str) -> bool:
        """Whether this node has the keys of that log."""

    def holds(self) -> Mapping[str, int]:
        """Sizes held, by origin, as of the last `changes`."""

    # Takings.

    async def take_push(self, push: Push, peer: str) -> PushAnswer:
        """Check, store and cosign. Raises Malformed, Unverified, Conflict, Equivocation, Refused."""

    async def take_own(self, push: Push) -> None:
        """Entries of the own log that a peer has and this node lost. SPEC: protocol C2"""

    async def take_certificate(self, note: bytes) -> bool:
        """Verify and keep the certificate of a next log; False if it is here already."""

    async def take_ahead(self, ahead: Ahead, peer: str) -> None:
        """Check and store aside. SPEC: protocol D3"""

    async def take_part(self, data: bytes) -> bool:
        """Store a part that is wanted here; False if nobody wants it."""

    async def unknown_heads(self, notes: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Those signed heads that are not held here. Raises Malformed or Unverified."""

    async def take_head(self, note: bytes) -> None:
        """Keep a signed head. Raises Equivocation if it contradicts what is held; both are kept (C4)."""

    async def take_cosignature(self, note: bytes) -> bool:
        """Verify and store a mirror's cosignature; False if it is here already."""

    async def start_answer(self, log: str) -> bytes:
        """Body and fresh cosignature of the largest head held of that log, size 0 if none."""
