"""A file counts only if a test fails when its content is emptied: each says something, and somebody uses it.

Each suffix has a judge. A judge raises for bytes that say nothing; `TestEmptied` shows that it does, for
every file. Files that no judge knows fail: a new kind of file needs its judge first.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import struct
import subprocess
import tomllib
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import PurePosixPath
from xml.etree import ElementTree as ET

import polib
import pytest

from architecture.tree import ROOT, of, text, tracked
from detente.record.keys import parse_vkey
from detente.record.policy import parse_policy

Judge = Callable[[PurePosixPath, bytes], None]
PEP561 = PurePosixPath("src/detente/py.typed")  # PEP 561: the file is a mark, its content is empty
FONTS = ROOT / "src/detente/desk/static/desk/fonts"


@cache
def everything(*suffixes: str) -> str:
    """All text of the files with these suffixes, for the question whether a name is used."""
    return "\n".join(text(name) for name in of(*suffixes))


def markdown(_name: PurePosixPath, data: bytes) -> None:
    said = data.decode("utf-8")
    assert re.match(r"# \S", said), "a page begins with its heading"
    assert len(said.split()) >= 40, "a page says something"


def python(name: PurePosixPath, data: bytes) -> None:
    tree = ast.parse(data)
    said = [one for one in tree.body if not isinstance(one, ast.Import | ast.ImportFrom)]
    assert said
    if name.name != "__init__.py":
        assert len(said) > (ast.get_docstring(tree) is not None), "no more than a docstring"


def toml(_name: PurePosixPath, data: bytes) -> None:
    assert len(tomllib.loads(data.decode("utf-8"))) >= 2


def unit(_name: PurePosixPath, data: bytes) -> None:
    lines = data.decode().splitlines()
    assert "[Service]" in lines and any(line.startswith("ExecStart=") for line in lines)


def alert_rules(_name: PurePosixPath, data: bytes) -> None:
    assert len(re.findall(r"(?m)^ +expr: \S+", data.decode())) >= 2


def json_(name: PurePosixPath, data: bytes) -> None:
    assert len(json.loads(data)) >= 1
    by_glob = name.name.startswith("package") or name.name.endswith(".schema.json")
    assert by_glob or name.name in everything(".py", ".md"), "nobody reads it"


def geojson(name: PurePosixPath, data: bytes) -> None:
    found = json.loads(data)
    assert found["type"] == "FeatureCollection"
    assert found["features"]
    for feature in found["features"]:
        assert feature["geometry"]["coordinates"], "a feature without a place"
        assert feature["properties"], "a feature that says nothing of itself"
    assert name.name in (ROOT / name.parent / "charter.toml").read_text("utf-8") + everything(".py")


def vector(_name: PurePosixPath, data: bytes) -> None:
    head, _, _ = data.partition(b"\n\n")
    words = dict(line.split(": ", 1) for line in head.decode("utf-8").split("\n"))
    assert {"rule", "expect"} <= words.keys()


def vkey(name: PurePosixPath, data: bytes) -> None:
    lines = data.decode("ascii").splitlines()
    halves = 1 if name.stem == "recovery" else 2  # the recovery key signs with Ed25519 alone
    assert len({parse_vkey(line).type for line in lines}) == len(lines) == halves, "one key of each half"
    policies = "".join((ROOT / one).read_text("ascii") for one in of(".policy"))
    if not all(line in policies for line in lines):
        named_by_a_vector(name)


def policy(name: PurePosixPath, data: bytes) -> None:
    parse_policy(data)
    named_by_a_vector(name)


def named_by_a_vector(name: PurePosixPath) -> None:
    heads = [(ROOT / one).read_bytes().partition(b"\n\n")[0].decode("utf-8") for one in of(".vector")]
    asked = re.compile(rf"(?m)^(?:keys|policy): (?:.*\b)?{re.escape(name.stem)}\b")
    assert any(map(asked.search, heads)), "no vector asks for it"


def woff2(name: PurePosixPath, data: bytes) -> None:
    signature, _, length = struct.unpack(">4sII", data[:12])
    assert (signature, length) == (b"wOF2", len(data))
    listed = {
        k: v for row in json.loads((FONTS / "vendor.json").read_text()) for k, v in row["files"].items()
    }
    assert listed[name.name] == hashlib.sha256(data).hexdigest()
    assert name.name in everything(".css"), "no style asks for it"


def po(_name: PurePosixPath, data: bytes) -> None:
    entries = [one for one in polib.pofile(data.decode("utf-8")) if not one.obsolete]
    assert len(entries) > 50
    assert [one.msgid for one in entries if not one.translated()] == []


def mo(name: PurePosixPath, data: bytes) -> None:
    assert data == polib.pofile(str(ROOT / name.with_suffix(".po"))).to_binary()


def template(name: PurePosixPath, data: bytes) -> None:
    assert len(data.split()) >= 3
    asked = name.as_posix().partition("/templates/")[2]
    by_django = asked in ("404.html", "403_csrf.html")
    assert by_django or f'"{asked}"' in everything(".py", ".html"), "nothing renders it"


def script(name: PurePosixPath, data: bytes) -> None:
    assert len(data.split()) >= 10
    assert name.name in everything(".html", ".py", ".css"), "no page loads it"


def svg(name: PurePosixPath, data: bytes) -> None:
    assert len(ET.fromstring(data)) >= 1
    assert name.name in everything(".html", ".css", ".md")


def png(name: PurePosixPath, data: bytes) -> None:
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    assert min(width, height) >= 100
    rows, place = b"", 8
    while place < len(data):
        size, kind = struct.unpack(">I4s", data[place : place + 8])
        rows += data[place + 8 : place + 8 + size] if kind == b"IDAT" else b""
        place += 12 + size
    pixels = zlib.decompress(rows)
    assert len(pixels) > height * width * depth // 8
    assert len(set(pixels)) >= 16, f"a blank picture of colour type {colour}"
    assert name.name in everything(".md"), "no page shows it"


def txt(name: PurePosixPath, data: bytes) -> None:
    assert len(data.split()) >= 10
    assert name.parts[0] == "locks" or name.name in everything(".json", ".py"), "nobody reads it"


def other_language(name: PurePosixPath, data: bytes) -> None:
    assert len(data.split()) >= 20
    assert name.name in everything(".py", ".json"), "no test runs it"


def shell(_name: PurePosixPath, data: bytes) -> None:
    assert data.startswith(b"#!")
    assert len(data.split()) >= 10
    assert subprocess.run(["bash", "-n"], input=data, check=False).returncode == 0


def ignore(_name: PurePosixPath, data: bytes) -> None:
    assert {".venv/", "__pycache__/"} <= set(data.decode().split())


def licence(_name: PurePosixPath, data: bytes) -> None:
    assert b"Apache License" in data
    assert b"Version 2.0, January 2004" in data
    assert b"9. Accepting Warranty or Additional Liability" in data


def found_by_fuzzing(name: PurePosixPath, data: bytes) -> None:
    assert hashlib.sha256(data).hexdigest()[:16] == name.name


BY_SUFFIX: Mapping[str, Judge] = {
    ".md": markdown, ".py": python, ".toml": toml, ".json": json_, ".geojson": geojson, ".vector": vector,
    ".vkey": vkey, ".policy": policy, ".woff2": woff2, ".po": po, ".mo": mo, ".html": template,
    ".css": script, ".js": script, ".svg": svg, ".png": png, ".txt": txt, ".go": other_language,
    ".mjs": other_language, ".service": unit, ".yml": alert_rules,
}  # fmt: skip
BY_NAME: Mapping[str, Judge] = {
    "detente": shell, ".ci/run": shell, ".gitignore": ignore, "LICENSE": licence,
}  # fmt: skip


def judge(name: PurePosixPath, data: bytes) -> None:
    """Raise AssertionError (or the parser's error) if the file says nothing or nobody uses it."""
    found = BY_NAME.get(name.as_posix()) or BY_SUFFIX.get(name.suffix)
    if name.as_posix().startswith("tests/fuzz/regressions/"):
        found = found_by_fuzzing
    assert found is not None, f"no judge for {name}: what would notice that it is empty?"
    found(name, data)


FILES = [name for name in tracked() if name != PEP561]


class TestKept:
    @pytest.mark.parametrize("suffix", sorted({name.suffix or name.name for name in FILES}))
    def test_files_say_something_and_are_used(self, suffix: str) -> None:
        wrong = {}
        for name in FILES:
            if (name.suffix or name.name) == suffix:
                try:
                    judge(name, (ROOT / name).read_bytes())
                except Exception as error:
                    wrong[str(name)] = repr(error)[:200]
        assert wrong == {}


class TestEmptied:
    @pytest.mark.parametrize("suffix", sorted({name.suffix or name.name for name in FILES}))
    def test_an_emptied_file_is_noticed(self, suffix: str) -> None:
        unnoticed = []
        for name in FILES:
            if (name.suffix or name.name) == suffix:
                try:
                    judge(name, b"")
                except Exception:
                    continue
                unnoticed.append(str(name))
        assert unnoticed == []

    def test_the_typing_mark_is_the_only_empty_file(self) -> None:
        assert [name for name in tracked() if not (ROOT / name).stat().st_size] == [PEP561]
