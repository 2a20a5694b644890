"""The exercise cell with keys from fixed seeds, for tests that need a whole charter."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import detente.charter
from detente.charter import Charter, load_charter, new_charter
from detente.charter.card import PeerCard
from detente.record.age import recipient_of
from detente.record.approvals import Credential
from detente.record.keys import KeyPair

CELL = "harbour.exercise"
PARTIES = ("s1", "s2", "g1")
ROOM = Path(detente.charter.__file__).parent
EXERCISE = ROOM / "examples" / "exercise"
DEMO = ROOM / "examples" / "demo"
TRIALS = tuple(sorted((Path(__file__).parent / "kinds").glob("*.toml")))
# DER is opaque to the charter: any bytes in the wrapping of a certificate do.
PEM = "-----BEGIN CERTIFICATE-----\nAAECAwQFBgc=\n-----END CERTIFICATE-----\n"


def kind_files() -> dict[str, bytes]:
    """The shipped kind files by name."""
    return {one.name: one.read_bytes() for one in sorted((ROOM / "kinds").glob("*.toml"))}


def trial_kind_files() -> dict[str, bytes]:
    """The shipped kind files and those which only tests know."""
    return kind_files() | {one.name: one.read_bytes() for one in TRIALS}


def trial_template(template: bytes) -> bytes:
    """A charter without keys that uses the kinds of tests too, in every delivery mode."""
    row = "".join(
        f'[[kind]]\nid = "{one.stem}"\nmodes = ["COPY", "DIRECT", "RELAY", "SEALED"]\nlevel = "S0"\n\n'
        for one in TRIALS
    )
    text = template.decode()
    assert text.count("[[kind]]\n") > 1
    return text.replace("[[kind]]\n", row + "[[kind]]\n", 1).encode()


def template() -> bytes:
    """The exercise charter without keys."""
    return (EXERCISE / "charter.toml").read_bytes()


def thin_seed(party: str) -> bytes:
    """The private half of a party's thin key."""
    return bytes([10 * (PARTIES.index(party) + 1) + 9]) * 32


@lru_cache
def card(party: str) -> PeerCard:
    """A card with keys from seeds that belong to the party's place in PARTIES."""
    n = 10 * (PARTIES.index(party) + 1)
    others = [one for one in PARTIES if one != party]
    return PeerCard(
        cell=CELL,
        party=party,
        log=_pair(n).log_keys(f"{CELL}/{party}/1"),
        mirrors={
            one: _pair(n + i).mirror_keys(f"{CELL}/{party}/mirror/{one}") for i, one in enumerate(others, 1)
        },
        receiving=recipient_of(bytes([n + 5]) * 32),
        recovery=bytes([n + 6]) * 32,
        thin=Ed25519PrivateKey.from_private_bytes(thin_seed(party)).public_key().public_bytes_raw(),
        admins=tuple(Credential("ADMIN", "ed25519", bytes([n + i]) * 32) for i in (7, 8)),
        ca=PEM,
        addresses=dict.fromkeys(others, "https://127.0.0.1:7000"),
        rp_id=f"{party}.detente.localhost",
        desk_origin=f"http://{party}.detente.localhost:8000",
    )


@lru_cache
def charter_text() -> bytes:
    """The exercise charter with keys."""
    return new_charter(template(), [card(one) for one in PARTIES])


@lru_cache
def charter() -> Charter:
    """The exercise charter, read."""
    return load_charter(charter_text(), kind_files())


@lru_cache
def trial_charter() -> Charter:
    """The exercise charter with T90."""
    text = new_charter(trial_template(template()), [card(one) for one in PARTIES])
    return load_charter(text, trial_kind_files())


def changed(name: str, old: str, new: str, *, count: int = 1) -> dict[str, bytes]:
    """The kind files with `old` replaced in one of them; fails if it is not there."""
    files = kind_files()
    text = files[name].decode()
    assert old in text
    return files | {name: text.replace(old, new, count).encode()}


def _pair(n: int) -> KeyPair:
    return KeyPair(bytes([n]) * 32, bytes([n + 100]) * 32)
