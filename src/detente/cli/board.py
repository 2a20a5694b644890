"""`detente board`, `timeline` and `explain`: what is open, what was said, and why it stands as it does."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

import typer

from detente.charter.model import Charter
from detente.cli import told
from detente.cli.options import HERE, AsJson, NodeDir, errors_in_words
from detente.cli.phrases import say
from detente.cli.receipts import EntryArgument
from detente.cli.words import receipt_line, utc
from detente.node.client import LocalApi
from detente.node.folder import NodeFolder
from detente.node.pairing import node_charter

MOST: Final = 1000  # what one answer of the local API holds
Language = Annotated[
    str, typer.Option("--lang", help="A language of the charter.", show_default="the party's")
]


def board(
    folder: NodeDir = HERE,
    language: Language = "",
    post: Annotated[str, typer.Option(help="Say which acts are open to this post.")] = "WATCH",
    limit: Annotated[int, typer.Option(help="At most so many matters.", min=1, max=MOST)] = 50,
    as_json: AsJson = False,
) -> None:
    """The watch board: open matters, FLASH first, then what is late, then what is due next."""
    with errors_in_words():
        api, charter, chosen = _node(folder, language)
        cases = sorted(api.get("/v1/cases", open=True, limit=MOST)["cases"], key=told.board_order)
        now, silences = api.get("/v1/status"), api.get("/v1/checks")["silences"]
    if as_json:
        print(json.dumps({"cases": cases[:limit], "silences": silences}, ensure_ascii=False, sort_keys=True))
        return
    _head(charter, now, chosen)
    for one in silences:
        name = told.party_name(charter, one["of"], chosen)
        print(say("silence", chosen, party=name, count=str(one["misses"]), since=utc(one["since"])))
    for case in cases[:limit]:
        print()
        for line in told.board_lines(charter, case, chosen):
            print(line)
        print(f"  {told.may_line(charter, case, chosen, post=post)}")
    if not cases:
        print(say("none-open", chosen))
    if len(cases) > limit:
        print(say("more", chosen, count=str(len(cases) - limit)))


def timeline(
    entry: EntryArgument,
    folder: NodeDir = HERE,
    language: Language = "",
    watch_log: Annotated[bool, typer.Option("--watch-log", help="One line an entry.")] = False,
    as_json: AsJson = False,
) -> None:
    """A case as its messages in plain text, in the order of time, with its state and receipts."""
    with errors_in_words():
        api, charter, chosen = _node(folder, language)
        case = api.get(f"/v1/cases/{entry}")
        lines = list(told.log_lines(charter, case, chosen)) if watch_log else []
        said = [] if watch_log else [one.text for one in told.messages(charter, case, chosen)]
    if as_json:
        print(json.dumps(case["timeline"], ensure_ascii=False, indent=1, sort_keys=True))
        return
    for line in lines:
        print(line)
    for text in said:
        print(text, end="\n\n")
    for line in (*told.state_lines(charter, case, chosen), *map(receipt_line, case["receipts"])):
        print(line)


def explain(
    entry: EntryArgument, folder: NodeDir = HERE, language: Language = "", as_json: AsJson = False
) -> None:
    """Why an entry counts or does not, and why each clock of its case runs, waits or is late."""
    with errors_in_words():
        api, charter, chosen = _node(folder, language)
        row = api.get(f"/v1/entries/{entry}")
        opens = row["case"] or entry
        case = None if str(row["kind"]).startswith("R") or not row["held"] else api.get(f"/v1/cases/{opens}")
    if as_json:
        clocks = case["clocks"] if case else []
        print(json.dumps({"verdict": row["verdict"], "clocks": clocks}, ensure_ascii=False, sort_keys=True))
        return
    for line in told.verdict_lines(row, chosen):
        print(line)
    if case is None:
        return
    for line in told.state_lines(charter, case, chosen):
        print(line)
    for clock in case["clocks"]:
        print(told.clock_line(charter, clock, chosen))
        for line in told.clock_reasons(charter, clock, chosen):
            print(f"  {line}")
    print(told.may_line(charter, case, chosen))


def _node(folder: Any, language: str) -> tuple[LocalApi, Charter, str]:
    place = NodeFolder(folder)
    charter = node_charter(place)
    return LocalApi(place), charter, told.checked_language(charter, language, place.party)


def _head(charter: Charter, now: dict[str, Any], language: str) -> None:
    mark = f"  {charter.notes['N8'].label(language)}" if charter.exercise else ""
    print(f"{charter.name(language)}{mark}  {utc(now['time'])}")
