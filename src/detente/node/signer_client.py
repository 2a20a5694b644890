"""The node's end of the signer's socket.

One connection, one request at a time; any thread may call. A signer that does not answer is `unreachable`
and nothing was signed as far as the caller may assume: the next `append` first fetches what the journal has
(`Behind`), so a lost answer never makes an entry twice.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from detente.node.folder import NodeFolder
from detente.node.unixsocket import connect
from detente.record.encoding import encode_base64, parse_base64
from detente.record.errors import DetenteError, Refused, Unreachable, declare
from detente.record.header import Seen, ranges_json

SIGNER_NOT_STARTED: Final = declare(
    "signer-not-started", "operator", "the signer has not heard a peer's answer about the own log yet"
)
SIGNER_BEHIND: Final = declare(
    "signer-behind", "operator", "the store holds more of the own log than the signer; feed the signer first"
)

#: A group of the largest entries in base64, with room.
LINE_LIMIT: Final = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SignerStatus:
    """State of the signer.

    `state`: "asking" (needs a start answer), "behind" (a peer knows more: `wanted` entries), "started",
    "stopped" (two histories or a broken journal; `cause` says which).
    """

    state: str
    origin: str
    size: int
    root: bytes
    time: int
    wanted: int
    cause: str


@dataclass(frozen=True, slots=True)
class SignedGroup:
    """Entries that got one head: their final header bytes from index `start` on, and the head's note."""

    start: int
    entries: tuple[bytes, ...]
    size: int
    root: bytes
    time: int
    note: bytes


@dataclass(frozen=True, slots=True)
class Cosigned:
    """Our mirror's lines over one head, already journaled."""

    origin: str
    size: int
    root: bytes
    time: int
    lines: bytes


class SignerClient:
    """Synchronous calls to the signer process of one node. Errors of the signer come back as they are."""

    def __init__(self, folder: NodeFolder, *, timeout_s: float = 10.0) -> None:
        self._path = folder.signer_socket
        self._timeout = timeout_s
        self._lock = threading.Lock()  # guards the connection
        self._socket: socket.socket | None = None
        self._buffer = b""

    def status(self) -> SignerStatus:
        """What the signer is doing."""
        return _status(self._call({"op": "status"}))

    def append(self, drafts: Sequence[bytes], seen: Sequence[Seen], *, have: int) -> tuple[SignedGroup, ...]:
        """Sign drafts as the next entries under one head.

        `drafts` are encoded headers without time and `seen`; `have` is the store's size of the own log. If
        the journal holds more than the store, nothing new is signed and the groups behind `have` come back
        instead (their `start` is `have`): store them and ask again.
        Raises Refused `signer-not-started`, `signer-behind`, `disk-full`; Malformed; Unreachable.
        """
        request = {
            "op": "append",
            "drafts": [encode_base64(one) for one in drafts],
            "seen": [_seen_json(one) for one in seen],
            "have": have,
        }
        return tuple(_group(one) for one in self._call(request)["groups"])

    def groups(self, have: int) -> tuple[SignedGroup, ...]:
        """Groups in the journal behind `have` entries (a bounded number; ask again until none)."""
        return tuple(_group(one) for one in self._call({"op": "groups", "have": have})["groups"])

    def cosign(self, origin: str, size: int, root: bytes) -> Cosigned:
        """Our mirror's cosignature: all `size` entries are on our disk.

        Size 0 is the answer "none" to a start question, and is given only while nothing was ever cosigned.
        Raises Refused `cosigned-more` or `cosigned-other`.
        """
        found = self._call({"op": "cosign", "origin": origin, "size": size, "root": root.hex()})
        return Cosigned(origin, size, root, found["time"], parse_base64(found["lines"], "lines"))

    def mirror_unsure(self, origin: str, size: int | None = None) -> bool:
        """Whether our restored mirror waits to hear of what it cosigned; `size`: what peers know."""
        told = {} if size is None else {"size": size}
        return bool(self._call({"op": "mirror-least", "origin": origin, **told})["unsure"])

    def start_answer(self, body: bytes, lines: bytes) -> SignerStatus:
        """Give the signer a peer's answer: a head's body and that peer's fresh cosignature of it (C2)."""
        return _status(
            self._call({"op": "start-answer", "body": encode_base64(body), "lines": encode_base64(lines)})
        )

    def feed(self, start: int, entries: Sequence[bytes], note: bytes) -> SignerStatus:
        """Give the signer entries of the own log that it lacks, and the own signed head that covers them."""
        request = {
            "op": "feed",
            "start": start,
            "entries": [encode_base64(one) for one in entries],
            "note": encode_base64(note),
        }
        return _status(self._call(request))

    def confirm(self, size: int, root: bytes) -> SignerStatus:
        """An operator's word that no larger head of the own log was ever signed (C2)."""
        return _status(self._call({"op": "confirm", "size": size, "root": root.hex()}))

    def freeze(self) -> SignerStatus:
        """Have the log's signer sign nothing more, for good (C3)."""
        return _status(self._call({"op": "freeze"}))

    def close(self) -> None:
        """Drop the connection; the next call makes a new one."""
        with self._lock:
            self._drop()

    def _call(self, request: dict[str, Any]) -> dict[str, Any]:
        line = json.dumps(request, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            try:
                answer = json.loads(self._exchange(line))
            except (OSError, ValueError) as error:
                self._drop()
                raise Unreachable("signer", detail=type(error).__name__) from error
        if "error" in answer:
            raise _error(answer)
        return answer  # type: ignore[no-any-return]

    def _exchange(self, line: bytes) -> bytes:
        # A connection that was idle while the signer restarted breaks at once: one new try, and only if
        # nothing was sent on it, or an append could run twice.
        if self._socket is not None and _is_dead(self._socket, self._timeout):
            self._drop()
        if self._socket is None:
            self._socket = connect(self._path, self._timeout)
        self._socket.sendall(line)
        while b"\n" not in self._buffer:
            received = self._socket.recv(1 << 16)
            if not received or len(self._buffer) > LINE_LIMIT:
                raise ConnectionError("signer closed")
            self._buffer += received
        found, self._buffer = self._buffer.split(b"\n", 1)
        return found

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self._buffer = None, b""


def _is_dead(connection: socket.socket, timeout: float) -> bool:
    """Whether the other end is gone, seen without waiting."""
    try:
        connection.setblocking(False)
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(timeout)


def _error(answer: dict[str, Any]) -> DetenteError:
    return Refused(str(answer["error"]), **answer.get("values", {}))


def _status(found: dict[str, Any]) -> SignerStatus:
    return SignerStatus(
        found["state"],
        found["origin"],
        found["size"],
        bytes.fromhex(found["root"]),
        found["time"],
        found["wanted"],
        found["cause"],
    )


def _group(found: dict[str, Any]) -> SignedGroup:
    return SignedGroup(
        found["start"],
        tuple(parse_base64(one, "entry") for one in found["entries"]),
        found["size"],
        bytes.fromhex(found["root"]),
        found["time"],
        parse_base64(found["note"], "note"),
    )


def _seen_json(seen: Seen) -> dict[str, Any]:
    return {
        "log": seen.log,
        "size": seen.size,
        "root": seen.root.hex(),
        "at": seen.at,
        "missing": ranges_json(seen.missing),
    }
