"""What two nodes say to each other: push, heads, ahead, probe (protocol D2 to D4; spec/protocol/link.md).

1. A push carries entries of its sender's own log from `start` to a head; parts of floor kinds go with it.
2. A cosignature travels as a note: the body of the head, an empty line, the mirror's two lines. So it says
   itself which head it is about, whoever passes it on.
3. A notice names heads that the sender holds, of any log: who lacks them pulls from whoever named them.
4. An ahead carries one floor entry whose log the receiver does not hold that far yet (D3).
5. A probe is strict JSON and outside the record.

Parsing checks form alone. Signatures, roots and what a header means are checked by others.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from detente.record import strictjson
from detente.record.errors import Malformed
from detente.record.head import Cosignature, Head, open_cosignature, parse_body
from detente.record.header import MissingRange, parse_ranges, ranges_json
from detente.record.keys import MirrorKeys
from detente.record.names import is_party, parse_origin
from detente.record.nextlog import MAX_CERTIFICATE
from detente.record.note import MAX_NOTE, parse_note
from detente.record.references import MAX_ORIGIN, parse_log
from detente.record.strictjson import expect_integer, expect_keys, expect_text
from detente.record.tiles import MAX_ENTRY
from detente.record.tree import HASH_SIZE
from detente.record.wire import (
    NUMBER_SIZE,
    Shape,
    Slot,
    encode_frames,
    encode_number,
    parse_frames,
    parse_number,
)

MAX_PUSH_ENTRIES: Final = 8192
#: Entries and parts of one push or ahead together; what is larger is pulled.
MAX_PUSH_BYTES: Final = 16 << 20
#: The whole body: the above, with heads, cosignatures and frames around it.
MAX_PUSH_BODY: Final = 17 << 20
MAX_NOTICE_BODY: Final = 1 << 20
MAX_PROBE_BODY: Final = 16 << 10
MAX_HEADS: Final = 64
MAX_COSIGNATURES: Final = 64
MAX_WANTS: Final = 256
MAX_PARTS: Final = 256
#: Hashes of an inclusion proof (C2SP: at most 63).
MAX_PROOF: Final = 63
_MAX_MISSING: Final = 32 * 1024
_MAX_PEERS: Final = 64
_VERSION: Final = re.compile(r"[0-9A-Za-z.+-]{1,40}")

LOG, NUMBER, ENTRY, HEAD, COSIGNATURE, PART, RECEIPT, MISSING, WANT, PROOF, CERTIFICATE = range(1, 12)

_LOG: Final = Slot("log", 1, 1, MAX_ORIGIN)
_HEAD: Final = Slot("head", 1, 1, MAX_NOTE)
_COSIGNATURES: Final = Slot("cosignature", 0, MAX_COSIGNATURES, MAX_NOTE)
_WANTS: Final = Slot("want", 0, MAX_WANTS, HASH_SIZE)

PUSH: Final[Shape] = {
    LOG: _LOG,
    NUMBER: Slot("start", 1, 1, NUMBER_SIZE),
    ENTRY: Slot("entry", 0, MAX_PUSH_ENTRIES, MAX_ENTRY),
    HEAD: _HEAD,
    COSIGNATURE: _COSIGNATURES,
    PART: Slot("part", 0, MAX_PARTS, MAX_PUSH_BYTES),
    CERTIFICATE: Slot("certificate", 0, 1, MAX_CERTIFICATE),
}
PUSH_ANSWER: Final[Shape] = {
    NUMBER: Slot("size", 1, 1, NUMBER_SIZE),
    COSIGNATURE: _COSIGNATURES,
    RECEIPT: Slot("receipt", 0, 1, MAX_NOTE),
    MISSING: Slot("missing", 1, 1, _MAX_MISSING),
    WANT: _WANTS,
}
NOTICE: Final[Shape] = {
    HEAD: Slot("head", 0, MAX_HEADS, MAX_NOTE),
    COSIGNATURE: _COSIGNATURES,
    WANT: _WANTS,
}
AHEAD: Final[Shape] = {
    LOG: _LOG,
    NUMBER: Slot("index", 1, 1, NUMBER_SIZE),
    ENTRY: Slot("entry", 1, 1, MAX_ENTRY),
    HEAD: _HEAD,
    PART: Slot("part", 0, MAX_PARTS, MAX_PUSH_BYTES),
    PROOF: Slot("proof", 0, MAX_PROOF, HASH_SIZE),
}


@dataclass(frozen=True, slots=True)
class Push:
    """Entries start… of `log` up to the signed head `head` (a note), with parts and cosignature notes.

    `certificate` goes with the first push of a next log (nextlog.py): who holds nothing of it knows no key.
    """

    log: str
    start: int
    entries: tuple[bytes, ...]
    head: bytes
    parts: tuple[bytes, ...] = ()
    cosignatures: tuple[bytes, ...] = ()
    certificate: bytes = b""


@dataclass(frozen=True, slots=True)
class PushAnswer:
    """What the mirror holds now: size, its cosignature note (empty if it could not sign), what it lacks.

    `missing` are ranges of the pushed log; `wants` are hashes of parts that the sender may send it;
    `cosignatures` are notes of other mirrors.
    """

    size: int
    cosignature: bytes
    missing: tuple[MissingRange, ...] = ()
    wants: tuple[bytes, ...] = ()
    cosignatures: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """Heads held (notes of any log), cosignature notes, hashes of parts wanted. The answer is one as well."""

    heads: tuple[bytes, ...] = ()
    cosignatures: tuple[bytes, ...] = ()
    wants: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Ahead:
    """Floor entry `index` of `log` under the signed head `head`, with its inclusion proof and parts."""

    log: str
    index: int
    entry: bytes
    head: bytes
    proof: tuple[bytes, ...]
    parts: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """What a node says of itself every three seconds; `hears` is seconds since a party was heard directly."""

    time: int
    watch_armed: bool
    holds: Mapping[str, int] = field(default_factory=dict)
    hears: Mapping[str, int] = field(default_factory=dict)
    version: str = "0"


def encode_push(push: Push) -> bytes:
    """The body of POST push. Raises Malformed if it is over a bound."""
    _check_bytes(push.entries, push.parts)
    frames = {
        LOG: (parse_log(push.log).encode(),),
        NUMBER: (encode_number(push.start),),
        ENTRY: push.entries,
        HEAD: (push.head,),
        COSIGNATURE: push.cosignatures,
        PART: push.parts,
        CERTIFICATE: (push.certificate,) if push.certificate else (),
    }
    return encode_frames(PUSH, frames, limit=MAX_PUSH_BODY)


def parse_push(data: bytes) -> Push:
    """The inverse of `encode_push`. Raises Malformed."""
    found = parse_frames(PUSH, data, limit=MAX_PUSH_BODY)
    _check_bytes(found[ENTRY], found[PART])
    if found[CERTIFICATE] == (b"",):
        raise Malformed("certificate", "empty")
    return Push(
        _log(found[LOG][0]),
        parse_number(found[NUMBER][0]),
        found[ENTRY],
        found[HEAD][0],
        found[PART],
        found[COSIGNATURE],
        found[CERTIFICATE][0] if found[CERTIFICATE] else b"",
    )


def encode_push_answer(answer: PushAnswer) -> bytes:
    """The body of the answer to a push. Raises Malformed if it is over a bound."""
    frames = {
        NUMBER: (encode_number(answer.size),),
        COSIGNATURE: answer.cosignatures,
        RECEIPT: (answer.cosignature,) if answer.cosignature else (),
        MISSING: (strictjson.encode(ranges_json(answer.missing)),),
        WANT: answer.wants,
    }
    return encode_frames(PUSH_ANSWER, frames, limit=MAX_NOTICE_BODY)


def parse_push_answer(data: bytes) -> PushAnswer:
    """The inverse of `encode_push_answer`. Raises Malformed."""
    found = parse_frames(PUSH_ANSWER, data, limit=MAX_NOTICE_BODY)
    size = parse_number(found[NUMBER][0])
    if found[RECEIPT] == (b"",):
        raise Malformed("receipt", "empty")
    return PushAnswer(
        size,
        found[RECEIPT][0] if found[RECEIPT] else b"",
        parse_ranges(strictjson.parse(found[MISSING][0], limit=_MAX_MISSING), size),
        _hashes(found[WANT], "want"),
        found[COSIGNATURE],
    )


def encode_notice(notice: Notice) -> bytes:
    """The body of POST heads and of its answer. Raises Malformed if it is over a bound."""
    frames = {HEAD: notice.heads, COSIGNATURE: notice.cosignatures, WANT: notice.wants}
    return encode_frames(NOTICE, frames, limit=MAX_NOTICE_BODY)


def parse_notice(data: bytes) -> Notice:
    """The inverse of `encode_notice`. Raises Malformed."""
    found = parse_frames(NOTICE, data, limit=MAX_NOTICE_BODY)
    return Notice(found[HEAD], found[COSIGNATURE], _hashes(found[WANT], "want"))


def encode_ahead(ahead: Ahead) -> bytes:
    """The body of POST ahead. Raises Malformed if it is over a bound."""
    _check_bytes((ahead.entry,), ahead.parts)
    frames = {
        LOG: (parse_log(ahead.log).encode(),),
        NUMBER: (encode_number(ahead.index),),
        ENTRY: (ahead.entry,),
        HEAD: (ahead.head,),
        PART: ahead.parts,
        PROOF: ahead.proof,
    }
    return encode_frames(AHEAD, frames, limit=MAX_PUSH_BODY)


def parse_ahead(data: bytes) -> Ahead:
    """The inverse of `encode_ahead`. Raises Malformed."""
    found = parse_frames(AHEAD, data, limit=MAX_PUSH_BODY)
    _check_bytes(found[ENTRY], found[PART])
    return Ahead(
        _log(found[LOG][0]),
        parse_number(found[NUMBER][0]),
        found[ENTRY][0],
        found[HEAD][0],
        _hashes(found[PROOF], "proof"),
        found[PART],
    )


def encode_probe(probe: Probe) -> bytes:
    """The JSON of a probe and of its answer."""
    return strictjson.encode(
        {
            "time": probe.time,
            "watch_armed": probe.watch_armed,
            "holds": dict(probe.holds),
            "hears": dict(probe.hears),
            "version": probe.version,
        }
    )


def parse_probe(data: bytes) -> Probe:
    """The inverse of `encode_probe`. Raises Malformed."""
    keys = ("time", "watch_armed", "holds", "hears", "version")
    found = expect_keys(strictjson.parse(data, limit=MAX_PROBE_BODY), "probe", keys)
    if not isinstance(found["watch_armed"], bool):
        raise Malformed("probe watch_armed")
    holds, hears = _sizes(found["holds"], "probe holds"), _sizes(found["hears"], "probe hears")
    for log in holds:
        parse_log(log)
    if not all(is_party(party) for party in hears):
        raise Malformed("probe hears", "not a party")
    version = expect_text(found["version"], "probe version", limit=40)
    if not _VERSION.fullmatch(version):
        raise Malformed("probe version")
    return Probe(expect_integer(found["time"], "probe time"), found["watch_armed"], holds, hears, version)


def cosignature_note(cosignature: Cosignature) -> bytes:
    """The note in which a cosignature travels (rule 2)."""
    return cosignature.head.body() + b"\n" + cosignature.lines


def cosigned_head(note: bytes) -> Head:
    """The head that a cosignature note is about, unverified. Raises Malformed."""
    head = parse_body(parse_note(note).text)
    parse_origin(head.origin)
    return head


def open_cosignature_note(note: bytes, keys: MirrorKeys) -> Cosignature:
    """The mirror's cosignature in a note. Raises Malformed or Unverified."""
    head = cosigned_head(note)
    return open_cosignature(note[len(head.body()) + 1 :], head, keys)


def _check_bytes(entries: tuple[bytes, ...], parts: tuple[bytes, ...]) -> None:
    if sum(map(len, entries)) + sum(map(len, parts)) > MAX_PUSH_BYTES:
        raise Malformed("push", f"more than {MAX_PUSH_BYTES} bytes of entries and parts")


def _log(data: bytes) -> str:
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise Malformed("origin", "not ASCII") from error
    parse_origin(text)
    return text


def _hashes(values: tuple[bytes, ...], what: str) -> tuple[bytes, ...]:
    if any(len(value) != HASH_SIZE for value in values):
        raise Malformed(what, "not a hash")
    return values


def _sizes(value: object, what: str) -> dict[str, int]:
    if not isinstance(value, dict) or len(value) > _MAX_PEERS:
        raise Malformed(what, "not a small object")
    return {name: expect_integer(number, what) for name, number in value.items()}
