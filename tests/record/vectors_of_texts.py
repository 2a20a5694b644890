"""Vectors of JSON, names, keys, notes and heads."""

from __future__ import annotations

from collections.abc import Iterator

from detente.record.encoding import encode_base64
from detente.record.head import Head, cosign, sign_head
from detente.record.names import origin
from detente.record.nextlog import NextLog, sign_next_log
from detente.record.note import NoteSignature, encode_note, parse_note
from detente.record.tree import Tree
from record import logs
from record.vector_files import HEAD, KEYS, MIRRORS, RECOVERY, S2, Vector, broken, sound, value_of


def jsons() -> Iterator[Vector]:
    base = sound(
        "json",
        "order_and_space_are_free",
        "formats/json 5",
        b' {"b": [1, -7, null, true],\n "a": "\xc3\xa9\\u0041"}',
        "any order of keys, any white space",
        value='{"a":"éA","b":[1,-7,null,true]}',
    )
    yield base
    yield sound(
        "json",
        "largest_number",
        "formats/json 3",
        b"[9007199254740991]",
        "2^53 - 1",
        value="[9007199254740991]",
    )
    deep = sound(
        "json",
        "sixteen_levels",
        "formats/json 4",
        b"[" * 16 + b"]" * 16,
        "16 arrays",
        value="[" * 16 + "]" * 16,
    )
    yield deep
    yield broken(deep, "seventeen_levels", b"[]", b"[[]]", "17 arrays")
    for name, old, new, rule, comment in (
        ("byte_order_mark", b" {", b"\xef\xbb\xbf{", 1, "begins with U+FEFF"),
        ("not_utf8", b"\xc3\xa9", b"\xff", 1, "a byte that no UTF-8 text has"),
        ("lone_surrogate", b"\\u0041", b"\\ud800", 1, "half of a letter, by escape"),
        ("key_twice", b'"b"', b'"a"', 2, "the key a stands twice"),
        ("key_twice_by_escape", b'"b"', b'"\\u0061"', 2, "the key a stands twice, once escaped"),
        ("fraction", b"-7", b"-7.0", 3, "a number with a fraction"),
        ("exponent", b"-7", b"7e1", 3, "a number with an exponent"),
        ("not_a_number", b"-7", b"NaN", 3, "NaN is no JSON"),
        ("minus_zero", b"-7", b"-0", 3, "zero has one spelling"),
        ("number_too_large", b"-7", b"9007199254740992", 3, "2^53"),
        ("leading_zero", b"-7", b"-07", 3, "a leading zero"),
        ("text_behind", b'"}', b'"}x', 5, "something behind the value"),
    ):
        yield broken(base, name, old, new, comment, rule=f"formats/json {rule}")


def names() -> Iterator[Vector]:
    origin = sound(
        "origin",
        "second_log",
        "formats/names 3",
        b"north.exercise/s1/2",
        "a party's second log",
        value=value_of({"cell": "north.exercise", "party": "s1", "generation": 2}),
    )
    yield origin
    for name, old, new, comment in (
        ("generation_zero", b"/2", b"/0", "generations count from 1"),
        ("generation_leading_zero", b"/2", b"/02", "a leading zero"),
        ("party_upper_case", b"/s1/", b"/S1/", "upper case is for print only"),
        ("party_digit_first", b"/s1/", b"/1s/", "a party begins with a letter"),
        ("cell_ends_with_dot", b"exercise/", b"exercise./", "a cell ends with a letter or digit"),
        ("newline_behind", b"/2", b"/2\n", "a newline behind the name"),
    ):
        yield broken(origin, name, old, new, comment)
    mirror = sound(
        "mirror",
        "guarantor_of_side",
        "formats/names 4",
        b"north/g1/mirror/s1",
        "the guarantor mirrors s1",
        value=value_of({"cell": "north", "mirror": "g1", "watched": "s1"}),
    )
    yield mirror
    yield broken(mirror, "mirrors_itself", b"g1", b"s1", "nobody mirrors itself")
    yield broken(mirror, "other_word", b"mirror", b"witness", "the word is mirror")
    for cell, text, index, generation in (
        ("north", "S1-00123", 123, 1),
        ("north", "S1.2-00123", 123, 2),
        ("north.exercise", "S1-X00123", 123, 1),
        ("north.exercise", "S1.2-X1234567", 1234567, 2),
    ):
        yield sound(
            "entry-id",
            f"printed_{text.lower().replace('.', '_').replace('-', '_')}",
            "formats/names 5",
            text.encode(),
            "as it is printed",
            cell=cell,
            value=value_of({"log": f"{cell}/s1/{generation}", "index": index}),
        )
    base = sound("entry-id", "printed_s1_00123", "formats/names 5", b"S1-00123", "", cell="north")
    for name, old, new, comment in (
        ("four_digits", b"00123", b"0123", "at least five digits"),
        ("six_digits_with_zero", b"00123", b"000123", "no more zeros than five digits need"),
        ("first_log_with_number", b"S1-", b"S1.1-", "the first log has no number"),
        ("exercise_mark_in_actual_cell", b"-0", b"-X0", "X belongs to an exercise cell"),
        ("lower_case", b"S1", b"s1", "ids are printed upper-case"),
    ):
        yield broken(base, name, old, new, comment)


def keys() -> Iterator[Vector]:
    bases = {}
    for name, key in (
        ("log_ed25519", KEYS.ed25519),
        ("log_mldsa44", KEYS.mldsa44),
        ("mirror_ed25519", MIRRORS[0].ed25519),
        ("mirror_mldsa44", MIRRORS[0].mldsa44),
    ):
        bases[name] = sound(
            "vkey",
            name,
            "formats/keys 2",
            key.encode().encode(),
            f"type {key.type}",
            value=value_of({"name": key.name, "type": key.type, "key_id": key.key_id.hex()}),
        )
        yield bases[name]
    base, key = bases["log_ed25519"], KEYS.ed25519
    yield broken(base, "key_id_of_another_name", b"/s1/1+", b"/s1/2+", "the key id is not that of this name")
    yield broken(
        base,
        "key_id_upper_case",
        key.key_id.hex().encode(),
        key.key_id.hex().upper().encode(),
        "hex is lower case",
    )
    yield broken(base, "base64_cut", base.payload[-8:], base.payload[-8:-1], "a letter is missing")
    short = encode_base64(bytes([1]) + key.public[:-1])
    whole = encode_base64(bytes([1]) + key.public)
    yield broken(base, "key_too_short", whole.encode(), short.encode(), "31 bytes of key")


def notes() -> Iterator[Vector]:
    line = NoteSignature("log.example", b"1234", b"signature!")
    base = sound(
        "note",
        "text_and_line",
        "formats/note 1",
        encode_note("words, שלום, سلام\n\nmore\n".encode(), [line]),
        "an empty line inside the text",
        value=value_of({"lines": 1, "text": "words, שלום, سلام\n\nmore\n"}),
    )
    yield base
    many = [NoteSignature(f"n{n}", b"1234", b"signature!") for n in range(16)]
    full = sound(
        "note",
        "sixteen_lines",
        "formats/note 3",
        encode_note(b"text\n", many),
        "as many lines as are accepted",
        value=value_of({"lines": 16, "text": "text\n"}),
    )
    yield full
    last = many[-1].encode()
    yield broken(full, "seventeen_lines", last, last + b"\xe2\x80\x94 n16 MTIzNHM=\n", "one line too many")
    for name, old, new, rule, comment in (
        ("no_newline_at_end", base.payload[-6:], base.payload[-6:-1], 3, "the last line has no newline"),
        ("hyphen_for_dash", "—".encode(), b"-", 3, "a hyphen where U+2014 must stand"),
        ("tab_in_text", b"words,", b"words\t", 1, "a control character"),
        ("not_utf8", b"words,", b"words\xff", 1, "a byte that no UTF-8 text has"),
        ("plus_in_name", b"log.example", b"log+example", 3, "a name holds no plus"),
        (
            "space_in_name",
            b"log.example",
            "log\u00a0example".encode(),
            3,
            "a name holds no white space, also not U+00A0",
        ),
        (
            "line_of_key_id_alone",
            encode_base64(b"1234signature!").encode(),
            b"MTIzNA==",
            3,
            "no signature behind the key id",
        ),
    ):
        yield broken(base, name, old, new, comment, rule=f"formats/note {rule}")


def heads() -> Iterator[Vector]:
    value = value_of({"origin": HEAD.origin, "size": 5, "root": HEAD.root.hex(), "time": logs.TIME})
    payload = sign_head(HEAD, logs.pair(logs.LOG), logs.TIME)
    base = sound(
        "head", "both_halves", "formats/head 2", payload, "a log's head", keys="keys/log.vkey", value=value
    )
    yield base
    empty = Head(logs.LOG, 0, Tree().root())
    yield sound(
        "head",
        "empty_log",
        "formats/head 1",
        sign_head(empty, logs.pair(logs.LOG), logs.TIME),
        "no entry yet",
        keys="keys/log.vkey",
        value=value_of({"origin": HEAD.origin, "size": 0, "root": empty.root.hex(), "time": logs.TIME}),
    )
    first, second = (line.encode() for line in parse_note(payload).signatures)
    root = encode_base64(HEAD.root).encode()
    for name, old, new, rule, expect, comment in (
        ("size_leading_zero", b"\n5\n", b"\n05\n", 1, "malformed", "size has a leading zero"),
        ("size_with_plus", b"\n5\n", b"\n+5\n", 1, "malformed", "size has a sign"),
        ("size_too_large", b"\n5\n", b"\n9223372036854775808\n", 1, "malformed", "2^63"),
        ("root_without_padding", root, root[:-1], 1, "malformed", "root without its padding"),
        ("extension_line", root + b"\n", root + b"\nmore\n", 1, "malformed", "a fourth line"),
        ("size_zero_with_root", b"\n5\n", b"\n0\n", 1, "malformed", "the empty log has the empty root"),
        ("without_ed25519", first, b"", 2, "unverified", "the Ed25519 line is missing"),
        ("without_mldsa44", second, b"", 2, "unverified", "the ML-DSA-44 line is missing"),
        ("ed25519_twice", first, first + first, 2, "malformed", "a known key's line stands twice"),
        ("another_size", b"\n5\n", b"\n6\n", 2, "unverified", "the size that was signed is another"),
        (
            "another_log",
            b"north.exercise/s1/1\n",
            b"north.exercise/s2/1\n",
            2,
            "unverified",
            "another log's name",
        ),
    ):
        yield broken(base, name, old, new, comment, rule=f"formats/head {rule}", expect=expect)


def cosignatures() -> Iterator[Vector]:
    payload = sign_head(HEAD, logs.pair(logs.LOG), logs.TIME)
    receipt = cosign(HEAD, S2, logs.pair(S2), logs.TIME + 2)
    later = cosign(HEAD, S2, logs.pair(S2), logs.TIME + 3)
    one, two = (line.encode() for line in parse_note(payload + receipt.lines).signatures[2:])
    other = parse_note(payload + later.lines).signatures[3].encode()
    cosigned = sound(
        "cosignature",
        "both_halves",
        "formats/head 3",
        payload + receipt.lines,
        "a mirror holds all five entries",
        keys="keys/mirror.vkey",
        value=value_of({"mirror": S2, "time": logs.TIME + 2}),
    )
    yield cosigned
    yield broken(cosigned, "without_ed25519", one, b"", "the Ed25519 line is missing", expect="unverified")
    yield broken(cosigned, "without_mldsa44", two, b"", "the ML-DSA-44 line is missing", expect="unverified")
    yield broken(
        cosigned,
        "two_times",
        two,
        other,
        "the halves carry two times",
        expect="unverified",
        rule="formats/head 4",
    )
    yield broken(cosigned, "twice", one, one + one, "a known key's line stands twice")


def next_logs() -> Iterator[Vector]:
    new = origin(logs.CELL, "s1", 2)
    keys = logs.pair(new).log_keys(new)
    following = NextLog(new, keys, logs.LOG, HEAD.size, HEAD.root)
    payload = sign_next_log(following, logs.pair(RECOVERY.name).ed25519_seed)
    base = sound(
        "next-log",
        "second_log",
        "formats/next-log 1",
        payload,
        "a party's second log, behind a head of five entries",
        keys="keys/recovery.vkey",
        value=value_of(
            {
                "origin": new,
                "old": logs.LOG,
                "size": HEAD.size,
                "root": HEAD.root.hex(),
                "ed25519": keys.ed25519.encode(),
                "mldsa44": keys.mldsa44.encode(),
            }
        ),
    )
    yield base
    line = parse_note(payload).signatures[0].encode()
    old_ed25519, new_ed25519 = (pair.ed25519.encode().encode() for pair in (KEYS, keys))
    other = sign_next_log(following, logs.pair(logs.LOG).ed25519_seed)
    for name, old, replacement, rule, expect, comment in (
        ("another_word", b"next-log/v1", b"next-log/v2", 1, "malformed", "another first line"),
        ("a_line_missing", b"\n5\n", b"\n", 1, "malformed", "the old size is missing"),
        ("size_leading_zero", b"\n5\n", b"\n05\n", 1, "malformed", "size has a leading zero"),
        (
            "another_party",
            b"\nnorth.exercise/s1/1\n",
            b"\nnorth.exercise/s2/1\n",
            2,
            "malformed",
            "a party goes on in its own logs only",
        ),
        (
            "same_generation",
            b"\nnorth.exercise/s1/1\n",
            b"\nnorth.exercise/s1/2\n",
            2,
            "malformed",
            "generations go up by one",
        ),
        ("keys_of_the_old_log", new_ed25519, old_ed25519, 2, "malformed", "a key is named by the old log"),
        ("empty_log_with_root", b"\n5\n", b"\n0\n", 2, "malformed", "the empty log has the empty root"),
        ("two_lines", line, line + line, 3, "malformed", "one line, and no other"),
        ("another_size", b"\n5\n", b"\n6\n", 3, "unverified", "the size that was signed is another"),
        (
            "another_signer",
            line,
            parse_note(other).signatures[0].encode(),
            3,
            "unverified",
            "signed by a key that is not the recovery key",
        ),
    ):
        yield broken(base, name, old, replacement, comment, rule=f"formats/next-log {rule}", expect=expect)
