"""What targets begin with: the payloads of spec/vectors, and the shipped data files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
VECTORS: Final = ROOT / "spec" / "vectors"
KINDS: Final = ROOT / "src" / "detente" / "charter" / "kinds"


def vectors(*folders: str) -> Iterator[bytes]:
    """The payloads of `formats-1/note` and so on, good and bad."""
    for folder in folders:
        for path in sorted((VECTORS / folder).glob("*.vector")):
            yield payload_of(path.read_bytes())


def payload_of(data: bytes) -> bytes:
    """What stands behind the header of a vector file."""
    header, _, payload = data.partition(b"\n\n")
    if b"encoding: hex" in header:
        return bytes.fromhex(payload.decode("ascii"))
    return payload


def as_json(*values: object) -> Iterator[bytes]:
    """Values as the JSON that a target reads them from."""
    for value in values:
        yield json.dumps(value, ensure_ascii=False).encode()
