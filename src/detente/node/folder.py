"""A node's folder: where each thing lies, and that nobody else may look in.

    node.toml            settings
    charter/             charter.toml, kinds/*.toml: the agreed rules, as accepted
    cards/<party>.json   the peers' cards
    keys/                private keys; lock (the signer's)
    journal/             the signer's memory, outside the database and every backup of it
    node.sqlite3         the record
    run/                 sockets, API token
    log/                 structured logs without content

The folder and everything in it are the node's own Unix user's alone (0700, files 0600).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from detente.node.settings import Settings, encode_settings, parse_settings
from detente.record.errors import Refused, declare
from detente.record.names import is_exercise, origin

FOLDER_OPEN: Final = declare(
    "folder-open-to-others", "operator", "the node's folder or a key can be read by other users; chmod it"
)
FOLDER_MISSING: Final = declare("no-node-here", "operator", "the folder holds no node.toml")
FOLDER_TAKEN: Final = declare("node-already-here", "operator", "the folder holds a node already")

_OTHERS: Final = 0o077
_INSIDE: Final = ("charter/kinds", "cards", "keys", "journal", "run", "log")


class NodeFolder:
    """Paths and settings of one node. Making the object opens nothing but node.toml, when it is asked for."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).absolute()
        self.node_toml = self.path / "node.toml"
        self.charter_toml = self.path / "charter" / "charter.toml"
        self.kinds = self.path / "charter" / "kinds"
        self.cards = self.path / "cards"
        self.keys = self.path / "keys"
        self.journal = self.path / "journal"
        self.run = self.path / "run"
        self.log = self.path / "log"
        self.database = self.path / "node.sqlite3"
        self.signer_socket = self.run / "signer.sock"
        self.api_socket = self.run / "api.sock"
        self.api_token = self.run / "token"
        self.signer_lock = self.keys / "lock"
        self.link_keys = self.keys / "link"

    @classmethod
    def open(cls, path: Path | str) -> NodeFolder:
        """The folder at `path`, checked. Raises Refused `no-node-here` or `folder-open-to-others`."""
        folder = cls(path)
        if not folder.node_toml.is_file():
            raise Refused(FOLDER_MISSING, path=str(folder.path))
        folder.check_private()
        return folder

    @classmethod
    def create(cls, path: Path | str, settings: Mapping[str, Mapping[str, Any]]) -> NodeFolder:
        """A new folder with `node.toml` made of `settings` (section → key → value) and nothing else in it."""
        folder = cls(path)
        text = encode_settings(settings)
        parse_settings(text)  # refuse before anything is on disk
        if folder.node_toml.exists():
            raise Refused(FOLDER_TAKEN, path=str(folder.path))
        for one in (folder.path, *(folder.path / name for name in _INSIDE)):
            one.mkdir(parents=True, exist_ok=True)
            one.chmod(0o700)
        (folder.path / "charter").chmod(0o700)
        write_private(folder.node_toml, text.encode())
        return folder

    @cached_property
    def settings(self) -> Settings:
        """The settings in node.toml. Raises DetenteError `setting-wrong`."""
        return parse_settings(self.node_toml.read_text(encoding="utf-8"))

    @property
    def cell(self) -> str:
        return self.settings.cell

    @property
    def party(self) -> str:
        return self.settings.party

    @property
    def exercise(self) -> bool:
        return is_exercise(self.cell)

    @property
    def origin(self) -> str:
        """Origin of the log this node writes now."""
        return origin(self.cell, self.party, self.settings.generation)

    def check_private(self) -> None:
        """Raise Refused `folder-open-to-others` if the folder or anything among its keys is."""
        for one in (self.path, self.keys, *self.keys.rglob("*")):
            if one.exists() and stat.S_IMODE(one.stat().st_mode) & _OTHERS:
                raise Refused(FOLDER_OPEN, path=str(one))

    def kind_files(self) -> dict[str, bytes]:
        """Kind files of the charter by file name, e.g. {"D02.toml": …}."""
        return {one.name: one.read_bytes() for one in sorted(self.kinds.glob("*.toml"))}


def write_private(path: Path, data: bytes, *, replace: bool = False) -> None:
    """Write a 0600 file whole or not at all, and have it on disk. FileExistsError unless `replace`."""
    if not replace and path.exists():
        raise FileExistsError(path)
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Have the names in a folder on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
