"""Writes docs/reference from the code, so that a page cannot say what the program does not do.

`.venv/bin/python tools/docs.py` writes every page; `--check` writes nothing, names the pages that differ, are
missing or are left over, and exits 1 if there is one. The tables are the rooms' own: nothing is listed here.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "detente"
PAGES = ROOT / "docs" / "reference"
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> list[str]:
    """A table's lines; a bar inside a cell is escaped."""
    shown = [" | ".join(str(cell).replace("|", "\\|") for cell in row) for row in rows]
    names = list(head)
    return [f"| {' | '.join(names)} |", "|" + "---|" * len(names), *(f"| {row} |" for row in shown), ""]


def import_everything() -> None:
    """Import every module of the project under Django's settings for tools: rows are declared on import."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "detente.node.bare_settings")
    import django

    django.setup()
    for file in sorted(SOURCE.rglob("*.py")):
        name = ".".join(file.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
        if not name.endswith("__main__") and ".migrations" not in name:
            importlib.import_module(name)


# ---------------------------------------------------------------- command line


def cli() -> str:
    """Every verb, argument, option and exit code."""
    import typer

    from detente.cli import options, verify
    from detente.cli.verbs import app

    front = typer.main.get_command(app)
    lines = ["# Command line", "", *_paragraph(front.help), "", "Made from the verbs in `detente.cli`.", ""]
    meanings = {
        "YES": "yes, done, or whole",
        "NO": "no, refused, or not whole",
        "WRONG_USE": "wrong use",
        "UNREADABLE": "could not read, or could not reach the node",
        "KEYS_NOT_CONFIRMED": "`verify` only: consistent, keys not confirmed by a charter's digest",
    }
    lines += ["## Exit codes", ""]
    lines += table(("code", "meaning"), ((getattr(options, name), said) for name, said in meanings.items()))
    lines += ["Results go to standard output; refusals and hints go to standard error, after `detente:`.", ""]
    for words, command in _verbs(front, ()):
        if words == ("verify",):
            lines += ["## detente verify", "", "```", _verify_help(verify.run), "```", "", *_rest(verify)]
        else:
            lines += _verb(words, command)
    return "\n".join(lines).rstrip() + "\n"


def _verbs(group: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _verbs(command, (*words, name))
        else:
            yield (*words, name), command


def _verb(words: tuple[str, ...], command: Any) -> list[str]:
    import typer

    context = typer.Context(command, info_name=" ".join(words))
    usage = " ".join(("detente", *words, *command.collect_usage_pieces(context)))
    lines = [f"## detente {' '.join(words)}", "", *_paragraph(command.help), "", f"    {usage}", ""]
    records = [one.get_help_record(context) for one in command.params]
    rows = [(f"`{name}`", " ".join(said.split())) for name, said in filter(None, records)]
    if rows:
        lines += table(("argument or option", "meaning"), rows)
    module = inspect.getmodule(inspect.unwrap(command.callback))
    return [*lines, *_rest(module)] if len(words) == 1 else lines


def _paragraph(text: str | None) -> list[str]:
    return inspect.cleandoc(text or "").splitlines()


def _rest(module: Any) -> list[str]:
    """What the verb's module says behind its first line: value forms, what counts, what is refused."""
    said = inspect.cleandoc(module.__doc__ or "").partition("\n\n")[2]
    return [*said.splitlines(), ""] if said else []


def _verify_help(run: Callable[[list[str]], int]) -> str:
    """`detente verify --help` as printed: the verb works without typer, so its help is its own."""
    os.environ["COLUMNS"] = "100"
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
        run(["--help"])
    return said.getvalue().rstrip()


# ---------------------------------------------------------------- errors and findings


def errors() -> str:
    """Every error code, and every finding of the programs that check."""
    from detente.node import fsck, refusals
    from detente.node.link import errors as link
    from detente.record import errors as tree
    from detente.record import verify

    lines = [
        "# Errors and findings", "",
        "A code never changes once it is printed; desk and command line make a person's sentence from it.",
        "Made from the tables of the code.", "",
        "## Errors", "",
        "The status stands where the code fixes it; other codes have the status of their class, below.", "",
    ]  # fmt: skip
    leaves = {"malformed": tree.Malformed, "unverified": tree.Unverified, "conflict": tree.Conflict,
              "equivocation": tree.Equivocation, "unreachable": tree.Unreachable}  # fmt: skip
    on_link = dict(link._BY_CLASS)
    rows = [
        (f"`{code}`", who, refusals.BY_CODE.get(code, refusals.BY_CLASS.get(leaves.get(code, type), "")),
         link._BY_CODE.get(code, on_link.get(leaves.get(code, type), "")), meaning)
        for code, (who, meaning) in sorted(tree.ERRORS.items())
    ]  # fmt: skip
    lines += table(("code", "who must act", "local API", "link", "meaning"), rows)
    lines += ["## Status of a class", ""]
    classes = [kind for kind in refusals.BY_CLASS if kind is not tree.DetenteError]
    status = [
        (f"`{one.__name__}`", _paragraph(one.__doc__)[0], refusals.BY_CLASS[one], on_link.get(one, 500))
        for one in classes
    ]
    lines += table(("class", "meaning", "local API", "link"), status)
    for verb, found in (("verify", verify.FINDINGS), ("fsck", fsck.FINDINGS)):
        lines += [f"## Findings of {verb}", ""]
        lines += table(("code", "meaning"), ((f"`{code}`", said) for code, said in sorted(found.items())))
    return "\n".join(lines).rstrip() + "\n"


# ---------------------------------------------------------------- pages the rooms write, and small ones


def settings() -> str:
    """Every setting of node.toml."""
    from detente.node.settings import settings_page

    return settings_page()


def local_api() -> str:
    """Every endpoint of the local API, with its shapes."""
    from detente.node.api import openapi

    return openapi.page()


def metrics() -> str:
    """Every sample of /metrics."""
    module = importlib.import_module("detente.node.metrics")
    calls = [
        node.args for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_metric"
    ]  # fmt: skip
    rows = [(f"`{ast.literal_eval(name)}`", ast.literal_eval(said)) for name, said, _ in calls]
    lines = ["# Metrics", "", *_paragraph(module.__doc__), ""]
    lines += ["The port is `[metrics] listen` of [the settings](settings.md).", ""]
    lines += table(("sample", "meaning"), sorted(rows))
    return "\n".join(lines).rstrip() + "\n"


def desk() -> str:
    """Keys and addresses of the officers' console."""
    from django.utils import translation

    from detente.desk.signin import urls as signin
    from detente.desk.watch import acts
    from detente.desk.watch import urls as watch

    lines = ["# Desk", "", "Keys and addresses of the officers' console. Made from `detente.desk`.", ""]
    with translation.override(None):
        lines += ["## Keys", "", "A letter means the place on the keyboard, whatever the layout.", ""]
        lines += table(("key", "what"), ((f"`{key}`", str(said)) for key, said in acts.MOVES))
        rows = [(f"`{one.letter}`", f"`{one.act}`", one.label, one.hint or "", one.note) for one in acts.ACTS]
        lines += ["On the entry that has the frame:", ""]
        lines += table(("key", "act", "words", "says", "note"), rows)
    known = {key for key, _ in acts.MOVES} | {one.letter for one in acts.ACTS}
    others = [row for row in _keys_of_templates() if row[0].strip("`") not in known]
    lines += ["On other pages:", "", *table(("key", "page", "what"), others)]
    lines += ["## Addresses", "", "Each stands under its language, e.g. `/ar/`.", ""]
    routes = [
        (f"`/{one.pattern}`", f"`{one.name}`", (_paragraph(one.callback.__doc__) or [""])[0])
        for one in (*watch.urlpatterns, *signin.urlpatterns)
    ]
    lines += table(("address", "name", "what"), routes)
    return "\n".join(lines).rstrip() + "\n"


def _keys_of_templates() -> Iterator[tuple[str, str, str]]:
    """(key, page, first words behind it) of every letter that a template gives a key to."""
    folder = SOURCE / "desk" / "templates"
    found = re.compile(r'data-key="Key([A-Z])".*?{% translate "([^"]+)" %}', re.DOTALL)
    for file in sorted(folder.rglob("*.html")):
        for key, words in found.findall(file.read_text("utf-8")):
            yield f"`{key}`", file.relative_to(folder).with_suffix("").as_posix(), words


def kinds() -> Mapping[str, str]:
    """A page a kind, the lists they share, and the index of kinds, in the exercise charter's languages."""
    # The pages show no key, but a charter loads only with keys: those of the tests' cell, from fixed seeds.
    from charter.harbour import charter
    from detente.charter.reference import kind_pages

    return {f"kinds/{name}": text for name, text in kind_pages(charter()).items()}


def index(names: Iterable[str]) -> str:
    """The page that lists the others, and dates them all by the version they are made from."""
    from detente import __version__

    said = {f"{name}.md": _paragraph(make.__doc__)[0] for name, make in MAKERS.items()}
    said["kinds/README.md"] = _paragraph(kinds.__doc__)[0]
    lines = [
        "# Reference", "",
        f"*Reference. Detente {__version__}. Written from the code by `tools/docs.py`, and the*",
        "*tests compare them. Change the code and run it; never edit a page.*", "",
    ]  # fmt: skip
    shown = [name for name in names if name in said]
    rows = [(f"[{name.removesuffix('.md').removesuffix('/README')}]({name})", said[name]) for name in shown]
    return "\n".join(lines + table(("page", "what"), rows)).rstrip() + "\n"


MAKERS: Mapping[str, Callable[[], str]] = {
    "cli": cli,
    "desk": desk,
    "settings": settings,
    "local-api": local_api,
    "metrics": metrics,
    "errors": errors,
}


def pages() -> dict[str, str]:
    """File name under docs/reference -> text; the same for every run on the same code."""
    import_everything()
    made = {f"{name}.md": make() for name, make in MAKERS.items()} | dict(kinds())
    return {"README.md": index(made)} | made


def differing(made: Mapping[str, str]) -> list[str]:
    """Names of pages that are missing, other, or left over."""
    here = {one.relative_to(PAGES).as_posix(): one.read_text("utf-8") for one in PAGES.rglob("*.md")}
    return sorted(name for name in here.keys() | made.keys() if here.get(name) != made.get(name))


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print("detente: tools/docs.py [--check]", file=sys.stderr)
        return 2
    made = pages()
    wrong = differing(made)
    for name in wrong:
        print(f"detente: docs/reference/{name} is not what the code says", file=sys.stderr)
        if not arguments and name in made:
            (PAGES / name).parent.mkdir(parents=True, exist_ok=True)
            (PAGES / name).write_text(made[name], "utf-8")
        elif not arguments:
            (PAGES / name).unlink()
    return 1 if wrong and arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
