"""A whole node's API in the test's process: real folders, charter, store, writer and signer; no link.

The other parties are their keys: what they say is signed by their own signer rooms and pushed into the node
by the receiver that the link would call.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from charter.harbour import TRIALS, trial_template
from node import database
from node.rig import Clock, RoomSigner

database.template()

from detente.cases.author import compose  # noqa: E402
from detente.cases.core import parse_core  # noqa: E402
from detente.charter import new_charter  # noqa: E402 - Django must be configured first
from detente.charter.card import parse_card  # noqa: E402
from detente.charter.model import Charter  # noqa: E402
from detente.node import keys as key_files  # noqa: E402
from detente.node import pairing  # noqa: E402
from detente.node.api.running import Running, make_services  # noqa: E402
from detente.node.api.server import LocalServer  # noqa: E402
from detente.node.authoring import Author, Draft, DraftPart  # noqa: E402
from detente.node.charter_keys import Recipients  # noqa: E402
from detente.node.client import LocalApi  # noqa: E402
from detente.node.clocks import ClockLoop  # noqa: E402
from detente.node.context import NodeContext  # noqa: E402
from detente.node.folder import NodeFolder  # noqa: E402
from detente.node.keeper import open_keeper  # noqa: E402
from detente.node.metrics import MetricsServer  # noqa: E402
from detente.node.opening import Opener  # noqa: E402
from detente.node.signer import SignerRoom  # noqa: E402
from detente.node.signerwatch import SignerWatch  # noqa: E402
from detente.node.writer import Writer  # noqa: E402
from detente.record.approvals import Ed25519Approval, approval_message  # noqa: E402
from detente.record.encoding import encode_base64  # noqa: E402
from detente.record.header import Seen  # noqa: E402
from detente.record.names import EntryId  # noqa: E402
from detente.record.references import Reference  # noqa: E402
from detente.record.sync import Ahead, Push  # noqa: E402
from detente.record.tree import inclusion_proof, leaf_hash  # noqa: E402

PARTIES = ("g1", "s1", "s2")
EXAMPLE = Path(pairing.__file__).parents[1] / "charter" / "examples" / "exercise"
RP, ORIGIN = "s1.detente.localhost", "http://s1.detente.localhost:8443"


def make_cell(root: Path, *, trial: bool = False, **settings: Mapping[str, Any]) -> dict[str, NodeFolder]:
    """Three paired folders under one charter; `settings` are s1's. `trial`: with T90 and its kin."""
    template = (EXAMPLE / "charter.toml").read_bytes()
    if trial:
        template = trial_template(template)
    cell = next(line.split('"')[1] for line in template.decode().splitlines() if line.startswith("cell"))
    folders = {}
    for party in PARTIES:
        peers = tuple(one for one in PARTIES if one != party)
        more = settings if party == "s1" else {}
        addresses = dict.fromkeys(peers, "https://127.0.0.1:7000")
        new = pairing.NewNode(
            cell, party, peers, addresses=addresses, desk_origin=f"http://{party}.detente.localhost:8443",
            settings=more,
        )  # fmt: skip
        folders[party] = pairing.init(root / party, new)
    cards = [pairing.own_card(folder) for folder in folders.values()]
    agreed = root / "charter"
    (agreed / "kinds").mkdir(parents=True)
    (agreed / "charter.toml").write_bytes(new_charter(template, [parse_card(card) for card in cards]))
    for kind in (EXAMPLE.parents[1] / "kinds").glob("*.toml"):
        (agreed / "kinds" / kind.name).write_bytes(kind.read_bytes())
    if trial:
        for trial_kind in TRIALS:
            (agreed / "kinds" / trial_kind.name).write_bytes(trial_kind.read_bytes())
    for line in EXAMPLE.glob("*.geojson"):
        (agreed / line.name).write_bytes(line.read_bytes())
    for folder in folders.values():
        pairing.accede(folder, agreed)
    return folders


def signer_room(folder: NodeFolder, charter: Charter, clock: Clock) -> RoomSigner:
    """A started signer in this process."""
    me = folder.party
    room = SignerRoom(
        folder, log_pair=key_files.log_pair(folder),
        mirror_pair=lambda watched: key_files.mirror_pair(folder, watched),
        peers={one.id: one.mirrors[me] for one in charter.parties.values() if me in one.mirrors}, clock=clock,
    )  # fmt: skip
    client = RoomSigner(room)
    status = client.status()
    client.confirm(status.size, status.root)
    return client


class Node:
    """S1's API, serving on its Unix socket in a thread of its own; `api` is a client of it."""

    def __init__(
        self, folders: Mapping[str, NodeFolder], clock: Clock, signer: RoomSigner | None = None
    ) -> None:
        self.folders, self.clock = folders, clock
        self.folder = database.use(folders["s1"])
        self.charter = pairing.node_charter(self.folder)
        self.signer = signer or signer_room(self.folder, self.charter, clock)
        self.writer = Writer()
        keeper = open_keeper(self.folder, self.charter, self.writer, self.signer, clock)
        self.context = NodeContext(
            self.folder, self.charter, "s1", self.writer, self.signer, keeper, clock=clock
        )
        for peer in ("g1", "s2"):
            self.context.lines.expect(peer, at=clock())
        self.writer.after_each(self.context.grew)
        self.services = make_services(self.context)
        self.services.signer = SignerWatch(self.folder, self.signer.status)
        self.running = Running(
            self.services, ClockLoop(self.services), LocalServer(self.services), MetricsServer(self.services)
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.api = LocalApi(self.folder)
        self.others: dict[str, RoomSigner] = {}
        self.pushes: dict[str, tuple[bytes, ...]] = {}
        self.sealed: tuple[bytes, ...] = ()  # every part of what another party said last

    def start(self, *, clocks: bool = False) -> None:
        """Serve. Without `clocks` the loop is stepped by the test."""
        self.writer.start()
        self._thread.start()
        self._run(self.running.open(clocks=clocks))
        assert self.services.model.ready.wait(10)
        self.services.signer.look()

    def stop(self) -> None:
        """Close everything."""
        self.api.close()
        self._run(self.running.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
        self.writer.stop(5)

    def step(self) -> None:
        """One step of the clocks, in a reader thread as it is in the node."""
        self.services.signer.look()
        self.services.reader.run(self.running.clocks.step, 0.0).result(30)

    def settled(self) -> None:
        """Wait until the model has read what is stored."""
        from detente.node import selectors

        wanted = self.services.reader.run(selectors.last_position).result(5)
        for _ in range(1000):
            if self.services.model.position >= wanted:
                return
            threading.Event().wait(0.005)
        raise AssertionError("the model did not catch up")

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    # ---- what the others say

    def other_says(
        self, party: str, kind: str, act: str, post: str, fields: Mapping[str, Any], *,
        content: Mapping[str, Any] | None = None, case: str | None = None, to: str | None = None,
        seen: bool = False, ahead: bool = False, keys: Mapping[str, str] | None = None,
        bring: tuple[str, ...] = ("core", "content", "attachment"), refers_to: tuple[str, ...] = (),
        **more: Any,
    ) -> EntryId:  # fmt: skip
        """Have another party's signer enter this, and push it here with its parts.

        It is approved by both administrators, or by the post's key once `register` has entered it. With
        `seen` the entry anchors what that party has cosigned of our log (here: all of it). With `ahead` it
        travels before its predecessors (D3). `keys` are other receiving keys than the charter's. Parts of
        the roles `bring` come with it; `more` is what `compose` takes beside.
        """
        with self.services.model.reading() as book:
            composed = compose(
                self.charter, party=party, post=post, kind=kind, act=act, fields=fields, content=content,
                case=self._reference(case), to=to, book=book, as_of=self.clock(),
                salts=(secrets.token_bytes(32), secrets.token_bytes(32)),
                refers_to=[one for one in map(self._reference, refers_to) if one is not None], **more,
            )  # fmt: skip
        folder = self.folders[party]
        signer = self.signer_of(party)
        opener = Opener(party, key_files.receiving_seeds(folder), key_files.storage_key(folder))
        readers = keys or Recipients(self.charter)()
        author = Author(folder.origin, party, signer, opener, lambda: readers, self.clock)
        parts = [DraftPart(role, data, who.to, who.keep) for role, data, who in composed.parts]
        addressed = tuple(sorted(parse_core(composed.core).addressees))
        draft = Draft(composed.floor, addressed, self.charter.digest, tuple(parts))
        prepared = author.prepare(draft, self._approvals(party, post, composed.sha256))
        size = signer.status().size
        (group,) = signer.append([prepared.row.draft], self._own_seen(party) if seen else [], have=size)
        roles = [part.role for part in parts]
        made = zip(roles, prepared.parts.values(), strict=True)
        sealed, keeper = tuple(data for role, data in made if role in bring), self.context.keeper
        self.sealed = tuple(prepared.parts.values())
        self.pushes[party] = self.pushes.get(party, ()) + group.entries
        if ahead:
            proof = inclusion_proof([leaf_hash(one) for one in self.pushes[party]], size, size + 1)
            early = Ahead(folder.origin, size, group.entries[0], group.note, tuple(proof), sealed)
            keeper.submit(keeper.receiver.take_ahead, party, early, floor=True).result(10)
        else:
            push = Push(folder.origin, size, group.entries, group.note, sealed)
            keeper.submit(keeper.receiver.take_push, party, push, floor=True).result(10)
        self.settled()
        return EntryId(folder.origin, size)

    def signer_of(self, party: str) -> RoomSigner:
        """Another party's signer, in this process."""
        if party not in self.others:
            self.others[party] = signer_room(self.folders[party], self.charter, self.clock)
        return self.others[party]

    def register(self, party: str, post: str) -> None:
        """Have another party enter a key of a post (D28)."""
        key = key_files.make_post_key(self.folders[party], post)
        fields = {
            "change": "REGISTERED", "post": post, "credential_kind": "ED25519", "public": key.public.hex(),
        }  # fmt: skip
        self.other_says(party, "D28", "NEW", "ADMIN", fields)

    def in_force(self) -> None:
        """Have all three parties' accession in the record."""
        self.step()
        self.settled()
        for party in ("s2", "g1"):
            self.other_says(party, "R02", "NEW", "ADMIN", {"charter": self.charter.digest.hex()}, seen=False)

    def _approvals(self, party: str, post: str, core: bytes) -> tuple[Ed25519Approval, ...]:
        folder = self.folders[party]
        if post == "LOG":
            return ()
        held = key_files.admin_keys(folder) if post == "ADMIN" else (key_files.post_key(folder, post),)
        message = approval_message(self.charter.cell, party, core)
        return tuple(Ed25519Approval(key.public, key.sign(message)) for key in held)

    def _own_seen(self, party: str) -> list[Seen]:
        """What `party` says of the other logs after cosigning all of them now."""
        found = []
        for other, room in {**self.others, "s1": self.signer}.items():
            origin, status = self.folders[other].origin, room.status()
            if other != party and status.size:
                cosigned = self.signer_of(party).cosign(origin, status.size, status.root)
                found.append(Seen(origin, status.size, status.root, cosigned.time))
        return sorted(found, key=lambda one: one.log)

    def _reference(self, printed: str | None) -> Reference | None:
        if printed is None:
            return None
        row = self.services.model.rows.get(self.services.entry_id(printed))
        assert row is not None and row.header is not None
        return Reference(row.id.log, row.id.index, row.header.core)


class Authenticator:
    """A software passkey (ES256): what a browser would give, as the record's verifier wants it."""

    def __init__(self) -> None:
        self._key = generate_private_key(SECP256R1())
        self.credential_id = b"software-passkey-1"

    def public(self) -> bytes:
        """COSE key."""
        numbers = self._key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        return bytes.fromhex("a5010203262001215820") + x + bytes.fromhex("225820") + y

    def credential(self, post: str = "WATCH") -> dict[str, Any]:
        """Body of an enrolment."""
        return {
            "post": post, "kind": "webauthn", "credential_id": encode_base64(self.credential_id),
            "public": encode_base64(self.public()), "rp_id": RP, "origins": [ORIGIN],
        }  # fmt: skip

    def assertion(
        self, challenge: str, *, flags: int = 0x05, origin: str = ORIGIN, **more: Any
    ) -> dict[str, str]:
        """An assertion over a base64url challenge. UP and UV are set unless `flags` says else."""
        client = {"type": "webauthn.get", "challenge": challenge, "origin": origin, "crossOrigin": False}
        client |= more
        client_data = json.dumps(client).encode()
        data = hashlib.sha256(RP.encode()).digest() + bytes([flags]) + bytes(4)
        signature = self._key.sign(data + hashlib.sha256(client_data).digest(), ECDSA(SHA256()))
        return {
            "credential": encode_base64(self.credential_id), "authenticator_data": encode_base64(data),
            "client_data": encode_base64(client_data), "signature": encode_base64(signature),
        }  # fmt: skip


def urlsafe(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
