"""What keeps the record of one node, put together: author, receiver and what they share.

Made once in the link process, beside its writer and signer client. All changes go through the writer:

    keeper.append(prepared)              own entries, grouped into one head
    keeper.submit(keeper.receiver.take_push, peer, push)
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from detente.charter.model import Charter
from detente.node import keys as key_files
from detente.node.authoring import GROUP, Author, Logged, Prepared, Release
from detente.node.charter_keys import Recipients
from detente.node.disk import Reserve
from detente.node.folder import NodeFolder
from detente.node.opening import Opener
from detente.node.quotas import Quotas
from detente.node.receive import Receiver
from detente.node.signer_client import SignerClient
from detente.node.writer import Writer


@dataclass(frozen=True)
class Keeper:
    """The record's keeper of one node."""

    writer: Writer
    author: Author
    receiver: Receiver
    opener: Opener
    reserve: Reserve
    recipients: Recipients

    def append(self, payload: Prepared | Release, *, floor: bool) -> Future[Logged]:
        """Bring an own entry into the log; the future ends when it would survive a power cut.

        Its error `signer-not-started`, `unreachable` or `disk-full` leaves the entry `released` (durable if
        the store could take it): `author.resume` takes it up again.
        """
        return self.writer.submit_grouped(GROUP, payload, floor=floor)

    def submit(self, job: Callable[..., Any], *words: Any, floor: bool = False) -> Future[Any]:
        """Run `job(*words)` in the writer thread."""
        return self.writer.submit(lambda: job(*words), floor=floor)


def open_keeper(
    folder: NodeFolder, charter: Charter, writer: Writer, signer: SignerClient, clock: Callable[[], int]
) -> Keeper:
    """The keeper of a node. `writer` need not run yet; Django is configured for `folder`."""
    me = folder.party
    opener = Opener(me, key_files.receiving_seeds(folder), key_files.storage_key(folder))
    reserve = Reserve(folder.path, folder.settings.disk_reserved_mb)
    recipients = Recipients(charter)
    hold_back = Quotas(charter, clock).hold_back
    author = Author(folder.origin, me, signer, opener, recipients, clock, reserve.make_room, hold_back)
    writer.group(GROUP, author.append)
    receiver = Receiver(charter, me, signer, opener, reserve, clock, own=folder.origin)
    return Keeper(writer, author, receiver, opener, reserve, recipients)
