"""Several byte strings in one column: each behind its length, a big-endian u32."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

_LENGTH: Final = struct.Struct(">I")


def pack(members: Iterable[bytes]) -> bytes:
    """One byte string of all members; `unpack` gives them back."""
    return b"".join(_LENGTH.pack(len(one)) + one for one in members)


def unpack(data: bytes) -> tuple[bytes, ...]:
    """The members; ValueError if the lengths do not fit."""
    members, at = [], 0
    while at < len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        if at + length > len(data):
            raise ValueError("a member is cut short")
        members.append(data[at : at + length])
        at += length
    return tuple(members)
