"""The thin form's bytes and signature: a statement short enough for radio and paper (protocol E3).

    byte 0       version 1
    byte 1       length of the body, from byte 0
    bytes 2-3    start of SHA-256 over the domain line and the cell's name
    bytes 4-6    start of the charter's digest: numbers mean what that charter says
    byte 7       the author's place among the charter's party ids, sorted; byte 8: the party that is asked
    byte 9       the kind's number (2 is D02); byte 10: its version
    byte 11      the act's place in the kind file
    bytes 12-15  time, POSIX seconds, big-endian
    bytes 16-18  random: two messages of one second differ
    byte 19…     case: 0 none | 1, party, generation, u32 index | 2, six bytes of a thin message's SHA-256
    then         what the kind's fields say (cases.thin)
    last 64      Ed25519 signature of the party's thin key over the domain line, the cell's line and the body

A message's name is SHA-256 over all its bytes; the core that covers it later has it in its field `thin`.
"""

import hashlib
import struct
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from detente.record.errors import Malformed, Refused, Unverified, declare

MAX_THIN: Final = 120
SIGNATURE: Final = 64
CASE_NAME: Final = 6
NONCE: Final = 3
_DOMAIN: Final = b"detente/thin/v1\n"
_FIXED: Final = struct.Struct(">BB2s3sBBBBBI3s")
_ENTRY: Final = struct.Struct(">BBI")

TOO_LONG: Final = declare(
    "thin-too-long", "caller", "with these values the message has more than 120 bytes; say less, or shorter"
)
OTHER_CELL: Final = declare("thin-other-cell", "operator", "the message belongs to another cell")


@dataclass(frozen=True, slots=True)
class ThinCase:
    """The case a message is about: an entry of a log, or the first bytes of a thin message's name."""

    party: int = 0
    generation: int = 0
    index: int = 0
    name: bytes = b""


@dataclass(frozen=True, slots=True)
class Thin:
    """A message's numbers; what they mean is the charter's. `fields` are the bytes of `cases.thin`."""

    charter: bytes
    author: int
    asked: int
    kind: int
    kind_version: int
    act: int
    time: int
    nonce: bytes
    case: ThinCase | None
    fields: bytes


def sign_thin(thin: Thin, cell: str, seed: bytes) -> bytes:
    """The message's bytes. Raises Refused `thin-too-long`, Malformed for numbers out of range."""
    body = _encode(thin, cell)
    if len(body) + SIGNATURE > MAX_THIN:
        raise Refused(TOO_LONG, bytes=len(body) + SIGNATURE, limit=MAX_THIN)
    return body + Ed25519PrivateKey.from_private_bytes(seed).sign(_signed(body, cell))


def parse_thin(data: bytes, cell: str) -> Thin:
    """The numbers of a message, its signature not looked at. Raises Malformed, Refused `thin-other-cell`."""
    if not _FIXED.size < len(data) - SIGNATURE <= MAX_THIN - SIGNATURE:
        raise Malformed("thin", f"{len(data)} bytes")
    version, length, of, charter, author, asked, kind, kind_version, act, time, nonce = _FIXED.unpack_from(
        data
    )
    if version != 1 or length != len(data) - SIGNATURE:
        raise Malformed("thin", "version or length")
    if of != _cell_tag(cell):
        raise Refused(OTHER_CELL, cell=cell)
    case, place = _case(data[:length], _FIXED.size)
    return Thin(charter, author, asked, kind, kind_version, act, time, nonce, case, data[place:length])


def verify_thin(data: bytes, cell: str, public: bytes) -> None:
    """Raise Unverified unless the thin key `public` (32 bytes) signed this message for this cell."""
    body, signature = data[:-SIGNATURE], data[-SIGNATURE:]
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _signed(body, cell))
    except InvalidSignature as error:
        raise Unverified("thin signature", cell=cell) from error


def thin_name(data: bytes) -> bytes:
    """SHA-256 by which a message is known, and which the covering core names."""
    return hashlib.sha256(data).digest()


def length_of(start: bytes) -> int | None:
    """Bytes of the whole message, from its first two; None when there are fewer, or it is none."""
    if len(start) < 2 or start[0] != 1 or not _FIXED.size < start[1] <= MAX_THIN - SIGNATURE:
        return None
    return start[1] + SIGNATURE


def _encode(thin: Thin, cell: str) -> bytes:
    if len(thin.charter) != 3 or len(thin.nonce) != NONCE:
        raise Malformed("thin", "charter or nonce")
    case = _encode_case(thin.case)
    length = _FIXED.size + len(case) + len(thin.fields)
    try:
        fixed = _FIXED.pack(
            1, min(length, 255), _cell_tag(cell), thin.charter, thin.author, thin.asked, thin.kind,
            thin.kind_version, thin.act, thin.time, thin.nonce,
        )  # fmt: skip
    except struct.error as error:
        raise Malformed("thin", "a number out of range") from error
    return fixed + case + thin.fields


def _encode_case(case: ThinCase | None) -> bytes:
    if case is None:
        return b"\x00"
    if case.name:
        if len(case.name) != CASE_NAME:
            raise Malformed("thin case")
        return b"\x02" + case.name
    try:
        return b"\x01" + _ENTRY.pack(case.party, case.generation, case.index)
    except struct.error as error:
        raise Malformed("thin case", "a number out of range") from error


def _case(body: bytes, place: int) -> tuple[ThinCase | None, int]:
    form, rest = body[place], body[place + 1 :]
    if form == 0:
        return None, place + 1
    if form == 1 and len(rest) >= _ENTRY.size:
        return ThinCase(*_ENTRY.unpack_from(rest)), place + 1 + _ENTRY.size
    if form == 2 and len(rest) >= CASE_NAME:
        return ThinCase(name=rest[:CASE_NAME]), place + 1 + CASE_NAME
    raise Malformed("thin case")


def _cell_tag(cell: str) -> bytes:
    return hashlib.sha256(_DOMAIN + cell.encode()).digest()[:2]


def _signed(body: bytes, cell: str) -> bytes:
    return _DOMAIN + cell.encode() + b"\n" + body
