"""Keys of logs and mirrors: C2SP verifier keys, and the pairs that sign with both algorithms.

Every head and cosignature carries an Ed25519 and an ML-DSA-44 signature, and both are required
(protocol B7). Seeds come from the caller: nothing here makes a secret.
"""

import hashlib
import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from detente.record.encoding import encode_base64, parse_base64, parse_hex
from detente.record.errors import Malformed, Unverified

ED25519: Final = 0x01
COSIGNATURE_ED25519: Final = 0x04
MLDSA44: Final = 0x06

#: Bytes of a public key by type.
PUBLIC_SIZE: Final = {ED25519: 32, COSIGNATURE_ED25519: 32, MLDSA44: 1312}
#: Bytes of a bare signature by type (without key id and time).
SIGNATURE_SIZE: Final = {ED25519: 64, COSIGNATURE_ED25519: 64, MLDSA44: 2420}

SEED_SIZE: Final = 32
KEY_ID_SIZE: Final = 4
# White space as Unicode has it, controls, `+`, and halves of a letter that UTF-8 cannot hold.
_BAD_NAME: Final = re.compile(r"[\s\x00-\x1f+\ud800-\udfff]")
#: A name is written behind one length byte in the message that ML-DSA-44 signs.
MAX_NAME: Final = 255


def check_name(name: str) -> str:
    """`name` if it may stand in a signed note: 1 to 255 bytes, no white space, control or `+`."""
    if _BAD_NAME.search(name) or not 0 < len(name.encode("utf-8", "replace")) <= MAX_NAME:
        raise Malformed("key name", name[:100])
    return name


@dataclass(frozen=True, slots=True)
class Vkey:
    """A public key with the name it signs under. Raises Malformed for a wrong name, type or size."""

    name: str
    type: int
    public: bytes = field(repr=False)

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.public) != PUBLIC_SIZE.get(self.type):
            raise Malformed("verifier key", f"type {self.type}, {len(self.public)} bytes")

    @property
    def key_id(self) -> bytes:
        """First four bytes of SHA-256(name ‖ newline ‖ type ‖ public key)."""
        return _key_id(self.name, self.type, self.public)

    def encode(self) -> str:
        """`name+hex of the key id+base64 of type and public key`."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([self.type]) + self.public)}"

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raise Unverified unless `signature` over `message` is this key's."""
        try:
            _public_key(self.type, self.public).verify(signature, message)
        except (InvalidSignature, ValueError) as error:
            raise Unverified("signature", key=self.name, type=self.type) from error


def parse_vkey(text: str) -> Vkey:
    """The key of a vkey line; the inverse of `Vkey.encode`. Raises Malformed."""
    # A name holds no `+`, base64 may: so the first two part the line.
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    blob = parse_base64(encoded, "verifier key")
    if not blob:
        raise Malformed("verifier key", text[:100])
    key = Vkey(name, blob[0], blob[1:])
    if key.key_id != parse_hex(key_id, "key id", size=KEY_ID_SIZE):
        raise Malformed("key id", key_id[:40])
    return key


@dataclass(frozen=True, slots=True)
class LogKeys:
    """The two keys that sign a log's heads; both are named by the origin."""

    origin: str
    ed25519: Vkey
    mldsa44: Vkey

    def __post_init__(self) -> None:
        _check_pair(self.origin, (self.ed25519, ED25519), (self.mldsa44, MLDSA44))


@dataclass(frozen=True, slots=True)
class MirrorKeys:
    """The two keys that cosign one watched party's heads, named as protocol B7."""

    name: str
    ed25519: Vkey
    mldsa44: Vkey

    def __post_init__(self) -> None:
        _check_pair(self.name, (self.ed25519, COSIGNATURE_ED25519), (self.mldsa44, MLDSA44))


@dataclass(frozen=True)
class KeyPair:
    """The two private keys of one log or of one mirror, from 32-byte seeds.

    Promise: the seeds are never printed. One pair serves one name: a cosignature of type 0x04 does not
    commit to the cosigner's name.
    """

    ed25519_seed: bytes = field(repr=False)
    mldsa44_seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.ed25519_seed) != SEED_SIZE or len(self.mldsa44_seed) != SEED_SIZE:
            raise Malformed("key seed")

    @cached_property
    def _ed25519(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.ed25519_seed)

    @cached_property
    def _mldsa44(self) -> MLDSA44PrivateKey:
        return MLDSA44PrivateKey.from_seed_bytes(self.mldsa44_seed)

    def log_keys(self, origin: str) -> LogKeys:
        """Public keys of the log `origin` that this pair signs."""
        return LogKeys(origin, self._vkey(origin, ED25519), self._vkey(origin, MLDSA44))

    def mirror_keys(self, name: str) -> MirrorKeys:
        """Public keys of the mirror `name` that this pair cosigns as."""
        return MirrorKeys(name, self._vkey(name, COSIGNATURE_ED25519), self._vkey(name, MLDSA44))

    def sign_ed25519(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._ed25519.sign(message)

    def sign_mldsa44(self, message: bytes) -> bytes:
        """2,420 bytes, without context string; the library salts it, so two signatures differ."""
        return self._mldsa44.sign(message)

    def _vkey(self, name: str, type_: int) -> Vkey:
        private = self._mldsa44 if type_ == MLDSA44 else self._ed25519
        return Vkey(name, type_, private.public_key().public_bytes_raw())


def _check_pair(name: str, *keys: tuple[Vkey, int]) -> None:
    for key, type_ in keys:
        if key.name != name or key.type != type_:
            raise Malformed("key pair", f"{name[:100]}: {key.name[:100]} type {key.type}")


@lru_cache(maxsize=256)
def _key_id(name: str, type_: int, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([type_]) + public).digest()[:KEY_ID_SIZE]


@lru_cache(maxsize=256)
def _public_key(type_: int, public: bytes) -> Ed25519PublicKey | MLDSA44PublicKey:
    if type_ == MLDSA44:
        return MLDSA44PublicKey.from_public_bytes(public)
    return Ed25519PublicKey.from_public_bytes(public)
