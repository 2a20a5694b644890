"""The vectors of spec/vectors/formats-1: every one is parsed, verified and printed back.

A word that the runner does not know fails it, and so does a rule that no page of `spec/` has.
"""

import re
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from detente.record import names, strictjson, tree
from detente.record.errors import Malformed, Unverified
from detente.record.evidence import encode_two_histories, parse_two_histories, verify_two_histories
from detente.record.head import open_cosignature, open_head, parse_body
from detente.record.keys import LogKeys, MirrorKeys, parse_vkey
from detente.record.nextlog import certificate, certified_by, open_next_log
from detente.record.note import encode_note, parse_note
from detente.record.policy import encode_policy, judge, parse_policy
from detente.record.proof import encode_proof, parse_proof, verify_proof
from detente.record.tiles import bundle_path, encode_bundle, parse_bundle, parse_path, tile_path
from record.make_vectors import FOLDER, MAKERS, SUPPORT
from record.vector_files import render

SPEC = FOLDER.parents[1]
WORDS = {"rule", "expect", "comment", "sound", "value", "encoding", "cell", "keys", "policy", "entry"}
EXPECT = {"ok", "malformed", "unverified", "no-quorum"}
PATHS = sorted(FOLDER.rglob("*.vector"))


@cache
def read(path):
    """(header, payload) of a vector file."""
    header, payload = path.read_bytes().split(b"\n\n", 1)
    words = dict(line.split(": ", 1) for line in header.decode().split("\n"))
    assert words.keys() <= WORDS, f"unknown word in {path.name}"
    assert words["expect"] in EXPECT
    return words, bytes.fromhex(payload.decode()) if words.get("encoding") == "hex" else payload


def json_(payload, words):
    value = strictjson.parse(payload, limit=65_535)
    return value, value and strictjson.parse(strictjson.encode(value), limit=65_535) == value


def origin(payload, words):
    cell, party, generation = names.parse_origin(payload.decode())
    return {"cell": cell, "party": party, "generation": generation}, names.origin(cell, party, generation)


def mirror(payload, words):
    cell, own, watched = names.parse_mirror(payload.decode())
    return {"cell": cell, "mirror": own, "watched": watched}, names.mirror_name(cell, own, watched)


def entry_id(payload, words):
    entry = names.parse_id(payload.decode(), words["cell"])
    return {"log": entry.log, "index": entry.index}, names.print_id(entry)


def vkey(payload, words):
    key = parse_vkey(payload.decode())
    return {"name": key.name, "type": key.type, "key_id": key.key_id.hex()}, key.encode()


def note(payload, words):
    parsed = parse_note(payload)
    value = {"lines": len(parsed.signatures), "text": parsed.text.decode()}
    return value, encode_note(parsed.text, parsed.signatures)


def head(payload, words):
    first, second = key_lines(words)
    opened = open_head(payload, LogKeys(first.name, first, second))
    found = opened.head
    value = {"origin": found.origin, "size": found.size, "root": found.root.hex(), "time": opened.time}
    return value, payload if payload.startswith(found.body()) else b""


def cosignature(payload, words):
    first, second = key_lines(words)
    covered = parse_body(parse_note(payload).text)
    lines = payload.rpartition(b"\n\n")[2]
    opened = open_cosignature(lines, covered, MirrorKeys(first.name, first, second))
    return {"mirror": opened.mirror, "time": opened.time}, payload if opened.lines in payload else b""


def root(payload, words):
    entries = [bytes.fromhex(one) for one in strictjson.parse(payload, limit=9999)["entries"]]
    return {"root": tree.root_of(map(tree.leaf_hash, entries)).hex()}, payload


def inclusion(payload, words):
    said = SimpleNamespace(**strictjson.parse(payload, limit=9999))
    proof, leaf = hashes(said.proof), tree.leaf_hash(bytes.fromhex(said.entry))
    tree.verify_inclusion(leaf, said.index, said.size, proof, bytes.fromhex(said.root))
    return True, payload


def consistency(payload, words):
    said = SimpleNamespace(**strictjson.parse(payload, limit=9999))
    roots = bytes.fromhex(said.old_root), bytes.fromhex(said.new_root)
    tree.verify_consistency(said.old, roots[0], said.new, roots[1], hashes(said.proof))
    return True, payload


def path_(payload, words):
    name = parse_path(payload.decode())
    spell = bundle_path if name.level is None else partial(tile_path, name.level)
    return {"level": name.level, "n": name.n, "width": name.width}, spell(name.n, name.width)


def bundle(payload, words):
    entries = parse_bundle(payload)
    return [entry.hex() for entry in entries], encode_bundle(entries)


def policy(payload, words):
    found = parse_policy(payload)
    sizes = {"logs": len(found.logs), "witnesses": len(found.witnesses), "groups": len(found.groups)}
    return sizes | {"quorum": found.quorum}, encode_policy(found)


def quorum(payload, words):
    judged = judge(payload, support_policy(words))
    if not judged.satisfied:
        raise Unverified("quorum")
    return {"cosigned": dict(judged.cosigned), "satisfied": judged.satisfied}, payload


def proof(payload, words):
    found = parse_proof(payload)
    judged = verify_proof(found, bytes.fromhex(words["entry"]), support_policy(words))
    return {"index": found.index, "size": judged.head.size}, encode_proof(found)


def two_histories(payload, words):
    found = parse_two_histories(payload)
    first, second = key_lines(words)
    fork = verify_two_histories(found, LogKeys(first.name, first, second))
    value = {"log": found.log, "smaller": fork.smaller.head.size, "larger": fork.larger.head.size}
    return value, encode_two_histories(found)


def next_log(payload, words):
    (recovery,) = key_lines(words)
    found = open_next_log(payload, recovery.public)
    value = {"origin": found.origin, "old": found.old, "size": found.old_size, "root": found.old_root.hex()}
    value |= {"ed25519": found.keys.ed25519.encode(), "mldsa44": found.keys.mldsa44.encode()}
    signature = certified_by(payload, found, recovery.public)
    return value, certificate(found, recovery=recovery.public, signature=signature)


def key_lines(words):
    return [parse_vkey(line) for line in (FOLDER / words["keys"]).read_text().split()]


def support_policy(words):
    return parse_policy((FOLDER / words["policy"]).read_bytes())


def hashes(texts):
    return [bytes.fromhex(text) for text in texts]


FORMATS = {
    "json": json_,
    "origin": origin,
    "mirror": mirror,
    "entry-id": entry_id,
    "vkey": vkey,
    "note": note,
    "head": head,
    "cosignature": cosignature,
    "root": root,
    "inclusion": inclusion,
    "consistency": consistency,
    "tile-path": path_,
    "bundle": bundle,
    "policy": policy,
    "quorum": quorum,
    "proof": proof,
    "two-histories": two_histories,
    "next-log": next_log,
}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_vector(path):
    words, payload = read(path)
    run = FORMATS[path.parent.name]
    if words["expect"] == "ok":
        value, printed = run(payload, words)
        assert value == strictjson.parse(words["value"].encode(), limit=65_535)
        if printed is not True:
            assert (printed.encode() if isinstance(printed, str) else printed) == payload
        return
    with pytest.raises(Malformed if words["expect"] == "malformed" else Unverified) as raised:
        run(payload, words)
    if words["expect"] == "no-quorum":
        assert raised.value.what == "quorum"


class TestTheFolder:
    """spec/vectors: what may be relied on about the files themselves."""

    def test_the_maker_and_the_folder_name_the_same_vectors(self):
        made = {f"{one.format}/{one.name}.vector" for make in MAKERS for one in make()}
        assert {str(path.relative_to(FOLDER)) for path in PATHS} == made
        assert all((FOLDER / path).exists() for path in SUPPORT)

    def test_what_holds_no_salted_signature_is_made_again_byte_for_byte(self):
        salted = {"head", "cosignature", "quorum", "proof", "two-histories"}
        for make in MAKERS:
            for one in make():
                if one.format not in salted:
                    assert (FOLDER / one.format / f"{one.name}.vector").read_bytes() == render(one)

    @pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}/{path.stem}")
    def test_a_bad_vector_names_the_sound_one_it_was_made_from(self, path):
        words, payload = read(path)
        if words["expect"] != "ok":
            other, sound = read(path.with_name(f"{words['sound']}.vector"))
            assert other["expect"] == "ok"
            assert sound != payload

    def test_every_rule_stands_on_its_page(self):
        for path in PATHS:
            page, number = read(path)[0]["rule"].split(" ")
            text = (SPEC / f"{page}.md").read_text()
            assert re.search(rf"(?m)^{number}\. ", text), f"{page} has no rule {number}"

    def test_every_vector_s_format_stands_in_the_origin_table(self):
        table = Path(FOLDER / "ORIGINS.md").read_text()
        for name in FORMATS:
            assert f"| `{name}/` |" in table
