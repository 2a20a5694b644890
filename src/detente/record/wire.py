"""Frames of the link: u8 tag ‖ u32 length (big-endian) ‖ bytes, one behind the other.

1. A message is a body of frames with tags in ascending order; frames of one tag keep their own order.
2. Every message has a table of its tags: how many frames at least and at most, and how long one may be.
   A tag that is not in the table, or a number out of its bounds, is `Malformed`.
3. Every body has a limit, checked before anything is read, and nothing stands behind the last frame.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from detente.record.encoding import MAX_NUMBER
from detente.record.errors import Malformed

_HEAD: Final = struct.Struct(">BI")
_NUMBER: Final = struct.Struct(">Q")
NUMBER_SIZE: Final = _NUMBER.size


@dataclass(frozen=True, slots=True)
class Slot:
    """Bounds of one tag in a message: name, fewest and most frames, most bytes in one."""

    name: str
    low: int
    high: int
    size: int


Shape = Mapping[int, Slot]


def encode_frames(shape: Shape, frames: Mapping[int, Iterable[bytes]], *, limit: int) -> bytes:
    """The body of a message. Raises Malformed for what `parse_frames` would refuse."""
    pieces: list[bytes] = []
    for tag in sorted(frames):
        for value in frames[tag]:
            pieces += (_HEAD.pack(tag, len(value)), value)
    data = b"".join(pieces)
    parse_frames(shape, data, limit=limit)
    return data


def parse_frames(shape: Shape, data: bytes, *, limit: int) -> dict[int, tuple[bytes, ...]]:
    """The frames of a body, by tag; every tag of the table is there, perhaps empty. Raises Malformed."""
    if len(data) > limit:
        raise Malformed("message", f"longer than {limit} bytes")
    found: dict[int, list[bytes]] = {tag: [] for tag in shape}
    place = last = 0
    while place < len(data):
        if len(data) - place < _HEAD.size:
            raise Malformed("frame", "cut short")
        tag, length = _HEAD.unpack_from(data, place)
        place += _HEAD.size
        slot = shape.get(tag)
        if slot is None or tag < last:
            raise Malformed("frame", f"tag {tag} unknown here, or out of order")
        if length > slot.size or length > len(data) - place:
            raise Malformed(slot.name, "too long, or cut short")
        if len(found[tag]) == slot.high:
            raise Malformed(slot.name, f"more than {slot.high}")
        found[tag].append(data[place : place + length])
        place, last = place + length, tag
    for tag, slot in shape.items():
        if len(found[tag]) < slot.low:
            raise Malformed(slot.name, "missing")
    return {tag: tuple(values) for tag, values in found.items()}


def encode_number(value: int) -> bytes:
    """Eight bytes of a size, index or start."""
    if not 0 <= value <= MAX_NUMBER:
        raise Malformed("number", value)
    return _NUMBER.pack(value)


def parse_number(data: bytes) -> int:
    """The number of eight bytes. Raises Malformed."""
    if len(data) != NUMBER_SIZE:
        raise Malformed("number", f"{len(data)} bytes")
    value: int = _NUMBER.unpack(data)[0]
    if value > MAX_NUMBER:
        raise Malformed("number", value)
    return value
