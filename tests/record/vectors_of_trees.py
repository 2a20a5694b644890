"""Vectors of trees, tiles, policies, proofs and two histories."""

from __future__ import annotations

import json
from collections.abc import Iterator

from detente.record import strictjson
from detente.record.encoding import encode_base64
from detente.record.evidence import encode_two_histories, find_two_histories
from detente.record.note import parse_note
from detente.record.policy import encode_policy
from detente.record.proof import TlogProof, encode_proof
from detente.record.tiles import encode_bundle
from detente.record.tree import Tree
from record import logs
from record.vector_files import ENTRIES, KEYS, MIRRORS, TREE, Vector, broken, sound, value_of


def trees() -> Iterator[Vector]:
    yield sound(
        "root",
        "no_leaves",
        "formats/tree 2",
        b'{"entries":[]}',
        "SHA-256 of nothing",
        value=value_of({"root": Tree().root().hex()}),
    )
    for size in (1, 2, 3, 4, 5):
        document = json.dumps({"entries": [entry.hex() for entry in ENTRIES[:size]]}).encode()
        yield sound(
            "root",
            f"leaves_{size}",
            "formats/tree 2",
            document,
            f"{size} entries, in hex",
            value=value_of({"root": TREE.root(size).hex()}),
        )
    proof = [one.hex() for one in TREE.inclusion_proof(2)]
    document = {"entry": ENTRIES[2].hex(), "index": 2, "size": 5, "root": TREE.root().hex(), "proof": proof}
    base = sound(
        "inclusion",
        "third_of_five",
        "formats/tree 3",
        json.dumps(document).encode(),
        "a path of three hashes",
        value="true",
    )
    yield base
    yield broken(
        base,
        "another_index",
        b'"index": 2',
        b'"index": 3',
        "the entry does not stand there",
        expect="unverified",
    )
    yield broken(
        base, "another_entry", ENTRIES[2].hex().encode(), b"00", "another entry", expect="unverified"
    )
    yield broken(
        base, "hash_missing", f', "{proof[2]}"'.encode(), b"", "the path ends too early", expect="unverified"
    )
    yield broken(
        base,
        "hash_too_many",
        f'"{proof[2]}"'.encode(),
        f'"{proof[2]}", "{proof[2]}"'.encode(),
        "the path goes on too long",
        expect="unverified",
    )
    proof = [one.hex() for one in TREE.consistency_proof(3)]
    pair = {"old": 3, "old_root": TREE.root(3).hex(), "new": 5, "new_root": TREE.root().hex(), "proof": proof}
    base = sound(
        "consistency", "three_to_five", "formats/tree 4", json.dumps(pair).encode(), "", value="true"
    )
    yield base
    yield broken(
        base,
        "another_old_root",
        TREE.root(3).hex().encode(),
        TREE.root(2).hex().encode(),
        "another tree of three",
        expect="unverified",
    )
    yield broken(
        base, "another_size", b'"old": 3', b'"old": 2', "the old size is another", expect="unverified"
    )
    none = {"old": 0, "old_root": Tree().root().hex(), "new": 5, "new_root": TREE.root().hex(), "proof": []}
    yield sound(
        "consistency",
        "from_nothing",
        "formats/tree 4",
        json.dumps(none).encode(),
        "every tree begins with the empty one",
        value="true",
    )


def tiles() -> Iterator[Vector]:
    for path, level, n, width in (
        ("tile/0/000", 0, 0, 256),
        ("tile/0/x001/x234/067", 0, 1234067, 256),
        ("tile/2/067.p/1", 2, 67, 1),
        ("tile/entries/x001/000.p/255", None, 1000, 255),
    ):
        yield sound(
            "tile-path",
            f"path_{path.replace('/', '_').replace('.', '_')}",
            "formats/tiles 2",
            path.encode(),
            "",
            value=value_of({"level": level, "n": n, "width": width}),
        )
    base = sound("tile-path", "path_tile_2_067_p_1", "formats/tiles 2", b"tile/2/067.p/1", "")
    for name, old, new, comment in (
        ("width_zero", b".p/1", b".p/0", "no tile is empty"),
        ("width_full", b".p/1", b".p/256", "a full tile has no width"),
        ("level_64", b"/2/", b"/64/", "levels go to 63"),
        ("four_digits", b"067", b"0067", "groups have three digits"),
        ("needless_group", b"067", b"x000/067", "no group of zeros in front"),
        ("tile_height", b"tile/2", b"tile/8/2", "C2SP paths leave the tile height out"),
    ):
        yield broken(base, name, old, new, comment)
    data = encode_bundle(ENTRIES)
    base = sound(
        "bundle",
        "five_entries",
        "formats/tiles 3",
        data.hex().encode(),
        "one of them is empty",
        encoding="hex",
        value=value_of([entry.hex() for entry in ENTRIES]),
    )
    yield base
    tail = ENTRIES[-1].hex().encode()
    yield broken(base, "cut", tail, tail[:-2], "the last byte is missing")
    yield broken(base, "byte_behind", tail, tail + b"00", "one byte is left over")
    many = sound(
        "bundle",
        "full",
        "formats/tiles 3",
        b"000161" + b"0000" * 255,
        "256 entries",
        encoding="hex",
        value=value_of(["61", *[""] * 255]),
    )
    yield many
    yield broken(many, "too_many_entries", b"000161", b"0000000161", "257 entries")


def policies() -> Iterator[Vector]:
    text = encode_policy(logs.policy())
    yield sound(
        "policy",
        "cell_of_three",
        "formats/policy 3",
        text,
        "the policy of a cell of three parties",
        value=value_of({"logs": 3, "witnesses": 15, "groups": 4, "quorum": "any-log"}),
    )
    small = "".join(
        (
            f"log {KEYS.ed25519.encode()}\n",
            f"witness s2 {MIRRORS[0].ed25519.encode()}\n",
            f"witness g1 {MIRRORS[1].mldsa44.encode()}\n",
            "group both all s2 g1\nquorum both\n",
        )
    )
    base = sound(
        "policy",
        "two_mirrors",
        "formats/policy 1",
        small.encode(),
        "",
        value=value_of({"logs": 1, "witnesses": 2, "groups": 1, "quorum": "both"}),
    )
    yield base
    for name, old, new, rule, comment in (
        ("no_quorum", b"quorum both\n", b"", 2, "no quorum line"),
        ("two_quorums", b"quorum both\n", b"quorum both\nquorum both\n", 2, "two quorum lines"),
        ("unknown_member", b"s2 g1", b"s2 g2", 2, "a member that no line before it names"),
        ("member_twice", b"s2 g1", b"s2 s2", 2, "one name twice in a group"),
        ("threshold_over_members", b" all s2", b" 3 s2", 1, "three of two"),
        ("threshold_zero", b" all s2", b" 0 s2", 1, "none of two"),
        ("name_taken", b"group both", b"group s2", 2, "a group with a cosigner's name"),
        ("unknown_word", b"group both", b"herd both", 1, "a line of an unknown kind"),
        ("no_newline_at_end", b"quorum both\n", b"quorum both", 1, "the last line has no newline"),
        (
            "key_twice",
            MIRRORS[1].mldsa44.encode().encode(),
            MIRRORS[0].ed25519.encode().encode(),
            2,
            "one key under two names",
        ),
        (
            "cosigner_as_log",
            KEYS.ed25519.encode().encode(),
            MIRRORS[1].ed25519.encode().encode(),
            1,
            "a key of type 0x04 signs no head of its own",
        ),
    ):
        yield broken(base, name, old, new, comment, rule=f"formats/policy {rule}")


def quorums() -> Iterator[Vector]:
    note = logs.note(ENTRIES) + logs.lines(ENTRIES)
    times = {f"{mirror.name}:{half}": logs.TIME + 2 for mirror in MIRRORS for half in ("ed25519", "mldsa44")}
    value = {"cosigned": {f"{logs.LOG}:mldsa44": logs.TIME} | times, "satisfied": True}
    base = sound(
        "quorum",
        "all_lines",
        "formats/policy 4",
        note,
        "both halves of the log and of both mirrors",
        policy="keys/cell.policy",
        value=value_of(value),
    )
    yield base
    lines = [line.encode() for line in parse_note(note).signatures]
    later = parse_note(logs.note(ENTRIES) + logs.lines(ENTRIES, time=logs.TIME + 3))
    yield broken(
        base,
        "two_times",
        lines[3],
        later.signatures[3].encode(),
        "the halves of one mirror carry two times",
        expect="unverified",
    )
    yield broken(
        base, "guarantor_missing", lines[4] + lines[5], b"", "one mirror did not cosign", expect="no-quorum"
    )
    yield broken(
        base, "log_mldsa44_missing", lines[1], b"", "the log's ML-DSA-44 line is missing", expect="no-quorum"
    )
    yield broken(base, "log_ed25519_missing", lines[0], b"", "no known log signed", expect="unverified")


def proofs() -> Iterator[Vector]:
    note = logs.note(ENTRIES) + logs.lines(ENTRIES)
    file = encode_proof(TlogProof(2, TREE.inclusion_proof(2), note))
    entry = ENTRIES[2].hex()
    base = sound(
        "proof",
        "third_of_five",
        "formats/proof 1",
        file,
        "",
        policy="keys/cell.policy",
        entry=entry,
        value=value_of({"index": 2, "size": 5}),
    )
    yield base
    extra = encode_proof(TlogProof(2, TREE.inclusion_proof(2), note, b"free"))
    yield sound(
        "proof",
        "with_extra",
        "formats/proof 2",
        extra,
        "extra data is not authenticated",
        policy="keys/cell.policy",
        entry=entry,
        value=value_of({"index": 2, "size": 5}),
    )
    first = encode_base64(TREE.inclusion_proof(2)[0]).encode() + b"\n"
    for name, old, new, rule, expect, comment in (
        ("other_version", b"@v1", b"@v2", 1, "malformed", "an unknown version"),
        ("index_leading_zero", b"index 2", b"index 02", 1, "malformed", "a leading zero"),
        ("empty_extra", b"index 2", b"extra \nindex 2", 2, "malformed", "an extra line without data"),
        ("another_index", b"index 2", b"index 3", 3, "unverified", "the entry does not stand there"),
        ("hash_missing", first, b"", 3, "unverified", "the path misses its first hash"),
    ):
        yield broken(base, name, old, new, comment, rule=f"formats/proof {rule}", expect=expect)


def evidence() -> Iterator[Vector]:
    other = [b"another", *ENTRIES[1:3]]
    two = find_two_histories(logs.note(other), logs.note(ENTRIES), KEYS, TREE)
    assert two
    file = encode_two_histories(two)
    value = value_of({"log": logs.LOG, "smaller": 3, "larger": 5})
    base = sound(
        "two-histories",
        "three_against_five",
        "formats/two-histories 3",
        file,
        "",
        keys="keys/log.vkey",
        value=value,
    )
    yield base
    same = find_two_histories(logs.note([*other, *ENTRIES[3:]]), logs.note(ENTRIES), KEYS)
    assert same
    yield sound(
        "two-histories",
        "equal_sizes",
        "formats/two-histories 2",
        encode_two_histories(same),
        "",
        keys="keys/log.vkey",
        value=value_of({"log": logs.LOG, "smaller": 5, "larger": 5}),
    )
    honest = strictjson.encode(logs.note(ENTRIES[:3]).decode())
    yield broken(
        base,
        "honest_head",
        strictjson.encode(two.smaller.decode()),
        honest,
        "the smaller head is of the same tree",
        expect="unverified",
    )
    yield broken(
        base,
        "invented_root",
        two.root.hex().encode(),
        b"00" * 32,
        "a root that the proof does not lead to",
        expect="unverified",
    )
    yield broken(
        base,
        "unknown_key",
        b'"v":1',
        b'"v":1,"w":1',
        "a key that the format does not know",
        rule="formats/two-histories 5",
    )
    yield broken(
        base, "other_version", b'"v":1', b'"v":2', "an unknown version", rule="formats/two-histories 5"
    )
