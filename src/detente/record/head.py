"""Heads (C2SP checkpoints) and mirror cosignatures, each signed with Ed25519 and ML-DSA-44.

1. Body: origin, size, base64 of the root, a newline behind each. No extension lines: the ML-DSA signature
   does not cover them.
2. A log signs its head with a line of type 0x01 over the body and one of type 0x06; the key name is the
   origin. The head's time is that of the 0x06 line.
3. A mirror cosigns with a line of type 0x04 and one of type 0x06 under its own name and one time.
4. Both halves are required (protocol B7); no time is zero.

A mirror cosignature says: every entry up to this size is on my disk (protocol B1).
"""

import struct
from dataclasses import dataclass
from typing import Final

from detente.record.encoding import MAX_NUMBER, encode_base64, parse_base64, parse_decimal
from detente.record.errors import Malformed, Unverified
from detente.record.keys import SIGNATURE_SIZE, KeyPair, LogKeys, MirrorKeys, Vkey, check_name
from detente.record.note import NoteSignature, encode_note, find, parse_lines, parse_note
from detente.record.tree import EMPTY_ROOT, HASH_SIZE

_SUBTREE: Final = b"subtree/v1\n\x00"
_TIME: Final = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Head:
    """What a log says of itself: its first `size` entries hash to `root`."""

    origin: str
    size: int
    root: bytes

    def body(self) -> bytes:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n".encode()


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head whose two signatures were verified. `note` is its body and these two lines."""

    head: Head
    time: int
    note: bytes


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A mirror's two verified lines over one head, at one time."""

    mirror: str
    head: Head
    time: int
    lines: bytes


def parse_body(data: bytes) -> Head:
    """The head of a body; the inverse of `Head.body`. Raises Malformed."""
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise Malformed("head", "not UTF-8") from error
    if len(lines) != 4 or lines[3]:
        raise Malformed("head", "not three lines")
    head = Head(
        check_name(lines[0]),
        parse_decimal(lines[1], "tree size"),
        parse_base64(lines[2], "root", size=HASH_SIZE),
    )
    if head.size == 0 and head.root != EMPTY_ROOT:
        raise Malformed("root", "not that of the empty tree")
    return head


def sign_head(head: Head, pair: KeyPair, time: int) -> bytes:
    """The signed note of a head: a 0x01 and a 0x06 line under the origin's name."""
    keys = pair.log_keys(head.origin)
    body = head.body()
    return encode_note(
        body,
        (
            NoteSignature(head.origin, keys.ed25519.key_id, pair.sign_ed25519(body)),
            _mldsa44_line(head, keys.mldsa44, pair, time),
        ),
    )


def open_head(note: bytes, keys: LogKeys) -> SignedHead:
    """The head of a note that both of the log's keys signed; its `note` has these two lines alone, whatever
    cosignatures came with them: those have a life of their own.

    Raises Malformed if the bytes are no note of a head, Unverified if a signature is missing or wrong, or
    if the head is another log's.
    """
    parsed = parse_note(note)
    head = parse_body(parsed.text)
    if head.origin != keys.origin:
        raise Unverified("origin", origin=head.origin, expected=keys.origin)
    line = _required(parsed.signatures, keys.ed25519)
    keys.ed25519.verify(line.signature, parsed.text)
    second = _required(parsed.signatures, keys.mldsa44)
    time = verify_mldsa44(second, keys.mldsa44, head)
    return SignedHead(head, time, encode_note(parsed.text, (line, second)))


def cosign(head: Head, mirror_name: str, pair: KeyPair, time: int) -> Cosignature:
    """The mirror's two lines over `head`. The caller holds every entry up to its size on disk."""
    keys = pair.mirror_keys(mirror_name)
    _check_time(time)
    signature = pair.sign_ed25519(_ed25519_message(head, time))
    first = NoteSignature(mirror_name, keys.ed25519.key_id, _TIME.pack(time) + signature)
    second = _mldsa44_line(head, keys.mldsa44, pair, time)
    return Cosignature(mirror_name, head, time, first.encode() + second.encode())


def open_cosignature(lines: bytes, head: Head, keys: MirrorKeys) -> Cosignature:
    """The mirror's cosignature of `head` among signature lines; other keys' lines are ignored.

    `lines` of the result are the two lines of that mirror alone, whatever order and company they came in.
    Raises Malformed or Unverified.
    """
    parsed = parse_lines(lines)
    first, second = _required(parsed, keys.ed25519), _required(parsed, keys.mldsa44)
    time = verify_ed25519(first, keys.ed25519, head)
    if verify_mldsa44(second, keys.mldsa44, head) != time:
        raise Unverified("cosignature time", mirror=keys.name)  # SPEC: protocol B7
    return Cosignature(keys.name, head, time, first.encode() + second.encode())


def verify_ed25519(line: NoteSignature, key: Vkey, head: Head) -> int:
    """Time of a verified 0x04 line over `head`. Raises Malformed or Unverified."""
    time, signature = _timed(line, key)
    key.verify(signature, _ed25519_message(head, time))
    return time


def verify_mldsa44(line: NoteSignature, key: Vkey, head: Head) -> int:
    """Time of a verified 0x06 line over `head`. Raises Malformed or Unverified."""
    time, signature = _timed(line, key)
    key.verify(signature, mldsa44_message(head, key.name, time))
    return time


def mldsa44_message(head: Head, name: str, time: int) -> bytes:
    """What an 0x06 line signs: the subtree from 0 to the head's size (C2SP tlog-cosignature)."""
    return b"".join(
        (
            _SUBTREE,
            _short(name),
            _TIME.pack(time),
            _short(head.origin),
            struct.pack(">QQ", 0, head.size),
            head.root,
        )
    )


def _ed25519_message(head: Head, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n".encode() + head.body()


def _mldsa44_line(head: Head, key: Vkey, pair: KeyPair, time: int) -> NoteSignature:
    _check_time(time)
    signature = pair.sign_mldsa44(mldsa44_message(head, key.name, time))
    return NoteSignature(key.name, key.key_id, _TIME.pack(time) + signature)


def _required(signatures: tuple[NoteSignature, ...], key: Vkey) -> NoteSignature:
    line = find(signatures, key)
    if line is None:
        raise Unverified("signature missing", key=key.name, type=key.type)
    return line


def _timed(line: NoteSignature, key: Vkey) -> tuple[int, bytes]:
    if len(line.signature) != _TIME.size + SIGNATURE_SIZE[key.type]:
        raise Malformed("signature line", f"{len(line.signature)} bytes")
    time: int = _TIME.unpack(line.signature[: _TIME.size])[0]
    _check_time(time)
    return time, line.signature[_TIME.size :]


def _check_time(time: int) -> None:
    if not 0 < time <= MAX_NUMBER:
        raise Malformed("cosignature time", time)


def _short(text: str) -> bytes:
    data = text.encode()
    return bytes([len(data)]) + data
