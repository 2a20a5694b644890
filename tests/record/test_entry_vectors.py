"""The vectors of spec/vectors/entries-1: every one is parsed, verified and printed back.

A word that the runner does not know fails it, and so does a rule that no page of `spec/` has.
"""

import json
import re
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from detente.record import age, messages, parts, strictjson
from detente.record.approvals import Credential, approval_json, parse_approval, verify_approval
from detente.record.cose import parse_cose_key
from detente.record.errors import Conflict, Malformed, Unverified
from detente.record.header import encode_header, parse_header, ranges_json
from detente.record.mirror import ForkFound, Mirror, check_ahead
from detente.record.tree import Frontier, leaf_hash
from record import logs
from record.vector_files import render
from record.vectors_of_entries import FOLDER, MAKERS

SPEC = FOLDER.parents[1]
WORDS = {"rule", "expect", "comment", "sound", "value", "encoding", "identity", "held"}
EXPECT = {
    "ok": None,
    "malformed": Malformed,
    "unverified": Unverified,
    "conflict": Conflict,
    "two-histories": ForkFound,
}
PATHS = sorted(FOLDER.rglob("*.vector"))
KEYS = logs.pair(logs.LOG).log_keys(logs.LOG)
#: Formats in which every making gives other bytes: HPKE, ECDSA and ML-DSA are salted.
SALTED = {"approval", "part", "push", "push-answer", "notice", "ahead", "accept"}


@cache
def read(path):
    """(header, payload) of a vector file."""
    header, payload = path.read_bytes().split(b"\n\n", 1)
    words = dict(line.split(": ", 1) for line in header.decode().split("\n"))
    assert words.keys() <= WORDS, f"unknown word in {path.name}"
    assert words["expect"] in EXPECT
    return words, bytes.fromhex(payload.decode()) if words.get("encoding") == "hex" else payload


def header(payload, words):
    found = parse_header(payload)
    counts = {name: len(getattr(found, name)) for name in ("parts", "seen", "approvals")}
    return {"log": found.log, "time": found.time, **counts}, encode_header(found)


def approval(payload, words):
    given = json.loads(payload)
    credentials = [
        Credential(
            one["post"], one["kind"], bytes.fromhex(one["public"]),
            bytes.fromhex(one.get("credential_id", "")), one.get("rp_id", ""), tuple(one.get("origins", ())),
        )
        for one in given["credentials"]
    ]  # fmt: skip
    parsed = parse_approval(given["approval"])
    assert approval_json(parsed) == given["approval"]
    by = verify_approval(
        parsed, cell=given["cell"], party=given["party"], core=bytes.fromhex(given["core"]),
        credentials=credentials, at=given["at"],
    )  # fmt: skip
    return {"post": by.post, "via": by.via}, payload


def cose_key(payload, words):
    return "eddsa" if isinstance(parse_cose_key(payload), Ed25519PublicKey) else "es256", payload


def part(payload, words):
    return parts.open_sealed(payload, bytes.fromhex(words["identity"])).hex(), payload


def recipient(payload, words):
    text = age.check_recipient(payload.decode())
    return text == age.recipient_of(bytes.fromhex(words["identity"])), text.encode()


def push(payload, words):
    found = messages.parse_push(payload)
    counts = {name: len(getattr(found, name)) for name in ("entries", "parts", "cosignatures")}
    return {"log": found.log, "start": found.start, **counts}, messages.encode_push(found)


def push_answer(payload, words):
    found = messages.parse_push_answer(payload)
    mirror = logs.mirrors_of("s1")[0]
    opened = messages.open_cosignature_note(found.cosignature, logs.pair(mirror).mirror_keys(mirror))
    value = {
        "size": found.size,
        "receipt": opened.head.size == found.size,
        "missing": ranges_json(found.missing),
    }
    counts = {"wants": len(found.wants), "cosignatures": len(found.cosignatures)}
    return value | counts, messages.encode_push_answer(found)


def notice(payload, words):
    found = messages.parse_notice(payload)
    counts = {name: len(getattr(found, name)) for name in ("heads", "cosignatures", "wants")}
    return counts, messages.encode_notice(found)


def ahead(payload, words):
    found = messages.parse_ahead(payload)
    head = check_ahead(found, KEYS).head
    value = {"log": found.log, "index": found.index, "entry": found.entry.hex(), "size": head.size}
    return value | {"parts": len(found.parts)}, messages.encode_ahead(found)


def probe(payload, words):
    found = messages.parse_probe(payload)
    again = messages.encode_probe(found)
    return json.loads(again), again


def accept(payload, words):
    held = [leaf_hash(bytes.fromhex(one)) for one in json.loads(words["held"])]

    def frontier(size):
        made = Frontier()
        made.extend(held[:size])
        return made

    mirror = Mirror(logs.LOG, KEYS, frontier(len(held)), past=frontier)
    return [one.hex() for one in mirror.accept(messages.parse_push(payload)).entries], payload


FORMATS = {
    "header": header,
    "approval": approval,
    "cose-key": cose_key,
    "part": part,
    "recipient": recipient,
    "push": push,
    "push-answer": push_answer,
    "notice": notice,
    "ahead": ahead,
    "probe": probe,
    "accept": accept,
}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_vector(path):
    words, payload = read(path)
    run = FORMATS[path.parent.name]
    if words["expect"] == "ok":
        value, printed = run(payload, words)
        assert value == strictjson.parse(words["value"].encode(), limit=65_535)
        assert printed == payload
        return
    with pytest.raises(EXPECT[words["expect"]]):
        run(payload, words)


class TestTheFolder:
    """spec/vectors: what may be relied on about the files themselves."""

    def test_the_maker_and_the_folder_name_the_same_vectors(self):
        made = {f"{one.format}/{one.name}.vector" for make in MAKERS for one in make()}
        assert {str(path.relative_to(FOLDER)) for path in PATHS} == made

    def test_what_is_not_salted_is_made_again_byte_for_byte(self):
        for make in MAKERS:
            for one in make():
                if one.format not in SALTED:
                    assert (FOLDER / one.format / f"{one.name}.vector").read_bytes() == render(one)

    @pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}/{path.stem}")
    def test_a_bad_vector_names_the_sound_one_it_was_made_from(self, path):
        words, payload = read(path)
        if words["expect"] != "ok":
            other, sound = read(path.with_name(f"{words['sound']}.vector"))
            assert other["expect"] == "ok"
            assert (sound, other.get("identity"), other.get("held")) != (
                payload,
                words.get("identity"),
                words.get("held"),
            )

    def test_every_rule_stands_on_its_page(self):
        for path in PATHS:
            page, number = read(path)[0]["rule"].split(" ")
            text = (SPEC / f"{page}.md").read_text()
            assert re.search(rf"(?m)^{number}\. ", text), f"{page} has no rule {number}"

    def test_every_format_stands_in_the_origin_table(self):
        table = (FOLDER / "ORIGINS.md").read_text()
        for name in FORMATS:
            assert f"| `{name}/` |" in table

    def test_every_rule_of_the_protocol_has_a_page_and_one_place(self):
        text = "\n".join(path.read_text() for path in (SPEC / "protocol").glob("*.md"))
        found = re.findall(r"(?m)^([A-E][0-9]+)\. ", text)
        last = {"A": 13, "B": 8, "C": 5, "D": 6, "E": 4}
        assert sorted(found) == sorted(f"{letter}{n}" for letter in last for n in range(1, last[letter] + 1))
