"""`detente export --case`: one case as a folder for an arbiter who has neither node nor keys (protocol E2).

    README                        what it is, what it proves and what it does not, in three languages
    case.json                     every other file with its SHA-256, and the entries (cases.arbiter)
    charter/, policy, keys/       the charter whose digest the parties compared, and every public key
    certificates/<log>            certificates of next logs, if there are any
    proofs/<id>.tlog-proof|.entry each entry's bytes and its place under a head that the mirrors confirmed
    parts/<SHA-256>.age           the sealed parts
    filekeys/<SHA-256>.key        the 16 bytes that open one part, and nothing else

A file key opens the one part that it was made for. No key of the party leaves the node.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from detente.cases.arbiter import LISTING, Chosen, File, Listing, case_policy, encode_listing
from detente.cases.entries import VerifiedEntry
from detente.cases.folder import Folder
from detente.node import keys as key_files
from detente.node import models as tables
from detente.node import nextlogs, selectors
from detente.node.export import entry_proof, vkeys
from detente.node.folder import NodeFolder
from detente.node.opening import unwrap
from detente.node.pairing import node_charter
from detente.node.store import parse_or_none
from detente.record.errors import Refused, declare
from detente.record.header import parse_header
from detente.record.names import EntryId, is_exercise, print_id
from detente.record.policy import encode_policy

ROLES: Final = ("core", "content", "attachment")
NO_CASE: Final = declare("no-such-case", "caller", "no case that is open here holds this entry")
_TEXTS: Final = Path(__file__).with_name("case_readme.txt")


def write_case(
    folder: NodeFolder, place: Path, case: EntryId | None, *, entries: Sequence[EntryId] = (),
    roles: Sequence[str] = ("core",), now: int,
) -> Listing:  # fmt: skip
    """Write the case that holds the entry `case`, or just `entries` of it; disclose parts of these `roles`.

    Raises Refused `no-such-case` or `not-held-here`.
    """
    charter = node_charter(folder)
    opening, members = _members(folder, case, now) if case else (None, ())
    chosen = tuple(entries) or members
    certificates = nextlogs.certificates()
    files = _charter_files(folder)
    files["policy"] = encode_policy(case_policy(charter, certificates))
    files |= {f"keys/{name}.vkey": f"{vkey}\n".encode() for name, vkey in vkeys(charter)}
    files |= {f"certificates/{_flat(origin)}": note for origin, note in certificates.items()}
    listed = []
    for entry in chosen:
        one, more = _entry_files(folder, entry, roles)
        listed.append(one)
        files |= more
    exercise = "EXERCISE EXERCISE EXERCISE\n\n" if is_exercise(folder.cell) else ""
    files["README"] = (
        exercise + _TEXTS.read_text("utf-8") + ("\n" + exercise.strip() + "\n" if exercise else "")
    ).encode()
    listing = Listing(
        folder.cell, print_id(opening) if opening else "", charter.digest, tuple(listed),
        tuple(File(path, len(data), hashlib.sha256(data).digest()) for path, data in sorted(files.items())),
    )  # fmt: skip
    for path, data in files.items():
        _write(place / path, data)
    _write(place / LISTING, encode_listing(listing))  # last: a folder without it was not finished
    return listing


def _members(folder: NodeFolder, case: EntryId, now: int) -> tuple[EntryId, tuple[EntryId, ...]]:
    """The opening entry of the case that holds `case`, and all its entries, by time."""
    fold = Folder(node_charter(folder))
    fold.add(_entries())
    fold.open(dict(_opened()))
    book = fold.at(now)
    act = book.act(case)
    found = book.cases.get(act.case if act and act.case else case)
    if found is None:
        raise Refused(NO_CASE, entry=print_id(case))
    acts = sorted({act.id: act for act in found.acts}.values(), key=lambda one: (one.time, one.id))
    return found.id, tuple(dict.fromkeys((found.id, *(one.id for one in acts))))


def _entries() -> Iterator[VerifiedEntry]:
    for log in selectors.logs():
        for index, header in enumerate(selectors.iterate_entries(log.origin)):
            yield VerifiedEntry(EntryId(log.origin, index), header, parse_or_none(header))


def _opened() -> Iterator[tuple[tuple[EntryId, int], bytes]]:
    rows = tables.Opened.objects.exclude(plaintext=None)
    values = rows.values_list("log__origin", "index", "position", "plaintext")
    for origin, index, position, plaintext in values.iterator(chunk_size=500):
        yield (EntryId(origin, index), position), bytes(plaintext or b"")


def _entry_files(folder: NodeFolder, entry: EntryId, roles: Iterable[str]) -> tuple[Chosen, dict[str, bytes]]:
    """An entry's proof, its sealed parts as far as they are here, and the file keys of the chosen roles."""
    proof, header = entry_proof(entry)
    name = print_id(entry)
    files = {f"proofs/{name}.tlog-proof": proof, f"proofs/{name}.entry": header}
    keys = _file_keys(folder, entry)
    sealed, opened = [], []
    for position, part in enumerate(parse_header(header).parts):
        data = selectors.part_bytes(part.sha256)
        if data is None:
            continue  # destroyed, expired, or not ours to keep: the entry itself still stands
        sealed.append(position)
        files[f"parts/{part.sha256.hex()}.age"] = data
        if part.role in roles and position in keys:
            opened.append(position)
            files[f"filekeys/{part.sha256.hex()}.key"] = f"{keys[position].hex()}\n".encode()
    return Chosen(entry, tuple(sealed), tuple(opened)), files


def _file_keys(folder: NodeFolder, entry: EntryId) -> dict[int, bytes]:
    """The 16-byte file keys that this node holds of an entry's parts, by position (protocol E1)."""
    storage = key_files.storage_key(folder)
    rows = tables.Opened.objects.filter(log__origin=entry.log, index=entry.index).exclude(file_key=None)
    return {
        position: unwrap(storage, bytes(wrapped))
        for position, wrapped in rows.values_list("position", "file_key") if wrapped
    }  # fmt: skip


def _charter_files(folder: NodeFolder) -> dict[str, bytes]:
    kinds = {f"charter/kinds/{name}": data for name, data in folder.kind_files().items()}
    return {"charter/charter.toml": folder.charter_toml.read_bytes(), **kinds}


def _flat(origin: str) -> str:
    """`<cell>_<party>_<generation>`: a log's name as a file's."""
    return origin.replace("/", "_")


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
