"""Writes spec/vectors/thin-1: thin messages and their letters (`python -m record.vectors_of_thin`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from detente.record.letters import ALPHABETS, write_lines
from detente.record.strictjson import encode
from detente.record.thin import Thin, ThinCase, sign_thin, thin_name

PLACE = Path(__file__).parents[2] / "spec" / "vectors" / "thin-1"
CELL = "north.exercise"
SEED = bytes(range(32))
NEW = Thin(b"\x01\x02\x03", 1, 2, 2, 1, 0, 1_795_000_000, b"abc", None, bytes.fromhex("0300 0004 6afd86c0"))
ANSWER = Thin(
    b"\x01\x02\x03", 2, 1, 2, 1, 9, 1_795_000_060, b"abd", ThinCase(1, 1, 7), bytes.fromhex("80000001")
)


def files() -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of every vector."""
    good = {"new": sign_thin(NEW, CELL, SEED), "answer": sign_thin(ANSWER, CELL, SEED)}
    for name, data in good.items():
        value = {"name": thin_name(data).hex(), **{s: list(write_lines(data, s)) for s in sorted(ALPHABETS)}}
        yield f"message/{name}.vector", _file("ok", data, value=encode(value).decode())
    changed = bytearray(good["new"])
    changed[15] ^= 1
    said = "one bit of the time"
    yield "message/changed.vector", _file("unverified", bytes(changed), comment=said, sound="new")
    yield "message/short.vector", _file("malformed", good["new"][:-1], comment="cut short", sound="new")


def _file(expect: str, data: bytes, **words: str) -> bytes:
    head = {"rule": "formats/thin 1", "expect": expect, **words, "encoding": "hex"}
    return "".join(f"{word}: {text}\n" for word, text in head.items()).encode() + b"\n" + data.hex().encode()


if __name__ == "__main__":
    for path, data in files():
        (PLACE / path).parent.mkdir(parents=True, exist_ok=True)
        (PLACE / path).write_bytes(data)
