"""`detente play FILE`: a scenario over three living nodes of the exercise cell, with a clock that moves.

1. Everything goes through the local APIs, as an officer's own node would be used. Nothing real is touched:
   the cell is made in a folder of its own and ended after the last step.
2. The transcript names parties and the file's own names, never an entry's number or the wall's time: the same
   file gives the same transcript, and with --swap the two sides exchanged.
3. Exit 0 only if every expectation held within its time and every refusal was that of its clause.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console

import detente
from detente.cli.options import NO, WRONG_USE, errors_in_words, fail
from detente.cli.scenario import Scenario, Step, parse_scenario, swapped, told
from detente.record.errors import DetenteError, Refused, declare

if TYPE_CHECKING:
    from detente.cli.demo.cell import Cell
    from detente.cli.demo.stage import Stage

SCENARIOS: Final = Path(detente.__file__).parent / "scenarios"
WITHIN_S: Final = 30
START_S: Final = 60
_NOW: Final = re.compile(r"now(?:([+-])([0-9]{1,9}))?")
SIDES: Final = ("s1", "s2")
NOT_PLAYED: Final = declare("step-not-played", "scenario's author", "a verb that a step runs refused it")


def play(
    file: Annotated[
        str, typer.Argument(help="A scenario file, or the name of one that comes along: S05.")
    ] = "",
    swap: Annotated[bool, typer.Option("--swap", help="With the two sides exchanged.")] = False,
    transcript: Annotated[
        Path | None, typer.Option(help="Write the transcript to this new file too.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Name the scenarios that come along.")] = False,
) -> None:
    """Play a scenario over three nodes of the fictional exercise cell, and check what it must show."""
    if list_ or not file:
        for path in sorted(SCENARIOS.glob("*.toml")):
            print(f"{path.stem}  {parse_scenario(path.read_bytes(), path.name).title.get('en', '')}")
        return
    path = SCENARIOS / f"{file}.toml" if re.fullmatch(r"S[0-9]{2}", file) else Path(file)
    with errors_in_words():
        scenario = parse_scenario(path.read_bytes(), path.name)
    if transcript is not None and transcript.exists():
        fail(f"{transcript} is there already", code=WRONG_USE)
    place = Path(tempfile.mkdtemp(prefix="detente-play-"))
    try:
        held, lines = run(swapped(scenario, *SIDES) if swap else scenario, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    if transcript is not None:
        transcript.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    if not held:
        raise typer.Exit(NO)


def run(scenario: Scenario, place: Path, *, quiet: bool = False) -> tuple[bool, list[str]]:
    """Play it in `place`, an empty folder. Whether all held, and the transcript's lines."""
    from detente.cli.demo.cell import EXERCISE, PARTIES, build
    from detente.cli.demo.stage import Stage

    console = Console(quiet=quiet)
    console.print("EXERCISE EXERCISE EXERCISE", style="bold", justify="center")
    console.print(scenario.title.get("en", ""), highlight=False)
    cell = build(place / "cell", template=EXERCISE)
    try:
        cell.start()
        with Stage(PARTIES, fast=True, console=console) as stage:
            player = Player(cell, stage)
            player.lines_come_up()
            player.all(scenario)
    finally:
        cell.stop()
    held = sum(check.took is not None for check in stage.checks)
    console.print(f"\n{held} of {len(stage.checks)} checks held.", style="bold")
    console.print("EXERCISE EXERCISE EXERCISE", style="bold", justify="center")
    return stage.all_held, player.lines


class Player:
    """Plays steps on a started cell. `names`: a file's name → the entry's printed id."""

    def __init__(self, cell: Cell, stage: Stage) -> None:
        self.cell = cell
        self.stage = stage
        self.names: dict[str, str] = {}
        self.notices: dict[str, list[str]] = {}
        self.lines: list[str] = []
        self.ahead = 0

    def lines_come_up(self) -> None:
        """Start, pairing, accession, watches armed: as in the demo, without its transcript."""
        from detente.cli.demo.play import Play

        Play(self.cell, self.stage).lines_come_up()

    def all(self, scenario: Scenario) -> None:
        """Every step; the first that a node refuses unasked ends the play as a check that did not hold."""
        for step in scenario.steps:
            try:
                getattr(self, f"do_{step.do}")(step)
            except DetenteError as error:
                self._no(f"step {step.number}: a node refused: {error.code} (who must act: {error.who})")
                return

    # ------------------------------------------------------------------ steps

    def do_say(self, step: Step) -> None:
        """A sentence for the reader."""
        self._tell(told(step))

    def do_send(self, step: Step) -> None:
        """A new entry or an act, by the post's own key on its party's node."""
        sent = self.cell.node(step.by).api.post("/v1/send", self._body(step))
        if step.name:
            self.names[step.name] = sent["id"]
            self.notices[step.name] = [one["code"] for one in sent.get("notices", ())] + list(
                sent.get("findings", ())
            )
        self._tell(f"{step.by.upper()} {self._what(step)}")

    do_act = do_send

    def do_refused(self, step: Step) -> None:
        """The own node must refuse it by the clause that the step names."""
        try:
            self.cell.node(step.by).api.post("/v1/send", self._body(step))
        except DetenteError as error:
            clause = getattr(error, "clause", None)  # as the node's answer names it
            said = f"{step.by.upper()} {self._what(step)}: refused by {clause}"
            self._check(said, lambda: clause == step.clause, 1)
            return
        self._no(f"{step.by.upper()} {self._what(step)}: not refused, {step.clause} was to stop it")

    def do_paper(self, step: Step) -> None:
        """A form printed at one party is typed in at the other, as no line carries it."""
        form = self.cell.place / f"{step.name}.txt"
        fields = [f"{name}={value}" for name, value in step.fields.items()]
        said = self._thin(step.by, "print", step.kind, *fields, "--out", str(form), "--log", "WATCH")
        words = said.split()
        self.names[step.name] = next(one for one in words if one.startswith(f"{step.by.upper()}-"))
        self.names[f"{step.name}_paper"] = next(one for one in words if one.startswith("THIN-"))
        self._tell(f"{step.by.upper()} {step.kind} as {step.name}, printed")
        read = self._thin(step.parties[0], "read", str(form))
        self._check(f"typed in at {self._parties(step)}: provisional", lambda: "PROVISIONAL" in read, 1)

    def _thin(self, party: str, *words: str) -> str:
        node = str(self.cell.node(party).folder.path)
        command = [sys.executable, "-m", "detente", "thin", words[0], "--node", node, *words[1:]]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if ran.returncode:
            raise Refused(NOT_PLAYED, said=ran.stderr[-200:])
        return ran.stdout

    def do_cut(self, step: Step) -> None:
        """The line between two parties is cut."""
        self.cell.places.cut(*step.parties)
        self._tell(f"the line between {self._parties(step)} is cut")

    def do_mend(self, step: Step) -> None:
        """The line is whole again."""
        self.cell.places.mend(*step.parties)
        self._tell(f"the line between {self._parties(step)} is whole again")

    def do_hold(self, step: Step) -> None:
        """A machine hangs."""
        self.cell.node(step.parties[0]).hold()
        self._tell(f"the machine of {self._parties(step)} hangs")

    def do_resume(self, step: Step) -> None:
        """It goes on."""
        self.cell.node(step.parties[0]).resume()
        self._tell(f"the machine of {self._parties(step)} goes on")

    def do_ahead(self, step: Step) -> None:
        """The exercise's clock is moved forward on all nodes."""
        from detente.node.nodeclock import move_clock

        self.ahead += step.seconds
        for node in self.cell.nodes.values():
            move_clock(node.folder, self.ahead)
        self._tell(f"the clock is moved {step.seconds} s ahead")

    def do_expect(self, step: Step) -> None:
        """What the nodes must show, each by itself."""
        at = step.parties or tuple(self.cell.nodes)
        looks = getattr(self, "_check_is" if step.that == "check" else f"_{step.that}")
        self._check(told(step), lambda: all(looks(party, step) for party in at), step.seconds or WITHIN_S)

    # ------------------------------------------------------------------ what a node shows

    def _state(self, party: str, step: Step) -> bool:
        return bool(self._case(party, step)["state"] == step.value)

    def _confirmation(self, party: str, step: Step) -> bool:
        return bool(self._case(party, step)["confirmation"] == step.value)

    def _field(self, party: str, step: Step) -> bool:
        found = self._case(party, step)["fields"].get(step.rule)
        return found is not None and str(found["value"]) == step.value

    def _put(self, party: str, step: Step) -> bool:
        return any(one["consent"] == step.value for one in self._case(party, step)["puts"])

    def _clock(self, party: str, step: Step) -> bool:
        clocks = [one for one in self._case(party, step)["clocks"] if one["rule"] == step.rule]
        return any(one["state"] == step.value and (not step.by or one["party"] == step.by) for one in clocks)

    def _check_row(self, party: str, step: Step) -> dict[str, Any]:
        rows = self.cell.node(party).api.get("/v1/checks")["checks"]
        return next((one for one in rows if one["id"] == self.names[step.on]), {})

    def _check_is(self, party: str, step: Step) -> bool:
        return bool(self._check_row(party, step).get("result") == step.value)

    def _rung(self, party: str, step: Step) -> bool:
        return bool(self._check_row(party, step).get("rung") == step.value)

    def _silence(self, party: str, step: Step) -> bool:
        rows = self.cell.node(party).api.get("/v1/checks")["silences"]
        found = next((one for one in rows if one["of"] == step.by), None)
        if step.value == "none":
            return found is None or not (found["alarm"] or found["unexplained"])
        return found is not None and bool(found[step.value])

    def _verdict(self, party: str, step: Step) -> bool:
        verdict = self.cell.node(party).api.get(f"/v1/entries/{self.names[step.on]}")["verdict"]
        return verdict is not None and step.value in (verdict["state"], verdict["clause"])

    def _notice(self, _party: str, step: Step) -> bool:
        return step.value in self.notices[step.on]

    def _line(self, party: str, step: Step) -> bool:
        return bool(self.cell.node(party).status()["peers"][step.by]["line"] == step.value)

    def _alarm(self, party: str, step: Step) -> bool:
        return any(name == self.names[step.on] for _, name in self.cell.alarm_times(party))

    def _held(self, party: str, step: Step) -> bool:
        author = self.names[step.on].partition("-")[0].partition(".")[0].lower()
        if party == author:
            return True
        rows = self.cell.node(author).api.get(f"/v1/receipts/{self.names[step.on]}")["receipts"]
        return any(one["party"] == party and one["state"] == "held" for one in rows)

    def _case(self, party: str, step: Step) -> dict[str, Any]:
        found: dict[str, Any] = self.cell.node(party).api.get(f"/v1/cases/{self.names[step.on]}")
        return found

    # ------------------------------------------------------------------ small things

    def _body(self, step: Step) -> dict[str, Any]:
        from detente.cases.places import place_by_name, place_json
        from detente.node.pairing import node_charter

        body: dict[str, Any] = {
            "kind": step.kind, "act": step.act, "post": step.post, "post_key": True,
            "fields": self._values(step.fields),
        }  # fmt: skip
        if step.also:
            body["also"] = list(step.also)
        content = self._values(step.content)
        if step.place:
            named = node_charter(self.cell.node(step.by).folder).gazetteer[step.place]
            content["place"] = place_json(place_by_name(named, precision_m=1000))
        if content:
            body["content"] = content
        if step.on:
            entry = self.cell.node(step.by).api.get(f"/v1/entries/{self.names[step.on]}")
            body |= {"kind": entry["kind"], "case": entry["case"] or entry["id"]}
            if step.about:
                body["refers_to"] = [self.names[step.about]]
        return body

    def _values(self, values: Any) -> Any:
        """The step's values, `now…` as an instant of the exercise's clock."""
        if isinstance(values, dict):
            return {name: self._values(one) for name, one in values.items()}
        if isinstance(values, list):
            return [self._values(one) for one in values]
        found = _NOW.fullmatch(values) if isinstance(values, str) else None
        if found is None:
            return values
        shift = int(found[2] or 0) * (-1 if found[1] == "-" else 1)
        return int(time.time()) + self.ahead + shift

    def _what(self, step: Step) -> str:
        about = f" on {step.on}" if step.on else ""
        name = f" as {step.name}" if step.name else ""
        return f"{step.kind or step.act}{about}{name}" + (f": {told(step)}" if step.text else "")

    def _parties(self, step: Step) -> str:
        return " and ".join(party.upper() for party in step.parties)

    def _check(self, sentence: str, condition: Callable[[], bool], within: float) -> None:
        held = self.stage.expect(sentence, condition, within=within)
        self.lines.append(f"[{'yes' if held else 'NO'}] {sentence}")

    def _no(self, sentence: str) -> None:
        self.stage.fault(sentence)
        self.lines.append(f"[NO] {sentence}")

    def _tell(self, sentence: str) -> None:
        self.stage.say(sentence)
        self.lines.append(sentence)
