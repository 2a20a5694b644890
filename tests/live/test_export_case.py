"""One case for an arbiter (protocol E2): a stranger checks it, and whatever is changed in it is found."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from architecture.tree import ROOT
from detente.cases.places import place_by_name, place_json
from detente.cli.demo.cell import PARTIES, Cell, build, digest
from detente.node.pairing import node_charter
from foreign.judges import ask, go_judge, need

pytestmark = pytest.mark.live
START_S = 120


def until(condition: Any) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with contextlib.suppress(Exception):
            if condition():
                return
        time.sleep(0.1)
    raise AssertionError("did not come")


def detente(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "detente", *map(str, words)], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, timeout=120,
    )  # fmt: skip


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    made = build(tmp_path_factory.mktemp("cell"))
    try:
        made.start()
        until(lambda: all(made.node(one).status()["signer"]["state"] == "started" for one in PARTIES))
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def case(cell: Cell) -> str:
    """A false alarm of S1's, answered by S2: its printed id, once G1 holds all of it with all receipts."""
    s1, s2, g1 = (cell.node(party).api for party in ("s1", "s2", "g1"))
    place = place_by_name(
        min(node_charter(cell.node("s1").folder).gazetteer.values(), key=lambda one: one.id), precision_m=1000
    )
    until(lambda: g1.get("/v1/status")["log"]["size"] >= 2)
    said = s1.post("/v1/send", {
        "kind": "D02", "act": "NEW", "fields": {"meaning": "ACCIDENT_OURS"},
        "content": {"place": place_json(place), "text": "Only this stranger reads me."},
        "post": "WATCH", "post_key": True,
    })  # fmt: skip
    until(lambda: s2.get(f"/v1/cases/{said['id']}"))
    s2.post("/v1/send", {
        "kind": "D02", "act": "ACK", "fields": {"ack": "RECEIVED"}, "case": said["id"],
        "refers_to": [said["id"]], "post": "WATCH", "post_key": True,
    })  # fmt: skip
    until(lambda: len(g1.get(f"/v1/cases/{said['id']}")["timeline"]) == 2)
    # Receipts of both others for the last entry, as G1 knows them.
    until(lambda: _confirmed(g1, said["id"]))
    return str(said["id"])


def _confirmed(api: Any, case: str) -> bool:
    ids = [one["id"] for one in api.get(f"/v1/cases/{case}")["timeline"]]
    rows = [api.get(f"/v1/receipts/{one}")["receipts"] for one in ids]
    return all(sum(row["state"].startswith("held") for row in one) >= 2 for one in rows)


@pytest.fixture(scope="module")
def folder(cell: Cell, case: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("arbiter") / "case"
    done = detente("export", place, "--node", cell.node("g1").folder.path, "--case", case)
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "case"))


class TestArbiter:
    """The folder alone, with the charter's digest, tells the case and says that it holds."""

    def test_with_the_digest_it_is_confirmed_and_told_in_plain_words(self, cell: Cell, folder: Path) -> None:
        done = detente("verify", folder, "--digest", digest(cell))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "in the log of S1" in done.stdout
        assert "ACCIDENT_OURS" not in done.stdout  # its label, never its code
        assert "stays closed" in done.stdout
        assert "Only this stranger" not in done.stdout

    def test_without_the_digest_it_is_consistent_only(self, folder: Path) -> None:
        assert detente("verify", folder).returncode == 4

    def test_with_another_digest_it_is_not_confirmed(self, folder: Path) -> None:
        assert detente("verify", folder, "--digest", "00" * 32).returncode == 1

    def test_content_is_disclosed_only_when_asked_for(self, cell: Cell, case: str, tmp_path: Path) -> None:
        place = tmp_path / "open"
        detente(
            "export", place, "--node", cell.node("g1").folder.path, "--case", case, "--parts", "core,content"
        )
        assert "Only this stranger reads me." in detente("verify", place).stdout

    def test_one_chosen_entry_without_any_key(self, cell: Cell, case: str, tmp_path: Path) -> None:
        place = tmp_path / "closed"
        node = cell.node("g1").folder.path
        done = detente("export", place, "--node", node, "--entries", case, "--parts", "none")
        assert done.returncode == 0, done.stderr
        told = detente("verify", place)
        assert told.returncode == 4, told.stdout
        assert "the core is not disclosed here" in told.stdout
        assert not (place / "filekeys").exists()

    def test_the_readme_says_in_three_languages_what_it_does_not_prove(self, folder: Path) -> None:
        text = (folder / "README").read_text("utf-8")
        assert text.startswith("EXERCISE")
        for words in ("What it does not prove", "ما لا يثبته", "מה זה אינו מוכיח"):
            assert words in text

    def test_no_key_of_the_party_is_in_it(self, cell: Cell, folder: Path) -> None:
        keys = cell.node("g1").folder.path / "keys"
        secrets = [one.read_bytes().strip() for one in keys.rglob("*") if one.is_file()]
        shown = [one.read_bytes() for one in folder.rglob("*") if one.is_file()]
        private = [one for one in secrets if one and b"CERTIFICATE" not in one]
        assert private
        assert not [one for one in private if any(one in data for data in shown)]


class TestTampering:
    """Every file counts: emptied, changed or taken away, it is found."""

    def test_emptying_any_file_is_found(self, folder: Path, tmp_path: Path) -> None:
        from detente.cli.verify import check

        for number, file in enumerate(sorted(one for one in folder.rglob("*") if one.is_file())):
            place = Path(shutil.copytree(folder, tmp_path / str(number)))
            (place / file.relative_to(folder)).write_bytes(b"")
            assert check(place, policy_file=None, digest="") in (1, 3), file
            shutil.rmtree(place)

    def test_another_entry_under_a_listing_that_agrees_is_found(self, copied: Path) -> None:
        (entry, *_) = sorted((copied / "proofs").glob("*.entry"))
        entry.write_bytes(entry.read_bytes().replace(b'"floor":true', b'"floor":false'))
        self._relist(copied)
        done = detente("verify", copied)
        assert done.returncode == 1
        assert "FAULT" in done.stdout

    def test_another_part_under_a_listing_that_agrees_is_found(self, copied: Path) -> None:
        for part in (copied / "parts").glob("*.age"):
            data = part.read_bytes()
            part.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        self._relist(copied)
        assert detente("verify", copied).returncode == 1

    def test_another_file_key_under_a_listing_that_agrees_is_found(self, copied: Path) -> None:
        for key in (copied / "filekeys").glob("*.key"):
            key.write_text("00" * 16 + "\n")
        self._relist(copied)
        assert detente("verify", copied).returncode == 1

    def _relist(self, place: Path) -> None:
        """Make the listing agree with what lies there, as whoever tampers would."""
        from detente.cases.arbiter import LISTING

        said = json.loads((place / LISTING).read_bytes())
        import hashlib

        for row in said["files"]:
            data = (place / row[0]).read_bytes()
            row[1:] = [len(data), hashlib.sha256(data).hexdigest()]
        (place / LISTING).write_text(json.dumps(said))


class TestForeignJudges:
    """Programs that share no code with us say the same."""

    def test_go_accepts_every_proof(self, folder: Path, tmp_path: Path) -> None:
        go = go_judge(tmp_path)
        keys = tmp_path / "all.vkey"
        keys.write_text("".join(one.read_text() for one in sorted((folder / "keys").glob("*.vkey"))))
        proofs = sorted((folder / "proofs").glob("*.tlog-proof"))
        assert len(proofs) == 2
        for proof in proofs:
            index = int(proof.stem.rpartition("X")[2])
            assert ask(go, "proof", proof, proof.with_suffix(".entry"), keys)["index"] == index

    def test_javascript_opens_a_part_with_its_file_key(self, folder: Path) -> None:
        judge = Path(__file__).parents[1] / "foreign" / "age"
        need(shutil.which("node"), "node is not here (Debian: nodejs)")
        need((judge / "node_modules").is_dir(), "npm ci in tests/foreign/age")
        for key in (folder / "filekeys").glob("*.key"):
            part = folder / "parts" / f"{key.stem}.age"
            said = ask("node", judge / "judge.mjs", "open", key.read_text().strip(), part)
            # What is inside: eight bytes of length, the core, zeros.
            data = bytes.fromhex(said["text"])
            core = json.loads(data[8 : 8 + int.from_bytes(data[:8], "big")])
            assert core["kind"] == "D02"
