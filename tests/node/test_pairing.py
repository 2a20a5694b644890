"""From an empty folder to a node that its peers know."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from detente.charter.card import fingerprint_words, parse_card
from detente.node import keys
from detente.node.certificates import load_ca, make_leaf
from detente.node.folder import NodeFolder
from detente.node.link.tls import check_ca
from detente.node.pairing import NewNode, add_peer, init, own_card, peer_cards
from detente.record.errors import Refused

CELL = "harbour.exercise"


def new(party: str = "s1", cell: str = CELL) -> NewNode:
    peers = tuple(p for p in ("s1", "s2", "g1") if p != party)
    return NewNode(
        cell, party, peers,
        listen={p: f"127.0.0.1:{7400 + n}" for n, p in enumerate(peers)},
        addresses={p: f"https://127.0.0.1:{7400 + n}" for n, p in enumerate(peers)},
    )  # fmt: skip


@pytest.fixture
def node(tmp_path: Path) -> NodeFolder:
    return init(tmp_path / "s1", new())


class TestInit:
    """`init` makes everything a party brings, once, and nobody else may look in."""

    def test_every_file_is_the_users_alone(self, node: NodeFolder) -> None:
        open_to_others = [
            path for path in (node.path, *node.path.rglob("*")) if stat.S_IMODE(path.stat().st_mode) & 0o077
        ]
        assert open_to_others == []

    def test_a_second_init_is_refused_and_changes_no_key(self, node: NodeFolder) -> None:
        before = own_card(node)
        with pytest.raises(Refused, match="node-already-here"):
            init(node.path, new())
        assert own_card(node) == before

    def test_another_unix_user_reads_nothing(self, node: NodeFolder) -> None:
        if os.geteuid() != 0:
            pytest.skip("needs root to become another user")
        node.path.parent.chmod(0o755)
        for above in (node.path.parent, *node.path.parent.parents):
            if above == Path("/tmp"):
                break
            above.chmod(above.stat().st_mode | 0o011)
        command = ["setpriv", "--reuid=61099", "--regid=61099", "--clear-groups", "cat"]
        for name in ("node.toml", "keys/log/1.json", "cards/s1.json"):
            done = subprocess.run([*command, str(node.path / name)], capture_output=True, check=False)
            assert done.returncode != 0
            assert b"Permission denied" in done.stderr

    @pytest.mark.parametrize("name", ["log/1.json", "storage.key", "receiving/1.key", "posts/ADMIN.1.seed"])
    def test_an_emptied_key_is_named_and_never_quoted(self, node: NodeFolder, name: str) -> None:
        (node.keys / name).write_text("abcdef")
        with pytest.raises(Refused, match="key-broken") as refused:
            keys.log_pair(node)
            keys.storage_key(node)
            keys.receiving_seeds(node)
            keys.admin_keys(node)
        assert "abcdef" not in str(refused.value)


class TestCertificates:
    """A party's CA can vouch for its own hosts and for nobody else's."""

    def test_the_ca_is_one_that_a_peer_accepts(self, node: NodeFolder) -> None:
        ca, _ = load_ca(node.keys / "ca")
        assert check_ca(ca.public_bytes(Encoding.PEM)) == ca

    def test_a_leaf_for_a_foreign_host_does_not_verify(self, node: NodeFolder) -> None:
        ca = node.keys / "ca" / "ca.pem"
        verify = ["openssl", "verify", "-x509_strict", "-CAfile", str(ca), str(node.link_keys / "leaf.pem")]
        assert subprocess.run(verify, capture_output=True, check=False).returncode == 0
        make_leaf(node, ["elsewhere.example"])
        assert subprocess.run(verify, capture_output=True, check=False).returncode != 0

    def test_the_leaf_serves_and_calls_and_ends_within_a_month(self, node: NodeFolder) -> None:
        leaf = x509.load_pem_x509_certificate((node.link_keys / "leaf.pem").read_bytes())
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert len(usage) == 2
        assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days <= 31


class TestPeers:
    """A card is stored as it came, and only one for each party."""

    def test_the_words_are_the_same_at_both_ends(self, node: NodeFolder, tmp_path: Path) -> None:
        other = init(tmp_path / "s2", new("s2"))
        add_peer(node, own_card(other))
        assert fingerprint_words((node.cards / "s2.json").read_bytes()) == fingerprint_words(own_card(other))
        assert peer_cards(node) == {"s2": parse_card(own_card(other))}

    def test_another_card_of_the_same_party_is_refused(self, node: NodeFolder, tmp_path: Path) -> None:
        add_peer(node, own_card(init(tmp_path / "s2", new("s2"))))
        with pytest.raises(Refused, match="card-differs"):
            add_peer(node, own_card(init(tmp_path / "thief", new("s2"))))

    def test_a_card_of_another_cell_or_the_own_one_is_refused(self, node: NodeFolder, tmp_path: Path) -> None:
        with pytest.raises(Refused, match="card-of-other-cell"):
            add_peer(node, own_card(node))
        with pytest.raises(Refused, match="card-of-other-cell"):
            add_peer(node, own_card(init(tmp_path / "x", new("s2", cell="quay.exercise"))))
