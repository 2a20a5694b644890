"""`detente thin print|read|list|heard`: STOP-AND-CHECK and contact checks by radio and paper (E3)."""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from detente.cases.thin import ThinSaid, make_thin, read_thin
from detente.cases.thin_words import page, paper, said_lines, script_of
from detente.charter.model import Charter
from detente.cli.options import HERE, NO, WRONG_USE, AsJson, NodeDir, errors_in_words, fail
from detente.cli.send import place, release, typed
from detente.cli.serialline import open_line, read_lines, write_line
from detente.cli.words import utc
from detente.node import thinkey
from detente.node.client import LocalApi
from detente.node.folder import NodeFolder
from detente.node.nodeclock import NodeClock
from detente.node.pairing import node_charter
from detente.record.encoding import encode_base64
from detente.record.errors import Refused
from detente.record.letters import Heard, Reading, write_lines
from detente.record.names import EntryId, generation_of, origin, parse_id, party_of, print_id
from detente.record.thin import CASE_NAME, NONCE, ThinCase, length_of, thin_name

app = typer.Typer(
    no_args_is_help=True, help="Radio and paper: the thin form of STOP-AND-CHECK and contact checks."
)

Language = Annotated[str, typer.Option("--lang", help="ar, he, en: words and letters.")]
_NUMBERED: Final = re.compile(r"\s*\d{1,2}[\s.:)/]")
_THIN: Final = re.compile(rf"THIN-([0-9A-F]{{{2 * CASE_NAME}}})")
#: A message heard by an operator or from a modem is repeated on the line so often.
REPEATS: Final = 2


@app.command("print")
def print_(
    kind: Annotated[str, typer.Argument(help="D01 or D02.")],
    fields: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE", help="A field and its value; repeatable.")
    ] = None,
    act: Annotated[str, typer.Option(help="NEW, ANSWER, ACK, CORRECT, …")] = "NEW",
    to: Annotated[str, typer.Option(help="The party that is asked; between two sides the other one.")] = "",
    case: Annotated[str, typer.Option(help="The case: an entry's id, or THIN-… as it was heard.")] = "",
    lang: Language = "en",
    out: Annotated[Path | None, typer.Option(help="A file; .html is a page in big type.")] = None,
    serial: Annotated[str, typer.Option(metavar="DEV[:300]", help="Also send it on this line, twice.")] = "",
    log_by: Annotated[str, typer.Option("--log", metavar="POST", help="Log the entry at once, too.")] = "",
    folder: NodeDir = HERE,
) -> None:
    """Make a signed message of 120 bytes at most, as a form to read aloud, print or send by modem.

    The running node is not needed. Log the entry as soon as you can (--log WATCH, or the line shown): until
    the log has it the other party has it as provisional only.
    """
    with errors_in_words():
        opened = NodeFolder.open(folder)
        charter = node_charter(opened)
        said = _said(opened, charter, kind, act, fields or [], to, case)
        data = make_thin(charter, said, thinkey.seed(opened))
        text = paper(charter, said, data, lang, case)
        if out is not None:
            out.write_text(page(charter, said, data, lang, case) if out.suffix == ".html" else text, "utf-8")
        print(text if out is None else f"{out}: {len(data)} bytes, THIN-{_short(data)}")
        if serial:
            _send(serial, list(write_lines(data, script_of(lang))))
        words = [*(fields or []), f"thin={thin_name(data).hex()}"]
        if log_by:
            api = LocalApi(opened)
            sent = release(api, kind, act, words, case=case, post=log_by, gazetteer=charter.gazetteer)
            print(f"{sent['id']} in the log covers it")
        else:
            print(_later(opened, kind, act, words, case), file=sys.stderr)


@app.command("read")
def read(
    file: Annotated[Path | None, typer.Argument(help="Typed lines; without it they are asked for.")] = None,
    serial: Annotated[str, typer.Option(metavar="DEV[:300]", help="Listen on this serial line.")] = "",
    path: Annotated[str, typer.Option(help="How it came: paper, voice, radio, serial.")] = "",
    lang: Language = "en",
    idle_s: Annotated[float, typer.Option(help="With --serial: end after so many silent seconds.")] = 30.0,
    folder: NodeDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Read a message line by line; say what each line was heard as, and which is to be heard again.

    A good message is given to the running node, where it is provisional and STOP-AND-CHECK sounds.
    """
    with errors_in_words():
        opened = NodeFolder.open(folder)
        charter = node_charter(opened)
        reading = Reading()
        source = _from_serial(serial, idle_s) if serial else _typed_lines(file, reading)
        for text in source:
            heard = reading.hear(text, None if serial or file else reading.missing(length_of)[0])
            if heard is not None and not as_json:
                print(_told(heard), flush=True)
            if reading.good and not reading.missing(length_of):
                break
        if missing := reading.missing(length_of):
            numbers = ", ".join(str(one) for one in missing)
            fail(f"lines still to be heard: {numbers}", code=NO, hint="hear these again, and read once more")
        data = reading.message(length_of)
        said = read_thin(charter, data)
        kept = _keep(opened, data, path or ("serial" if serial else "paper"))
    if as_json:
        print(json.dumps({"thin": data.hex(), "kept": kept}, ensure_ascii=False, sort_keys=True))
        return
    for label, value in said_lines(charter, said, lang, _case_text(charter, said)):
        print(f"{label}: {value}")
    state = "not kept: the node does not run" if kept is None else kept["state"]
    again = ", heard before" if kept is not None and kept["known"] else ""
    print(f"THIN-{_short(data)}: {'PROVISIONAL' if state == 'provisional' else state}{again}")


@app.command("list")
def list_(folder: NodeDir = HERE, as_json: AsJson = False) -> None:
    """Messages heard here, the newest first, with the entries that cover them."""
    with errors_in_words():
        found = LocalApi(NodeFolder(folder)).get("/v1/thin")["thin"]
    if as_json:
        print(json.dumps(found, ensure_ascii=False, sort_keys=True))
        return
    for one in found:
        state = f"covered by {one['id']}" if one["id"] else "PROVISIONAL"
        words = f"{one['kind']} {one['act']} of {one['party'].upper()} at {utc(one['time'])}"
        print(f"{one['name']}  {words}  heard {utc(one['heard_at'])}  {state}")
    if not found:
        print("no thin message was heard here")


@app.command("heard")
def heard_(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The message's name, THIN-…")],
    post: Annotated[str, typer.Option(help="The post that heard it.")] = "WATCH",
    folder: NodeDir = HERE,
) -> None:
    """Say that an officer here heard it: it stops sounding. It stays provisional; nobody is told."""
    with errors_in_words():
        LocalApi(NodeFolder(folder)).post("/v1/thin/silence", {"name": name, "post": post})
    print(f"{name} no longer sounds here")


def _later(folder: NodeFolder, kind: str, act: str, words: list[str], case: str) -> str:
    """How the statement is logged later; of a case known by paper alone, when its entry is here."""
    entry = "ENTRY" if _THIN.fullmatch(case) else case
    about = ["--case", entry] if case else []
    line = shlex.join(["detente", "send", kind, *words, "--act", act, *about, "--node", str(folder.path)])
    wait = "" if entry == case else f"when `detente thin list` names the ENTRY that covers {case}, "
    return f"{wait}to log it: {line}"


def _said(
    folder: NodeFolder, charter: Charter, kind: str, act: str, words: list[str], to: str, case: str
) -> ThinSaid:
    rules = charter.kinds.get(kind)
    if rules is None:
        fail(f"{kind} is not a kind of this charter", code=WRONG_USE)
    core: dict[str, Any] = {}
    content: dict[str, Any] = {}
    for word in words:
        name, mark, text = word.partition("=")
        field = rules.field(name)
        if not mark or field is None:
            fail(f"{word!r} is not NAME=VALUE of {kind}", code=WRONG_USE)
        known = {"id": field.id, "type": field.type}
        value = place(text, charter.gazetteer) if field.type == "place" else typed(known, text)
        (core if field.part == "core" else content)[name] = value
    others = [one.id for one in charter.sides() if one.id != folder.party]
    asked = to or (others[0] if len(others) == 1 else "")
    if asked not in charter.parties or asked == folder.party:
        fail("say with --to which party is asked", code=WRONG_USE)
    now = NodeClock(folder).now()
    about = _case(folder, charter, case) if case else None
    return ThinSaid(folder.party, asked, kind, act, now, secrets.token_bytes(NONCE), core, content, about)


def _case(folder: NodeFolder, charter: Charter, text: str) -> ThinCase:
    if found := _THIN.fullmatch(text):
        return ThinCase(name=bytes.fromhex(found[1]))
    entry = parse_id(text, folder.cell)
    place = sorted(charter.parties).index(party_of(entry.log))
    return ThinCase(place, generation_of(entry.log), entry.index)


def _case_text(charter: Charter, said: ThinSaid) -> str:
    if said.case is None:
        return ""
    if said.case.name:
        return "THIN-" + said.case.name.hex().upper()
    party = sorted(charter.parties)[min(said.case.party, len(charter.parties) - 1)]
    return print_id(EntryId(origin(charter.cell, party, said.case.generation), said.case.index))


def _short(data: bytes) -> str:
    return thin_name(data)[:CASE_NAME].hex().upper()


def _send(device: str, lines: list[str]) -> None:
    line = open_line(device)
    try:
        for _ in range(REPEATS):
            for number, text in enumerate(lines, 1):
                write_line(line, f"{number:02d} {text}")
    finally:
        os.close(line)


def _from_serial(device: str, idle_s: float) -> Iterator[str]:
    line = open_line(device)
    try:
        yield from read_lines(line, idle_s=idle_s)
    finally:
        os.close(line)


def _typed_lines(file: Path | None, reading: Reading) -> Iterator[str]:
    if file is not None:
        lines = file.read_text("utf-8", "replace").splitlines()
        # A printed form has words around its lines; the lines are those that begin with a number.
        numbered = [one for one in lines if _NUMBERED.match(one)]
        yield from numbered or lines
        return
    while True:
        if sys.stdin.isatty():
            print(f"line {reading.missing(length_of)[0]}: ", end="", file=sys.stderr, flush=True)
        text = sys.stdin.readline()
        if not text:
            return
        yield text


def _told(heard: Heard) -> str:
    groups = " ".join(heard.letters[first : first + 4] for first in range(0, len(heard.letters), 4))
    if heard.line is None:
        return f"no line of a message: {groups}"
    state = "good" if heard.data is not None else "WRONG, hear it again"
    return f"line {heard.line:02d} {state}: {groups}"


def _keep(folder: NodeFolder, data: bytes, path: str) -> dict[str, Any] | None:
    """What the running node made of it; None when none runs."""
    try:
        with LocalApi(folder) as api:
            kept: dict[str, Any] = api.post("/v1/thin", {"data": encode_base64(data), "path": path})
            return kept
    except Refused as error:
        if error.code != "node-not-running":
            raise
        return None
