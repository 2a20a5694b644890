"""The signer process: `python -m detente.node.signer DIR`.

It alone reads the log's and the mirrors' keys. It holds an exclusive lock on keys/lock for its whole life, so
a second signer on the same keys ends at once; it listens on run/signer.sock (0600), one JSON object a line.
It never opens the database.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from detente.node import keys as key_files
from detente.node.folder import NodeFolder, write_private
from detente.node.journal import Journal
from detente.node.log_signer import LogSigner
from detente.node.mirror_signer import MirrorSigner
from detente.node.nodeclock import NodeClock
from detente.node.signer_client import LINE_LIMIT, SignedGroup, SignerStatus
from detente.node.unixsocket import listen
from detente.record.encoding import encode_base64, parse_base64, parse_hex
from detente.record.errors import DetenteError, Malformed, Refused, Unverified, declare
from detente.record.header import Seen, parse_ranges
from detente.record.keys import KeyPair, MirrorKeys
from detente.record.names import mirror_name, parse_origin, party_of
from detente.record.nextlog import read_next_log
from detente.record.tree import HASH_SIZE

SECOND_SIGNER: Final = declare(
    "second-signer", "operator", "another signer holds these keys; stop it, two would fork the log"
)
INTERNAL: Final = "internal"
COMPROMISED: Final = "compromised"

_log = logging.getLogger("detente.node.signer")


class SignerRoom:
    """The own log's signer and one cosigner for each other log, behind one lock."""

    def __init__(
        self,
        folder: NodeFolder,
        *,
        log_pair: KeyPair,
        mirror_pair: Callable[[str], KeyPair],
        peers: Mapping[str, MirrorKeys],
        clock: Callable[[], int],
    ) -> None:
        """`peers`: public keys of the mirrors that watch the own log; `mirror_pair(watched)`: our pairs."""
        self._folder, self._mirror_pair, self._clock = folder, mirror_pair, clock
        self._lock = threading.Lock()  # guards everything below
        self._mirrors: dict[str, MirrorSigner] = {}
        journal = Journal(journal_path(folder, folder.origin))
        self.log = LogSigner(folder.origin, log_pair, journal, peers=peers, knows=self._cosigned, clock=clock)
        if frozen_mark(folder, folder.origin).exists():
            self.log.freeze(COMPROMISED)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to one request; a refusal is an answer too."""
        try:
            with self._lock:
                return _OPERATIONS[request["op"]](self, request)
        except DetenteError as error:
            return {"error": error.code, "values": _plain(error.values)}
        except (KeyError, TypeError, ValueError):
            return {"error": "malformed", "values": {"what": "signer request"}}

    def mirror(self, origin: str) -> MirrorSigner:
        """The cosigner of another party's log. Raises Unverified for the own log or a foreign cell."""
        if origin not in self._mirrors:
            cell, party, _ = parse_origin(origin)
            if cell != self._folder.cell or party == self._folder.party:
                raise Unverified("origin", origin=origin)
            self._mirrors[origin] = MirrorSigner(
                origin,
                mirror_name(cell, self._folder.party, party),
                self._mirror_pair(party),
                Journal(journal_path(self._folder, origin)),
                clock=self._clock,
                restored=restored_mark(self._folder).exists(),
            )
        return self._mirrors[origin]

    def freeze(self) -> SignerStatus:
        """Stop the log's signer for good; the mark is on disk before the answer. Mirrors go on."""
        mark = frozen_mark(self._folder, self._folder.origin)
        if not mark.exists():
            write_private(mark, b"")
        self.log.freeze(COMPROMISED)
        return self.log.status()

    def _cosigned(self, seen: Seen) -> bool:
        if party_of(seen.log) == self._folder.party:  # the log before this one, as the certificate names it
            place = certificate_place(self._folder, self._folder.settings.generation)
            named = read_next_log(place.read_bytes()) if place.exists() else None
            return named is not None and (named.old, named.old_size, named.old_root) == (
                seen.log, seen.size, seen.root
            )  # fmt: skip
        return self.mirror(seen.log).knows(seen)


def journal_path(folder: NodeFolder, origin: str) -> Path:
    """Where the journal of a log lies."""
    return folder.journal / f"{hashlib.sha256(origin.encode()).hexdigest()}.log"


def frozen_mark(folder: NodeFolder, origin: str) -> Path:
    """The file whose presence says that this log's keys sign nothing any more (protocol C3)."""
    return folder.journal / f"{hashlib.sha256(origin.encode()).hexdigest()}.frozen"


def restored_mark(folder: NodeFolder) -> Path:
    """The file whose presence says that what the mirrors cosigned before may not be in their journals."""
    return folder.journal / "restored"


def certificate_place(folder: NodeFolder, generation: int) -> Path:
    """Where the certificate of a next log lies for its signer."""
    return folder.keys / "log" / f"{generation}.certificate"


def take_lock(folder: NodeFolder) -> int:
    """An exclusive lock on the keys for this process's life. Raises Refused `second-signer`."""
    descriptor = os.open(folder.signer_lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise Refused(SECOND_SIGNER, folder=str(folder.path)) from error
    return descriptor


def hold_name(folder: NodeFolder, pair: KeyPair) -> socket.socket | None:
    """Hold a name made of the log's key, so that a copy of the folder on this machine finds it taken.

    The lock in the folder does not see a copy. Raises Refused `second-signer`. None where the system has no
    such names; on another machine only the operator can know (how-to: restore a node).
    """
    if sys.platform != "linux":
        return None
    key = pair.log_keys(folder.origin).ed25519.encode()
    held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        held.bind("\0detente-signer-" + hashlib.sha256(key.encode()).hexdigest())
    except OSError as error:
        held.close()
        raise Refused(SECOND_SIGNER, log=folder.origin) from error
    return held


def serve(room: SignerRoom, listener: socket.socket) -> None:
    """Answer connections until the listener is closed."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_converse, args=(room, connection), daemon=True).start()


def _converse(room: SignerRoom, connection: socket.socket) -> None:
    with suppress(OSError), connection, connection.makefile("rb") as lines:  # the other end may be killed
        while line := lines.readline(LINE_LIMIT + 1):
            try:
                request = json.loads(line)
                answer = room.answer(request) if isinstance(request, dict) else {"error": "malformed"}
            except ValueError:
                answer = {"error": "malformed"}
            except Exception:
                _log.exception("the signer failed")
                answer = {"error": INTERNAL}
            connection.sendall(json.dumps(answer, separators=(",", ":")).encode() + b"\n")


# ---- operations

_MIRROR_CONFIRMED: Final = re.compile(r"(0|[1-9][0-9]{0,17}) ([a-z0-9./-]{1,120})")
_MIRRORS_CONFIRMED: Final = 100  # lines; a cell has a few logs
_CONFIRMED: Final = re.compile(r"(0|[1-9][0-9]{0,17}) ([0-9a-f]{64})\n?")


def confirmation_place(folder: NodeFolder) -> Path:
    """Where an operator's confirmation waits for the signer's start."""
    return folder.journal / "confirm"


def read_confirmation(folder: NodeFolder, room: SignerRoom) -> None:
    """Take an operator's confirmations once: `journal/confirm` with "<size> <root in hex>" in it (C2), and
    `journal/confirm-mirrors` (B1).
    """
    place = confirmation_place(folder)
    if place.exists():
        found = _CONFIRMED.fullmatch(place.read_text(encoding="ascii", errors="replace"))
        place.replace(place.with_name("confirm.used"))
        if found:
            answer = room.answer({"op": "confirm", "size": int(found[1]), "root": found[2]})
            _log.warning("operator's confirmation: %s", answer.get("error", answer.get("state")))
    mirrors = mirror_confirmations_place(folder)
    if mirrors.exists():
        for origin, size in _mirrors_confirmed(mirrors.read_text(encoding="ascii", errors="replace")):
            answer = room.answer({"op": "mirror-least", "origin": origin, "size": size})
            _log.warning("operator's confirmation of a mirror: %s", answer.get("error", "taken"))
        mirrors.replace(mirrors.with_name("confirm-mirrors.used"))


def confirm_mirror_later(folder: NodeFolder, origin: str, size: int) -> None:
    """Leave an operator's word on another party's log for the signer's next start (B1)."""
    place = mirror_confirmations_place(folder)
    before = dict(_mirrors_confirmed(place.read_text(encoding="ascii"))) if place.exists() else {}
    rows = {**before, origin: size}
    text = "".join(f"{size} {name}\n" for name, size in sorted(rows.items()))
    write_private(place, text.encode(), replace=True)


def mirror_confirmations_place(folder: NodeFolder) -> Path:
    """Where an operator's word on other parties' logs waits: lines "<size> <origin>"."""
    return folder.journal / "confirm-mirrors"


def _mirrors_confirmed(text: str) -> list[tuple[str, int]]:
    found = (_MIRROR_CONFIRMED.fullmatch(line) for line in text.splitlines()[:_MIRRORS_CONFIRMED])
    return [(one[2], int(one[1])) for one in found if one]


def _append(room: SignerRoom, request: dict[str, Any]) -> dict[str, Any]:
    drafts = [parse_base64(one, "draft") for one in request["drafts"]]
    seen = [_seen(one) for one in request["seen"]]
    return {"groups": [_group(one) for one in room.log.append(drafts, seen, have=_number(request, "have"))]}


def _groups(room: SignerRoom, request: dict[str, Any]) -> dict[str, Any]:
    return {"groups": [_group(one) for one in room.log.groups(_number(request, "have"))]}


def _cosign(room: SignerRoom, request: dict[str, Any]) -> dict[str, Any]:
    root = parse_hex(request["root"], "root", size=HASH_SIZE)
    made = room.mirror(request["origin"]).cosign(_number(request, "size"), root)
    return {"time": made.time, "lines": encode_base64(made.lines)}


def _mirror_least(room: SignerRoom, request: dict[str, Any]) -> dict[str, Any]:
    mirror = room.mirror(request["origin"])
    if "size" in request:
        mirror.least(_number(request, "size"))
    return {"unsure": mirror.unsure}


def _start_answer(room: SignerRoom, request: dict[str, Any]) -> dict[str, Any]:
    body, lines = parse_base64(request["body"], "body"), parse_base64(request["lines"], "lines")
    return _status(room.log.start_answer(body, lines))


def _feed(room: SignerRoom, request: dict[str, Any]) -> dict[str, Any]:
    entries = [parse_base64(one, "entry") for one in request["entries"]]
    return _status(room.log.feed(_number(request, "start"), entries, parse_base64(request["note"], "note")))


def _confirm(room: SignerRoom, request: dict[str, Any]) -> dict[str, Any]:
    root = parse_hex(request["root"], "root", size=HASH_SIZE)
    return _status(room.log.confirm(_number(request, "size"), root))


def _freeze(room: SignerRoom, _request: dict[str, Any]) -> dict[str, Any]:
    """The operator says that the log's keys are stolen or lost: nothing more is signed by them, for good."""
    return _status(room.freeze())


_OPERATIONS: Final[Mapping[str, Callable[[SignerRoom, dict[str, Any]], dict[str, Any]]]] = {
    "status": lambda room, _request: _status(room.log.status()),
    "append": _append,
    "groups": _groups,
    "cosign": _cosign,
    "mirror-least": _mirror_least,
    "start-answer": _start_answer,
    "feed": _feed,
    "confirm": _confirm,
    "freeze": _freeze,
}


def _number(request: dict[str, Any], key: str) -> int:
    value = request[key]
    if type(value) is not int or value < 0:
        raise Malformed("signer request", key)
    return value


def _seen(found: dict[str, Any]) -> Seen:
    root = parse_hex(found["root"], "root", size=HASH_SIZE)
    size = _number(found, "size")
    return Seen(found["log"], size, root, _number(found, "at"), parse_ranges(found["missing"], size))


def _status(status: SignerStatus) -> dict[str, Any]:
    return {
        "state": status.state,
        "origin": status.origin,
        "size": status.size,
        "root": status.root.hex(),
        "time": status.time,
        "wanted": status.wanted,
        "cause": status.cause,
    }


def _group(group: SignedGroup) -> dict[str, Any]:
    return {
        "start": group.start,
        "entries": [encode_base64(one) for one in group.entries],
        "size": group.size,
        "root": group.root.hex(),
        "time": group.time,
        "note": encode_base64(group.note),
    }


def _plain(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value if isinstance(value, int | str) else str(value) for name, value in values.items()}


# ---- the process


def run(folder: NodeFolder, *, peers: Mapping[str, MirrorKeys] | None = None) -> int:
    """Lock, listen, serve until SIGTERM. Exit code 0, or 1 when the keys are locked by another signer.

    `peers`: keys of the mirrors that watch the own log, when they are not to be read from the charter.
    """
    try:
        lock, pair = take_lock(folder), key_files.log_pair(folder, folder.settings.generation)
        held = hold_name(folder, pair)
    except Refused as error:
        sys.stderr.write(f"detente: {error}\n")
        return 1
    room = SignerRoom(
        folder,
        log_pair=pair,
        mirror_pair=lambda watched: key_files.mirror_pair(folder, watched),
        peers=_watching(folder) if peers is None else peers,
        clock=NodeClock(folder).now,
    )
    read_confirmation(folder, room)
    listener = listen(folder.signer_socket)
    signal.signal(signal.SIGTERM, lambda *_: listener.close())
    try:
        serve(room, listener)
    finally:
        listener.close()
        os.close(lock)
        if held is not None:
            held.close()
    return 0


def _watching(folder: NodeFolder) -> Mapping[str, MirrorKeys]:
    from detente.node.charter_keys import watching_mirrors
    from detente.node.pairing import node_charter

    return watching_mirrors(node_charter(folder), folder.party)


if __name__ == "__main__":
    sys.exit(run(NodeFolder.open(sys.argv[1])))
