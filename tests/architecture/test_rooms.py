"""ARCHITECTURE.md is a promise about the tree: rooms, entry points, purity, small modules."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import PurePosixPath

import pytest

from architecture.tree import PURE, ROOT, SOURCE, of, parsed, text

PAGE = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
PURE_FILES = [name for room in PURE for name in of(".py", under=f"src/detente/{room}/")]

#: Functions that reach a disk, a terminal or code from elsewhere.
IMPURE_FUNCTIONS = frozenset(("open", "print", "input", "exec", "eval", "__import__"))
#: Whatever is asked under these names reads a clock, chance, a disk or the environment.
IMPURE_ATTRIBUTES = frozenset(
    (
        *("now", "utcnow", "today", "monotonic", "perf_counter", "sleep", "getenv", "environ", "getLogger"),
        *("urandom", "uuid1", "uuid4", "token_bytes", "token_hex", "randbytes", "randrange", "getrandbits"),
        *("generate", "generate_key", "generate_private_key", "import_module"),
        *("read_text", "read_bytes", "write_text", "write_bytes"),
    )
)
# fmt: off
IMPURE_MODULES = frozenset((
    "time", "random", "secrets", "os", "sys", "uuid", "io", "pathlib", "shutil", "tempfile", "importlib",
    "socket", "ssl", "http", "urllib", "asyncio", "threading", "multiprocessing", "concurrent", "select",
    "subprocess", "signal", "logging", "locale", "zoneinfo", "platform", "getpass", "sqlite3",
    "django", "aiohttp",
))
# fmt: on
MODULE_LINES, FUNCTION_LINES = 400, 60


def asked(tree: ast.AST) -> set[str]:
    """Every impure function that is called and every impure name behind a dot."""
    nodes = list(ast.walk(tree))
    calls = (node.func for node in nodes if isinstance(node, ast.Call))
    functions = {one.id for one in calls if isinstance(one, ast.Name)}
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    names = {one.name for node in nodes if isinstance(node, ast.ImportFrom) for one in node.names}
    return (functions & IMPURE_FUNCTIONS) | ((attributes | names) & IMPURE_ATTRIBUTES)


def imported(tree: ast.AST) -> set[str]:
    """First names of imported modules."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


class TestRooms:
    """The rooms' table names each folder of src/detente, and no other."""

    def test_the_table_is_the_tree(self) -> None:
        table = re.findall(r"(?m)^\| `([a-z]+)` \| (.+?) \|$", PAGE)
        folders = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
        assert {name for name, _ in table} == folders
        assert all(len(said.split()) >= 4 for _, said in table)

    @pytest.mark.parametrize("place", sorted(set(re.findall(r"`([a-z_]+/[a-z_/]*(?:\.py)?)`", PAGE))))
    def test_a_place_that_the_page_names_is_there(self, place: str) -> None:
        assert (SOURCE / place).exists() or (ROOT / place).exists()

    def test_the_import_contracts_name_every_room(self) -> None:
        tools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
        by_id = {one["id"]: one for one in tools["importlinter"]["contracts"]}
        rooms = {f"detente.{path.parent.name}" for path in SOURCE.glob("*/__init__.py")}
        assert set(by_id["layers"]["layers"]) == rooms
        assert by_id["pure"]["source_modules"] == [f"detente.{room}" for room in PURE]
        away = {"django", "aiohttp", "time", "random", "secrets", "socket"}
        assert away <= set(by_id["pure"]["forbidden_modules"])
        assert {"detente.node.models", "cryptography"} <= set(by_id["desk"]["forbidden_modules"])

    def test_it_fits_two_screens_and_keeps_its_never_lines(self) -> None:
        assert len(PAGE.splitlines()) <= 90
        assert len(re.findall(r"(?m)^- ", PAGE.partition("## Never")[2])) >= 8


class TestPureRooms:
    """The pure rooms get values and give values: no clock, chance, disk, network, terminal or environment."""

    @pytest.mark.parametrize("name", PURE_FILES, ids=str)
    def test_nothing_impure_is_imported(self, name: PurePosixPath) -> None:
        assert not imported(parsed(name)) & IMPURE_MODULES

    @pytest.mark.parametrize("name", PURE_FILES, ids=str)
    def test_nothing_impure_is_asked(self, name: PurePosixPath) -> None:
        assert not asked(parsed(name))

    def test_a_clock_or_chance_would_be_seen(self) -> None:
        sly = "from m import uuid4\nimport os.path\nf = datetime.now\nx = open('f')"
        assert asked(ast.parse(sly)) == {"now", "open", "uuid4"}
        assert "os" in imported(ast.parse(sly))

    def test_the_rooms_are_not_empty(self) -> None:
        assert {name.parts[2] for name in PURE_FILES} == set(PURE)
        assert len(PURE_FILES) > 30


class TestSmall:
    """A module ends at 400 lines, a function at 60."""

    FILES = of(".py", under="src/") + of(".py", under="tools/") + of(".py", under="bench/")

    @pytest.mark.parametrize("name", FILES, ids=str)
    def test_module(self, name: PurePosixPath) -> None:
        assert len(text(name).splitlines()) <= MODULE_LINES

    @pytest.mark.parametrize("name", FILES, ids=str)
    def test_functions(self, name: PurePosixPath) -> None:
        long = [
            f"{node.name}: {(node.end_lineno or 0) - node.lineno + 1} lines"
            for node in ast.walk(parsed(name))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES
        ]
        assert not long

    @pytest.mark.parametrize("name", FILES, ids=str)
    def test_a_module_says_what_it_is_for(self, name: PurePosixPath) -> None:
        if "migrations" not in name.parts:
            assert len((ast.get_docstring(parsed(name)) or "").split()) >= 3
