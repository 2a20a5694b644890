"""Sealed parts: a plaintext padded to its size class inside one age file (protocol A6).

1. Inside the file: length of the plaintext as u64, the plaintext, zeros up to the size class.
2. Size classes are the powers of two from `MIN_CLASS` to `MAX_CLASS`, length field included; the smallest
   that holds the plaintext is the only right one.
3. No part names the header it belongs to; the header names the part by SHA-256 and size of the file.
4. The author's party is always a recipient; who else is, stands in the header's `to`.
"""

import hashlib
import struct
from collections.abc import Sequence
from typing import Final

from detente.record import age
from detente.record.errors import Malformed

MIN_CLASS: Final = 1024
#: A node handles a part as one byte string; 64 MiB is what a small machine bears.
MAX_CLASS: Final = 64 * 1024 * 1024
_LENGTH: Final = struct.Struct(">Q")
MAX_PLAINTEXT: Final = MAX_CLASS - _LENGTH.size
#: The largest file a part can be.
MAX_SEALED: Final = age.file_size(MAX_CLASS, age.MAX_RECIPIENTS)


def size_class(plaintext_size: int) -> int:
    """Padded size inside the file for a plaintext of that many bytes. Raises Malformed if too large."""
    if plaintext_size > MAX_PLAINTEXT:
        raise Malformed("part", f"longer than {MAX_PLAINTEXT} bytes")
    needed = plaintext_size + _LENGTH.size
    return max(MIN_CLASS, 1 << (needed - 1).bit_length())


def sealed_size(plaintext_size: int, recipients: int) -> int:
    """Bytes of the sealed part; what the header says as its size."""
    return age.file_size(size_class(plaintext_size), recipients)


def pad(plaintext: bytes) -> bytes:
    """The plaintext in its size class (rule 1)."""
    padding = size_class(len(plaintext)) - _LENGTH.size - len(plaintext)
    return _LENGTH.pack(len(plaintext)) + plaintext + bytes(padding)


def unpad(padded: bytes) -> bytes:
    """The plaintext of its size class; the inverse of `pad`. Raises Malformed."""
    if len(padded) < MIN_CLASS:
        raise Malformed("part", "smaller than the smallest size class")
    length: int = _LENGTH.unpack_from(padded)[0]
    if length > len(padded) - _LENGTH.size or size_class(length) != len(padded):
        raise Malformed("part", "not its size class")
    end = _LENGTH.size + length
    # Bytes that hide in the padding would be read by one party and not by another.
    if padded.count(0, end) != len(padded) - end:
        raise Malformed("part", "padding is not zero")
    return padded[_LENGTH.size : end]


def seal(plaintext: bytes, recipients: Sequence[str], *, file_key: bytes, nonce: bytes) -> bytes:
    """The sealed part. Raises Malformed for a wrong recipient or a plaintext that is too large."""
    return age.encrypt(pad(plaintext), recipients, file_key=file_key, nonce=nonce)


def open_sealed(data: bytes, seed: bytes) -> bytes:
    """The plaintext for the identity with that seed. Raises Malformed or Unverified."""
    return unpad(age.decrypt(data, seed))


def open_with_file_key(data: bytes, file_key: bytes) -> bytes:
    """The plaintext by its disclosed file key. Raises Malformed or Unverified."""
    return unpad(age.decrypt_with_file_key(data, file_key))


def sealed_hash(data: bytes) -> bytes:
    """SHA-256 of the sealed part: its name in the header, the store and the link."""
    return hashlib.sha256(data).digest()


def plaintext_hash(plaintext: bytes) -> bytes:
    """SHA-256 of a plaintext as it is hashed in cores and approvals (protocol A3)."""
    return hashlib.sha256(plaintext).digest()
