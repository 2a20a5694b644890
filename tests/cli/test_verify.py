"""`detente verify` on folders: logs of several generations, evidence alone, every exit code (protocol E4)."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest

from charter import harbour
from detente.charter import load_charter, new_charter
from detente.charter.watched import charter_policy
from detente.cli.verify import check
from detente.record.evidence import encode_two_histories, find_two_histories
from detente.record.head import Head, cosign, sign_head
from detente.record.keys import KeyPair
from detente.record.nextlog import NextLog, sign_next_log
from detente.record.policy import encode_policy
from detente.record.tiles import export_folder
from detente.record.tree import Tree, leaf_hash

CELL = harbour.CELL
OLD, NEW = f"{CELL}/s1/1", f"{CELL}/s1/2"
RECOVERY = b"\x51" * 32
NEW_PAIR = KeyPair(b"\x61" * 32, b"\x62" * 32)
TIME = 1_800_000_000


def pair(n: int) -> KeyPair:
    """As harbour makes keys: s1 has 10, s2 20, g1 30; their mirrors follow."""
    return KeyPair(bytes([n]) * 32, bytes([n + 100]) * 32)


@lru_cache
def charter_text() -> bytes:
    public = KeyPair(RECOVERY, bytes(32)).log_keys("any").ed25519.public
    cards = [harbour.card(one) for one in harbour.PARTIES]
    return new_charter(harbour.template(), [replace(cards[0], recovery=public), *cards[1:]])


@lru_cache
def charter():
    return load_charter(charter_text(), harbour.kind_files())


def digest() -> str:
    return charter().digest.hex()


def said(count: int, story: str = "") -> list[bytes]:
    return [f"{story}{n}".encode() for n in range(count)]


def root(entries: list[bytes]) -> bytes:
    return Tree(map(leaf_hash, entries)).root()


def head_note(log: str, entries: list[bytes], time: int = TIME) -> bytes:
    keys = NEW_PAIR if log == NEW else pair(10)
    return sign_head(Head(log, len(entries), root(entries)), keys, time)


def put(place: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def put_log(place: Path, log: str, entries: list[bytes]) -> None:
    head = Head(log, len(entries), root(entries))
    mirrors = {f"{CELL}/s2/mirror/s1": pair(21), f"{CELL}/g1/mirror/s1": pair(31)}
    lines = b"".join(cosign(head, name, keys, TIME + 1).lines for name, keys in mirrors.items())
    put(place, dict(export_folder(entries, head_note(log, entries), lines)))


def following(size: int = 3, story: str = "") -> NextLog:
    return NextLog(NEW, NEW_PAIR.log_keys(NEW), OLD, size, root(said(size, story)))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """What a node exports after a party has gone on in its second log."""
    after = following()
    put(tmp_path, {"policy": encode_policy(charter_policy(charter(), [after]))})
    put(tmp_path / "charter", {"charter.toml": charter_text()})
    put(tmp_path / "charter" / "kinds", harbour.kind_files())
    put_log(tmp_path / "logs" / "s1", OLD, said(5))
    put_log(tmp_path / "logs" / "s1.2", NEW, said(4, "new "))
    put(tmp_path / "logs" / "s1.2", {"certificate": sign_next_log(after, RECOVERY)})
    return tmp_path


def verify(place: Path, digest: str = "", policy: Path | None = None) -> int:
    return check(place, policy_file=policy, digest=digest)


class TestGenerations:
    """Logs of one party in a row, each by its certificate (formats/next-log)."""

    def test_keys_are_confirmed_by_the_charter_and_its_recovery_key(self, place, capsys):
        assert verify(place, digest()) == 0
        told = capsys.readouterr().out
        assert f"{NEW} follows {OLD} at 3 entries; 2 entries behind that are not named; certified" in told
        assert "keys confirmed" in told

    def test_without_the_digest_it_is_consistent_only(self, place, capsys):
        assert verify(place) == 4
        assert "certified by the recovery key" in capsys.readouterr().out

    def test_without_the_charter_the_certificate_is_not_checked_and_that_is_said(self, place, capsys):
        for file in sorted((place / "charter").rglob("*.toml")):
            file.unlink()
        assert verify(place) == 4
        assert "certificate NOT checked" in capsys.readouterr().out

    def test_a_next_log_without_certificate_is_not_consistent(self, place, capsys):
        (place / "logs" / "s1.2" / "certificate").unlink()
        assert verify(place) == 1
        assert "logs/s1.2/certificate: a file that the head promises is not there" in capsys.readouterr().out

    def test_another_key_than_the_recovery_key_certified_it(self, place, capsys):
        put(place / "logs" / "s1.2", {"certificate": sign_next_log(following(), b"\x52" * 32)})
        assert verify(place) == 1
        assert verify(place, digest()) == 1
        assert "logs/s1.2/certificate" in capsys.readouterr().out

    def test_the_certificate_of_other_keys_than_the_policys(self, place, capsys):
        other = replace(following(), keys=KeyPair(b"\x71" * 32, b"\x72" * 32).log_keys(NEW))
        put(place / "logs" / "s1.2", {"certificate": sign_next_log(other, RECOVERY)})
        assert verify(place) == 1
        assert "the policy has other keys" in capsys.readouterr().out

    def test_a_certificate_that_names_another_history_of_the_old_log(self, place, capsys):
        put(place / "logs" / "s1.2", {"certificate": sign_next_log(following(3, "other "), RECOVERY)})
        assert verify(place) == 1
        assert "another history of the old log" in capsys.readouterr().out

    def test_an_old_log_that_is_shorter_here_than_what_is_named_is_no_finding(self, place, capsys):
        put(place / "logs" / "s1.2", {"certificate": sign_next_log(following(9), RECOVERY)})
        assert verify(place, digest()) == 0
        assert f"{NEW} follows {OLD} at 9 entries; certified" in capsys.readouterr().out

    def test_any_bytes_for_a_certificate_are_a_finding(self, place):
        put(place / "logs" / "s1.2", {"certificate": b"\xff nonsense"})
        assert verify(place, digest()) == 1


class TestEvidence:
    """Two histories: proven, proves nothing, or a log that rolled back; each by its name."""

    def evidence(self, first: int, second: int) -> bytes:
        keys, tree = pair(10).log_keys(OLD), Tree(map(leaf_hash, said(second)))
        found = find_two_histories(
            head_note(OLD, said(first, "other ")), head_note(OLD, said(second)), keys, tree
        )
        return encode_two_histories(found)

    @pytest.mark.parametrize(("first", "second"), [(5, 5), (2, 5)])
    def test_a_file_alone_convicts(self, place, capsys, first, second):
        put(place, {"evidence/a.two-histories": self.evidence(first, second)})
        for given in ("", digest()):
            assert verify(place / "evidence" / "a.two-histories", given) == 1
        assert "SAME LOG, TWO HISTORIES, proven" in capsys.readouterr().out
        assert verify(place, digest()) == 1
        assert "SAME LOG, TWO HISTORIES, proven" in capsys.readouterr().out

    def test_a_file_alone_that_proves_nothing(self, place, capsys):
        false = self.evidence(2, 5).replace(root(said(2)).hex().encode(), root(said(2, "x")).hex().encode())
        put(place, {"a.two-histories": false})
        assert verify(place / "a.two-histories") == 4
        assert verify(place / "a.two-histories", digest()) == 0
        assert "PROVES NOTHING" in capsys.readouterr().out

    def test_a_file_that_is_no_evidence_is_unreadable(self, place, capsys):
        put(place, {"a.two-histories": b"{}"})
        assert verify(place / "a.two-histories") == 3
        assert "PROVES NOTHING, cannot be read" in capsys.readouterr().out

    def test_a_file_without_keys_beside_it_is_unreadable_and_takes_a_policy(self, place, tmp_path_factory):
        alone = tmp_path_factory.mktemp("alone")
        put(alone, {"a.two-histories": self.evidence(5, 5)})
        assert verify(alone / "a.two-histories") == 3
        assert verify(alone / "a.two-histories", policy=place / "policy") == 1

    def test_an_earlier_head_of_another_tree(self, place, capsys):
        put(place / "old", {"s1-2.checkpoint": head_note(OLD, said(2, "other "))})
        assert verify(place) == 1
        assert "SAME LOG, TWO HISTORIES, proven" in capsys.readouterr().out

    def test_a_log_that_rolled_back(self, place, capsys):
        put(place / "old", {"s1-9.checkpoint": head_note(OLD, said(9))})
        assert verify(place) == 1
        told = capsys.readouterr().out
        assert "A LOG THAT ROLLED BACK" in told
        assert "TWO HISTORIES" not in told


class TestExitCodes:
    """Protocol E4."""

    def test_wrong_use(self, place, tmp_path):
        assert verify(tmp_path / "nothing") == 2
        assert verify(place, "00") == 2
        assert verify(place / "policy") == 2

    def test_another_charters_digest(self, place):
        assert verify(place, "00" * 32) == 1

    def test_unreadable(self, place):
        (place / "policy").unlink()
        assert verify(place) == 3

    def test_no_log(self, place):
        for name in ("s1", "s1.2"):
            (place / "logs" / name / "checkpoint").unlink()
        assert verify(place) == 3

    def test_an_entry_that_was_changed(self, place):
        bundle = next((place / "logs" / "s1" / "tile" / "entries").rglob("5"))
        bundle.write_bytes(bundle.read_bytes()[:-1] + b"X")
        assert verify(place, digest()) == 1
