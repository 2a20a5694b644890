"""The signer's journal after any damage: a torn end is cut off, anything else is refused."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from detente.node.journal import Journal, _sum
from detente.record import strictjson
from detente.record.errors import Refused

PARSERS = ("detente.node.journal.Journal.read", "detente.node.journal.parse_record")

_PLACE = Path(tempfile.mkdtemp(prefix="detente-fuzz-"))
atexit.register(shutil.rmtree, _PLACE, ignore_errors=True)


def seeds() -> Iterator[bytes]:
    one_, two = (strictjson.encode({"n": n, "text": "x" * n}) for n in (1, 2))
    whole = b"".join(_sum(body) + b" " + body + b"\n" for body in (one_, two))
    yield from (whole, whole[:-3], whole + b"torn", b"")


def one(data: bytes) -> None:
    path = _PLACE / "journal"
    path.write_bytes(data)
    journal = Journal(path)
    try:
        with suppress(Refused):
            found = [record for _, record in journal.read()]
            left = path.read_bytes()
            # What was cut off is at most one line, and the rest is as it was.
            assert data.startswith(left)
            assert data[len(left) : -1].count(b"\n") == 0
            assert [record for _, record in journal.read()] == found
    finally:
        journal.close()
