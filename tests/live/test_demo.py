"""The demo is the main job: it plays on three real nodes, and strangers accept what it leaves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from detente.cli.demo import evidence
from detente.cli.demo.cell import CELL, PARTIES
from foreign.judges import Refused, ask, go_judge, mldsa_judge

pytestmark = pytest.mark.live

ROOT = Path(__file__).resolve().parents[2]
DEMO_S = 120  # the bound after set-up, on two cores


def run(*words: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "120"}
    command = [sys.executable, "-m", "detente", *words]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=timeout, check=False
    )


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demo was played."""
    place = tmp_path_factory.mktemp("demo") / "d"
    began = time.monotonic()
    done = run("demo", "--fast", "--dir", str(place))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert time.monotonic() - began < DEMO_S
    return place


@pytest.fixture(scope="module")
def keys(played: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All verifier keys of the cell in one file, as the judges want them."""
    path = tmp_path_factory.mktemp("keys") / "all.vkey"
    path.write_text("".join(one.read_text() for one in sorted((played / "evidence/keys").glob("*.vkey"))))
    return path


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return go_judge(tmp_path_factory.mktemp("go"))


class TestStrangersAccept:
    """Programs in Go and JavaScript that share no code with us judge the folder the demo leaves."""

    @pytest.mark.parametrize("party", PARTIES)
    def test_each_log_with_its_earlier_heads(self, go: Path, played: Path, keys: Path, party: str) -> None:
        old = sorted((played / "evidence/old").glob(f"{party}-*.checkpoint"))
        answer = ask(go, "log", played / "evidence/logs" / party, keys, *old)
        assert answer["head"]["origin"] == f"{CELL}/{party}/1"
        assert answer["earlier"] == len(old) > 1
        others = [f"{CELL}/{other}/mirror/{party}" for other in PARTIES if other != party]
        assert sorted(answer["head"]["cosigners"]) == sorted(others)

    @pytest.mark.parametrize("party", PARTIES)
    def test_the_lattice_signatures(self, played: Path, keys: Path, party: str) -> None:
        checkpoint = played / "evidence/logs" / party / "checkpoint"
        assert len(ask("node", mldsa_judge(), checkpoint, keys)) == 3  # the log and both mirrors

    def test_each_proof(self, go: Path, played: Path, keys: Path) -> None:
        proofs = sorted((played / "evidence/proofs").glob("*.tlog-proof"))
        assert len(proofs) >= 2
        for proof in proofs:
            answer = ask(go, "proof", proof, proof.with_suffix(".entry"), keys)
            assert answer["index"] == int(proof.stem.rpartition("X")[2])

    def test_a_fork_is_called_a_fork(self, go: Path, played: Path) -> None:
        assert ask(go, "fork", played / "evidence/fork")["verdict"] == "fork"

    def test_two_honest_heads_are_none(self, go: Path, played: Path, tmp_path: Path) -> None:
        found = played / "evidence"
        heads = sorted(found.glob("old/s1-*.checkpoint"), key=lambda path: int(path.stem.split("-")[1]))
        shutil.copytree(found / "logs/s1/tile", tmp_path / "tile")
        shutil.copyfile(heads[0], tmp_path / "a.checkpoint")
        shutil.copyfile(found / "logs/s1/checkpoint", tmp_path / "b.checkpoint")
        shutil.copyfile(found / "keys/s1-log-ed25519.vkey", tmp_path / "log.vkey")
        assert ask(go, "fork", tmp_path)["verdict"] == "none"

    def test_one_changed_byte_of_an_entry_is_refused(
        self, go: Path, played: Path, keys: Path, tmp_path: Path
    ) -> None:
        log = tmp_path / "log"
        shutil.copytree(played / "evidence/logs/s2", log)
        bundle = next(path for path in sorted(log.glob("tile/entries/**/*")) if path.is_file())
        data = bytearray(bundle.read_bytes())
        data[40] ^= 1
        bundle.write_bytes(data)
        with pytest.raises(Refused):
            ask(go, "log", log, keys)


class TestVerify:
    """`detente verify` alone, with exit codes as protocol E4."""

    def test_with_the_digest_the_keys_are_confirmed(self, played: Path) -> None:
        digest = run("charter", "check", str(played / "charter")).stdout.split()[-1]
        code, said = evidence.verify(played / "evidence", digest)
        assert (code, "keys confirmed by the charter's digest" in said) == (0, True), said

    def test_without_it_the_record_is_only_consistent(self, played: Path) -> None:
        assert run("verify", str(played / "evidence")).returncode == 4

    def test_a_digest_of_another_charter_confirms_nothing(self, played: Path) -> None:
        assert evidence.verify(played / "evidence", "00" * 32)[0] == 1

    @pytest.mark.parametrize("party", PARTIES)
    def test_emptying_any_file_of_a_log_is_found(self, played: Path, tmp_path: Path, party: str) -> None:
        copy = tmp_path / "evidence"
        shutil.copytree(played / "evidence", copy)
        for path in sorted((copy / "logs" / party).rglob("*")):
            if path.is_file():
                data = path.read_bytes()
                path.write_bytes(b"")
                assert run("verify", str(copy)).returncode in (1, 3), path
                path.write_bytes(data)
        assert run("verify", str(copy)).returncode == 4


class TestFolders:
    """Each node's folder is whole, its own, and carries the word exercise."""

    @pytest.mark.parametrize("party", PARTIES)
    def test_fsck_finds_nothing(self, played: Path, party: str) -> None:
        done = run("fsck", "--node", str(played / "nodes" / party))
        assert done.returncode == 0, done.stdout

    def test_origins_and_keys_say_exercise(self, played: Path) -> None:
        for path in (played / "evidence").glob("keys/*.vkey"):
            assert "exercise" in path.read_text()
        assert "EXERCISE" in (played / "evidence/README").read_text()
