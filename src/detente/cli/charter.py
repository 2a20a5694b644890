"""`detente charter new|check|accede`: from cards to an agreed rule set that a node has taken as its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from detente.charter import check_charter, new_charter
from detente.charter.card import parse_card
from detente.cli.options import HERE, NO, NodeDir, errors_in_words, fail
from detente.node import pairing
from detente.node.folder import NodeFolder

app = typer.Typer(no_args_is_help=True, help="Make, check and accede to a charter.")

Place = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder with charter.toml and kinds/.")]


@app.command("new")
def new(
    template: Annotated[Path, typer.Argument(metavar="TEMPLATE", help="Folder of a charter without keys.")],
    card: Annotated[list[Path], typer.Option(help="A party's card; once for each party.")],
    out: Annotated[Path, typer.Option(help="Folder to make.")],
) -> None:
    """Put the parties' cards into a charter template."""
    with errors_in_words():
        write_charter(template, [one.read_bytes() for one in card], out)
        found = pairing.read_charter(out)
    print(f"charter of {found.cell} in {out}, digest {found.digest.hex()}")


@app.command("check")
def check(place: Place) -> None:
    """Name what is incomplete, asymmetric or contradictory (exit 1 if anything is)."""
    with errors_in_words():
        charter = pairing.read_charter(place)
        findings = check_charter(charter)
    errors = [one for one in findings if one.severity == "error"]
    for finding in findings:
        values = " ".join(f"{name}={value}" for name, value in finding.values.items())
        print(f"{finding.severity}: {finding.code} {values}")
    print(f"digest {charter.digest.hex()}")
    if errors:
        raise typer.Exit(NO)


@app.command("accede")
def accede(place: Place, folder: NodeDir = HERE) -> None:
    """Take the charter as this node's; the accession is entered in its log at the first start."""
    with errors_in_words():
        charter = pairing.read_charter(place)
        if any(one.severity == "error" for one in check_charter(charter)):
            fail("the charter has errors", code=NO, hint=f"detente charter check {place}")
        pairing.accede(NodeFolder.open(folder), place)
    print(f"acceded to {charter.cell}, digest {charter.digest.hex()}")


def write_charter(template: Path, cards: list[bytes], out: Path) -> None:
    """Make the folder `out` of a template and cards. Raises Malformed, RuleViolation, FileExistsError."""
    text = new_charter((template / "charter.toml").read_bytes(), [parse_card(one) for one in cards])
    (out / "kinds").mkdir(parents=True)
    for kind in sorted(pairing.KINDS.glob("*.toml")):
        shutil.copyfile(kind, out / "kinds" / kind.name)
    for drawing in sorted(template.glob("*.geojson")):
        shutil.copyfile(drawing, out / drawing.name)
    (out / "charter.toml").write_bytes(text)
