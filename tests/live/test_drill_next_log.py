"""Drills over three living nodes: a machine lost with all its keys, a stolen log key, a
receiving key renewed (protocol C3, C4, E1).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from detente.cli.demo.cell import CELL, PARTIES, Cell
from detente.node import keys as key_files
from detente.node import shares
from detente.node.link.client import PeerClient
from detente.node.link.lineset import lines_of
from detente.node.link.tls import Identity, client_context
from detente.node.pairing import node_charter
from detente.record.head import Head, sign_head
from detente.record.messages import MAX_NOTICE_BODY
from detente.record.sync import Notice, encode_notice
from live import faults
from live.officers import started, until

pytestmark = pytest.mark.live


@pytest.fixture
def cell(tmp_path: Path) -> Iterator[Cell]:
    with started(tmp_path / "d", desks=False) as cell:
        yield cell


def in_two_hands(cell: Cell, party: str, place: Path) -> list[str]:
    """Put the recovery key of `init` into two share files, as the ceremony does; their names."""
    folder = cell.node(party).folder
    seed = key_files.recovery_seed(folder)
    pages = shares.split(seed, f"{CELL}/{party}", b"\x5a" * 32)
    place.mkdir()
    for share in pages:
        text = shares.page(share, shares.public_of(seed))
        (place / f"{share.number}.txt").write_text(text, encoding="utf-8")
    (folder.keys / "recovery.key").unlink()
    return [str(place / "1.txt"), str(place / "2.txt")]


def recover(cell: Cell, party: str, pages: list[str], *words: str) -> str:
    """`detente keys recover` with the two pages; what it says."""
    folder = str(cell.node(party).folder.path)
    done = faults.detente("keys", "recover", "--node", folder, "--shares", *pages, "--yes", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def goes_both_ways(cell: Cell, party: str, other: str) -> str:
    """A D02 of `party` reaches both peers, one of `other` reaches `party`; the first one's id."""
    mine = faults.sent_in_the_end(cell, party)
    faults.confirmed(cell, mine, faults.others(party))
    faults.sounded(cell, other, mine)
    theirs = faults.sent_in_the_end(cell, other)
    faults.confirmed(cell, theirs, [party])
    faults.opened(cell, party, theirs)
    faults.sounded(cell, party, theirs)
    return mine


class TestMachineLost:
    """Every key on the machine is gone; two shares and the offline copies bring the party back."""

    def test_the_next_log_goes_on_both_ways(self, cell: Cell, tmp_path: Path) -> None:
        before = faults.sent_in_the_end(cell, "s1")
        faults.confirmed(cell, before, ["s2", "g1"])
        folder = cell.node("s1").folder
        pages = in_two_hands(cell, "s1", tmp_path / "shares")
        offline = tmp_path / "offline"
        for name in ("ca", "posts", "receiving"):
            shutil.copytree(folder.keys / name, offline / name)
        faults.end(cell, "s1")
        held = len(faults.entries(cell, "s2", faults.origin_of("s1")))
        for name in ("keys", "journal", "run", "log"):
            shutil.rmtree(folder.path / name)
            (folder.path / name).mkdir(mode=0o700)
        for one in folder.path.glob("node.sqlite3*"):
            one.unlink()

        said = recover(cell, "s1", pages, "--keys", str(offline))

        assert f"{CELL}/s1/2 follows {CELL}/s1/1 from size {held}" in said
        cell.node("s1").folder.__dict__.pop("settings", None)
        cell.node("s1").apis.clear()
        cell.start_node("s1")
        mine = goes_both_ways(cell, "s1", "s2")
        assert mine.startswith("S1.2-X")
        faults.opened(cell, "s1", before)  # its own words of before, from its peers
        status = faults.shown(cell, "s2")
        assert status["evidence"] == []
        for party in PARTIES:
            assert len(faults.entries(cell, party, faults.origin_of("s1"))) == held
        faults.fsck(cell, "s1", "s2")


class TestKeyStolen:
    """A thief signs another head with stolen log keys: it convicts, and the party goes on in its next log."""

    def test_the_party_goes_on_and_the_old_log_is_closed(self, cell: Cell, tmp_path: Path) -> None:
        before = faults.sent_in_the_end(cell, "s1")
        faults.confirmed(cell, before, ["s2", "g1"])
        folder = cell.node("s1").folder
        pages = in_two_hands(cell, "s1", tmp_path / "shares")
        thief(cell, "s2")
        until(lambda: faults.shown(cell, "s2")["evidence"], 20, "s2 has the evidence")
        until(lambda: faults.shown(cell, "g1")["evidence"], 20, "g1 is shown it")
        done = faults.detente("keys", "compromise", "--node", str(folder.path), "--yes")
        assert done.returncode == 0, done.stderr
        assert "frozen" in done.stdout
        with pytest.raises(faults.DetenteError) as refused:
            faults.stop_and_check(cell, "s1")
        assert refused.value.code == "signer-stopped"
        faults.end(cell, "s1")

        recover(cell, "s1", pages)

        cell.node("s1").folder.__dict__.pop("settings", None)
        cell.node("s1").apis.clear()
        cell.start_node("s1")
        mine = goes_both_ways(cell, "s1", "s2")
        assert mine.startswith("S1.2-X")
        assert faults.shown(cell, "s1")["log"]["origin"] == f"{CELL}/s1/2"


def thief(cell: Cell, at: str) -> None:
    """Show `at` a head of s1's log that s1 never made, signed with s1's keys, over s1's line."""
    folder = cell.node("s1").folder
    origin = faults.origin_of("s1")
    size = len(faults.entries(cell, at, origin))
    note = sign_head(Head(origin, size, b"\x99" * 32), key_files.log_pair(folder), int(time.time()))
    line = next(one for one in lines_of(folder, node_charter(folder)) if one.peer == at)
    own = Identity(folder.link_keys / "leaf.pem", folder.link_keys / "leaf.key")

    async def show() -> None:
        client = PeerClient(at, line.dial, client_context(own, line.ca), host=line.host)
        await client.post("heads", encode_notice(Notice((note,))), limit=MAX_NOTICE_BODY)
        await client.close()

    asyncio.run(show())


class TestNextLogByStick:
    """A side without any line learns of the other's next log from a stick, and hears what stands in it."""

    def test_it_takes_certificate_and_log_and_sounds(self, cell: Cell, tmp_path: Path) -> None:
        faults.confirmed(cell, faults.sent_in_the_end(cell, "s1"), ["s2", "g1"])
        folder = cell.node("s1").folder
        pages = in_two_hands(cell, "s1", tmp_path / "shares")
        for other in ("s1", "g1"):
            cell.places.cut(other, "s2")
        done = faults.detente("keys", "compromise", "--node", str(folder.path), "--yes")
        assert done.returncode == 0, done.stderr
        faults.end(cell, "s1")
        recover(cell, "s1", pages)
        cell.node("s1").folder.__dict__.pop("settings", None)
        cell.node("s1").apis.clear()
        cell.start_node("s1")
        entry = faults.sent_in_the_end(cell, "s1")
        faults.confirmed(cell, entry, ["g1"])

        stick = str(tmp_path / "stick")
        for words in (("export", "--node", str(folder.path), "--for", "s2", stick),
                      ("import", "--node", str(cell.node("s2").folder.path), stick)):  # fmt: skip
            ran = faults.detente(*words)
            assert ran.returncode == 0, ran.stdout + ran.stderr

        assert entry.startswith("S1.2-X")
        faults.sounded(cell, "s2", entry)
        faults.opened(cell, "s2", entry)
        assert faults.shown(cell, "s2")["evidence"] == []


class TestReceivingKeyRotated:
    """A part sealed to the old key while the new one was on its way still opens; then the old one goes."""

    def test_the_old_key_opens_what_is_under_way_and_is_destroyed(self, cell: Cell) -> None:
        folder = cell.node("s1").folder
        faults.confirmed(cell, faults.sent_in_the_end(cell, "s1"), ["s2", "g1"])
        faults.end(cell, "s1")
        with folder.node_toml.open("a", encoding="utf-8") as file:
            file.write("\n[keys]\ncourier_s = 3\n")
        cell.start_node("s1")
        faults.confirmed(cell, faults.sent_in_the_end(cell, "s1"), ["s2", "g1"])
        (old,) = key_files.receiving_seeds(folder)
        for peer in ("s2", "g1"):
            cell.places.cut("s1", peer)
        done = faults.detente("keys", "rotate", "--node", str(folder.path))
        assert done.returncode == 0, done.stderr
        under_way = faults.sent_in_the_end(cell, "s2")
        until(lambda: said(cell, "s1", "RECEIVING_ADDED"), 20, "s1 announces the new key")
        time.sleep(4)
        assert old in key_files.receiving_seeds(folder), "no peer has confirmed the new key yet"
        for peer in ("s2", "g1"):
            cell.places.mend("s1", peer)
        faults.opened(cell, "s1", under_way)
        until(lambda: old not in key_files.receiving_seeds(folder), 60, "the old key is destroyed")
        until(lambda: said(cell, "s1", "RECEIVING_RETIRED"), 20, "its end is announced")
        later = faults.sent_in_the_end(cell, "s2")
        faults.opened(cell, "s1", later)


def said(cell: Cell, party: str, change: str) -> bool:
    """Whether the party's node has entered an R04 with that change."""
    rows = faults.api(cell, party).get("/v1/entries")["entries"]
    ids = [row["id"] for row in rows if row["kind"] == "R04" and row["party"] == party]
    cores = [faults.api(cell, party).get(f"/v1/entries/{one}")["core"] for one in ids]
    return any(core and core["fields"]["change"] == change for core in cores)


class TestCopyBesideTheLivingNode:
    """A second signer with the same log keys ends by name, from the folder itself and from a copy of it."""

    def test_it_is_refused_and_nothing_is_signed(self, cell: Cell, tmp_path: Path) -> None:
        faults.confirmed(cell, faults.sent_in_the_end(cell, "s1"), ["s2", "g1"])
        folder = cell.node("s1").folder.path
        copy = tmp_path / "copy"
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*.sock"))
        environment = {**os.environ, "PYTHONPATH": str(faults.ROOT / "src")}
        for place in (folder, copy):
            done = subprocess.run(
                [sys.executable, "-m", "detente.node.signer", str(place)],
                capture_output=True, text=True, timeout=30, check=False, env=environment,
            )  # fmt: skip
            assert done.returncode == 1
            assert "second-signer" in done.stderr
        faults.confirmed(cell, faults.sent_in_the_end(cell, "s1"), ["s2", "g1"])


class TestMachineThatSlept:
    """Every process of a node stands still for a while and goes on, as a virtual machine that is resumed."""

    def test_it_takes_what_came_and_goes_on_in_one_history(self, cell: Cell) -> None:
        faults.confirmed(cell, faults.sent_in_the_end(cell, "s1"), ["s2", "g1"])
        cell.node("s1").hold()
        meanwhile = faults.sent_in_the_end(cell, "s2")
        faults.confirmed(cell, meanwhile, ["g1"])
        cell.node("s1").resume()
        faults.opened(cell, "s1", meanwhile)
        goes_both_ways(cell, "s1", "s2")
        assert all(faults.shown(cell, party)["evidence"] == [] for party in PARTIES)
        faults.whole(cell, "s1", "s2")
