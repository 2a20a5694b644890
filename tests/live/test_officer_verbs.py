"""An officer's night at the terminal, in each language, over three living nodes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from detente.cli.demo.cell import Cell
from live import faults
from live.officers import started, until

pytestmark = pytest.mark.live

LANGUAGES = ("ar", "he", "en")


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    with started(tmp_path_factory.mktemp("cell") / "d", desks=False) as cell:
        yield cell


def ran(cell: Cell, party: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A verb as its user would run it, on that party's node."""
    return subprocess.run(
        [sys.executable, "-m", "detente", words[0], "--node", str(cell.node(party).folder.path), *words[1:]],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def detente(cell: Cell, party: str, *words: str) -> str:
    found = ran(cell, party, *words)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def id_of(line: str) -> str:
    """The entry that a verb says it wrote."""
    found = re.match(r"(\S+) in the log", line)
    assert found, line
    return found[1]


class TestANight:
    """STOP-AND-CHECK is pressed, read, answered and ended with verbs alone, from either side."""

    @pytest.mark.parametrize(("author", "reader"), [("s1", "s2"), ("s2", "s1")])
    def test_a_matter_from_press_to_end(self, cell: Cell, author: str, reader: str) -> None:
        press = id_of(detente(cell, author, "send", "D02", "meaning=FIRE_ON_US"))
        faults.confirmed(cell, press, [reader, "g1"])
        assert press in detente(cell, reader, "board", "--lang", "en")
        until(lambda: press in detente(cell, reader, "board"), 30, "the board shows it")
        for verb, fields in (("read", []), ("ack", ["UNDERSTOOD"]), ("answer", ["answer=CHECKING"])):
            id_of(detente(cell, reader, verb, press, *fields))
        detente(cell, reader, "pass-on", press, "echelon=SECTOR", "passed_at=2026-01-01T00:00:00Z")
        until(
            lambda: "met" in states(cell, author, press), 30, "the author sees that its clock is met",
        )  # fmt: skip
        for language in LANGUAGES:
            told = detente(cell, author, "timeline", press, "--lang", language)
            assert told.count("EXERCISE") >= 1 or language != "en"
            assert "CHECKING" not in told and "{" not in told
            assert "{" not in detente(cell, "g1", "explain", press, "--lang", language)
        id_of(detente(cell, author, "move", press))
        until(lambda: press not in detente(cell, reader, "board"), 30, "the matter leaves the board")

    @pytest.mark.parametrize(("author", "reader"), [("s1", "s2"), ("g1", "s1")])
    def test_a_formal_note_is_drafted_released_noted_and_ended(
        self, cell: Cell, author: str, reader: str
    ) -> None:
        words = ["note=PROTEST", "reply=ASKED", "subject=EXERCISE", "text=EXERCISE: כתוב"]
        kept = detente(cell, author, "draft", "D35", *words, "--to", reader)
        name = kept.split()[0]
        assert name in detente(cell, author, "drafts")
        alone = ran(cell, author, "release", name)
        assert alone.returncode == 1 and "approval" in alone.stderr
        note = id_of(detente(cell, author, "release", name, "--also", "RELEASE"))
        assert name not in detente(cell, author, "drafts")
        faults.confirmed(cell, note, [one for one in ("s1", "s2", "g1") if one != author])
        until(lambda: note in detente(cell, reader, "board"), 30, "the board shows it")
        id_of(detente(cell, reader, "ack", note))
        id_of(detente(cell, reader, "answer", note, "answer=NOTED", "--also", "RELEASE"))
        until(lambda: "met" in states(cell, author, note), 60, "its clock is met")
        for language in LANGUAGES:
            told = detente(cell, author, "timeline", note, "--lang", language)
            assert "כתוב" in told and "PROTEST" not in told and "NOTED" not in told
        id_of(detente(cell, author, "move", note, "--also", "RELEASE"))
        until(lambda: note not in detente(cell, reader, "board"), 30, "it leaves the board")

    def test_an_act_that_a_kind_lacks_names_those_it_has(self, cell: Cell) -> None:
        check = id_of(detente(cell, "s1", "send", "D01", "slot=AD_HOC", "path=PRIMARY", "test_text=a b c d"))
        found = ran(cell, "s1", "withdraw", check)
        assert found.returncode == 1
        assert "hint: it has the acts" in found.stderr

    def test_a_language_that_the_charter_lacks_names_those_it_has(self, cell: Cell) -> None:
        found = ran(cell, "s1", "board", "--lang", "xx")
        assert found.returncode == 2
        assert "ar, he, en" in found.stderr


def states(cell: Cell, party: str, entry: str) -> set[str]:
    """How the clocks of a case stand."""
    return {one["state"] for one in explained(cell, party, entry)["clocks"]}


def explained(cell: Cell, party: str, entry: str) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = json.loads(detente(cell, party, "explain", entry, "--json"))
    return found


#: Kind → what is sent, and then who does what to it: (seat, verb, fields); `two`: a second post approves too.
QUESTION = '[{"number":1,"question":"EXERCISE: when?"}]'
MATTERS: dict[str, tuple[list[str], list[tuple[str, str, list[str]]]]] = {
    "D05": (
        ["urgency=URGENT", f"questions={QUESTION}", "why_asked=EXERCISE", "--also", "RELEASE"],
        [
            ("reader", "ack", ["UNDERSTOOD"]),
            ("reader", "answer", ["round=FIRST", "answer=ANSWERED", 'answers=[{"number":1,"how":"ANSWERED"}]',
                                  'answer_words=[{"number":1,"words":"EXERCISE"}]', "--also", "RELEASE"]),
            ("author", "move", ["--also", "RELEASE"]),
        ],
    ),
    "D30": (
        ["event=PATH_JAMMED"],
        [
            ("reader", "ack", ["RECEIVED"]),
            ("reader", "move", ["step=CHECKED", "path=VOICE", "outcome=CONFIRMED"]),
            ("author", "move", ["step=ENDED"]),
        ],
    ),
    "D34": (
        ["answer_by=2027-06-01T00:00:00Z", "subject=EXERCISE", "text=EXERCISE: a halt", "--also", "RELEASE"],
        [
            ("reader", "ack", ["RECEIVED"]),
            ("reader", "answer", ["answer=ACCEPTS", "--also", "RELEASE"]),
        ],
    ),
    "D35": (
        ["note=PROTEST", "reply=ASKED", "subject=EXERCISE", "text=EXERCISE: words", "--also", "RELEASE"],
        [
            ("reader", "ack", ["RECEIVED"]),
            ("reader", "answer", ["answer=NOTED", "--also", "RELEASE"]),
            ("author", "move", ["--also", "RELEASE"]),
        ],
    ),
}  # fmt: skip
CODES = ("UNDERSTOOD", "PATH_JAMMED", "ACCEPTS", "PROTEST", "NOTED", "ANSWERED", "URGENT", "CONFIRMED")


@pytest.mark.parametrize(("author", "reader"), [("s1", "s2"), ("s2", "s1")])
@pytest.mark.parametrize("kind", MATTERS)
def test_each_kind_is_sent_received_answered_and_closed(
    cell: Cell, kind: str, author: str, reader: str
) -> None:
    said, steps = MATTERS[kind]
    case = id_of(detente(cell, author, "send", kind, *said))
    faults.confirmed(cell, case, [one for one in ("s1", "s2", "g1") if one != author])
    until(lambda: case in detente(cell, reader, "board"), 30, "the board shows it")
    for seat, verb, words in steps:
        done = id_of(detente(cell, reader if seat == "reader" else author, verb, case, *words))
        faults.confirmed(cell, done, [author if seat == "reader" else reader])
    until(lambda: case not in detente(cell, "g1", "board"), 30, "it leaves the guarantor's board")
    for language in LANGUAGES:
        told = detente(cell, "g1", "timeline", case, "--lang", language)
        assert not [one for one in CODES if one in told]
        assert told.count("EXERCISE") >= (1 if kind != "D30" else 0)
