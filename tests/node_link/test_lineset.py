"""Which lines a node has: from its settings, the charter and the peers' cards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from detente.charter.card import encode_card, parse_card
from detente.node import pairing
from detente.node.folder import NodeFolder, write_private
from detente.node.link.lineset import lines_of
from detente.record.errors import Refused
from node_link.live import LiveCell


@pytest.fixture
def s1(tmp_path: Path) -> NodeFolder:
    return LiveCell(tmp_path, absent=frozenset(("g1", "s1", "s2"))).nodes["s1"].folder


class TestLines:
    """A line is dialled where the card says, unless the settings say otherwise; the charter names the CA."""

    def test_the_card_says_where_to_dial_and_the_settings_where_to_listen(self, s1: NodeFolder) -> None:
        g1, s2 = lines_of(s1, pairing.node_charter(s1))
        assert (g1.peer, s2.peer) == ("g1", "s2")
        card = pairing.peer_cards(s1)["s2"]
        assert s2.dial == card.addresses["s1"]
        assert s2.listen is not None and f"{s2.listen[0]}:{s2.listen[1]}" == s1.settings.link["s2"].listen
        assert s2.host == "127.0.0.1"

    def test_a_dialling_address_in_the_settings_keeps_the_name_in_the_leaf(self, s1: NodeFolder) -> None:
        text = s1.node_toml.read_text().replace("[link.s2]", '[link.s2]\ndial = "https://elsewhere:7411"')
        s1.node_toml.write_text(text)
        line = lines_of(NodeFolder.open(s1.path), pairing.node_charter(s1))[1]
        assert (line.dial, line.host) == ("https://elsewhere:7411", "127.0.0.1")

    def test_a_party_without_card_is_named(self, s1: NodeFolder) -> None:
        (s1.cards / "s2.json").unlink()
        with pytest.raises(Refused) as caught:
            lines_of(s1, pairing.node_charter(s1))
        assert (caught.value.code, caught.value.values["party"]) == ("card-missing", "s2")

    def test_a_card_with_another_ca_than_the_charters_is_refused(self, s1: NodeFolder) -> None:
        cards = pairing.peer_cards(s1)
        forged = replace(cards["s2"], ca=cards["g1"].ca)
        write_private(s1.cards / "s2.json", encode_card(forged), replace=True)
        assert parse_card((s1.cards / "s2.json").read_bytes()).party == "s2"
        with pytest.raises(Refused) as caught:
            lines_of(s1, pairing.node_charter(s1))
        assert caught.value.code == "ca-differs"
