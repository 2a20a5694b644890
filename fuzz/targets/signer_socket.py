"""What a client of the signer may write on its socket: an answer to each line, never a crash."""

from __future__ import annotations

import atexit
import json
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from detente.node import keys as key_files
from detente.node import signer
from detente.node.folder import NodeFolder
from detente.record.encoding import encode_base64
from detente.record.tree import EMPTY_ROOT
from fuzz.seeds import as_json
from record import logs

PARSERS = ("detente.node.signer.read_confirmation",)

_CELL, _MOST = "harbour.exercise", 60_000
_PLACE = Path(tempfile.mkdtemp(prefix="detente-fuzz-"))
atexit.register(shutil.rmtree, _PLACE, ignore_errors=True)
_FOLDER = NodeFolder.create(_PLACE / "s1", {"node": {"cell": _CELL, "party": "s1"}})
key_files.generate(_FOLDER, ["s2", "g1"])
_ROOMS: list[signer.SignerRoom] = []


def _room() -> signer.SignerRoom:
    if not _ROOMS:
        made = signer.SignerRoom(
            _FOLDER, log_pair=key_files.log_pair(_FOLDER), peers={}, clock=lambda: 1_795_000_000,
            mirror_pair=lambda watched: key_files.mirror_pair(_FOLDER, watched),
        )  # fmt: skip
        _ROOMS.append(made)
    return _ROOMS[0]


def _serve(room: signer.SignerRoom, theirs: socket.socket) -> None:
    signer._converse(room, theirs)
    with suppress(OSError):
        theirs.shutdown(socket.SHUT_RDWR)


def _send(ours: socket.socket, data: bytes) -> None:
    with suppress(OSError):
        ours.sendall(data)
        ours.shutdown(socket.SHUT_WR)


def seeds() -> Iterator[bytes]:
    yield from (line + b"\n" for line in as_json(
        {"op": "status"},
        {"op": "append", "drafts": [""], "seen": [], "have": 0}, {"op": "groups", "have": 0},
        {"op": "cosign", "origin": f"{_CELL}/s2/1", "size": 1, "root": "00" * 32},
        {"op": "start-answer", "body": encode_base64(b"body"), "lines": encode_base64(b"lines")},
        {"op": "feed", "start": 0, "entries": [], "note": encode_base64(logs.note(logs.entries(2)))},
        {"op": "confirm", "size": 0, "root": EMPTY_ROOT.hex()},
    ))  # fmt: skip


def one(data: bytes) -> None:
    room = _room()
    if data[:1] == b"!":
        (_FOLDER.journal / "confirm").write_bytes(data[1:])
        signer.read_confirmation(_FOLDER, room)
        return
    ours, theirs = socket.socketpair()
    with ours, theirs:
        # Answers are read while lines are still coming: many short lines fill a socket with answers.
        serving = threading.Thread(target=_serve, args=(room, theirs))
        serving.start()
        sending = threading.Thread(target=_send, args=(ours, data[:_MOST]))
        sending.start()
        answered = ours.makefile("rb").read()
        sending.join()
        serving.join()
    for line in answered.splitlines():
        answer = json.loads(line)
        assert isinstance(answer, dict)
        assert answer.get("error") != signer.INTERNAL, data
