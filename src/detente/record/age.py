"""age v1 files (c2sp.org/age) for `mlkem768x25519` recipients, and no others.

1. A file is the version line, 1 to `MAX_RECIPIENTS` stanzas, a MAC line, a 16-byte nonce, the payload.
2. Every stanza is `mlkem768x25519`: one classical stanza would undo what the others are there for, so a
   file that has one is `Malformed`, also where age itself would pass over it.
3. The header MAC binds all stanzas to one file key: who can open the file at all reads the same text.
4. The payload is ChaCha20-Poly1305 in chunks of 64 KiB; only the last may be shorter, and it is empty only
   when the whole text is.
5. An identity is a seed of 32 bytes, its recipient the text `age1pq1…`. A file key of 16 bytes, disclosed,
   lets an arbiter open that one file.

File key and nonce come from the caller; the ephemeral secrets of HPKE come from `cryptography`.
"""

import hashlib
import hmac
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from detente.record import bech32
from detente.record.encoding import encode_base64, parse_base64
from detente.record.errors import Malformed, Unverified

FILE_KEY_SIZE: Final = 16
NONCE_SIZE: Final = 16
SEED_SIZE: Final = 32
#: Parties of a cell that may hold a key to one part; bounds the work that a stranger's header can cause.
MAX_RECIPIENTS: Final = 16

_RECIPIENT: Final = "age1pq"
_IDENTITY: Final = "age-secret-key-pq-"
_MLKEM_SIZE: Final = 1184
_RECIPIENT_SIZE: Final = _MLKEM_SIZE + 32
_ENC_SIZE: Final = 1120
_WRAPPED_SIZE: Final = FILE_KEY_SIZE + 16
_INFO: Final = b"age-encryption.org/mlkem768x25519"
_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)

_VERSION: Final = b"age-encryption.org/v1\n"
# 1,494 and 43 letters spell 1,120 and 32 bytes in base64 without padding.
_STANZA: Final = re.compile(rb"-> mlkem768x25519 ([A-Za-z0-9+/]{1494})\n([A-Za-z0-9+/]{43})\n")
_STANZA_SIZE: Final = 18 + 1494 + 1 + 43 + 1
_MAC: Final = re.compile(rb"--- ([A-Za-z0-9+/]{43})\n")
_MAC_SIZE: Final = 48

CHUNK: Final = 64 * 1024
_TAG: Final = 16


@dataclass(frozen=True, slots=True)
class _File:
    stanzas: tuple[bytes, ...]  # enc ‖ wrapped file key, one a recipient
    signed: bytes  # what the MAC covers: all up to and with the three dashes
    mac: bytes
    nonce: bytes
    payload: bytes


def recipient_of(seed: bytes) -> str:
    """The recipient `age1pq1…` of an identity's 32-byte seed."""
    mlkem, x25519 = _private_keys(seed)
    first = mlkem.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return bech32.encode(_RECIPIENT, first + x25519.public_key().public_bytes_raw())


def identity_text(seed: bytes) -> str:
    """The identity as other age programs read it: `AGE-SECRET-KEY-PQ-1…`."""
    return bech32.encode(_IDENTITY, seed).upper()


def identity_seed(text: str) -> bytes:
    """The 32-byte seed of an identity; the inverse of `identity_text`. Raises Malformed."""
    if text != text.upper():
        raise Malformed("age identity", "lower case")
    return bech32.decode(_IDENTITY, text.lower(), size=SEED_SIZE)


def check_recipient(text: str) -> str:
    """`text` if it is a recipient we can encrypt to. Raises Malformed."""
    _public_key(text)
    return text


def file_size(plaintext_size: int, recipients: int) -> int:
    """Bytes of the file that `encrypt` gives."""
    chunks = max(1, -(-plaintext_size // CHUNK))
    header = len(_VERSION) + _STANZA_SIZE * recipients + _MAC_SIZE
    return header + NONCE_SIZE + plaintext_size + _TAG * chunks


def encrypt(plaintext: bytes, recipients: Sequence[str], *, file_key: bytes, nonce: bytes) -> bytes:
    """The age file of `plaintext` for `recipients`; both secrets are fresh random bytes of the caller.

    Raises Malformed for a recipient that is none or stands twice, for too many, for a secret of another size.
    """
    if len(file_key) != FILE_KEY_SIZE or len(nonce) != NONCE_SIZE:
        raise Malformed("file key or nonce", len(file_key) + len(nonce))
    if not 0 < len(recipients) <= MAX_RECIPIENTS or len(set(recipients)) != len(recipients):
        raise Malformed("age recipients", len(recipients))
    header = _VERSION + b"".join(_stanza(recipient, file_key) for recipient in recipients) + b"---"
    mac = _bare_base64(_header_mac(file_key, header))
    body = b"".join(_seal_chunks(plaintext, _payload_key(file_key, nonce)))
    return header + b" " + mac + b"\n" + nonce + body


def decrypt(data: bytes, identity_seed: bytes) -> bytes:
    """The text of an age file for the identity with that seed.

    Raises Malformed if the bytes are no such file; Unverified if no stanza is for this identity, or MAC or
    payload do not hold.
    """
    file = _parse(data)
    return _open(file, _unwrap(file, identity_seed))


def decrypt_with_file_key(data: bytes, file_key: bytes) -> bytes:
    """The text of an age file by its disclosed file key. Raises Malformed or Unverified."""
    if len(file_key) != FILE_KEY_SIZE:
        raise Malformed("file key", len(file_key))
    return _open(_parse(data), file_key)


def open_file_key(data: bytes, seed: bytes) -> bytes:
    """The file key, checked against the header MAC; the payload is not read. Raises as `decrypt`."""
    file = _parse(data)
    file_key = _unwrap(file, seed)
    _check_mac(file, file_key)
    return file_key


def recipients_in(data: bytes) -> int:
    """How many stanzas the file has. Raises Malformed."""
    return len(_parse(data).stanzas)


def _parse(data: bytes) -> _File:
    if not data.startswith(_VERSION):
        raise Malformed("age version")
    place, stanzas = len(_VERSION), []
    while found := _STANZA.match(data, place):
        stanzas.append(_parse_bare(found[1], _ENC_SIZE) + _parse_bare(found[2], _WRAPPED_SIZE))
        place = found.end()
        if len(stanzas) > MAX_RECIPIENTS:
            raise Malformed("age recipients", f"more than {MAX_RECIPIENTS}")
    if not stanzas:
        raise Malformed("age stanza")
    line = _MAC.match(data, place)
    if not line:
        raise Malformed("age stanza or MAC line", place)
    nonce = data[line.end() : line.end() + NONCE_SIZE]
    payload = data[line.end() + NONCE_SIZE :]
    if len(payload) < _TAG:
        raise Malformed("age payload", "cut short")
    return _File(tuple(stanzas), data[: place + 3], _parse_bare(line[1], 32), nonce, payload)


def _open(file: _File, file_key: bytes) -> bytes:
    _check_mac(file, file_key)
    return b"".join(_open_chunks(file.payload, _payload_key(file_key, file.nonce)))


def _unwrap(file: _File, seed: bytes) -> bytes:
    private = _private_key(seed)
    for stanza in file.stanzas:
        try:
            return _SUITE.decrypt(stanza, private, info=_INFO)
        except (InvalidTag, ValueError):  # another's stanza, or one made to fail
            continue
    raise Unverified("age identity")


@lru_cache(maxsize=4)  # making the key from its seed costs as much as opening a part; a node has two at most
def _private_key(seed: bytes) -> MLKEM768X25519PrivateKey:
    return MLKEM768X25519PrivateKey(*_private_keys(seed))


def _check_mac(file: _File, file_key: bytes) -> None:
    if not hmac.compare_digest(_header_mac(file_key, file.signed), file.mac):
        raise Unverified("age header MAC")


def _stanza(recipient: str, file_key: bytes) -> bytes:
    sealed = _SUITE.encrypt(file_key, _public_key(recipient), info=_INFO)
    enc, wrapped = _bare_base64(sealed[:_ENC_SIZE]), _bare_base64(sealed[_ENC_SIZE:])
    return b"-> mlkem768x25519 " + enc + b"\n" + wrapped + b"\n"


def _seal_chunks(plaintext: bytes, key: bytes) -> Iterator[bytes]:
    cipher = ChaCha20Poly1305(key)
    last = max(0, (len(plaintext) - 1) // CHUNK)
    for counter in range(last + 1):
        chunk = plaintext[counter * CHUNK : (counter + 1) * CHUNK]
        yield cipher.encrypt(_chunk_nonce(counter, last=counter == last), chunk, None)


def _open_chunks(payload: bytes, key: bytes) -> Iterator[bytes]:
    cipher = ChaCha20Poly1305(key)
    width = CHUNK + _TAG
    last = (len(payload) - 1) // width
    if last and len(payload) - last * width <= _TAG:
        raise Malformed("age payload", "empty last chunk")
    for counter in range(last + 1):
        chunk = payload[counter * width : (counter + 1) * width]
        try:
            yield cipher.decrypt(_chunk_nonce(counter, last=counter == last), chunk, None)
        except InvalidTag as error:
            raise Unverified("age payload", chunk=counter) from error


def _chunk_nonce(counter: int, *, last: bool) -> bytes:
    return b"\0\0\0" + struct.pack(">QB", counter, last)


def _header_mac(file_key: bytes, header: bytes) -> bytes:
    return hmac.digest(_derive(file_key, b"", b"header"), header, "sha256")


def _payload_key(file_key: bytes, nonce: bytes) -> bytes:
    return _derive(file_key, nonce, b"payload")


def _derive(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(secret)


def _private_keys(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    """SHAKE256 of the seed: 64 bytes for ML-KEM, 32 for X25519 (X-Wing key generation)."""
    if len(seed) != SEED_SIZE:
        raise Malformed("age identity", len(seed))
    grown = hashlib.shake_256(seed).digest(96)
    return MLKEM768PrivateKey.from_seed_bytes(grown[:64]), X25519PrivateKey.from_private_bytes(grown[64:])


@lru_cache(maxsize=64)
def _public_key(recipient: str) -> MLKEM768X25519PublicKey:
    raw = bech32.decode(_RECIPIENT, recipient, size=_RECIPIENT_SIZE)
    try:
        mlkem = MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_SIZE])
    except ValueError as error:
        raise Malformed("age recipient", "not an ML-KEM-768 key") from error
    return MLKEM768X25519PublicKey(mlkem, X25519PublicKey.from_public_bytes(raw[_MLKEM_SIZE:]))


def _bare_base64(value: bytes) -> bytes:
    return encode_base64(value).rstrip("=").encode("ascii")


def _parse_bare(text: bytes, size: int) -> bytes:
    padded = text.decode("ascii") + "=" * (-len(text) % 4)
    return parse_base64(padded, "age base64", size=size)
