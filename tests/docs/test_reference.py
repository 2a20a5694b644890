"""The reference is made from the code; all that a person can set, call, send or be told stands in it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import PurePosixPath
from typing import Any

import pytest
import typer

from architecture.tree import ROOT, SOURCE, of, parsed, text
from charter.harbour import charter
from detente.cli.verbs import app
from detente.node.settings import SETTINGS

CODE = of(".py", under="src/")
TOOL = ROOT / "tools" / "docs.py"


def page(name: str) -> str:
    """The text of a reference page."""
    return text(PurePosixPath(f"docs/reference/{name}.md"))


def verbs(group: Any, words: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Every verb of the command line with its words."""
    found = []
    for name, command in group.commands.items():
        deeper = hasattr(command, "commands")
        found += verbs(command, (*words, name)) if deeper else [((*words, name), command)]
    return found


VERBS = verbs(typer.main.get_command(app))


def _blocks(name: PurePosixPath) -> list[str]:
    """Fenced blocks of a page, lines that end with a backslash joined."""
    return [block.replace("\\\n", " ") for block in text(name).split("```")[1::2]]


def constants(function: str, of_arguments: slice) -> list[tuple[Any, ...]]:
    """Constant arguments of every call of `function` in the code, read without running it."""
    found = []
    for name in CODE:
        for node in ast.walk(parsed(name)):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", getattr(node.func, "attr", "")) == function
            ):
                cut = node.args[of_arguments]
                if cut and all(isinstance(one, ast.Constant) for one in cut):
                    found.append(tuple(one.value for one in cut if isinstance(one, ast.Constant)))
    return found


class TestMade:
    def test_every_page_is_what_the_code_says(self) -> None:
        """Django is set up once a process: the tool runs in its own."""
        done = subprocess.run(
            [sys.executable, str(TOOL), "--check"], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), "write them anew: .venv/bin/python tools/docs.py"

    def test_wrong_use_is_refused(self) -> None:
        done = subprocess.run(
            [sys.executable, str(TOOL), "--chek"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2


class TestCommandLine:
    @pytest.mark.parametrize(("words", "command"), VERBS, ids=[" ".join(words) for words, _ in VERBS])
    def test_verb_has_its_heading_and_each_option_its_row(self, words: tuple[str, ...], command: Any) -> None:
        section = page("cli").partition(f"\n## detente {' '.join(words)}\n")[2].partition("\n## ")[0]
        assert len(section.split()) >= 10
        if words != ("verify",):
            for one in command.params:
                name = one.opts[0] if one.param_type_name == "option" else one.metavar or one.name
                row = re.search(rf"(?m)^\| `{re.escape(name)}\b[^|]*\| (.*?) *\|$", section)
                assert row, name
                assert len(row[1].split()) >= 2, f"{name} says nothing of itself"

    def test_verify_s_own_options_stand_there(self) -> None:
        section = page("cli").partition("\n## detente verify\n")[2].partition("\n## ")[0]
        declared = [one for (one,) in constants("add_argument", slice(0, 1)) if str(one).startswith("--")]
        assert {"--policy", "--digest"} <= set(declared)
        assert [one for one in declared if one in ("--policy", "--digest") and one not in section] == []

    @pytest.mark.parametrize("code", ["0", "1", "2", "3", "4"])
    def test_every_exit_code(self, code: str) -> None:
        assert re.search(rf"(?m)^\| {code} \| \S.+ \|$", page("cli"))

    def test_an_example_uses_verbs_and_options_that_exist(self) -> None:
        """A line of a shell block: the verb is one, each `--option` is the verb's."""
        known = {words: {one for each in command.params for one in each.opts} for words, command in VERBS}
        wrong = []
        for name in of(".md"):
            for line in re.findall(r"(?m)^(?:\$ )?(?:\./)?detente ([a-z].*)$", "\n".join(_blocks(name))):
                words = line.partition("#")[0].split()
                verb = tuple(words[:2]) if tuple(words[:2]) in known else tuple(words[:1])
                given = {one.partition("=")[0] for one in words if one.startswith("--") and len(one) > 2}
                own = verb == ("verify",) or verb[0] in (
                    "test",
                    "bench",
                    "campaign",
                    "fuzz",
                    "lint",
                    "screens",
                )
                if not own and not given <= known.get(verb, set()) | {"--help"}:
                    wrong.append((str(name), line))
        assert wrong == []

    def test_a_verb_that_any_page_or_sentence_names_exists(self) -> None:
        first = {words[0] for words, _ in VERBS} | {"test", "bench", "campaign", "fuzz", "lint", "screens"}
        here = {
            one for one in first if one in {w[0] for w, _ in VERBS} or (ROOT / f"tools/{one}.py").is_file()
        }
        named: dict[str, str] = {}
        for name in [*of(".md"), *CODE]:
            for hit in re.finditer(r"`(?:\./)?detente ([a-z]+)\b", text(name)):
                if hit[1] not in here:
                    named[hit[1]] = str(name)
        assert named == {}


class TestSettings:
    @pytest.mark.parametrize("row", SETTINGS, ids=lambda row: f"{row.section}.{row.key}")
    def test_setting_has_its_row_in_its_section(self, row: Any) -> None:
        heading = f"\n## [{row.section.replace('*', 'PEER')}]\n"
        section = page("settings").partition(heading)[2].partition("\n## ")[0]
        assert re.search(rf"(?m)^\| `{row.key}` \| .+ \| .+ \| .{{10,}} \|$", section)


class TestErrors:
    def test_every_code_that_is_declared_has_its_row(self) -> None:
        declared = {code for (code,) in constants("declare", slice(0, 1))}
        assert len(declared) > 50
        rows = set(
            re.findall(
                r"(?m)^\| `([a-z-]+)` \| [^|]+ \| (?:\d{3})? ?\| (?:\d{3})? ?\| .{10,} \|$", page("errors")
            )
        )
        assert sorted(declared - rows) == []

    def test_a_code_that_is_spelled_where_it_is_raised_has_its_row(self) -> None:
        raised = {code for (code,) in constants("Refused", slice(0, 1))}
        raised |= {code for _, code in constants("RuleViolation", slice(0, 2))}
        assert sorted(code for code in raised if f"\n| `{code}` |" not in page("errors")) == []

    def test_every_row_says_who_must_act(self) -> None:
        table = page("errors").partition("## Errors")[2].partition("\n## ")[0]
        rows = re.findall(r"(?m)^\| `[a-z-]+` \| ([^|]*) \|", table)
        assert all(who.strip() for who in rows)


class TestLocalApi:
    ROUTES = constants("Route", slice(0, 2))

    def test_there_are_routes(self) -> None:
        assert len(self.ROUTES) >= 20

    @pytest.mark.parametrize(("method", "path"), ROUTES)
    def test_endpoint_has_its_heading(self, method: str, path: str) -> None:
        section = page("local-api").partition(f"\n## {method} {path}\n")[2].partition("\n## ")[0]
        assert len(section.split()) >= 5


class TestMetrics:
    @pytest.mark.parametrize("name", [row[0] for row in constants("_metric", slice(0, 2))])
    def test_sample_has_its_row(self, name: str) -> None:
        assert re.search(rf"(?m)^\| `{name}` \| .{{10,}} \|$", page("metrics"))


class TestKinds:
    FILES = sorted(path.stem for path in (SOURCE / "charter" / "kinds").glob("[DR]*.toml"))

    @pytest.mark.parametrize("kind", FILES)
    def test_kind_has_its_page_and_its_row(self, kind: str) -> None:
        assert page(f"kinds/{kind}").startswith(f"# {kind} ")
        assert f"[{kind}]({kind}.md)" in page("kinds/README")

    @pytest.mark.parametrize("kind", FILES)
    def test_each_field_act_state_and_code_is_explained_in_every_language(self, kind: str) -> None:
        found = charter().kinds[kind]
        worded = [*found.fields, *found.acts.values(), *found.states.values()]
        worded += [code for one in found.lists.values() for code in one.codes.values()]
        for one in worded:
            assert f"`{one.id}`" in page(f"kinds/{kind}")
            assert [said for said in one.definition.values() if said not in page(f"kinds/{kind}")] == []

    @pytest.mark.parametrize("clock", sorted(charter().clocks))
    def test_clock_has_its_row(self, clock: str) -> None:
        assert re.search(rf"(?m)^\| {clock} \| .{{5,}} \|", page("kinds/README"))


class TestDesk:
    def test_every_key_and_address_has_its_row(self) -> None:
        keys = set(re.findall(r'data-key="Key([A-Z])"', "".join(map(text, of(".html")))))
        assert sorted(key for key in keys if f"| `{key}` |" not in page("desk")) == []
        for name in of(".py", under="src/detente/desk/"):
            if name.name == "urls.py" and len(name.parts) > 4:
                named = re.findall(r'name="([a-z-]+)"', text(name))
                assert [one for one in named if f"| `{one}` |" not in page("desk")] == []
