"""What lies beside the database: charter, cards, keys, journals.

The charter has no copy to compare with, but every entry's header names the digest it was made under. A key's
other half stands in the charter or in the record; a journal tells the own log a second time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from detente.charter.card import parse_card
from detente.charter.make import ca_fingerprint
from detente.charter.model import Charter
from detente.node import keys as key_files
from detente.node import models as tables
from detente.node import pairing, selectors, thinkey
from detente.node.folder import NodeFolder
from detente.node.fsck.findings import Finding
from detente.node.fsck.logs import Scope, keys_of, named
from detente.node.journal import parse_record
from detente.node.store import parse_or_none
from detente.record.age import recipient_of
from detente.record.encoding import encode_base64
from detente.record.errors import DetenteError
from detente.record.names import mirror_name, origin


def charter_suspects(folder: NodeFolder) -> str:
    """Files of the charter that this version ships otherwise: where a change is likely."""
    shipped = {one.name: one.read_bytes() for one in sorted(pairing.KINDS.glob("*.toml"))}
    found = folder.kind_files()
    other = [name for name in sorted(found) if name in shipped and shipped[name] != found[name]]
    return ", ".join(f"charter/kinds/{name}" for name in other) or "charter/charter.toml"


def check_charter(folder: NodeFolder, scope: Scope) -> Iterator[Finding]:
    """The newest own entry names the charter that this node acceded to; lines have the hash it says."""
    for line in scope.charter.lines.values():
        place = folder.charter_toml.parent / line.file
        if not place.is_file() or hashlib.sha256(place.read_bytes()).hexdigest() != line.sha256:
            yield Finding("charter-file", f"charter/{line.file}", "not the file of its hash")
    rows = tables.Entry.objects.filter(log__party=scope.own).order_by("-log__generation", "-index")
    header = next((one for one in map(_header, rows[:50]) if one is not None), None)
    if header is not None and header.charter != scope.charter.digest:
        yield Finding(
            "charter-file", charter_suspects(folder), f"entries are made under {header.charter.hex()}"
        )


def _header(row: tables.Entry) -> Any:
    return parse_or_none(bytes(row.header))


def check_cards(folder: NodeFolder, charter: Charter) -> Iterator[Finding]:
    """Every card is whole, and its keys are those the charter took from it."""
    for place in sorted(folder.cards.glob("*.json")):
        where = f"cards/{place.name}"
        try:
            card = parse_card(place.read_bytes())
        except (DetenteError, ValueError) as error:
            yield Finding("card", where, str(error))
            continue
        party = charter.parties.get(card.party)
        if party is None or (place.stem, card.log, card.mirrors, card.receiving, card.admins) != (
            party.id, party.log, party.mirrors, party.receiving, party.admins
        ):  # fmt: skip
            yield Finding("card", where, "its keys are not the charter's")
        elif (ca_fingerprint(card.ca), card.rp_id, card.desk_origin) != (
            party.ca_fingerprint, party.rp_id, party.desk_origin
        ):  # fmt: skip
            yield Finding("card", where, "its CA or names are not the charter's")


def check_keys(folder: NodeFolder, charter: Charter, registered: Iterable[bytes]) -> Iterator[Finding]:
    """Each private key that is here is the half of a public one; keys that were moved offline are no finding.

    `registered`: public keys of posts that the record has in force or had.
    """
    me = charter.parties[folder.party]
    posts = {*registered, *(one.public for one in me.admins)}
    tests: dict[str, Callable[[Path], bool]] = {
        "log/*.json": lambda place: _is_log(folder, charter, int(place.stem)),
        "mirror/*.json": lambda place: _is_mirror(folder, charter, place.stem),
        "recovery.key": lambda _place: key_files.recovery_public(folder).hex() in me.recovery,
        "thin.key": lambda _place: me.thin in (None, thinkey.public(folder).hex()),
        "posts/*.seed": lambda place: key_files.post_key(folder, place.stem).public in posts,
        "ca/ca.pem": lambda place: _fingerprint(place) == me.ca_fingerprint,
        "ca/ca.key": lambda place: _halves(place, place.with_suffix(".pem")),
        "link/leaf.key": lambda place: _halves(place, place.with_suffix(".pem")),
        "link/leaf.pem": lambda place: _issued(place, folder.keys / "ca" / "ca.pem"),
    }
    for pattern, right in tests.items():
        for place in sorted(folder.keys.glob(pattern)):
            try:
                good = right(place)
            except (DetenteError, InvalidSignature, ValueError, TypeError, OSError) as error:
                yield Finding("key", f"keys/{place.relative_to(folder.keys)}", type(error).__name__)
                continue
            if not good:
                yield Finding("key", f"keys/{place.relative_to(folder.keys)}")


def _is_log(folder: NodeFolder, charter: Charter, generation: int) -> bool:
    name = origin(charter.cell, folder.party, generation)
    told = keys_of(charter, name)
    return told is None or key_files.log_pair(folder, generation).log_keys(name) == told


def _is_mirror(folder: NodeFolder, charter: Charter, watched: str) -> bool:
    name = mirror_name(charter.cell, folder.party, watched)
    told = charter.parties[folder.party].mirrors[watched]
    return key_files.mirror_pair(folder, watched).mirror_keys(name) == told


def check_receiving(folder: NodeFolder, recipients: Iterable[str]) -> Iterator[Finding]:
    """Receiving keys are halves of recipients that the charter or an own R04 names."""
    known = set(recipients)
    for place in sorted((folder.keys / "receiving").glob("*.key")):
        try:
            seed = bytes.fromhex(place.read_text("ascii").strip())
            good = recipient_of(seed) in known
        except (ValueError, DetenteError):
            good = False
        if not good:
            yield Finding("key", f"keys/receiving/{place.name}")


def _fingerprint(place: Path) -> str:
    return ca_fingerprint(place.read_text("ascii"))


def _halves(key: Path, certificate: Path) -> bool:
    private: Any = load_pem_private_key(key.read_bytes(), password=None)
    held = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    return bool(private.public_key() == held)


def _issued(leaf: Path, authority: Path) -> bool:
    if not authority.exists():
        return True
    x509.load_pem_x509_certificate(leaf.read_bytes()).verify_directly_issued_by(
        x509.load_pem_x509_certificate(authority.read_bytes())
    )
    return True


def check_journals(folder: NodeFolder, scope: Scope) -> Iterator[Finding]:
    """Every line's sum; the own log's entries and the mirrors' heads against the store."""
    known = {hashlib.sha256(log.origin.encode()).hexdigest(): log for log in selectors.logs()}
    own = hashlib.sha256(folder.origin.encode()).hexdigest()
    for place in sorted(folder.journal.glob("*.log")):
        log = known.get(place.stem)
        name = log.origin if log else folder.origin if place.stem == own else place.stem
        scope.tell(f"journal {name}", 0, 0)
        lines = place.read_bytes().splitlines(keepends=True)
        for number, line in enumerate(lines, 1):
            record = parse_record(line)
            if record is None:
                # A torn last line is a power cut's, and was never signed for.
                if number < len(lines) or line.endswith(b"\n"):
                    yield Finding("journal", f"journal/{place.name} line {number}", name)
                continue
            wrong = _entries(name, record) if "entries" in record else _heads(name, record)
            if wrong:
                yield Finding("journal", wrong, f"journal/{place.name} line {number}")


def _entries(name: str, record: Mapping[str, Any]) -> str:
    """The first entry of a journal record that the store has otherwise; empty when they agree."""
    start, said = int(record["start"]), list(record["entries"])
    held = selectors.entries(name, start, start + len(said))
    for offset, data in enumerate(held):  # a store that lacks the last ones takes them from here (C1)
        if encode_base64(data) != said[offset]:
            return named(name, start + offset)
    head = selectors.head_at(name, int(record["size"]))
    if head is not None and head.root.hex() != record["root"]:
        return f"{name} size {head.size}"
    return ""


def _heads(name: str, record: Mapping[str, Any]) -> str:
    for size, root, *_times in record["heads"]:
        head = selectors.head_at(name, int(size))
        if head is not None and head.root.hex() != root:
            return f"{name} size {size}"
    return ""
