"""Vectors of headers, approvals, keys, sealed parts and link messages: spec/vectors/entries-1.

    PYTHONPATH=src:tests python -m record.vectors_of_entries

makes those that are not there yet. Sealed parts and ECDSA signatures are salted: made again they have other
bytes that mean the same.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from detente.record import age, messages, parts
from detente.record.approvals import (
    Approval,
    Assertion,
    Ed25519Approval,
    SessionApproval,
    WebauthnApproval,
    approval_challenge,
    approval_json,
    approval_message,
    session_challenge,
)
from detente.record.head import Head, cosign
from detente.record.header import Header, MissingRange, PartInfo, Seen, encode_header
from detente.record.messages import Ahead, Notice, Probe, Push, PushAnswer
from detente.record.tree import Tree, inclusion_proof, leaf_hash
from record import logs
from record.vector_files import Vector, broken, render, sound, value_of

FOLDER = Path(__file__).parents[2] / "spec" / "vectors" / "entries-1"

NOON = logs.TIME
CORE = hashlib.sha256(b"core").digest()
POST_KEY = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
SESSION_KEY = Ed25519PrivateKey.from_private_bytes(b"\2" * 32)
PASSKEY = derive_private_key(0x1234567, SECP256R1())
ORIGIN, RP_ID = "https://desk.s1.example", "desk.s1.example"
SEED, OTHER_SEED = b"\7" * 32, b"\x08" * 32
SECRETS = {"file_key": b"k" * 16, "nonce": b"n" * 16}


def hexed(vector: Vector) -> Vector:
    """The vector with its payload in hex."""
    return replace(vector, payload=vector.payload.hex().encode(), header=vector.header | {"encoding": "hex"})


# Headers.


def header() -> Header:
    lacked = (MissingRange(2, 4, ("attachment", "content")), MissingRange(6, 6, ("core",)))
    both = ("g1", "s2")
    return Header(
        version=1,
        cell=logs.CELL,
        log=logs.LOG,
        floor=True,
        time=NOON,
        charter=b"\3" * 32,
        to=both,
        parts=(
            PartInfo("core", b"\1" * 32, 2683, both, both),
            PartInfo("content", b"\2" * 32, 2683, ("s2",), both),
            PartInfo("attachment", b"\4" * 32, 67_000, (), ("s2",)),
        ),
        seen=(
            Seen(f"{logs.CELL}/g1/1", 3, b"\5" * 32, NOON - 9),
            Seen(f"{logs.CELL}/s2/1", 7, b"\6" * 32, NOON, lacked),
        ),
        core=CORE,
        approvals=(Ed25519Approval(POST_KEY.public_key().public_bytes_raw(), b"\x09" * 64),),
    )


def headers() -> Iterator[Vector]:
    base = sound(
        "header",
        "every_member",
        "formats/header 1",
        encode_header(header()),
        "a header with something in every member",
        value=value_of({"log": logs.LOG, "time": NOON, "parts": 3, "seen": 2, "approvals": 1}),
    )
    yield base
    for name, rule, old, new, comment in (
        ("unknown_key", 1, b'"v":1', b'"v":1,"w":1', "a key that no header has"),
        ("no_core", 1, f',"core":"{CORE.hex()}"'.encode(), b"", "a key is missing"),
        ("version_2", 2, b'"v":1', b'"v":2', "another version"),
        ("another_cell", 2, b'"cell":"north.exercise"', b'"cell":"south.exercise"', "not the log's cell"),
        ("floor_is_a_number", 2, b'"floor":true', b'"floor":1', "1 is not true"),
        ("time_is_a_text", 2, f'"time":{NOON}'.encode(), f'"time":"{NOON}"'.encode(), "a number in quotes"),
        ("charter_upper_case", 2, b"03" * 32, b"0A" * 32, "hex is lower case"),
        (
            "to_not_sorted", 3, b'"to":["g1","s2"],"v"', b'"to":["s2","g1"],"v"', "parties are sorted",
        ),
        ("to_names_the_author", 3, b'"to":["g1","s2"],"v"', b'"to":["g1","s1","s2"],"v"', "s1 writes this"),
        ("to_names_one_twice", 3, b'"to":["g1","s2"],"v"', b'"to":["g1","g1","s2"],"v"', "g1 twice"),
        ("content_first", 4, b'"role":"core"', b'"role":"content"', "part 0 is the core"),
        ("two_cores", 4, b'"role":"content"', b'"role":"core"', "two cores"),
        ("part_for_another", 4, b'"to":["s2"]', b'"to":["o1"]', "o1 is not in the header's to"),
        ("keep_without_to", 4, b'"keep":["g1","s2"],"role":"core"', b'"keep":["g1"],"role":"core"', "no s2"),
        ("unknown_role", 4, b'"role":"attachment"', b'"role":"seal"', "no such role"),
        ("part_of_no_bytes", 4, b'"size":67000', b'"size":0', "a sealed part has bytes"),
        ("seen_own_log", 5, b'"log":"north.exercise/g1/1"', b'"log":"north.exercise/s1/1"', "the own log"),
        ("seen_not_sorted", 5, b'"log":"north.exercise/g1/1"', b'"log":"north.exercise/s3/1"', "s3 after s2"),
        ("seen_of_another_cell", 5, b'"log":"north.exercise/g1/1"', b'"log":"east/g1/1"', "another cell"),
        ("seen_size_zero", 5, b'"size":3', b'"size":0', "nothing held is left out"),
        ("seen_later_than_time", 5, f'"at":{NOON},'.encode(), f'"at":{NOON + 1},'.encode(), "at after time"),
        ("range_turned", 6, b"[2,4,", b"[4,2,", "first after last"),
        ("ranges_overlap", 6, b"[6,6,", b"[4,6,", "4 is in both"),
        ("range_beyond_size", 6, b"[6,6,", b"[6,7,", "seven entries end with 6"),
        ("range_roles_not_in_order", 6, b'["attachment","content"]', b'["content","attachment"]', "order"),
        ("range_without_roles", 6, b'["attachment","content"]', b"[]", "nothing is lacked"),
        ("approval_of_no_type", 7, b'"type":"ed25519"', b'"type":"nod"', "no such approval"),
    ):  # fmt: skip
        yield broken(base, name, old, new, comment, rule=f"formats/header {rule}")


# Approvals.


def cose() -> bytes:
    numbers = PASSKEY.public_key().public_numbers()
    return b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20%b\x22\x58\x20%b" % (
        numbers.x.to_bytes(32),
        numbers.y.to_bytes(32),
    )


def assertion(over: bytes, flags: int = 5) -> Assertion:
    challenge = base64.urlsafe_b64encode(over).rstrip(b"=").decode()
    client_data = json.dumps(
        {"type": "webauthn.get", "challenge": challenge, "origin": ORIGIN, "crossOrigin": False}
    ).encode()
    authenticator = hashlib.sha256(RP_ID.encode()).digest() + bytes([flags]) + bytes(4)
    signed = authenticator + hashlib.sha256(client_data).digest()
    return Assertion(b"credential", authenticator, client_data, PASSKEY.sign(signed, ECDSA(SHA256())))


def approved(approval: Approval) -> bytes:
    """What a checker is given: the approval, what it is over, and the credentials in force."""
    passkey = {
        "post": "WATCH", "kind": "webauthn", "public": cose().hex(), "credential_id": b"credential".hex(),
        "rp_id": RP_ID, "origins": [ORIGIN],
    }  # fmt: skip
    post_key = {"post": "LEGAL", "kind": "ed25519", "public": POST_KEY.public_key().public_bytes_raw().hex()}
    return json.dumps(
        {
            "cell": logs.CELL, "party": "s1", "core": CORE.hex(), "at": NOON,
            "credentials": [passkey, post_key], "approval": approval_json(approval),
        },
        indent=1,
    ).encode() + b"\n"  # fmt: skip


def approvals() -> Iterator[Vector]:
    message = approval_message(logs.CELL, "s1", CORE)
    own = Ed25519Approval(POST_KEY.public_key().public_bytes_raw(), POST_KEY.sign(message))
    key = sound(
        "approval", "ed25519", "formats/approvals 3", approved(own), "a post's own key",
        value=value_of({"post": "LEGAL", "via": "ed25519"}),
    )  # fmt: skip
    yield key
    other = f'"core": "{CORE.hex()}"'.encode()
    for name, rule, old, new, expect, comment in (
        ("ed25519_other_core", 1, other, b'"core": "%b"' % (b"00" * 32), "unverified", "another core"),
        ("ed25519_other_party", 1, b'"party": "s1"', b'"party": "s2"', "unverified", "another party"),
        ("ed25519_other_cell", 1, b'"cell": "north', b'"cell": "south', "unverified", "another cell"),
        (
            "ed25519_not_registered",
            3,
            b'"kind": "ed25519"',
            b'"kind": "passkey"',
            "unverified",
            "no such credential",
        ),
        ("ed25519_extra_member", 3, b'"type": "ed25519"', b'"type": "ed25519", "at": 1', "malformed", "at"),
    ):
        yield broken(key, name, old, new, comment, rule=f"formats/approvals {rule}", expect=expect)
    released = WebauthnApproval(assertion(approval_challenge(logs.CELL, "s1", CORE)))
    passkey = sound(
        "approval", "webauthn", "formats/approvals 4", approved(released), "a passkey's assertion, ES256",
        value=value_of({"post": "WATCH", "via": "webauthn"}),
    )  # fmt: skip
    yield passkey
    origin = f'"{ORIGIN}"'.encode()
    for name, rule, old, new, comment in (
        ("webauthn_other_core", 4, other, b'"core": "%b"' % (b"00" * 32), "another core, another challenge"),
        ("webauthn_other_origin", 7, origin, b'"https://desk.s2.example"', "not a registered origin"),
        ("webauthn_other_rp_id", 8, b'"rp_id": "desk.s1', b'"rp_id": "desk.s2', "hash of another RP ID"),
    ):
        yield broken(passkey, name, old, new, comment, rule=f"formats/approvals {rule}", expect="unverified")
    unseen = WebauthnApproval(assertion(approval_challenge(logs.CELL, "s1", CORE), flags=1))
    yield replace_with(passkey, "webauthn_not_verified", 8, approved(unseen), "the flag user verified is 0")
    start, end = NOON - 60, NOON + 60
    public = SESSION_KEY.public_key().public_bytes_raw()
    opening = assertion(session_challenge(logs.CELL, "s1", "WATCH", public, start, end))
    session = sound(
        "approval", "session", "formats/approvals 5",
        approved(SessionApproval(public, SESSION_KEY.sign(message), "WATCH", start, end, opening)),
        "a session that the passkey opened",
        value=value_of({"post": "WATCH", "via": "session"}),
    )  # fmt: skip
    yield session
    for name, old, new, comment in (
        ("session_ended", f'"at": {NOON}', f'"at": {end + 1}', "one second after the last"),
        ("session_longer", f'"not_after": {end}', f'"not_after": {end + 1}', "longer than was opened"),
        (
            "session_other_post",
            '"post": "WATCH",\n  "not',
            '"post": "LEGAL",\n  "not',
            "opened for another",
        ),
    ):
        changed = broken(session, name, old.encode(), new.encode(), comment, expect="unverified")
        yield changed


def replace_with(base: Vector, name: str, rule: int, payload: bytes, comment: str) -> Vector:
    """A bad vector that needs other signatures than the sound one."""
    words = {"rule": f"formats/approvals {rule}", "expect": "unverified", "comment": comment}
    return Vector(base.format, name, payload, words | {"sound": base.name})


def cose_keys() -> Iterator[Vector]:
    base = sound("cose-key", "es256", "formats/approvals 10", cose(), "a P-256 key", value=value_of("es256"))
    yield hexed(base)
    public = POST_KEY.public_key().public_bytes_raw()
    eddsa = sound(
        "cose-key", "eddsa", "formats/approvals 10", b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20" + public,
        "an Ed25519 key", value=value_of("eddsa"),
    )  # fmt: skip
    yield hexed(eddsa)
    for name, old, new, comment in (
        ("longer_length", b"\x58\x20", b"\x59\x00\x20", "a length in more bytes than it needs"),
        ("another_algorithm", b"\x03\x27", b"\x03\x26", "EdDSA key that says ES256"),
        ("member_twice", b"\xa4\x01\x01", b"\xa5\x01\x01\x01\x01", "key type twice"),
    ):
        yield hexed(broken(eddsa, name, old, new, comment))


# Sealed parts.


def part_vectors() -> Iterator[Vector]:
    recipients = [age.recipient_of(OTHER_SEED), age.recipient_of(SEED)]
    text = '{"v":1,"salt":"…","text":"هدوء שקט calm"}'.encode()
    sealed = parts.seal(text, recipients, **SECRETS)
    base = sound(
        "part", "two_recipients", "formats/parts 1", sealed, "the second stanza is for this identity",
        value=value_of(text.hex()), identity=SEED.hex(),
    )  # fmt: skip
    yield hexed(base)
    empty = parts.seal(b"", recipients[1:], **SECRETS)
    yield hexed(
        sound(
            "part",
            "empty_text",
            "formats/parts 6",
            empty,
            "1,024 bytes inside",
            value=value_of(""),
            identity=SEED.hex(),
        )
    )

    def bad(name: str, rule: int, payload: bytes, expect: str, comment: str, seed: bytes = SEED) -> Vector:
        words = {"rule": f"formats/parts {rule}", "expect": expect, "comment": comment, "sound": base.name}
        return hexed(Vector("part", name, payload, words | {"identity": seed.hex()}))

    start = len("age-encryption.org/v1\n")
    classical = b"-> X25519 " + b"A" * 43 + b"\n" + b"A" * 43 + b"\n"
    mac = sealed.index(b"--- ") + 4
    yield bad("version_2", 1, sealed.replace(b"org/v1", b"org/v2"), "malformed", "another version")
    yield bad("padded_base64", 1, sealed[: mac + 43] + b"=" + sealed[mac + 43 :], "malformed", "padding")
    yield bad(
        "stanza_removed", 4, sealed[:start] + sealed[start + 1557 :], "unverified", "the MAC covers all"
    )
    yield bad("mac_changed", 4, swap(sealed, mac), "unverified", "one letter of the MAC")
    yield bad("nonce_changed", 5, flip(sealed, mac + 44), "unverified", "one bit of the nonce")
    yield bad("payload_changed", 5, flip(sealed, -1), "unverified", "one bit of the last tag")
    yield bad("payload_cut", 5, sealed[:-1], "unverified", "one byte is missing")
    yield bad("for_others", 3, sealed, "unverified", "no stanza is for this identity", b"\x09" * 32)
    mixed = with_stanza(sealed, classical)
    yield bad("classical_stanza", 2, mixed, "malformed", "a stanza that a classical key opens")
    for name, inside, comment in (
        ("padding_not_zero", parts.pad(text)[:-1] + b"\1", "a byte hides in the padding"),
        ("larger_class", parts.pad(text) + bytes(1024), "2,048 bytes where 1,024 do"),
        ("length_too_large", b"\0" * 6 + b"\xff\xff" + bytes(1016), "length beyond the class"),
    ):
        yield bad(name, 6, age.encrypt(inside, recipients, **SECRETS), "malformed", comment)


def with_stanza(sealed: bytes, stanza: bytes) -> bytes:
    """The file with one more stanza and a MAC that covers it."""
    start, end = len("age-encryption.org/v1\n"), sealed.index(b"--- ") + 3
    signed = sealed[:start] + stanza + sealed[start:end]
    mac = age._bare_base64(age._header_mac(SECRETS["file_key"], signed))
    return signed + b" " + mac + sealed[end + 1 + 43 :]


def flip(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


def swap(data: bytes, place: int) -> bytes:
    """Another base64 letter at that place."""
    changed = bytearray(data)
    changed[place] = ord("A") if changed[place] != ord("A") else ord("B")
    return bytes(changed)


def recipients() -> Iterator[Vector]:
    text = age.recipient_of(SEED).encode()
    base = sound(
        "recipient", "of_a_seed", "formats/parts 7", text, "the recipient of this identity",
        value=value_of(True), identity=SEED.hex(),
    )  # fmt: skip
    yield base
    last = text[-3:]
    other = b"qqq" if last != b"qqq" else b"ppp"
    yield cut(base, "one_letter_short", text[:-1], "a letter is missing")
    yield cut(base, "wrong_checksum", text[:-3] + other, "the last three letters are others")
    yield cut(base, "mixed_case", text[:-3] + last.upper(), "upper and lower case")


def cut(base: Vector, name: str, payload: bytes, comment: str) -> Vector:
    words = {"rule": base.header["rule"], "expect": "malformed", "comment": comment, "sound": base.name}
    return Vector(base.format, name, payload, words)


# The link.

ENTRIES = [b"first", b"", b"third", b"fourth", b"fifth"]
STORY = [*ENTRIES[:3], b"otherwise", b"fifth"]
HEAD = Head(logs.LOG, 5, Tree(map(leaf_hash, ENTRIES)).root())
S2 = logs.mirrors_of("s1")[0]


def receipt() -> bytes:
    return messages.cosignature_note(cosign(HEAD, S2, logs.pair(S2), NOON + 2))


def frame(tag: int, data: bytes) -> bytes:
    return bytes([tag]) + len(data).to_bytes(4) + data


def link() -> Iterator[Vector]:
    note, known = logs.note(ENTRIES), receipt()
    push = Push(logs.LOG, 3, tuple(ENTRIES[3:]), note, (b"sealed part",), (known,))
    said = {"log": logs.LOG, "start": 3, "entries": 2, "parts": 1, "cosignatures": 1}
    base = sound(
        "push", "two_entries", "protocol/link 6", messages.encode_push(push), "with a part and a cosignature",
        value=value_of(said),
    )  # fmt: skip
    yield hexed(base)
    log, start = frame(1, logs.LOG.encode()), frame(2, (3).to_bytes(8))
    for name, rule, old, new, comment in (
        ("start_before_log", 1, log + start, start + log, "tags out of order"),
        ("bytes_behind", 1, frame(6, b"sealed part"), frame(6, b"sealed part") + b"\0", "half a frame"),
        ("unknown_tag", 2, frame(6, b"sealed part"), frame(6, b"sealed part") + frame(99, b""), "tag 99"),
        ("no_log", 2, log, b"", "the log is missing"),
        ("log_twice", 2, log, log + log, "one log only"),
        ("start_of_four_bytes", 3, start, frame(2, bytes(4)), "a number has eight"),
        ("start_too_large", 3, start, frame(2, b"\x80" + bytes(7)), "2^63"),
        ("length_beyond_the_end", 1, frame(6, b"sealed part"), frame(6, b"sealed part")[:-1], "cut short"),
    ):
        yield hexed(broken(base, name, old, new, comment, rule=f"protocol/link {rule}"))
    answer = PushAnswer(5, known, (MissingRange(3, 4, ("content",)),), (b"\5" * 32,), ())
    value = {"size": 5, "receipt": True, "missing": [[3, 4, ["content"]]], "wants": 1, "cosignatures": 0}
    reply = sound(
        "push-answer", "receipt_and_missing", "protocol/link 7", messages.encode_push_answer(answer),
        "the mirror holds all and lacks two contents", value=value_of(value),
    )  # fmt: skip
    yield hexed(reply)
    missing = frame(8, b'[[3,4,["content"]]]')
    for name, old, new, comment in (
        ("missing_beyond_size", missing, frame(8, b'[[3,5,["content"]]]'), "five entries end with 4"),
        ("no_missing_list", missing, b"", "an empty list is said"),
        ("short_want", frame(9, b"\5" * 32), frame(9, b"\5" * 31), "31 bytes are no hash"),
    ):
        yield hexed(broken(reply, name, old, new, comment))
    value = {"heads": 1, "cosignatures": 1, "wants": 1}
    notice = messages.encode_notice(Notice((note,), (known,), (b"\5" * 32,)))
    yield hexed(
        sound(
            "notice",
            "one_of_each",
            "protocol/link 8",
            notice,
            "head, cosignature, want",
            value=value_of(value),
        )
    )
    yield hexed(
        sound(
            "notice",
            "empty",
            "protocol/link 8",
            b"",
            "the empty message",
            value=value_of(dict.fromkeys(value, 0)),
        )
    )
    proof = inclusion_proof([leaf_hash(one) for one in ENTRIES], 3, 5)
    ahead = messages.encode_ahead(Ahead(logs.LOG, 3, ENTRIES[3], note, proof, (b"sealed part",)))
    value = {"log": logs.LOG, "index": 3, "entry": ENTRIES[3].hex(), "size": 5, "parts": 1}
    early = sound("ahead", "fourth_entry", "protocol/link 9", ahead, "before its log", value=value_of(value))
    yield hexed(early)
    for name, old, new, comment in (
        ("another_entry", frame(3, b"fourth"), frame(3, b"fifth"), "not the entry at 3"),
        ("another_index", start, frame(2, (2).to_bytes(8)), "not its place"),
    ):
        yield hexed(broken(early, name, old, new, comment, expect="unverified"))
    yield from probes()
    yield from accepts()


def probes() -> Iterator[Vector]:
    probe = messages.encode_probe(Probe(NOON, True, {logs.LOG: 5}, {"g1": 2}, "1.0"))
    base = sound(
        "probe", "holds_one_log", "protocol/link 10", probe, "JSON", value=value_of(json.loads(probe))
    )
    yield base
    for name, old, new, comment in (
        ("armed_is_a_number", b'"watch_armed":true', b'"watch_armed":1', "1 is not true"),
        ("hears_upper_case", b'"g1"', b'"G1"', "no party"),
        ("holds_no_origin", b'/s1/1"', b'/s1"', "no origin"),
        ("unknown_key", b'"version"', b'"w":1,"version"', "a key that no probe has"),
    ):
        yield broken(base, name, old, new, comment)


def accepts() -> Iterator[Vector]:
    """What a mirror that holds some entries makes of a push."""

    def given(held: list[bytes], start: int, whole: list[bytes]) -> tuple[bytes, str]:
        push = Push(logs.LOG, start, tuple(whole[start:]), logs.note(whole))
        return messages.encode_push(push), value_of([one.hex() for one in held])

    for name, rule, held, start, whole, expect, comment in (
        ("from_nothing", 12, [], 0, ENTRIES, "ok", "all entries are new"),
        ("goes_on", 12, ENTRIES[:3], 3, ENTRIES, "ok", "two entries are new"),
        ("overlaps", 12, ENTRIES[:3], 1, ENTRIES, "ok", "two are new, two are held"),
        ("again", 13, ENTRIES, 0, ENTRIES[:4], "ok", "an older head: nothing is new"),
        ("beyond", 11, ENTRIES[:2], 3, ENTRIES, "conflict", "entry 2 is missing between"),
        ("same_size_other_root", 13, ENTRIES, 0, STORY, "two-histories", "entry 3 is another"),
        (
            "larger_other_overlap",
            12,
            ENTRIES[:4],
            0,
            STORY,
            "two-histories",
            "they are the head's",
        ),
        (
            "larger_other_root",
            12,
            ENTRIES[:4],
            4,
            STORY,
            "unverified",
            "another root, no proof why",
        ),
    ):
        payload, value = given(held, start, whole)
        words = {"rule": f"protocol/link {rule}", "expect": expect, "comment": comment, "held": value}
        if expect == "ok":
            words["value"] = value_of([one.hex() for one in whole[len(held) :]])
        else:
            words["sound"] = "goes_on"
        yield hexed(Vector("accept", name, payload, words))


MAKERS = (headers, approvals, cose_keys, part_vectors, recipients, link)


def main() -> None:
    for make in MAKERS:
        for vector in make():
            place = FOLDER / vector.format / f"{vector.name}.vector"
            if not place.exists():  # a vector never changes
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(render(vector))


if __name__ == "__main__":
    main()
