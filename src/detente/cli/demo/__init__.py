"""`detente demo`: builds the fictional exercise cell of three nodes, plays it, verifies what it left.

Exit 0 only if every check held. `--serve` keeps the cell running with a sign-in link for each desk;
`--netns` (root) gives each party its own network namespace, Unix user and clock.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import tempfile
import threading
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from detente.cli.options import NO, WRONG_USE, fail

Fast = Annotated[bool, typer.Option("--fast", help="Without pauses for reading.")]
Serve = Annotated[bool, typer.Option("--serve", help="Keep the cell running; print three sign-in links.")]
Netns = Annotated[bool, typer.Option("--netns", help="A network namespace and Unix user a party (root).")]
Place = Annotated[Path | None, typer.Option("--dir", help="Keep everything in this empty or new folder.")]


def demo(fast: Fast = False, serve: Serve = False, netns: Netns = False, place: Place = None) -> None:
    """Build and play a fictional cell: contact checks, STOP-AND-CHECK, a cut line, a hung machine."""
    from detente.cli.demo.places import may_use_namespaces

    if netns and (sentence := may_use_namespaces()):
        fail(sentence, code=WRONG_USE)
    if netns and serve:
        fail("--serve shows desks on this machine's network, --netns takes them away from it", code=WRONG_USE)
    if place is not None and place.exists() and any(place.iterdir()):
        fail(f"{place} is not empty", code=WRONG_USE)
    kept = place.absolute() if place else Path(tempfile.mkdtemp(prefix="detente-demo-"))
    try:
        held = _run(kept, keep=place is not None, fast=fast, serve=serve, netns=netns)
    finally:
        if place is None:
            shutil.rmtree(kept, ignore_errors=True)
    if not held:
        raise typer.Exit(NO)


def _run(place: Path, *, keep: bool, fast: bool, serve: bool, netns: bool) -> bool:
    from detente.cli.demo.cell import build
    from detente.cli.demo.play import Play
    from detente.cli.demo.stage import Stage

    console = Console()
    console.print("EXERCISE EXERCISE EXERCISE", style="bold", justify="center")
    console.print("A fictional cell: two neighbouring states and a guarantor. Nothing here is real.\n")
    cell = build(place, netns=netns, desks=serve)
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        cell.start()
        with Stage(("s1", "s2", "g1"), fast=fast, console=console) as stage:
            play = Play(cell, stage)
            play.all()
            if serve:
                _serve(cell, console)
            _verified(cell, stage, play.keep, digest=_digest(cell))
    finally:
        cell.stop()
    _summary(console, stage, kept=place if keep else None)
    return stage.all_held


def _interrupted(_number: int, _frame: Any) -> None:
    raise KeyboardInterrupt


def _digest(cell: Any) -> str:
    from detente.cli.demo.cell import digest

    return digest(cell)


def _verified(cell: Any, stage: Any, entries: list[str], *, digest: str) -> None:
    """The last scene: a stranger's check of everything that the cell leaves."""
    from detente.cli.demo import evidence

    stage.scene("A stranger checks all three logs alone, given the charter's digest.")
    place = evidence.write(cell, entries)
    code, said = evidence.verify(place, digest)
    for line in said.splitlines():
        stage.say(line)
    stage.expect("verify: consistent, keys confirmed by the charter's digest", lambda: code == 0, within=0.5)
    stage.expect("verify: the log that was forked on purpose is called a fork",
                 lambda: "TWO HISTORIES, proven" in said, within=0.5)  # fmt: skip


def _serve(cell: Any, console: Console) -> None:
    """Print a one-time sign-in link a party, and wait until Ctrl-C."""
    console.print("\nThe cell keeps running. One-time links, each for one officer's first sign-in:")
    for party, post in (("s1", "WATCH"), ("s2", "WATCH"), ("g1", "SUPERVISOR")):
        link = cell.node(party).api.post("/v1/enrolment", {"post": post})["link"]
        console.print(f"  {party.upper()}  {link}", soft_wrap=True, highlight=False)
    console.print("Ctrl-C ends it; then all three logs are verified.")
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


def _summary(console: Console, stage: Any, *, kept: Path | None) -> None:
    held = sum(check.took is not None for check in stage.checks)
    console.print(f"\n{held} of {len(stage.checks)} checks held.", style="bold")
    for check in stage.checks:
        if check.took is None:
            console.print(f"  NOT held: {check.sentence}", highlight=False)
    if kept is not None and (kept / "evidence").is_dir():
        console.print(f"Left for strangers: {kept / 'evidence'}", soft_wrap=True, highlight=False)
    console.print("EXERCISE EXERCISE EXERCISE", style="bold", justify="center")
