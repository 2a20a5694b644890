"""The vectors of the thin form are what the maker makes, and are read as they say."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from detente.record.errors import Malformed, Unverified
from detente.record.letters import Reading
from detente.record.thin import length_of, parse_thin, thin_name, verify_thin
from record.vectors_of_thin import CELL, PLACE, SEED, files

PUBLIC = Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()
ALL = dict(files())


def test_the_folder_holds_what_the_maker_makes() -> None:
    held = {str(one.relative_to(PLACE)): one.read_bytes() for one in PLACE.rglob("*.vector")}
    assert held == ALL


@pytest.mark.parametrize("name", ALL)
def test_each_is_read_as_it_says(name: str) -> None:
    head, _, payload = ALL[name].partition(b"\n\n")
    words = dict(line.split(": ", 1) for line in head.decode().split("\n"))
    data = bytes.fromhex(payload.decode())
    if words["expect"] == "malformed":
        with pytest.raises(Malformed):
            parse_thin(data, CELL)
        return
    parse_thin(data, CELL)
    if words["expect"] == "unverified":
        with pytest.raises(Unverified):
            verify_thin(data, CELL, PUBLIC)
        return
    verify_thin(data, CELL, PUBLIC)
    value = json.loads(words["value"])
    assert value.pop("name") == thin_name(data).hex()
    for lines in value.values():
        reading = Reading()
        for line in lines:
            reading.hear(line)
        assert reading.message(length_of) == data
