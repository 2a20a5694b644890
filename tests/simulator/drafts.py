"""What the parties of a simulated cell say: real headers over real cores, with parts that are not encrypted.

A part's bytes are `sealed` and its plaintext, so that its hash is as in the header and whoever is handed it
reads it. Encryption is tested elsewhere; here only who holds which bytes when matters. The drafts of a party
depend on their number alone and are made once a process.
"""

import hashlib
from functools import lru_cache

from cases.cell import PARTIES, Cell, Written, charter
from detente.cases.entries import VerifiedEntry
from detente.cases.fold import Folder
from detente.record.header import encode_header
from detente.record.names import EntryId
from simulator.disk import Disk, Draft, header_of

CHARTER = charter()
CELL = CHARTER.cell
SEALED = b"sealed"
LONG_AFTER = 86_400


def log_of(party: str) -> str:
    return f"{CELL}/{party}/1"


@lru_cache(maxsize=4096)
def draft(party: str, number: int, what: str, to: str = "") -> tuple[Draft, bytes]:
    """The draft, and its core's bytes as they lie beside the log."""
    cell = Cell(now=1_800_000_000)
    salt = f"{party}{number}"
    if what == "opened":
        written = cell.write(party, "R01", fields={"generation": 1, "software": "test"}, post="LOG", by=())
    elif what == "accession":
        fields = {"charter": CHARTER.digest.hex()}
        written = cell.write(party, "R02", fields=fields, post="ADMIN", by=("ADMIN.1", "ADMIN.2"))
    elif what == "post":
        written = cell.register(party, "WATCH")
    elif what == "floor":
        written = cell.stop_and_check(party, to, salt=salt)
    else:
        fields = {"armed": True, "software": "test"}
        written = cell.write(party, "R03", fields=fields, post="LOG", by=(), salt=salt)
    return _draft(written)


def _draft(written: Written) -> tuple[Draft, bytes]:
    header = written.header
    return Draft(encode_header(header), header.core, header.floor), SEALED + written.core


def first_drafts(party: str) -> list[tuple[Draft, bytes]]:
    """What a new log begins with: opened, accession to the charter, key of the watch."""
    return [draft(party, number, what) for number, what in enumerate(("opened", "accession", "post"))]


def state_digest(disk: Disk, party: str, logs: list[str], as_of: int) -> bytes:
    """SHA-256 over the states that a fold of what this node holds gives (protocol B8)."""
    folder = Folder(CHARTER)
    entries, opened = [], {}
    for log in logs:
        for index, entry in enumerate(disk.logs[log].entries):
            header, entry_id = header_of(entry), EntryId(log, index)
            entries.append(VerifiedEntry(entry_id, entry, header))
            for position, part in enumerate(header.parts if header else ()):
                if part.sha256 in disk.parts:
                    opened[entry_id, position] = disk.parts[part.sha256].removeprefix(SEALED)
    folder.add(entries)
    folder.open(opened)
    folder.at(as_of)
    return folder.digest(None)


def part_hash(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


__all__ = ["CELL", "CHARTER", "PARTIES", "draft", "first_drafts", "log_of", "state_digest"]
