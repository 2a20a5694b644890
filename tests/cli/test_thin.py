"""`detente thin` as its user runs it: printed, typed back, heard over a slow line (protocol E3; F38)."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest

from detente.cases.thin_words import WORDS, script_of, spelling
from detente.cli.demo.cell import Cell, build
from detente.record.letters import ALPHABETS


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Cell:
    """Three paired nodes, none of them running."""
    return build(tmp_path_factory.mktemp("cell") / "d")


def detente(cell: Cell, party: str, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "detente", "thin", words[0], "--node", str(cell.node(party).folder.path),
         *words[1:]],
        capture_output=True, text=True, input=typed, timeout=100, check=False,
    )  # fmt: skip


def lines_of(form: str) -> list[str]:
    return [one for one in form.splitlines() if one[:2].isdigit() and one[2:4] == "  "]


PRESSED = ("D02", "meaning=ACCIDENT_OURS", "place=-45.125,-30.020")


class TestPaper:
    """Printed at one party, typed at another."""

    @pytest.mark.parametrize("lang", ["ar", "he", "en"])
    def test_a_printed_form_is_read_back(self, cell: Cell, tmp_path: Path, lang: str) -> None:
        form = tmp_path / "form.txt"
        made = detente(cell, "s1", "print", *PRESSED, "--lang", lang, "--out", str(form))
        assert made.returncode == 0, made.stderr
        read = detente(cell, "s2", "read", str(form), "--lang", lang)
        assert read.returncode == 0, read.stdout + read.stderr
        assert read.stdout.count(" good: ") == len(lines_of(form.read_text()))
        assert "not kept: the node does not run" in read.stdout

    def test_a_wrong_letter_is_named_by_its_line_and_typed_again(self, cell: Cell) -> None:
        form = detente(cell, "s1", "print", *PRESSED).stdout
        lines = [one[4:] for one in lines_of(form)]
        wrong = lines[2].replace(lines[2][0], "A" if lines[2][0] != "A" else "B")
        read = detente(cell, "s2", "read", typed="\n".join([*lines[:2], wrong, *lines[2:]]) + "\n")
        assert "line 03 WRONG, hear it again" in read.stdout
        assert (read.returncode, "line 03 good" in read.stdout) == (0, True)

    def test_what_was_not_heard_is_asked_for(self, cell: Cell, tmp_path: Path) -> None:
        form = tmp_path / "form.txt"
        lines = lines_of(detente(cell, "s1", "print", *PRESSED).stdout)
        form.write_text("\n".join([*lines[:4], *lines[6:]]))
        read = detente(cell, "s2", "read", str(form))
        assert (read.returncode, "lines still to be heard: 5, 6" in read.stderr) == (1, True)

    def test_a_page_in_big_type_holds_the_same_lines(self, cell: Cell, tmp_path: Path) -> None:
        out = tmp_path / "form.html"
        detente(cell, "s1", "print", *PRESSED, "--lang", "he", "--out", str(out))
        text = out.read_text()
        assert 'dir="rtl"' in text
        assert "http" not in text
        assert text.count("<li>") in range(14, 21)

    def test_what_it_cannot_bear_is_refused(self, cell: Cell) -> None:
        refused = detente(cell, "s1", "print", "D02", "meaning=OTHER", "text=words")
        assert (refused.returncode, "thin-not-carried" in refused.stderr) == (1, True)


class TestSlowLine:
    """F38: with 300 bits a second a press is at the other end in less than a minute."""

    @pytest.mark.parametrize("lang", ["ar", "en"])
    def test_at_300_bits_a_second(self, cell: Cell, lang: str) -> None:
        form = detente(cell, "s1", "print", *PRESSED, "--lang", lang).stdout
        sent = "".join(one + "\r\n" for one in lines_of(form)).replace("   ", " ")
        modem, device = pty.openpty()
        began = time.monotonic()
        threading.Thread(target=_send, args=(modem, device, sent.encode()), daemon=True).start()
        read = detente(cell, "s2", "read", "--serial", f"{os.ttyname(device)}:300", "--idle-s", "20")
        took = time.monotonic() - began
        assert read.returncode == 0, read.stdout + read.stderr
        assert took < 60
        assert "ACCIDENT" in read.stdout.upper() or lang == "ar"


def _send(modem: int, device: int, data: bytes) -> None:
    """Thirty bytes a second: 300 bits with start and stop bit. It begins when somebody listens (raw mode)."""
    while termios.tcgetattr(device)[3] & termios.ICANON:
        time.sleep(0.05)
    for place in range(0, len(data), 3):
        os.write(modem, data[place : place + 3])
        time.sleep(0.1)


class TestWords:
    """Each letter has one word that begins with it, in every language."""

    @pytest.mark.parametrize("script", ALPHABETS)
    def test_words_are_many_as_letters_and_begin_with_them(self, script: str) -> None:
        found = spelling(script)
        assert len(set(found.values())) == len(ALPHABETS[script]) == 16
        assert set(WORDS) == set(ALPHABETS)
        for letter, word in found.items():
            assert word[0].replace("أ", "ا") == letter

    def test_every_language_has_a_script(self) -> None:
        assert [script_of(one) for one in ("ar", "he", "en", "fr")] == ["arabic", "hebrew", "latin", "latin"]
