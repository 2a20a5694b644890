"""Three parties' folders and what tests need to put entries into them, without a charter or a network."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

from detente.node import keys as key_files
from detente.node.folder import NodeFolder
from detente.node.signer import SignerRoom
from detente.record.age import recipient_of
from detente.record.head import Cosignature, Head, cosign
from detente.record.header import Header, PartInfo, encode_header
from detente.record.keys import KeyPair, LogKeys, MirrorKeys
from detente.record.names import mirror_name, origin

CELL = "hermon.exercise"
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


class Cell:
    """All parties' keys; `folder(party)` is made once, below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folders: dict[str, NodeFolder] = {}

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
        return {one: recipient_of(key_files.receiving_seeds(self.folder(one))[0]) for one in PARTIES}

    def cosign(self, mirror: str, head: Head, at: int) -> Cosignature:
        watched = head.origin.split("/")[1]
        return cosign(head, mirror_name(CELL, mirror, watched), self.mirror_pair(mirror, watched), at)

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
    return encode_header(
        Header(1, CELL, origin(CELL, party), floor, 1, bytes(32), (), (part,), (), core, ())
    )
