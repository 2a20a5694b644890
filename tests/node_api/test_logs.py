"""Logs without content: free text cannot pass, whoever writes."""

from __future__ import annotations

import json
import logging
import stat
import sys
import threading

import pytest

from detente.node import logs

CANARY = "canary شاهد עד"


@pytest.fixture
def lines(tmp_path):
    root = logging.getLogger()
    before, level, kept = root.handlers[:], root.level, (logs._process, logs._file)
    hooks = sys.excepthook, threading.excepthook
    logs.start(tmp_path, "test")

    def read():
        return [json.loads(line) for line in (tmp_path / "log" / "test.jsonl").read_text().splitlines()]

    yield read
    root.handlers[:] = before
    root.setLevel(level)
    logs._process, logs._file = kept
    sys.excepthook, threading.excepthook = hooks


class TestLines:
    """Rules 1 to 4 of `logs`."""

    def test_codes_ids_and_numbers_pass(self, lines):
        logs.line("said", kind="D02", id="S1-X00123", count=2, seconds=0.1234567)
        (row,) = lines()
        assert (row["event"], row["kind"], row["id"], row["count"]) == ("said", "D02", "S1-X00123", 2)
        assert row["seconds"] == 0.123

    @pytest.mark.parametrize("text", [CANARY, "two words", "a\nb", "x" * 121, '"', "é"])
    def test_free_text_does_not(self, lines, text):
        logs.line("said", kind=text)
        assert lines()[0]["kind"] == "?"

    def test_a_field_outside_the_list_is_our_own_mistake(self, lines):
        with pytest.raises(TypeError):
            logs.line("said", text="x")

    def test_an_exception_leaves_type_and_place_only(self, lines):
        try:
            int(CANARY)
        except ValueError as exc:
            logs.failure("fault", exc)
        (row,) = lines()
        assert row["error"] == "ValueError"
        assert row["at"].startswith("test_logs.py:")
        assert "canary" not in json.dumps(row)

    def test_a_librarys_message_is_dropped(self, lines):
        logging.getLogger("library.part").error("cannot parse %s", CANARY)
        (row,) = lines()
        assert (row["event"], row["logger"], row["level"]) == ("library", "library.part", "ERROR")
        assert "canary" not in json.dumps(row)

    def test_a_full_file_is_set_aside(self, lines, tmp_path, monkeypatch):
        monkeypatch.setattr(logs, "LIMIT", 100)
        for _ in range(5):
            logs.line("one")
        assert (tmp_path / "log" / "test.old.jsonl").exists()

    def test_two_files_never_take_more_than_twice_the_limit(self, lines, tmp_path, monkeypatch):
        monkeypatch.setattr(logs, "LIMIT", 500)
        for number in range(200):
            logs.line("one", count=number)
        found = sorted((tmp_path / "log").iterdir())
        assert [one.name for one in found] == ["test.jsonl", "test.old.jsonl"]
        assert all(one.stat().st_size <= 500 + 200 for one in found)
        newest = [json.loads(line)["count"] for one in found for line in one.read_text().splitlines()]
        assert max(newest) == 199 and sorted(newest) == list(range(min(newest), 200))

    def test_only_the_nodes_user_may_read_it(self, lines, tmp_path):
        logs.line("one")
        assert stat.S_IMODE((tmp_path / "log" / "test.jsonl").stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o700

    def test_a_log_that_cannot_be_written_stops_nobody(self, lines, tmp_path):
        (tmp_path / "log" / "test.jsonl").mkdir()
        logs.line("one")

    def test_what_nobody_caught_leaves_no_message_either(self, lines, capfd):
        thread = threading.Thread(target=lambda: int(CANARY))
        thread.start()
        thread.join()
        assert [row["error"] for row in lines()] == ["ValueError"]
        assert "canary" not in capfd.readouterr().err
