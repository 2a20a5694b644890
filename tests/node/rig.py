"""Three parties' folders and what tests need to put entries into them, without a charter or a network."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from detente.charter.model import Charter
from detente.node import keys as key_files
from detente.node.authoring import Author, Draft, DraftPart
from detente.node.disk import Reserve
from detente.node.folder import NodeFolder
from detente.node.opening import Opener
from detente.node.receive import Receiver
from detente.node.signer import SignerRoom
from detente.node.signer_client import SignerClient, _error
from detente.record.age import recipient_of
from detente.record.errors import Unreachable
from detente.record.head import Cosignature, Head, cosign, sign_head
from detente.record.header import Header, PartInfo, encode_header
from detente.record.keys import KeyPair, LogKeys, MirrorKeys
from detente.record.names import mirror_name, origin

CELL = "harbour.exercise"
PARTIES = ("g1", "s1", "s2")
NOON = 1_795_000_000


class Clock:
    """A settable time source: `clock()` gives whole POSIX seconds."""

    def __init__(self, now: int = NOON) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def make_folder(path: Path, party: str = "s1", **sections: dict[str, object]) -> NodeFolder:
    """A node's folder with keys, without database, charter or card."""
    folder = NodeFolder.create(path, {"node": {"cell": CELL, "party": party}, **sections})
    key_files.generate(folder, [one for one in PARTIES if one != party])
    return folder


class RoomSigner(SignerClient):
    """The client's calls answered by a signer in this process: every byte goes through the same JSON."""

    def __init__(self, room: SignerRoom) -> None:
        self.room = room
        self.down = False
        self.lose_answer = False

    def _call(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.down:
            raise Unreachable("signer")
        answer = json.loads(json.dumps(self.room.answer(json.loads(json.dumps(request)))))
        if "error" in answer:
            raise _error(answer)
        if self.lose_answer and request["op"] == "append":
            self.lose_answer = False
            raise Unreachable("signer")
        return cast(dict[str, Any], answer)


class Cell:
    """All parties' keys; `folder(party)` is made once, below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folders: dict[str, NodeFolder] = {}
        self._recipients: dict[str, str] = {}

    def folder(self, party: str) -> NodeFolder:
        if party not in self._folders:
            self._folders[party] = make_folder(self.root / party, party)
        return self._folders[party]

    def log_keys(self, party: str) -> LogKeys:
        return key_files.log_pair(self.folder(party)).log_keys(origin(CELL, party))

    def mirror_pair(self, mirror: str, watched: str) -> KeyPair:
        return key_files.mirror_pair(self.folder(mirror), watched)

    def mirror_keys(self, mirror: str, watched: str) -> MirrorKeys:
        return self.mirror_pair(mirror, watched).mirror_keys(mirror_name(CELL, mirror, watched))

    def watching(self, watched: str) -> dict[str, MirrorKeys]:
        return {one: self.mirror_keys(one, watched) for one in PARTIES if one != watched}

    def recipients(self) -> Mapping[str, str]:
        if not self._recipients:
            for one in PARTIES:
                self._recipients[one] = recipient_of(key_files.receiving_seeds(self.folder(one))[0])
        return self._recipients

    def start_lines(self, mirror: str, head: Head, at: int) -> bytes:
        """What stands under the body of a start answer: the log's own lines, and the mirror's."""
        pair = key_files.log_pair(self.folder(head.origin.split("/")[1]))
        own = sign_head(head, pair, at).partition(b"\n\n")[2] if head.size else b""
        return own + self.cosign(mirror, head, at).lines

    def cosign(self, mirror: str, head: Head, at: int) -> Cosignature:
        watched = head.origin.split("/")[1]
        return cosign(head, mirror_name(CELL, mirror, watched), self.mirror_pair(mirror, watched), at)

    def charter(self) -> Charter:
        """As much of a charter as the node's record needs: parties and their keys."""
        parties = {
            one: SimpleNamespace(
                id=one,
                log=self.log_keys(one),
                mirrors={other: self.mirror_keys(one, other) for other in PARTIES if other != one},
                receiving=self.recipients()[one],
            )
            for one in PARTIES
        }
        return cast(Charter, SimpleNamespace(cell=CELL, parties=parties))

    def opener(self, party: str) -> Opener:
        folder = self.folder(party)
        return Opener(party, key_files.receiving_seeds(folder), key_files.storage_key(folder))

    def author(self, party: str, signer: SignerClient, clock: Clock) -> Author:
        return Author(origin(CELL, party), party, signer, self.opener(party), self.recipients, clock)

    def receiver(self, party: str, signer: SignerClient, clock: Clock) -> Receiver:
        folder = self.folder(party)
        reserve = Reserve(folder.path, folder.settings.disk_reserved_mb)
        return Receiver(self.charter(), party, signer, self.opener(party), reserve, clock)

    def signer(self, party: str, clock: Clock, *, started: bool = True) -> RoomSigner:
        """A signer in this process; started by an operator's word if asked."""
        client = RoomSigner(self.room(party, clock))
        if started:
            status = client.status()
            client.confirm(status.size, status.root)
        return client

    def room(self, party: str, clock: Clock) -> SignerRoom:
        """A signer in this process, without its lock and socket."""
        folder = self.folder(party)
        return SignerRoom(
            folder,
            log_pair=key_files.log_pair(folder),
            mirror_pair=lambda watched: key_files.mirror_pair(folder, watched),
            peers=self.watching(party),
            clock=clock,
        )


_numbers = itertools.count(1)


def draft(party: str = "s1", *, floor: bool = False, number: int | None = None) -> bytes:
    """An encoded header without time and `seen`, each with a core of its own."""
    n = next(_numbers) if number is None else number
    core = n.to_bytes(32, "big")
    part = PartInfo("core", (n + 1_000_000).to_bytes(32, "big"), 2000, (), ())
    return encode_header(Header(1, CELL, origin(CELL, party), floor, 1, bytes(32), (), (part,), (), core, ()))


def words(text: str = "", *, floor: bool = False, to: tuple[str, ...] = ("s2",)) -> Draft:
    """A draft with a core and a content for the other side, kept by the guarantor too (COPY)."""
    n = next(_numbers)
    keep = tuple(sorted({*to, "g1"}))
    core = DraftPart("core", f"core {n} {text}".encode(), to, keep)
    content = DraftPart("content", f"content {n} {text}".encode(), to, keep)
    return Draft(floor, to, bytes(32), (core, content), "WATCH")
