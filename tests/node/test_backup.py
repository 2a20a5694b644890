"""Backup beside a living node, restore into a new folder, and the end of a node: as an operator runs them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from node import database
from node.rig import Clock
from node_api.rig import Node, make_cell

database.template()

from detente.node import backup as work  # noqa: E402 - Django must be configured first
from detente.node.folder import NodeFolder  # noqa: E402
from detente.record.age import identity_text, recipient_of  # noqa: E402
from detente.record.errors import Refused  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SEED = bytes(range(32))
LEFT_OUT = ("log", "mirror", "posts", "ca", "link")


def detente(*words: object, answer: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "detente", *map(str, words)], input=answer, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "120"}, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    made = Node(make_cell(tmp_path_factory.mktemp("cell"), alarm={"hook": ["true"]}), Clock(int(time.time())))
    made.start()
    made.in_force()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def taken(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup taken while entries come in, with sealed keys."""
    room = tmp_path_factory.mktemp("medium")
    (room / "words").write_text("four plain words and three more\n")
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            node.step()
            node.api.post("/v1/send", {
                "kind": "D02", "act": "NEW", "post": "WATCH", "post_key": True,
                "fields": {"meaning": "OTHER", "ask": "PAUSE_AND_CHECK", "own_action": "NOT_STATED",
                           "since": node.clock()},
            })  # fmt: skip

    writer = threading.Thread(target=write)
    writer.start()
    done = detente("backup", room / "b", "--node", node.folder.path, "--passphrase", room / "words")
    ended.set()
    writer.join(20)
    assert done.returncode == 0, done.stderr
    return room / "b"


class TestBackup:
    """Consistent beside a living node; nothing in it could sign (protocol C1)."""

    def test_check_finds_it_whole(self, taken: Path) -> None:
        before = {one: one.read_bytes() for one in taken.rglob("*") if one.is_file()}
        done = detente("backup", "check", taken)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "whole" in done.stdout
        assert {one: one.read_bytes() for one in taken.rglob("*") if one.is_file()} == before

    def test_no_signing_key_nor_journal_is_in_any_file(self, taken: Path, node: Node) -> None:
        secrets: list[bytes] = []
        for room in LEFT_OUT:
            for place in (node.folder.keys / room).rglob("*"):
                if place.suffix in (".json", ".seed", ".key"):
                    words = place.read_text().replace('"', " ").split()
                    long = [word.encode() for word in words if len(word) >= 40]
                    # The end of a PEM key is its public half, which stands in the card.
                    secrets += long[:1] if "BEGIN" in words[0] else long
        for name in ("recovery.key", "storage.key", "receiving/1.key"):
            secrets.append((node.folder.keys / name).read_bytes().strip())
        assert len(secrets) > 10
        raw = [
            bytes.fromhex(one.decode())
            for one in secrets
            if len(one) == 64 and one.isalnum() and one.islower()
        ]
        for place in (one for one in taken.rglob("*") if one.is_file()):
            data = place.read_bytes()
            assert [one for one in secrets + raw if one in data] == [], place
        assert not (taken / "journal").exists() and not (taken / "keys").exists()

    def test_a_flipped_bit_in_any_file_is_named(self, taken: Path, tmp_path: Path) -> None:
        shutil.copytree(taken, tmp_path / "b")
        for place in sorted(one for one in (tmp_path / "b").rglob("*") if one.is_file()):
            whole = place.read_bytes()
            changed = bytearray(whole)
            changed[len(whole) // 2] ^= 1
            place.write_bytes(changed)
            with pytest.raises(Refused) as refused:
                work.check_files(tmp_path / "b", lambda *_: None)
            assert refused.value.code == "backup-broken"
            name = str(place.relative_to(tmp_path / "b"))
            assert name == "manifest.json" or refused.value.values["file"] == name
            place.write_bytes(whole)
        assert work.check_files(tmp_path / "b", lambda *_: None).party == "s1"

    def test_a_file_too_many_or_too_few_is_named(self, taken: Path, tmp_path: Path) -> None:
        shutil.copytree(taken, tmp_path / "b")
        (tmp_path / "b" / "more").write_text("x")
        done = detente("backup", "check", tmp_path / "b")
        assert done.returncode == 1 and "more" in done.stderr
        (tmp_path / "b" / "more").unlink()
        (tmp_path / "b" / "node.toml").unlink()
        done = detente("backup", "check", tmp_path / "b")
        assert done.returncode == 1 and "node.toml" in done.stderr

    def test_nothing_is_overwritten(self, taken: Path, node: Node) -> None:
        done = detente("backup", taken, "--node", node.folder.path)
        assert done.returncode == 1 and "backup-there" in done.stderr

    def test_without_a_way_to_seal_no_key_is_in_it_and_that_is_said(self, node: Node, tmp_path: Path) -> None:
        done = detente("backup", tmp_path / "b", "--node", node.folder.path)
        assert done.returncode == 0 and "storage keys: left out" in done.stdout
        assert not any((tmp_path / "b" / name).exists() for name in work.SEALED)

    def test_an_interrupted_one_leaves_nothing_in_its_place(self, node: Node, tmp_path: Path) -> None:
        def stop(_what: str, _done: int, _total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            work.back_up(node.folder, tmp_path / "b", {}, stop)
        assert not (tmp_path / "b").exists()
        work.back_up(node.folder, tmp_path / "b", {}, lambda *_: None)
        assert (tmp_path / "b" / "manifest.json").exists()


class TestRestore:
    """Into a fresh folder, checked first; it says what the first start will do."""

    def test_the_record_and_the_keys_that_open_it_come_back(
        self, taken: Path, node: Node, tmp_path: Path
    ) -> None:
        done = detente("restore", taken, "--node", tmp_path / "new", "--passphrase", taken.parent / "words")
        assert done.returncode == 0, done.stderr
        assert "The signer signs nothing until one peer has answered" in done.stdout
        assert "keys/log/1.json" in done.stdout and "detente keys recover" in done.stdout
        folder = NodeFolder.open(tmp_path / "new")
        for name in ("storage.key", "receiving/1.key"):
            assert (folder.keys / name).read_bytes() == (node.folder.keys / name).read_bytes()
        assert not (folder.keys / "log").exists()
        done = detente("fsck", "--node", tmp_path / "new", "--json")
        assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr

    def test_signing_keys_come_from_the_operators_own_medium(
        self, taken: Path, node: Node, tmp_path: Path
    ) -> None:
        done = detente("restore", taken, "--node", tmp_path / "new", "--keys", node.folder.keys)
        assert done.returncode == 0, done.stderr
        assert "not here" not in done.stdout
        assert detente("fsck", "--node", tmp_path / "new").returncode == 0

    def test_a_folder_with_anything_in_it_is_left_alone(self, taken: Path, tmp_path: Path) -> None:
        (tmp_path / "new").mkdir()
        (tmp_path / "new" / "mine").write_text("x")
        done = detente("restore", taken, "--node", tmp_path / "new")
        assert done.returncode == 1 and "node-already-here" in done.stderr
        assert [one.name for one in (tmp_path / "new").iterdir()] == ["mine"]

    def test_a_broken_backup_restores_nothing(self, taken: Path, tmp_path: Path) -> None:
        shutil.copytree(taken, tmp_path / "b")
        (tmp_path / "b" / "node.toml").write_text("")
        done = detente("restore", tmp_path / "b", "--node", tmp_path / "new")
        assert done.returncode == 1 and "backup-broken" in done.stderr
        assert not (tmp_path / "new").exists()

    def test_another_passphrase_opens_nothing(self, taken: Path, tmp_path: Path) -> None:
        (tmp_path / "words").write_text("another sentence that is long\n")
        done = detente("restore", taken, "--node", tmp_path / "new", "--passphrase", tmp_path / "words")
        assert done.returncode == 1 and "keys-not-opened" in done.stderr
        assert not (tmp_path / "new").exists()

    def test_an_interrupted_one_is_no_node_and_goes_on(self, taken: Path, tmp_path: Path) -> None:
        def stop(what: str, done: int, _total: int) -> None:
            if what == "files" and done == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            work.put_back(taken, tmp_path / "new", {}, stop)
        with pytest.raises(Refused) as refused:
            NodeFolder.open(tmp_path / "new")
        assert refused.value.code == "no-node-here"
        work.put_back(taken, tmp_path / "new", {}, lambda *_: None)
        assert NodeFolder.open(tmp_path / "new").party == "s1"

    def test_a_backup_of_newer_tables_is_refused_by_the_step(self, taken: Path, tmp_path: Path) -> None:
        shutil.copytree(taken, tmp_path / "b")
        place = tmp_path / "b" / "manifest.json"
        said = json.loads(place.read_bytes())
        said["schema"].append("9999_of_later")
        place.write_text(json.dumps(said))
        done = detente("restore", tmp_path / "b", "--node", tmp_path / "new")
        assert done.returncode == 1
        assert "schema-other" in done.stderr and "9999_of_later" in done.stderr

    def test_keys_sealed_to_an_age_recipient(self, node: Node, tmp_path: Path) -> None:
        done = detente(
            "backup", tmp_path / "b", "--node", node.folder.path, "--recipient", recipient_of(SEED)
        )
        assert done.returncode == 0, done.stderr
        (tmp_path / "id").write_text(f"# kept offline\n{identity_text(SEED)}\n")
        done = detente("restore", tmp_path / "b", "--node", tmp_path / "new", "--identity", tmp_path / "id")
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "new" / "keys" / "storage.key").exists()


class TestWhatIsNamedAsAbsent:
    """`restore` names every key that is not there, also those without which the node would start."""

    def lacking(self, taken: Path, place: Path, kit: Path) -> str:
        done = detente("restore", taken, "--node", place, "--keys", kit)
        assert done.returncode == 0, done.stderr
        return next((one for one in done.stdout.splitlines() if "not here" in one), "")

    @pytest.fixture
    def kit(self, node: Node, tmp_path: Path) -> Path:
        shutil.copytree(node.folder.keys, tmp_path / "kit", ignore=shutil.ignore_patterns("lock"))
        return tmp_path / "kit"

    def test_no_receiving_key(self, taken: Path, kit: Path, tmp_path: Path) -> None:
        shutil.rmtree(kit / "receiving")
        assert "keys/receiving/*.key" in self.lacking(taken, tmp_path / "new", kit)

    def test_a_later_receiving_key_is_one(self, taken: Path, kit: Path, tmp_path: Path) -> None:
        (kit / "receiving" / "1.key").rename(kit / "receiving" / "2.key")
        assert self.lacking(taken, tmp_path / "new", kit) == ""

    def test_the_thin_key_that_the_charter_names(
        self, taken: Path, kit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert self.lacking(taken, tmp_path / "new", kit) == "", "this charter names none"
        folder = NodeFolder.open(tmp_path / "new")
        charter = work.node_charter(folder)
        parties = {**charter.parties, "s1": replace(charter.parties["s1"], thin="00" * 32)}
        monkeypatch.setattr(work, "node_charter", lambda _folder: replace(charter, parties=parties))
        (folder.keys / "thin.key").unlink(missing_ok=True)
        assert work.lacking_keys(folder, ["s2"]) == ["thin.key"]
        (folder.keys / "thin.key").write_text("11" * 32 + "\n")
        assert work.lacking_keys(folder, ["s2"]) == []


class TestRotationUnderWay:
    """Taken amid a rotation of the storage key: both keys come back, and nothing stays shut."""

    def test_the_coming_storage_key_is_in_the_backup(self, node: Node, tmp_path: Path) -> None:
        from detente.node import keys as key_files

        ignored = shutil.ignore_patterns("*.sock", "node.lock")
        shutil.copytree(node.folder.path, tmp_path / "node", ignore=ignored)
        folder = NodeFolder.open(tmp_path / "node")
        key_files.begin_storage(folder)
        (tmp_path / "words").write_text("four plain words and three more\n")
        with_words = ("--passphrase", tmp_path / "words")
        done = detente("backup", tmp_path / "b", "--node", folder.path, *with_words)
        assert done.returncode == 0, done.stderr
        done = detente("restore", tmp_path / "b", "--node", tmp_path / "new", *with_words)
        assert done.returncode == 0, done.stderr
        assert key_files.storage_key(NodeFolder.open(tmp_path / "new")) == key_files.storage_key(folder)
        assert (tmp_path / "new" / "keys" / key_files.STORAGE_NEXT).exists()


class TestWipe:
    """The end of a node: keys first, the words typed, and what cannot be promised said."""

    @pytest.fixture
    def copy(self, node: Node, tmp_path: Path) -> Path:
        ignored = shutil.ignore_patterns("*.sock", "node.lock")
        shutil.copytree(node.folder.path, tmp_path / "node", ignore=ignored)
        return tmp_path / "node"

    @pytest.mark.parametrize(
        ("words", "answer"), [([], "harbour.exercise/s1\n"), (["--yes-wipe"], "yes\n"), (["--yes-wipe"], "")]
    )
    def test_without_flag_and_words_nothing_happens(self, copy: Path, words: list[str], answer: str) -> None:
        before = sorted(one for one in copy.rglob("*"))
        done = detente("wipe", "--node", copy, *words, answer=answer)
        assert done.returncode == 2
        assert sorted(one for one in copy.rglob("*")) == before

    def test_it_ends_the_node_and_says_its_limits(self, copy: Path) -> None:
        outside = copy.parent / "outside"
        outside.write_text("not the node's")
        (copy / "log" / "linked").symlink_to(outside)
        done = detente("wipe", "--node", copy, "--yes-wipe", answer="harbour.exercise/s1\n")
        assert done.returncode == 0, done.stderr
        assert not copy.exists() and outside.read_text() == "not the node's"
        assert "flash" in done.stdout and "peers keep" in done.stdout

    def test_cut_short_the_keys_are_gone_first(self, copy: Path) -> None:
        from detente.node.wipe import wipe

        def stop(what: str, _done: int, _total: int) -> None:
            if what == "data":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            wipe(NodeFolder.open(copy), stop)
        assert [one for one in (copy / "keys").rglob("*") if one.is_file()] == []
        assert (copy / "node.sqlite3").exists() and (copy / "node.toml").exists()
        wipe(NodeFolder.open(copy), lambda *_: None)
        assert not copy.exists()

    def test_a_running_node_is_left_alone(self, copy: Path) -> None:
        from detente.node.upgrade import alone

        with alone(NodeFolder.open(copy)):
            done = detente("wipe", "--node", copy, "--yes-wipe", answer="harbour.exercise/s1\n")
        assert done.returncode == 1 and "node-already-running" in done.stderr
        assert (copy / "node.sqlite3").exists()
