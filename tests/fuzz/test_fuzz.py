"""Every parser has a fuzz target, every target holds for its seeds and for all that was ever found."""

from __future__ import annotations

import ast
import importlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from architecture.tree import ROOT
from node import database  # configures Django, which some modules of the node need

sys.path.insert(0, str(ROOT))

from fuzz import table

REGRESSIONS = Path(__file__).parent / "regressions"
SOURCE = ROOT / "src" / "detente"
READS = (
    "parse_",
    "open_",
    "load_",
    "decode",
    "decrypt",
    "read_",
    "cosigned_head",
    "check_ahead",
    "grid_centre",
)

#: Not parsers of foreign bytes, or reached only through one that has a target: each with its reason.
EXEMPT = {
    "detente.node.keeper.open_keeper": "opens the store of this node",
    "detente.node.certificates.load_ca": "reads this node's own CA, made by it",
    "detente.node.pairing.read_charter": "reads files; their bytes go to load_charter",
    "detente.cases.thin.read_thin": "parse_thin and verify_thin (with a target), then the charter's codes",
    "detente.node.rowbook.read_row": "reads this node's own rows",
    "detente.node.journal.parse_record": "reads this node's own journal",
    "detente.node.backup.parse_manifest": "reads the operator's own backup, by strictjson",
    "detente.node.backup.read_manifest": "reads the operator's own backup, by strictjson",
    "detente.node.sealedkeys.open_keys": "reads the operator's own backup; age and strictjson are driven",
    "detente.node.django_setup.open_tables": "opens the store of this node",
    "detente.node.fsck.folding.read_all": "reads this node's own rows",
    "detente.charter.fieldfile.read_field": "a row of parse_kind, which has a target",
    "detente.node.fsck.logs.check_ahead_of": "compares this node's own rows",
}

SMOKE_S = 0.25  # of mutations for each target; the long runs are `./detente fuzz`


def parsers() -> Iterator[str]:
    """Every public function of the rooms that take foreign bytes, by the words that such names begin with."""
    for room in ("record", "charter", "cases", "node"):
        for path in sorted((SOURCE / room).rglob("*.py")):
            module = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
            for found in ast.parse(path.read_text("utf-8")).body:
                if isinstance(found, ast.FunctionDef) and found.name.startswith(READS):
                    yield f"{module}.{found.name}"


class TestTable:
    """A parser without a target fails the build."""

    def test_every_parser_is_driven_by_a_target(self) -> None:
        driven = {name for target in table.NAMES for name in table.load(target).parsers}
        assert set(parsers()) - driven - EXEMPT.keys() == set()

    def test_nothing_is_driven_or_exempt_that_is_not_there(self) -> None:
        database.template()
        assert EXEMPT.keys() <= set(parsers())
        for target in table.NAMES:
            for name in table.load(target).parsers:
                module, _, last = name.rpartition(".")
                if not module.rpartition(".")[2].islower():  # a method
                    module, _, owner = module.rpartition(".")
                    assert hasattr(getattr(importlib.import_module(module), owner), last), name
                else:
                    assert hasattr(importlib.import_module(module), last), name

    @pytest.mark.parametrize("name", table.NAMES)
    def test_a_target_says_what_it_is_about_and_has_seeds(self, name: str) -> None:
        target = table.load(name)
        assert target.about.endswith(".")
        assert any(True for _ in target.seeds())


class TestSmoke:
    """Seeds, all that was ever found, and a short run of seeded mutations."""

    @pytest.mark.parametrize("name", table.NAMES)
    def test_target(self, name: str) -> None:
        target = table.load(name)
        seeds = list(target.seeds())
        for data in seeds:
            target.one(data)
        chance, end = random.Random(name), time.monotonic() + SMOKE_S
        while time.monotonic() < end:
            target.one(mutated(chance.choice(seeds), chance))

    @pytest.mark.parametrize(
        "path", sorted(REGRESSIONS.glob("*/*")), ids=lambda one: f"{one.parent.name}-{one.name}"
    )
    def test_regression(self, path: Path) -> None:
        table.load(path.parent.name).one(path.read_bytes())


def mutated(data: bytes, chance: random.Random) -> bytes:
    """A few bytes changed, taken out, doubled or put in."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place = chance.randint(0, len(found))
        what = chance.randint(0, 3)
        if what == 0 and place < len(found):
            found[place] ^= 1 << chance.randint(0, 7)
        elif what == 1:
            del found[place : place + chance.randint(1, 8)]
        elif what == 2:
            found[place:place] = found[place : place + chance.randint(1, 64)]
        else:
            found[place:place] = chance.randbytes(chance.randint(1, 4))
    return bytes(found)


BROKEN = '''"""A parser that fails on one letter."""
PARSERS = ("builtins.len",)
def seeds():
    yield b"aaaa"
def one(data):
    if data[:1] == b"F" and data[1:2] == b"U":
        raise ValueError("found")
'''


@pytest.mark.foreign  # alone: a coverage-guided run in a process of its own
class TestTool:
    """`./detente fuzz` finds what coverage leads to, keeps the bytes, and exits 1."""

    def run(self, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        # A copy of the tool and the table, with links to the rest, so that nothing is left in the checkout.
        for name in ("src", "spec"):
            (tmp_path / name).symlink_to(ROOT / name)
        for name in ("tools/fuzz.py", "fuzz/__init__.py", "fuzz/table.py", "fuzz/run.py", "fuzz/seeds.py",
                     "fuzz/targets/__init__.py", "fuzz/targets/encodings.py"):  # fmt: skip
            place = tmp_path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes((ROOT / name).read_bytes())
        (tmp_path / "tests").mkdir()
        (tmp_path / "fuzz" / "targets" / "broken.py").write_text(BROKEN)
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        command = [sys.executable, str(tmp_path / "tools" / "fuzz.py"), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, env=environment, check=False, timeout=120
        )

    def test_a_fault_is_found_kept_and_told(self, tmp_path: Path) -> None:
        done = self.run(tmp_path, "--seconds", "20", "broken")
        assert done.returncode == 1, done.stdout + done.stderr
        (kept,) = (tmp_path / "tests" / "fuzz" / "regressions" / "broken").iterdir()
        assert kept.read_bytes().startswith(b"FU")

    def test_a_sound_target_is_told_with_its_figures(self, tmp_path: Path) -> None:
        done = self.run(tmp_path, "--seconds", "1", "encodings")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "edges" in done.stdout
        assert " 0 executions" not in done.stdout

    def test_a_name_that_is_no_target_is_wrong_use(self, tmp_path: Path) -> None:
        assert self.run(tmp_path, "nothing").returncode == 2
