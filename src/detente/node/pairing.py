"""From an empty folder to a node that its peers know: init, card, peers' cards, accession to a charter.

1. `init` makes keys, CA, leaf and settings, once. Nothing is overwritten.
2. The own card lies in `cards/<party>.json` from the first day; its bytes are what the words are made from.
3. A peer's card is stored as it came. A second, different card of the same party is refused: keys change by
   entries (R04) or a next log, never by a file that somebody sent again.
4. `accede` takes a charter only if it names this party with the keys of this folder.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import Encoding

import detente.charter
from detente.charter import Charter, load_charter
from detente.charter.card import PeerCard, encode_card, parse_card
from detente.node import keys, thinkey
from detente.node.certificates import load_ca, make_ca, make_leaf
from detente.node.folder import NodeFolder, write_private
from detente.record.age import recipient_of
from detente.record.approvals import Credential
from detente.record.errors import Refused, declare
from detente.record.names import mirror_name

CARD_OTHER_CELL: Final = declare("card-of-other-cell", "operator", "the card is of another cell or your own")
CARD_DIFFERS: Final = declare(
    "card-differs", "operator", "another card of that party is here; keys change by entries, not by cards"
)
CHARTER_NOT_OURS: Final = declare(
    "charter-not-ours", "operator", "the charter does not name this party with this folder's keys"
)
RECOVERY_ON_DISK: Final = declare(
    "recovery-on-disk", "operator", "the recovery key is not in two hands yet: detente keys ceremony"
)
CHARTER_THERE: Final = declare("charter-there", "operator", "this node has acceded to another charter")

#: The kind files that this version of the software ships.
KINDS: Final = Path(detente.charter.__file__).parent / "kinds"
RP_SUFFIX: Final = "detente.localhost"


@dataclass(frozen=True)
class NewNode:
    """What `init` is told. `listen` and `addresses` are by peer; a peer without `listen` is only dialled."""

    cell: str
    party: str
    peers: tuple[str, ...]
    listen: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    desk_listen: str = ""
    desk_origin: str = ""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def init(path: Path, new: NewNode) -> NodeFolder:
    """Make a node in the empty folder `path`. Raises Refused `node-already-here`."""
    tables: dict[str, dict[str, Any]] = {"node": {"cell": new.cell, "party": new.party}}
    for peer in new.peers:
        tables[f"link.{peer}"] = {"listen": new.listen.get(peer, "")}
    if new.desk_listen:
        tables["desk"] = {"listen": new.desk_listen, "origin": new.desk_origin}
    for section, rows in new.settings.items():
        tables.setdefault(section, {}).update(rows)
    folder = NodeFolder.create(path, tables)
    keys.generate(folder, new.peers)
    thinkey.make(folder)
    hosts = _hosts(new)
    make_ca(folder, hosts)
    make_leaf(folder, hosts)
    write_private(folder.cards / f"{new.party}.json", encode_card(_card(folder, new)))
    folder.check_private()
    return folder


def own_card(folder: NodeFolder) -> bytes:
    """The bytes of this party's card."""
    return (folder.cards / f"{folder.party}.json").read_bytes()


def add_peer(folder: NodeFolder, data: bytes) -> PeerCard:
    """Store a peer's card. Raises Malformed, Refused `card-of-other-cell` or `card-differs`."""
    card = parse_card(data)
    if card.cell != folder.cell or card.party == folder.party:
        raise Refused(CARD_OTHER_CELL, cell=card.cell, party=card.party)
    place = folder.cards / f"{card.party}.json"
    if place.exists():
        if place.read_bytes() != data:
            raise Refused(CARD_DIFFERS, party=card.party)
        return card
    write_private(place, data)
    return card


def peer_cards(folder: NodeFolder) -> dict[str, PeerCard]:
    """Cards of the peers that were added, by party."""
    cards = (parse_card(one.read_bytes()) for one in sorted(folder.cards.glob("*.json")))
    return {card.party: card for card in cards if card.party != folder.party}


def read_charter(place: Path) -> Charter:
    """The charter in a folder with `charter.toml` and `kinds/*.toml`."""
    kinds = {one.name: one.read_bytes() for one in sorted((place / "kinds").glob("*.toml"))}
    return load_charter((place / "charter.toml").read_bytes(), kinds)


def node_charter(folder: NodeFolder) -> Charter:
    """The charter that this node acceded to."""
    return read_charter(folder.charter_toml.parent)


def accede(folder: NodeFolder, place: Path) -> Charter:
    """Take the charter in `place` as this node's. The accession itself (R02) is entered at its first start.

    Raises Refused `charter-not-ours`, `charter-there` or `recovery-on-disk`; Malformed or RuleViolation
    from reading it.
    """
    charter = read_charter(place)
    mine = charter.parties.get(folder.party)
    card = parse_card(own_card(folder))
    same = mine is not None and (mine.log, mine.receiving, mine.recovery, dict(mine.mirrors)) == (
        card.log, card.receiving, card.recovery.hex(), dict(card.mirrors)
    )  # fmt: skip
    if charter.cell != folder.cell or not same:
        raise Refused(CHARTER_NOT_OURS, cell=charter.cell)
    if not folder.exercise and (folder.keys / "recovery.key").exists():
        raise Refused(RECOVERY_ON_DISK)
    if folder.charter_toml.exists():
        if node_charter(folder).digest != charter.digest:
            raise Refused(CHARTER_THERE, digest=node_charter(folder).digest.hex())
        return charter
    for one in sorted((place / "kinds").glob("*.toml")):
        write_private(folder.kinds / one.name, one.read_bytes())
    for one in sorted(place.glob("*.geojson")):
        shutil.copyfile(one, folder.charter_toml.parent / one.name)
        (folder.charter_toml.parent / one.name).chmod(0o600)
    # Last: a node with a charter.toml has all of it. # durable from here
    write_private(folder.charter_toml, (place / "charter.toml").read_bytes())
    return charter


def _card(folder: NodeFolder, new: NewNode) -> PeerCard:
    ca, _ = load_ca(folder.keys / "ca")
    rp_id = urlsplit(new.desk_origin).hostname or f"{new.party}.{RP_SUFFIX}"
    return PeerCard(
        new.cell, new.party, keys.log_pair(folder).log_keys(folder.origin),
        {
            peer: keys.mirror_pair(folder, peer).mirror_keys(mirror_name(new.cell, new.party, peer))
            for peer in sorted(new.peers)
        },
        recipient_of(keys.receiving_seeds(folder)[0]), keys.recovery_public(folder), thinkey.public(folder),
        tuple(_credential(one) for one in keys.admin_keys(folder)),
        ca.public_bytes(Encoding.PEM).decode(),
        {peer: new.addresses.get(peer, "") for peer in sorted(new.peers)},
        rp_id, new.desk_origin,
    )  # fmt: skip


def _credential(key: keys.PostKey) -> Credential:
    return Credential(
        post=key.post, kind="ed25519", public=key.public, credential_id=b"", rp_id="", origins=()
    )


def _hosts(new: NewNode) -> list[str]:
    hosts = {urlsplit(address).hostname or "" for address in new.addresses.values()}
    return sorted(host for host in hosts if host) or [f"{new.party}.{RP_SUFFIX}"]
