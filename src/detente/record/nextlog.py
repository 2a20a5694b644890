"""The certificate of a next log: the recovery key's word that a party goes on in a log with fresh keys.

1. Text: `detente/next-log/v1`, the new origin, its Ed25519 vkey, its ML-DSA-44 vkey, the old origin, the old
   log's size and the base64 of its root, a newline behind each.
2. Same cell and party, generation of the old log plus one; both keys are named by the new origin; size 0
   has the root of the empty tree.
3. A signed note with one line: type 0x01, key name `<cell>/<party>/recovery`, the charter's recovery key.
4. At most `MAX_CERTIFICATE` bytes.

The certificate says which keys sign the new log's heads. What size and root it names moves nothing by
itself: the fold judges entry 0 of the new log, whose R01 says the same. SPEC: protocol C3, formats/next-log
"""

from dataclasses import dataclass
from typing import Final

from detente.record.encoding import encode_base64, parse_base64, parse_decimal
from detente.record.errors import Malformed, Unverified, declare
from detente.record.keys import ED25519, KeyPair, LogKeys, Vkey, parse_vkey
from detente.record.names import parse_origin
from detente.record.note import NoteSignature, encode_note, find, parse_note
from detente.record.tree import EMPTY_ROOT, HASH_SIZE

#: Longest names and both keys are under 3 KiB.
MAX_CERTIFICATE: Final = 8 * 1024

LOG_CLOSED: Final = declare(
    "log-closed", "the log's party", "two histories of this log, or its successor, are known; it is closed"
)

_FIRST_LINE: Final = "detente/next-log/v1"
_LINES: Final = 7
# The recovery key signs with Ed25519 alone; the other half of the pair is never used.
_UNUSED_SEED: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class NextLog:
    """`origin` with `keys` follows the log `old`, of which its party names the head `old_size`, `old_root`.

    Raises Malformed unless the logs are one party's, one generation apart (rule 2).
    """

    origin: str
    keys: LogKeys
    old: str
    old_size: int
    old_root: bytes

    def __post_init__(self) -> None:
        cell, party, generation = parse_origin(self.origin)
        if parse_origin(self.old) != (cell, party, generation - 1):
            raise Malformed("next log", f"{self.origin} does not follow {self.old}")
        if self.keys.origin != self.origin:
            raise Malformed("next log", f"keys of {self.keys.origin}")
        if self.old_size < 0 or len(self.old_root) != HASH_SIZE:
            raise Malformed("next log", "old head")
        if self.old_size == 0 and self.old_root != EMPTY_ROOT:
            raise Malformed("root", "not that of the empty tree")

    def text(self) -> bytes:
        """What the recovery key signs (rule 1)."""
        lines = (
            _FIRST_LINE,
            self.origin,
            self.keys.ed25519.encode(),
            self.keys.mldsa44.encode(),
            self.old,
            str(self.old_size),
            encode_base64(self.old_root),
        )
        return "".join(f"{line}\n" for line in lines).encode()


def recovery_name(origin: str) -> str:
    """Name of the recovery key of the party that writes `origin`. Raises Malformed."""
    cell, party, _ = parse_origin(origin)
    return f"{cell}/{party}/recovery"


def sign_next_log(following: NextLog, recovery_seed: bytes) -> bytes:
    """The certificate, signed with the 32-byte seed of the recovery key."""
    signature = KeyPair(recovery_seed, _UNUSED_SEED).sign_ed25519(following.text())
    public = KeyPair(recovery_seed, _UNUSED_SEED).log_keys(recovery_name(following.origin)).ed25519.public
    return certificate(following, recovery=public, signature=signature)


def certificate(following: NextLog, *, recovery: bytes, signature: bytes) -> bytes:
    """The certificate from its pieces: the 32-byte public recovery key and the 64 bytes that it signed.

    Raises Malformed for a key of another size, Unverified if the signature does not hold.
    """
    key = Vkey(recovery_name(following.origin), ED25519, recovery)
    text = following.text()
    key.verify(signature, text)
    return encode_note(text, (NoteSignature(key.name, key.key_id, signature),))


def read_next_log(note: bytes) -> NextLog:
    """What a certificate says, unverified: to learn whose recovery key must have signed. Raises Malformed."""
    if len(note) > MAX_CERTIFICATE:
        raise Malformed("certificate", f"longer than {MAX_CERTIFICATE} bytes")
    parsed = parse_note(note)
    if len(parsed.signatures) != 1:
        raise Malformed("certificate", "more than one signature")
    return _parse_text(parsed.text)


def open_next_log(note: bytes, recovery: bytes) -> NextLog:
    """The next log that the 32-byte public key `recovery` certified. Raises Malformed or Unverified."""
    following = read_next_log(note)
    certified_by(note, following, recovery)
    return following


def certified_by(note: bytes, following: NextLog, recovery: bytes) -> bytes:
    """The 64 bytes of the recovery key's signature in a certificate. Raises Malformed or Unverified."""
    key = Vkey(recovery_name(following.origin), ED25519, recovery)
    line = find(parse_note(note).signatures, key)
    if line is None:
        raise Unverified("signature missing", key=key.name, type=key.type)
    key.verify(line.signature, following.text())
    return line.signature


def _parse_text(text: bytes) -> NextLog:
    lines = text.decode("utf-8").split("\n")
    if len(lines) != _LINES + 1 or lines[-1] or lines[0] != _FIRST_LINE:
        raise Malformed("certificate", lines[0][:40])
    _, origin, ed25519, mldsa44, old, size, root, _ = lines
    return NextLog(
        origin,
        LogKeys(origin, parse_vkey(ed25519), parse_vkey(mldsa44)),
        old,
        parse_decimal(size, "tree size"),
        parse_base64(root, "root", size=HASH_SIZE),
    )
