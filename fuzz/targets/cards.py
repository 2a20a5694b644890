"""Peer cards, as they come by stick from the other side."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from charter.harbour import PARTIES, card
from detente.charter.card import encode_card, parse_card
from detente.record.errors import DetenteError

PARSERS = ("detente.charter.card.parse_card",)


def seeds() -> Iterator[bytes]:
    yield from (encode_card(card(party)) for party in PARTIES)


def one(data: bytes) -> None:
    with suppress(DetenteError):
        found = parse_card(data)
        assert parse_card(encode_card(found)) == found
