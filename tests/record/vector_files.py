"""What a vector file is, and the small cell that vectors speak of."""

from __future__ import annotations

from dataclasses import dataclass

from detente.record import strictjson
from detente.record.head import Head
from detente.record.nextlog import recovery_name
from detente.record.tree import Tree, leaf_hash
from record import logs

ENTRIES = [b"first", b"", b"third", b"fourth", b"fifth"]
TREE = Tree(map(leaf_hash, ENTRIES))
HEAD = Head(logs.LOG, 5, TREE.root())
KEYS = logs.pair(logs.LOG).log_keys(logs.LOG)
MIRRORS = [logs.pair(name).mirror_keys(name) for name in logs.mirrors_of("s1")]
S2 = MIRRORS[0].name
RECOVERY = logs.pair(recovery_name(logs.LOG)).log_keys(recovery_name(logs.LOG)).ed25519


@dataclass(frozen=True)
class Vector:
    """One file: `format/name.vector`."""

    format: str
    name: str
    payload: bytes
    header: dict[str, str]


def sound(format_: str, name: str, rule: str, payload: bytes, comment: str, **more: str) -> Vector:
    return Vector(format_, name, payload, {"rule": rule, "expect": "ok", "comment": comment} | more)


def broken(
    base: Vector,
    name: str,
    old: bytes,
    new: bytes,
    comment: str,
    *,
    rule: str = "",
    expect: str = "malformed",
) -> Vector:
    assert base.payload.count(old) == 1, (base.name, name, base.payload.count(old))
    header = {key: value for key, value in base.header.items() if key != "value"}
    header |= {"rule": rule or base.header["rule"], "expect": expect, "comment": comment, "sound": base.name}
    return Vector(base.format, name, base.payload.replace(old, new), header)


def value_of(value: object) -> str:
    return strictjson.encode(value).decode()


def render(vector: Vector) -> bytes:
    lines = "".join(f"{word}: {text}\n" for word, text in vector.header.items() if text)
    return lines.encode() + b"\n" + vector.payload
