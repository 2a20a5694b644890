"""The recovery key's two moments: the ceremony before accession, and the next log after a loss (protocol C3).

1. `ceremony` makes the key, splits it, and writes only public halves (and the mirrors' pairs that follow from
   it) to the disk. Before it, `init` has left a key in keys/recovery.key, good for exercises alone.
2. `recover` runs while the node is stopped. It makes what keys are missing, asks every peer for the largest
   head of the old log that it cosigned, certifies fresh log keys over the largest answer, and raises
   `generation` in node.toml last: before that nothing has changed, and it may be run again.
3. The old log's signer is frozen by a mark beside its journal, whatever folder or backup comes back later.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from detente.charter.card import encode_card, parse_card
from detente.charter.model import Charter
from detente.node import django_setup, keys, pairing
from detente.node.certificates import make_leaf
from detente.node.charter_keys import watching_mirrors
from detente.node.folder import NodeFolder, write_private
from detente.node.shares import SHARES_DIFFER, Share, public_of, split
from detente.node.signer import certificate_place, frozen_mark, take_lock
from detente.record.errors import DetenteError, Refused, declare
from detente.record.head import Head, open_cosignature, parse_body
from detente.record.keys import SEED_SIZE
from detente.record.names import mirror_name
from detente.record.names import origin as origin_named
from detente.record.nextlog import MAX_CERTIFICATE, NextLog, sign_next_log
from detente.record.note import MAX_NOTE
from detente.record.tree import EMPTY_ROOT

if TYPE_CHECKING:
    from detente.node.link.client import PeerClient

CEREMONY_LATE: Final = declare(
    "ceremony-too-late",
    "operator",
    "the charter names the recovery key already; only its amendment changes it",
)
NO_PEER_ANSWERED: Final = declare(
    "no-peer-answered", "operator", "no peer says what it holds of the old log; mend a line, then try again"
)
CA_MISSING: Final = declare(
    "ca-missing", "operator", "no certificate of this node is here; bring the offline copy of keys/ca"
)
#: What `--keys` may bring: never a log's keys, whose copy could sign a second history.
KIT: Final = ("ca", "posts", "receiving")
_GENERATION: Final = re.compile(r"(?m)^generation\s*=.*$")


@dataclass(frozen=True)
class Recovered:
    """What `recover` did. `answers`: size of the old log that each peer said it had cosigned."""

    origin: str
    following: NextLog
    answers: Mapping[str, int]
    made: tuple[str, ...]


def ceremony(folder: NodeFolder) -> tuple[Share, Share]:
    """Make the recovery key and give its two shares; only the caller ever sees them.

    Raises Refused `ceremony-too-late` once a charter is here.
    """
    if folder.charter_toml.exists():
        raise Refused(CEREMONY_LATE)
    seed = secrets.token_bytes(SEED_SIZE)
    card = parse_card(pairing.own_card(folder))
    keys.derive_mirrors(folder, card.mirrors, seed, anew=True)
    mirrors = {
        peer: keys.mirror_pair(folder, peer).mirror_keys(mirror_name(folder.cell, folder.party, peer))
        for peer in card.mirrors
    }
    made = encode_card(replace(card, recovery=public_of(seed), mirrors=mirrors))
    write_private(folder.cards / f"{folder.party}.json", made, replace=True)
    (folder.keys / "recovery.key").unlink(missing_ok=True)
    return split(seed, f"{folder.cell}/{folder.party}", secrets.token_bytes(SEED_SIZE))


def recover(
    folder: NodeFolder, seed: bytes, *, kit: Path | None = None, without_peers: bool = False
) -> Recovered:
    """Open this party's next log. Raises Refused by name; until the last step nothing counts."""
    charter = pairing.node_charter(folder)
    if public_of(seed).hex() != charter.parties[folder.party].recovery:
        raise Refused(SHARES_DIFFER, party=folder.party)
    take_lock(folder)  # for the rest of this process: a running signer would go on in the old log
    made = _fill(folder, charter, seed, kit)
    django_setup.configure(folder)
    django_setup.migrate(folder)
    from detente.node import nextlogs

    asked = asyncio.run(_ask(folder, charter))
    if not asked.heads and not without_peers:
        raise Refused(NO_PEER_ANSWERED)
    for note in asked.certificates:
        nextlogs.keep(charter, note, at=0)
    generation = folder.settings.generation
    while (
        nextlogs.certificate(origin_named(folder.cell, folder.party, generation + 1))
        and not (folder.keys / "log" / f"{generation + 1}.json").exists()
    ):
        generation += 1  # a log that an older copy of this folder does not know of
    following = _certified(folder, charter, seed, asked, generation)
    old = frozen_mark(folder, following.old)
    if not old.exists():
        write_private(old, b"")
    _raise_generation(folder, generation + 1)  # durable from here
    return Recovered(following.origin, following, {one.peer: one.head.size for one in asked.heads}, made)


# ---- the keys that are missing


def _fill(folder: NodeFolder, charter: Charter, seed: bytes, kit: Path | None) -> tuple[str, ...]:
    """Bring or make every key but the log's; which were made."""
    made = []
    for name in KIT if kit else ():
        _bring(Path(str(kit)) / name, folder.keys / name)
    if kit and (kit / "thin.key").exists() and not (folder.keys / "thin.key").exists():
        write_private(folder.keys / "thin.key", (kit / "thin.key").read_bytes())
    peers = [one for one in charter.parties if one != folder.party]
    if missing := [one for one in peers if not (folder.keys / "mirror" / f"{one}.json").exists()]:
        keys.derive_mirrors(folder, missing, seed)
        made.append("mirror keys (the same as before: peers have nothing to learn)")
    if not keys.receiving_seeds(folder):
        keys.make_receiving(folder)
        made.append("receiving key (a new one: the node announces it by an entry)")
    keys.make_storage(folder)
    if not (folder.link_keys / "leaf.key").exists():
        if not (folder.keys / "ca" / "ca.key").exists():
            raise Refused(CA_MISSING)
        card = parse_card(pairing.own_card(folder))
        hosts = {urlsplit(one).hostname or "" for one in card.addresses.values()} - {""}
        make_leaf(folder, sorted(hosts) or [f"{folder.party}.{pairing.RP_SUFFIX}"])
        made.append("link certificate (from the party's own CA)")
    return tuple(made)


def _bring(source: Path, place: Path) -> None:
    """Copy the files of an offline folder that are not here yet."""
    if not source.is_dir():
        return
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    for one in sorted(source.iterdir()):
        if one.is_file() and not (place / one.name).exists():
            shutil.copyfile(one, place / one.name)
            (place / one.name).chmod(0o600)


# ---- what the peers know


@dataclass(frozen=True)
class _Answer:
    peer: str
    head: Head
    at: int  # time of the peer's cosignature


@dataclass(frozen=True)
class _Asked:
    heads: tuple[_Answer, ...]
    certificates: tuple[bytes, ...]


async def _ask(folder: NodeFolder, charter: Charter) -> _Asked:
    """Every peer that can be dialled: heads of this party's newest log, and certificates that it keeps."""
    from detente.node.link.client import PeerClient
    from detente.node.link.lineset import lines_of
    from detente.node.link.tls import Identity, client_context

    own = Identity(folder.link_keys / "leaf.pem", folder.link_keys / "leaf.key")
    heads: list[_Answer] = []
    notes: list[bytes] = []
    for line in lines_of(folder, charter):
        if not line.dial:
            continue
        client = PeerClient(line.peer, line.dial, client_context(own, line.ca, pin=line.pin), host=line.host)
        with suppress(DetenteError):
            found, certificates = await _ask_one(client, folder, charter)
            heads += found
            notes += certificates
        await client.close()
    return _Asked(tuple(heads), tuple(dict.fromkeys(notes)))


async def _ask_one(
    client: PeerClient, folder: NodeFolder, charter: Charter
) -> tuple[list[_Answer], list[bytes]]:
    from detente.node.link.errors import NOT_FOUND, UNKNOWN_LOG

    generation, notes = folder.settings.generation, []
    while True:
        place = _place(origin_named(folder.cell, folder.party, generation + 1))
        try:
            notes.append(await client.get(f"logs/{place}/certificate", limit=MAX_CERTIFICATE))
        except Refused as error:
            if error.code not in (NOT_FOUND, UNKNOWN_LOG):
                raise
            break
        generation += 1
    heads = []
    for one in range(folder.settings.generation, generation + 1):
        origin = origin_named(folder.cell, folder.party, one)
        body, _, lines = (await client.get(f"start/{_place(origin)}", limit=MAX_NOTE)).rpartition(b"\n\n")
        head = parse_body(body + b"\n")
        at = open_cosignature(lines, head, watching_mirrors(charter, folder.party)[client.peer]).time
        if head.origin == origin:
            heads.append(_Answer(client.peer, head, at))
    return heads, notes


def _place(origin: str) -> str:
    return hashlib.sha256(origin.encode()).hexdigest()


# ---- the certificate


def _certified(folder: NodeFolder, charter: Charter, seed: bytes, asked: _Asked, generation: int) -> NextLog:
    """Have the certificate of log `generation + 1` kept here; the one of an earlier try stands."""
    from detente.node import nextlogs

    old, new = (origin_named(folder.cell, folder.party, one) for one in (generation, generation + 1))
    known = nextlogs.next_log(charter, new)
    if known is not None:
        return known
    heads = [(one.head, one.at) for one in asked.heads if one.head.origin == old]
    head, at = max([*heads, *_held(charter, folder.party, old)], key=lambda one: one[0].size)
    place = folder.keys / "log" / f"{generation + 1}.json"
    pair = (
        keys.log_pair(folder, generation + 1)
        if place.exists()
        else keys.make_log_pair(folder, generation + 1)
    )
    following = NextLog(new, pair.log_keys(new), old, head.size, head.root)
    note = sign_next_log(following, seed)
    write_private(certificate_place(folder, generation + 1), note, replace=True)
    nextlogs.keep(charter, note, at=at)
    return following


def _held(charter: Charter, me: str, origin: str) -> Iterable[tuple[Head, int]]:
    """The empty tree, and the largest head that each other party cosigned as far as this store knows."""
    from detente.node import selectors

    yield Head(origin, 0, EMPTY_ROOT), 0
    for mirror in watching_mirrors(charter, me):
        row = selectors.largest_cosignature(origin, mirror)
        if row is not None:
            yield Head(origin, row.size, row.root), row.time


def _raise_generation(folder: NodeFolder, generation: int) -> None:
    text = folder.node_toml.read_text(encoding="utf-8")
    line = f"generation = {generation}"
    if _GENERATION.search(text):
        text = _GENERATION.sub(line, text, count=1)
    else:
        text = text.replace("[node]\n", f"[node]\n{line}\n", 1)
    write_private(folder.node_toml, text.encode(), replace=True)
