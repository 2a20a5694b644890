"""The repository's own files, for tests that read them: what is kept under version control, and its text."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "detente"
PURE = ("record", "charter", "cases")

#: Left by tools in a checkout or an unpacked archive; the same as in .gitignore.
_LEFT = {".git", ".venv", "__pycache__", "build", "node_modules"}


@cache
def tracked() -> tuple[PurePosixPath, ...]:
    """Every file under version control that is here; in an unpacked archive every file that no tool left."""
    asked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if asked.returncode == 0 and asked.stdout:
        names = [PurePosixPath(name) for name in asked.stdout.split("\0") if name]
    else:
        here = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
        names = [PurePosixPath(path) for path in here if not is_left(PurePosixPath(path))]
    return tuple(name for name in sorted(names) if (ROOT / name).is_file())


def is_left(path: PurePosixPath) -> bool:
    """Whether a tool left it: folders such as .venv, caches, build results."""
    return any(part in _LEFT or part.endswith(("_cache", ".egg-info", ".hypothesis")) for part in path.parts)


def of(*suffixes: str, under: str = "") -> list[PurePosixPath]:
    """Tracked files with one of the suffixes, below `under`."""
    return [name for name in tracked() if name.suffix in suffixes and name.as_posix().startswith(under)]


@cache
def text(name: PurePosixPath) -> str:
    """Its text."""
    return (ROOT / name).read_text("utf-8")


@cache
def parsed(name: PurePosixPath) -> ast.Module:
    """A Python file's tree."""
    return ast.parse(text(name), filename=str(name))


def prose(markdown: str) -> str:
    """Markdown without fenced code."""
    kept, fenced = [], False
    for line in markdown.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            kept.append(line)
    return "\n".join(kept)
