"""Key pairs of a simulated cell: the real ones, or a stand-in that costs microseconds, not a millisecond.

What the simulator asks is who signed what and when, never whether Ed25519 or ML-DSA hold. The stand-in is a
hash over a secret seed, of the right length, and is put in at this one place: everything above (key names,
key ids, notes, both halves, times) is the product's own code. A share of the seeds runs with the real pairs.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from detente.node import log_signer
from detente.record import head, header, keys, messages, mirror, note
from detente.record.keys import PUBLIC_SIZE, SIGNATURE_SIZE, KeyPair, LogKeys, MirrorKeys, Vkey

_SECRET: dict[bytes, bytes] = {}  # public key -> seed, of stand-ins alone
_real_public_key = keys._public_key


def _tag(seed: bytes, message: bytes, size: int) -> bytes:
    return (hashlib.sha256(seed + message).digest() * (size // 32 + 1))[:size]


@dataclass(frozen=True)
class CheapPair(KeyPair):
    """A pair whose signatures anybody in this process could make, and nobody does."""

    def sign_ed25519(self, message: bytes) -> bytes:
        return _tag(self.ed25519_seed, message, SIGNATURE_SIZE[keys.ED25519])

    def sign_mldsa44(self, message: bytes) -> bytes:
        return _tag(self.mldsa44_seed, message, SIGNATURE_SIZE[keys.MLDSA44])

    def _vkey(self, name: str, type_: int) -> Vkey:
        seed = self.mldsa44_seed if type_ == keys.MLDSA44 else self.ed25519_seed
        public = _tag(seed, b"public", PUBLIC_SIZE[type_])
        _SECRET[public] = seed
        return Vkey(name, type_, public)

    def log_keys(self, origin: str) -> LogKeys:
        return _log_keys(self, origin)

    def mirror_keys(self, name: str) -> MirrorKeys:
        return _mirror_keys(self, name)


@lru_cache
def _log_keys(pair: CheapPair, origin: str) -> LogKeys:
    return KeyPair.log_keys(pair, origin)


@lru_cache
def _mirror_keys(pair: CheapPair, name: str) -> MirrorKeys:
    return KeyPair.mirror_keys(pair, name)


@dataclass(frozen=True)
class _CheapPublic:
    type: int
    seed: bytes

    def verify(self, signature: bytes, message: bytes) -> None:
        if signature != _tag(self.seed, message, SIGNATURE_SIZE[self.type]):
            raise ValueError("signature")


def _public_key(type_: int, public: bytes) -> object:
    seed = _SECRET.get(public)
    return _real_public_key(type_, public) if seed is None else _CheapPublic(type_, seed)


keys._public_key = _public_key  # the one place; a key that is no stand-in goes on to the library


@lru_cache
def pair_of(name: str, real: bool) -> KeyPair:
    """The pair of a log's origin or of a mirror's name."""
    words = name.encode()
    made = KeyPair if real else CheapPair
    return made(hashlib.sha256(b"e" + words).digest(), hashlib.sha256(b"m" + words).digest())


@lru_cache
def log_keys_of(origin: str, real: bool) -> LogKeys:
    return pair_of(origin, real).log_keys(origin)


@lru_cache
def mirror_keys_of(name: str, real: bool) -> MirrorKeys:
    return pair_of(name, real).mirror_keys(name)


# Bytes that were opened once open again for nothing: these are functions of their arguments alone, and the
# same note comes on many ways. What does not open is opened each time.
remembered_note = lru_cache(maxsize=4096)(note.parse_note)
remembered_cosignature = lru_cache(maxsize=4096)(head.open_cosignature)
remembered_head = lru_cache(maxsize=4096)(head.open_head)
_real_parse_header = header.parse_header
_remembered_header = lru_cache(maxsize=8192)(_real_parse_header)


def remembered_header(data: bytes) -> header.Header:
    """header.parse_header, also of what only looks like bytes."""
    return _remembered_header(data) if type(data) is bytes else _real_parse_header(data)


header.parse_header = log_signer.parse_header = remembered_header
head.parse_note = messages.parse_note = remembered_note
mirror.open_head = remembered_head
