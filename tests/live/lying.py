"""S2 as a liar: its node is stopped, its certificate and log keys speak for it over the living link."""

from __future__ import annotations

import hashlib
import http.client
import json
import secrets
import ssl
import time
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from detente.cli.demo.cell import CELL, Cell
from detente.node import keys as key_files
from detente.node.link.lineset import Line, lines_of
from detente.node.link.tls import Identity, client_context
from detente.node.pairing import node_charter
from detente.record.errors import Malformed
from detente.record.head import Head, sign_head
from detente.record.header import Header, PartInfo, Seen, encode_header, parse_header
from detente.record.keys import KeyPair
from detente.record.parts import seal, sealed_hash
from detente.record.sync import Push, encode_push
from detente.record.tree import Tree, leaf_hash
from live import faults

S2 = f"{CELL}/s2/1"


@dataclass(frozen=True)
class Said:
    """An answer of the link: status, and the error's JSON or the body."""

    status: int
    body: bytes

    @property
    def error(self) -> str:
        return str(json.loads(self.body)["error"])

    @property
    def who(self) -> str:
        return str(json.loads(self.body)["who"])


class _Connection(http.client.HTTPSConnection):
    def __init__(self, line: Line, context: ssl.SSLContext) -> None:
        address = urlsplit(line.dial)
        super().__init__(str(address.hostname), address.port, timeout=30, context=context)
        self._tls, self._named = context, line.host

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._named)


@dataclass
class Liar:
    """S2's keys without S2's node: entries that it holds, and whatever it signs next."""

    cell: Cell
    entries: list[bytes] = field(default_factory=list)
    shown: list[bytes] = field(default_factory=list)  # under a signed head that a peer has seen, last first
    parts: dict[bytes, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        folder = self.cell.node("s2").folder
        self.charter = node_charter(folder)
        self.pair: KeyPair = key_files.log_pair(folder)
        self.identity = Identity(folder.link_keys / "leaf.pem", folder.link_keys / "leaf.key")
        self.lines = {line.peer: line for line in lines_of(folder, self.charter)}
        self.entries = self.entries or faults.entries(self.cell, "s2", S2)

    def say_the_rest(self, peer: str) -> None:
        """What S2's node had not sent yet when it was stopped, with its parts."""
        held = len(faults.entries(self.cell, peer, S2))
        question = (
            "SELECT b.data FROM node_partbytes b JOIN node_part p ON p.sha256 = b.sha256 "
            'JOIN node_log l ON l.id = p.log_id WHERE l.origin = ? AND p."index" >= ?'
        )
        parts = tuple(bytes(row[0]) for row in faults.rows(self.cell, "s2", question, S2, held))
        assert self.say(peer, self.push(held, parts=parts)).status == 200

    def fork(self) -> Liar:
        """Another history with the same past."""
        return Liar(self.cell, list(self.entries))

    # ---- what it signs

    def head(self, entries: list[bytes] | None = None, *, pair: KeyPair | None = None) -> bytes:
        tree = Tree(map(leaf_hash, self.entries if entries is None else entries))
        return sign_head(Head(S2, tree.size, tree.root()), pair or self.pair, int(time.time()))

    def push(self, start: int, *, parts: tuple[bytes, ...] = ()) -> Push:
        return Push(S2, start, tuple(self.entries[start:]), self.head(), parts)

    def header(self, **changed: Any) -> tuple[Header, bytes]:
        """A header of now with one sealed part that S1 and G1 keep, and that part."""
        last = next(parse_header(one) for one in reversed(self.entries) if parses(one))
        plaintext = json.dumps({"salt": secrets.token_hex(32)}).encode()
        keys = [self.charter.parties[one].receiving for one in ("g1", "s1", "s2")]
        part = seal(plaintext, keys, file_key=secrets.token_bytes(16), nonce=secrets.token_bytes(16))
        info = PartInfo("core", sealed_hash(part), len(part), ("g1", "s1"), ("g1", "s1"))
        header = replace(
            last, floor=True, time=max(int(time.time()), last.time), to=("g1", "s1"), parts=(info,),
            core=hashlib.sha256(plaintext).digest(), approvals=(), **changed,
        )  # fmt: skip
        return header, part

    def write(self, **changed: Any) -> bytes:
        """Append an entry; its part. What was taken back comes again first: a head over it may be held."""
        if self.shown and not changed:
            entry = self.shown.pop()
        else:
            header, part = self.header(**changed)
            entry = encode_header(header)
            self.parts[entry] = part
        self.entries.append(entry)
        return self.parts[entry]

    def take_back(self, count: int = 1) -> None:
        """The last entries are not in the log yet; the next honest ones are these."""
        for _ in range(count):
            self.shown.append(self.entries.pop())

    def impossible_seen(self) -> tuple[Seen, ...]:
        """Of S1's log ten entries more than there are, under a root that nobody signed."""
        size = len(faults.entries(self.cell, "s1", faults.origin_of("s1"))) + 10
        return (Seen(faults.origin_of("s1"), size, secrets.token_bytes(32), int(time.time()) - 1, ()),)

    # ---- how it says it

    def ask(self, peer: str, method: str, route: str, body: bytes = b"", **headers: str) -> Said:
        line = self.lines[peer]
        connection = _Connection(line, client_context(self.identity, line.ca, pin=line.pin))
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, f"/link/v1/{route}", body or None, named)
            answer = connection.getresponse()
            return Said(answer.status, answer.read())
        finally:
            connection.close()

    def say(self, peer: str, push: Push) -> Said:
        return self.ask(peer, "POST", "push", encode_push(push))


def parses(entry: bytes) -> bool:
    try:
        parse_header(entry)
    except Malformed:
        return False
    return True
