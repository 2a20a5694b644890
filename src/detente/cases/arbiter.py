"""One case for an arbiter: what its folder lists, and what its files prove (protocol E2).

1. `case.json` names every other file with size and SHA-256, and the entries with their places in the logs.
   It is signed by nobody: it says what belongs together. What is proved, the proofs and keys prove.
2. An entry stands in its log when its tlog-proof leads from its bytes to a head that the log signed and the
   policy's mirrors confirmed.
3. A part is the one that the entry names when its bytes have the hash that stands in the header. Opened with
   its file key, it is what was approved when its plaintext has the hash that stands in the header (core) or
   in the core (everything else). A part whose key is not here stays closed, and the verifier says so.
4. A next log counts when its certificate opens with the recovery key that the charter names.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from detente.cases.core import Content, Core, parse_content, parse_core
from detente.charter.model import Charter
from detente.charter.watched import charter_policy
from detente.record import strictjson
from detente.record.encoding import parse_hex
from detente.record.errors import Malformed, Unverified
from detente.record.header import Header, parse_header
from detente.record.names import EntryId, parse_origin, party_of, print_id
from detente.record.nextlog import open_next_log, read_next_log
from detente.record.parts import open_with_file_key, sealed_hash
from detente.record.policy import Policy, Watched, cell_policy
from detente.record.proof import parse_proof, verify_proof
from detente.record.strictjson import expect_integer, expect_keys, expect_list, expect_text

LISTING: Final = "case.json"
MAX_LISTING: Final = 4 << 20
MAX_FILES: Final = 20_000
MAX_ENTRIES: Final = 4096
#: Sealed file of the largest attachment (its size class is 32 MiB), and room.
MAX_FILE: Final = 64 << 20
FILE_KEY: Final = 16
_PATH: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}(?:/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}){0,3}")

Read = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class File:
    """One file of the folder."""

    path: str
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Chosen:
    """One entry, the positions of its parts whose sealed bytes are here, and of those that can be opened."""

    entry: EntryId
    sealed: tuple[int, ...] = ()
    opened: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """What `case.json` says. `case` is the opening entry, printed, or empty for entries of no one case."""

    cell: str
    case: str
    charter: bytes
    entries: tuple[Chosen, ...]
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Proved:
    """What the files prove of one entry. `cosigned`: mirrors that confirmed the proof's head."""

    entry: EntryId
    header: Header
    size: int
    cosigned: frozenset[str]
    core: Core | None
    content: Content | None
    closed: tuple[int, ...]
    attachments: tuple[bytes, ...] = ()


def encode_listing(listing: Listing) -> bytes:
    """Bytes of `case.json`; `parse_listing` gives the listing back."""
    return strictjson.encode({
        "v": 1,
        "cell": listing.cell,
        "case": listing.case,
        "charter": listing.charter.hex(),
        "entries": [
            [one.entry.log, one.entry.index, list(one.sealed), list(one.opened)] for one in listing.entries
        ],
        "files": [[one.path, one.size, one.sha256.hex()] for one in listing.files],
    })  # fmt: skip


def parse_listing(data: bytes) -> Listing:
    """The listing in a `case.json`. Raises Malformed."""
    keys = ("v", "cell", "case", "charter", "entries", "files")
    found = expect_keys(strictjson.parse(data, limit=MAX_LISTING), "case listing", keys)
    expect_integer(found["v"], "case version", low=1, high=1)
    entries = tuple(map(_chosen, expect_list(found["entries"], "case entries", limit=MAX_ENTRIES)))
    files = tuple(map(_file, expect_list(found["files"], "case files", limit=MAX_FILES)))
    if len({one.entry for one in entries}) < len(entries) or len({one.path for one in files}) < len(files):
        raise Malformed("case listing", "a name stands twice")
    digest = parse_hex(expect_text(found["charter"], "charter digest", limit=64), "charter digest", size=32)
    cell = expect_text(found["cell"], "case cell", limit=64)
    if any(parse_origin(one.entry.log)[0] != cell for one in entries):
        raise Malformed("case entries", "of another cell")
    return Listing(cell, expect_text(found["case"], "case id", limit=48), digest, entries, files)


def check_file(file: File, read: Read) -> None:
    """Raise Unverified unless the file is there, as listed."""
    data = read(file.path)
    if data is None or len(data) != file.size or hashlib.sha256(data).digest() != file.sha256:
        raise Unverified("file", path=file.path, why="missing" if data is None else "not as listed")


def case_policy(charter: Charter, certificates: Mapping[str, bytes]) -> Policy:
    """The charter's policy, with the next logs that `certificates` (origin → note) prove (rule 4).

    Raises Malformed or Unverified for a certificate that is not what its name says.
    """
    if not certificates:
        return charter_policy(charter)
    logs = {party.id: [party.log] for party in charter.parties.values()}
    for origin in sorted(certificates, key=lambda one: parse_origin(one)[2]):
        party = party_of(read_next_log(certificates[origin]).origin)
        if party not in charter.parties:
            raise Unverified("certificate", origin=origin)
        following = open_next_log(certificates[origin], bytes.fromhex(charter.parties[party].recovery))
        if following.origin != origin:
            raise Unverified("certificate", origin=origin)
        logs[party].append(following.keys)
    return cell_policy(
        Watched(
            party.id,
            tuple(logs[party.id]),
            tuple(one.mirrors[party.id] for one in charter.parties.values() if party.id in one.mirrors),
        )
        for party in charter.parties.values()
    )


def prove(chosen: Chosen, read: Read, policy: Policy) -> Proved:
    """What the files prove of an entry (rules 2 and 3). Raises Malformed or Unverified naming the fault."""
    name = print_id(chosen.entry)
    entry = _needed(read, f"proofs/{name}.entry")
    proof = parse_proof(_needed(read, f"proofs/{name}.tlog-proof"))
    judged = verify_proof(proof, entry, policy)
    if (judged.head.origin, proof.index) != (chosen.entry.log, chosen.entry.index):
        raise Unverified("proof", path=f"proofs/{name}.tlog-proof", why="of another entry")
    header = parse_header(entry)
    proved = Proved(chosen.entry, header, judged.head.size, frozenset(judged.cosigned), None, None, ())
    for position in chosen.sealed:
        if position >= len(header.parts):
            raise Unverified("part", entry=name, position=position)
        proved = _with_part(proved, position, position in chosen.opened, read)
    return proved


def _with_part(proved: Proved, position: int, opened: bool, read: Read) -> Proved:
    sha256 = proved.header.parts[position].sha256
    data = _needed(read, f"parts/{sha256.hex()}.age")
    if sealed_hash(data) != sha256:
        raise Unverified("part", path=f"parts/{sha256.hex()}.age", why="not the one in the header")
    if not opened:
        return replace(proved, closed=(*proved.closed, position))
    key = parse_hex(
        _needed(read, f"filekeys/{sha256.hex()}.key").decode("ascii", "replace").strip(),
        "file key",
        size=FILE_KEY,
    )
    plaintext = open_with_file_key(data, key)
    digest, where = hashlib.sha256(plaintext).digest(), f"parts/{sha256.hex()}.age"
    if position == 0:
        if digest != proved.header.core:
            raise Unverified("core", path=where, why="not the one that the header names")
        core = parse_core(plaintext)
        if core.party != "/".join(proved.entry.log.split("/")[:2]):
            raise Unverified("core", path=where, why="of another party")
        return replace(proved, core=core)
    if proved.core is None or len(proved.core.parts) < position or proved.core.parts[position - 1] != digest:
        raise Unverified("part", path=where, why="not the one that the core names")
    if proved.header.parts[position].role == "content":
        return replace(proved, content=parse_content(plaintext))
    return replace(proved, attachments=(*proved.attachments, digest))


def _needed(read: Read, path: str) -> bytes:
    data = read(path)
    if data is None:
        raise Unverified("file", path=path, why="missing")
    return data


def _chosen(row: Any) -> Chosen:
    if not isinstance(row, list) or len(row) != 4:
        raise Malformed("case entry")
    log = expect_text(row[0], "case log", limit=200)
    parse_origin(log)
    sealed, opened = (
        tuple(expect_integer(one, "position", high=255) for one in expect_list(part, "parts", limit=256))
        for part in row[2:]
    )
    if list(sealed) != sorted(set(sealed)) or not set(opened) <= set(sealed):
        raise Malformed("case entry", "positions")
    return Chosen(EntryId(log, expect_integer(row[1], "case index")), sealed, opened)


def _file(row: Any) -> File:
    if not isinstance(row, list) or len(row) != 3:
        raise Malformed("case file")
    path = expect_text(row[0], "case path", limit=400)
    if not _PATH.fullmatch(path):
        raise Malformed("case path", path[:80])
    digest = parse_hex(expect_text(row[2], "case hash", limit=64), "case hash", size=32)
    return File(path, expect_integer(row[1], "case size", high=MAX_FILE), digest)
