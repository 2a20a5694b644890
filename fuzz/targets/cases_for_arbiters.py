"""The listing of one case for an arbiter, and its entries, under whatever files lie there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.cases.arbiter import Chosen, File, Listing, encode_listing, parse_listing, prove
from detente.record.errors import DetenteError
from detente.record.names import EntryId
from detente.record.policy import parse_policy
from fuzz.seeds import VECTORS

PARSERS = ("detente.cases.arbiter.parse_listing",)

_POLICY = parse_policy((VECTORS / "formats-1" / "keys" / "cell.policy").read_bytes())


def seeds() -> Iterator[bytes]:
    chosen = Chosen(EntryId("harbour.exercise/s1/1", 3), (0, 1), (0,))
    listed = File("parts/" + "00" * 32 + ".age", 1000, bytes(32))
    yield encode_listing(Listing("harbour.exercise", "S1-X00003", bytes(32), (chosen,), (listed,)))


def one(data: bytes) -> None:
    with suppress(DetenteError):
        found = parse_listing(data)
        assert parse_listing(encode_listing(found)) == found
        for one_ in found.entries[:4]:
            with suppress(DetenteError):
                prove(one_, lambda _path: data, _POLICY)
