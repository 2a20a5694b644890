"""The bundle for a peer: what a stick carries when no line does (protocol E2; spec/formats/bundle.md).

1. A folder of plain files and one `manifest`, strict JSON, that names each file with size and SHA-256. It is
   written last: a folder without it was not finished. It is signed by nobody; entries, heads and receipts
   are, and every one of them is verified as if it had come over the line.
2. Only paths of the pattern below are ever opened. What else lies on the stick is not looked at.
3. Everything is bounded: files, bytes of one file, bytes in all.

    logs/<party>.<generation>/checkpoint            the head that ends this bundle's entries
    logs/<party>.<generation>/certificate           of a next log (protocol C3)
    logs/<party>.<generation>/heads/<size>          earlier heads, at which a long bundle is taken in steps
    logs/<party>.<generation>/ahead/<index>         a floor entry before its predecessors (protocol D3)
    logs/<party>.<generation>/tile/entries/<N>[.p/<W>]
    logs/<party>.<generation>/receipts/<mirror>     that mirror's cosignature, as a note
    parts/<SHA-256 in hex>
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from detente.record import strictjson
from detente.record.encoding import parse_hex
from detente.record.errors import Malformed, declare
from detente.record.messages import MAX_PUSH_BODY
from detente.record.names import is_cell, is_party
from detente.record.strictjson import expect_integer, expect_keys, expect_list, expect_text
from detente.record.tiles import MAX_BUNDLE, parse_path

MANIFEST: Final = "manifest"
MAX_FILES: Final = 65_536
MAX_MANIFEST: Final = 16 << 20
#: An attachment of 16 MiB sealed (its size class is 32 MiB), and room.
MAX_PART: Final = 64 << 20
MAX_NOTE_FILE: Final = 64 << 10
#: Of all files together: what one stick of the smallest sort in use holds.
MAX_TOTAL: Final = 8 << 30

INCOMPLETE: Final = declare(
    "bundle-incomplete",
    "carrier",
    "the folder is no finished bundle, or a file of it is missing or cut short",
)
CHANGED: Final = declare(
    "bundle-changed", "carrier", "a file is not the one that the bundle's author wrote; bring it again"
)
STRANGE: Final = declare(
    "bundle-strange", "carrier", "a path or file of a sort that no bundle has; nothing of it was opened"
)
OTHER_CELL: Final = declare("bundle-other-cell", "carrier", "the bundle belongs to another cell")
NOT_FOR_US: Final = declare("bundle-not-for-us", "carrier", "the bundle was made for another party")
TOO_LARGE: Final = declare("bundle-too-large", "sender", "more files or bytes than a bundle may have")

_NUMBER: Final = r"(?:0|[1-9][0-9]{0,15})"
_LOG: Final = r"logs/(?P<party>[a-z][a-z0-9]{0,15})\.(?P<generation>[1-9][0-9]{0,5})/(?P<rest>.+)"
_IN_LOG: Final = re.compile(rf"{_LOG}", re.ASCII)
_REST: Final = re.compile(rf"checkpoint|certificate|heads/{_NUMBER}|receipts/[a-z][a-z0-9]{{0,15}}", re.ASCII)
_AHEAD: Final = re.compile(rf"ahead/{_NUMBER}", re.ASCII)
_PART: Final = re.compile(r"parts/[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class File:
    """One file of a bundle, as the manifest names it."""

    path: str
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Carried:
    """A log in a bundle: its entries from `start` (a multiple of 256, or the end) to `size`."""

    origin: str
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says of itself; unsigned."""

    cell: str
    author: str
    reader: str
    made_at: int
    logs: tuple[Carried, ...]
    files: tuple[File, ...]


def size_limit(path: str) -> int:
    """The most bytes that a file at `path` may have. Raises Malformed for a path that no bundle has."""
    if len(path) <= 120:
        if _PART.fullmatch(path):
            return MAX_PART
        found = _IN_LOG.fullmatch(path)
        if found and _REST.fullmatch(found["rest"]):
            return MAX_NOTE_FILE
        if found and _AHEAD.fullmatch(found["rest"]):
            return MAX_PUSH_BODY
        if found and found["rest"].startswith("tile/entries/") and parse_path(found["rest"]).level is None:
            return MAX_BUNDLE
    raise Malformed("bundle path", path[:120])


def log_place(origin: str) -> str:
    """Folder of a log inside a bundle, with the stroke."""
    _, party, generation = origin.rsplit("/", 2)
    return f"logs/{party}.{generation}/"


def encode_manifest(manifest: Manifest) -> bytes:
    """Bytes of a manifest; `parse_manifest` gives it back. Raises Malformed if it is over a bound."""
    data = strictjson.encode({
        "v": 1,
        "cell": manifest.cell,
        "from": manifest.author,
        "for": manifest.reader,
        "made_at": manifest.made_at,
        "logs": [[one.origin, one.start, one.size] for one in manifest.logs],
        "files": [[one.path, one.size, one.sha256.hex()] for one in manifest.files],
    })  # fmt: skip
    parse_manifest(data)
    return data


def parse_manifest(data: bytes) -> Manifest:
    """The manifest in a file. Raises Malformed, nothing else."""
    keys = ("v", "cell", "from", "for", "made_at", "logs", "files")
    found = expect_keys(strictjson.parse(data, limit=MAX_MANIFEST), "bundle manifest", keys)
    expect_integer(found["v"], "bundle version", low=1, high=1)
    cell = expect_text(found["cell"], "bundle cell", limit=64)
    author, reader = (expect_text(found[key], f"bundle {key}", limit=16) for key in ("from", "for"))
    if not (is_cell(cell) and is_party(author) and is_party(reader)):
        raise Malformed("bundle manifest", "cell or party")
    files = tuple(_file(row) for row in expect_list(found["files"], "bundle files", limit=MAX_FILES))
    _expect_once([one.path for one in files], "bundle files")
    logs = tuple(_carried(row, cell) for row in expect_list(found["logs"], "bundle logs", limit=64))
    _expect_once([one.origin for one in logs], "bundle logs")
    if sum(one.size for one in files) > MAX_TOTAL:
        raise Malformed("bundle files", f"more than {MAX_TOTAL} bytes")
    made_at = expect_integer(found["made_at"], "bundle time", low=0)
    return Manifest(cell, author, reader, made_at, logs, files)


def _file(row: object) -> File:
    path, size, sha256 = _row(row, "bundle file")
    path = expect_text(path, "bundle path", limit=120)
    size = expect_integer(size, "bundle file size", low=0, high=size_limit(path))
    return File(path, size, parse_hex(expect_text(sha256, "bundle hash", limit=64), "bundle hash", size=32))


def _carried(row: object, cell: str) -> Carried:
    name, start, size = _row(row, "bundle log")
    origin = expect_text(name, "bundle log", limit=120)
    of, _, rest = origin.partition("/")
    if of != cell or not _IN_LOG.fullmatch(f"logs/{rest.replace('/', '.', 1)}/x"):
        raise Malformed("bundle log", origin)
    last = expect_integer(size, "bundle log size", low=0)
    return Carried(origin, expect_integer(start, "bundle log start", low=0, high=last), last)


def _row(row: object, what: str) -> list[object]:
    found = expect_list(row, what, limit=3)
    if len(found) != 3:
        raise Malformed(what, "not three values")
    return list(found)


def _expect_once(names: Iterable[str], what: str) -> None:
    if list(names) != sorted(set(names)):
        raise Malformed(what, "not sorted, or one stands twice")
