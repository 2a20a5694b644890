"""What the node hands to strangers is accepted by the verifier that knows nothing of the node."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from detente.node import export, selectors
from detente.record.errors import Equivocation, Refused, Unverified
from detente.record.evidence import parse_two_histories, verify_two_histories
from detente.record.head import Head, sign_head
from detente.record.keys import KeyPair
from detente.record.messages import Notice, Push
from detente.record.names import EntryId
from detente.record.nextlog import NextLog, sign_next_log
from detente.record.policy import parse_policy
from detente.record.proof import parse_proof, verify_proof
from detente.record.tree import leaf_hash
from detente.record.verify import verify_folder
from node.database import use
from node.rig import NOON, Cell, Clock, words
from node.test_receive import S1, S2, Peer, run


@pytest.fixture
def node(cell: Cell, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Cell:
    """Five own entries, the first four cosigned by both mirrors; two of S2's, cosigned by us.

    A third head of S2's is known before its entry.
    """
    use(cell.folder("s1")).charter_toml.write_text("as agreed")
    charter = cell.charter()
    monkeypatch.setattr(export, "node_charter", lambda _folder: charter)
    signer = cell.signer("s1", clock)
    author, receiver = cell.author("s1", signer, clock), cell.receiver("s1", signer, clock)
    for n in range(5):
        author.append([author.prepare(words(str(n)))])
    head = selectors.head_at(S1, 4)
    for mirror in ("s2", "g1"):
        made = cell.cosign(mirror, Head(S1, 4, head.root), NOON)
        receiver.take_cosignature(made.head.body() + b"\n" + made.lines)
    peer = Peer(cell)
    peer.write()
    peer.write()
    run(receiver.take_push("s2", peer.push()))
    peer.write()
    receiver.take_head(peer.head())
    return cell


def test_every_log_verifies_offline_under_the_head_most_mirrors_cosigned(node: Cell, tmp_path: Path) -> None:
    place = tmp_path / "out"
    export.write_all(node.folder("s1"), place, proofs=[EntryId(S1, 2)])
    policy = parse_policy((place / "policy").read_bytes())
    for party, size, quorum in (("s1", 4, True), ("s2", 2, False)):

        def read(path: str, party: str = party) -> bytes | None:
            file = place / "logs" / party / path
            return file.read_bytes() if file.is_file() else None

        old = {one.name: one.read_bytes() for one in (place / "old").glob(f"{party}-*.checkpoint")}
        verdict = verify_folder(read, policy, old=old)
        assert (verdict.head.head.size, verdict.quorum) == (size, quorum)
        assert [one.code for one in verdict.findings if one.code != "quorum"] == []
    assert {one.name for one in (place / "old").iterdir()} == {
        *(f"s1-{n}.checkpoint" for n in range(1, 5)),
        "s2-2.checkpoint",
    }


def test_an_entrys_proof_verifies_with_the_policy_alone(node: Cell, tmp_path: Path) -> None:
    export.write_all(node.folder("s1"), tmp_path, proofs=[EntryId(S1, 2)])
    policy = parse_policy((tmp_path / "policy").read_bytes())
    proof = parse_proof((tmp_path / "proofs" / "S1-X00002.tlog-proof").read_bytes())
    entry = (tmp_path / "proofs" / "S1-X00002.entry").read_bytes()
    assert entry == selectors.entry(EntryId(S1, 2))
    assert verify_proof(proof, entry, policy).satisfied


def test_an_entry_that_no_head_covers_has_no_proof(node: Cell) -> None:
    with pytest.raises(Refused, match="not-held-here"):
        export.entry_proof(EntryId(S2, 7))


def test_one_changed_entry_is_not_exported(node: Cell, tmp_path: Path) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER node_entry_no_update")
        cursor.execute('UPDATE node_entry SET header = %s WHERE "index" = 1', [b"changed"])
    with pytest.raises(Unverified):
        export.write_log(S1, tmp_path)
    assert not (tmp_path / "checkpoint").exists()


def test_evidence_goes_along_and_convicts(node: Cell, clock: Clock, tmp_path: Path) -> None:
    receiver = node.receiver("s1", node.signer("s1", clock), clock)
    peer = Peer(node)
    peer.write("another")
    peer.write("another")
    with pytest.raises(Equivocation):
        receiver.take_notice("g1", Notice((peer.head(),)))
    export.write_all(node.folder("s1"), tmp_path)
    (file,) = (tmp_path / "evidence").iterdir()
    fork = verify_two_histories(parse_two_histories(file.read_bytes()), node.log_keys("s2"))
    assert fork.smaller.head.origin == S2


def test_a_next_log_goes_with_its_certificate_and_the_policy_knows_its_keys(
    cell: Cell, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(cell.folder("s1")).charter_toml.write_text("as agreed")
    charter, recovery = cell.charter(), KeyPair(b"\5" * 32, b"\6" * 32)
    charter.parties["s2"].recovery = recovery.log_keys("any").ed25519.public.hex()  # type: ignore[misc]
    monkeypatch.setattr(export, "node_charter", lambda _folder: charter)
    monkeypatch.setattr(cell, "charter", lambda: charter)
    receiver = cell.receiver("s1", cell.signer("s1", clock), clock)
    peer = Peer(cell)
    peer.write()
    run(receiver.take_push("s2", peer.push()))
    new, pair, root = S2.replace("/1", "/2"), KeyPair(b"\7" * 32, b"\x08" * 32), leaf_hash(peer.entries[0])
    note = sign_next_log(NextLog(new, pair.log_keys(new), S2, 1, root), b"\5" * 32)
    head = sign_head(Head(new, 1, leaf_hash(b"first")), pair, NOON)
    run(receiver.take_push("s2", Push(new, 0, (b"first",), head, certificate=note)))
    place = tmp_path / "out"
    export.write_all(cell.folder("s1"), place)
    assert (place / "logs" / "s2.2" / "certificate").read_bytes() == note
    assert parse_policy((place / "policy").read_bytes()).log_keys(new) == pair.log_keys(new)
    assert not (place / "logs" / "s2" / "certificate").exists()


def test_a_record_that_grows_meanwhile_is_written_as_it_stood_at_one_moment(
    node: Cell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier head beyond the folder's would read as a log that rolled back."""
    file, written = node.folder("s1").database, export.write_log

    def grow(origin: str, place: Path) -> list[Path]:
        found = written(origin, place)
        if origin == S1:
            with sqlite3.connect(file) as other:
                for mirror in ("s2", "g1"):
                    other.execute(
                        "INSERT INTO node_cosignature (log_id, size, root, mirror, time, lines, stored_at) "
                        "SELECT log_id, 5, root, ?, time, x'', stored_at FROM node_head WHERE size = 5",
                        (mirror,),
                    )
        return found

    monkeypatch.setattr(export, "write_log", grow)
    export.write_all(node.folder("s1"), tmp_path / "out")
    assert sorted(one.name for one in (tmp_path / "out" / "old").glob("s1-*")) == [
        f"s1-{n}.checkpoint" for n in range(1, 5)
    ]
