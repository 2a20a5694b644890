"""What the fault tests share: processes of a node by kind, entries sent, and what must hold after a fault.

`whole` is the sentence of every test's end: the next entry goes through to every party, each party's `fsck`
is clean, and what a mirror once confirmed of a log is there, byte for byte, in that log.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from detente.cli.demo.cell import CELL, PARTIES, Cell, descendants
from detente.node.client import LocalApi
from detente.record.errors import DetenteError
from live.officers import until

ROOT = Path(__file__).resolve().parents[2]
MODULES = {
    "signer": b"detente.node.signer", "link": b"detente.node.link",
    "alarm": b"detente.node.alarm", "desk": b"detente.desk",
}  # fmt: skip
#: What a caller may be told while a process of its own node is being started again; each says who must act.
WHILE_RESTARTING = frozenset(
    (
        "node-not-running",
        "unreachable",
        "signer-not-started",
        "starting",
        "writer-stopped",
        "log-not-opened",
    )
)
STOPPED_MEANINGS = ("OTHER", "ACCIDENT_OURS", "AIRCRAFT_AT_RISK", "OUR_FORCE_MISIDENTIFIED")
DELIVERED_S = 20  # after a process was started again: Python and Django need some of it on a busy machine


def origin_of(party: str) -> str:
    return f"{CELL}/{party}/1"


def pids(cell: Cell, party: str, kind: str) -> list[int]:
    """The living processes of one kind under a party's supervisor."""
    process = cell.node(party).process
    assert process is not None
    if kind == "supervisor":
        return [process.pid]
    found = []
    for pid in descendants(process.pid)[1:]:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if MODULES[kind] in words:
            found.append(pid)
    return found


def kill(cell: Cell, party: str, kind: str) -> None:
    """SIGKILL the one process of that kind."""
    (pid,) = pids(cell, party, kind)
    os.kill(pid, signal.SIGKILL)


def restarted(cell: Cell, party: str, kind: str, old: int) -> None:
    """Wait until another process of that kind lives."""
    until(lambda: [one for one in pids(cell, party, kind) if one != old], 15, f"{kind} is started again")


def started_again(cell: Cell, party: str) -> None:
    """Start a node whose supervisor is gone, once its children are."""
    node = cell.node(party)
    assert node.process is not None
    node.process.wait(10)
    until(lambda: not members(node.process.pid), 10, "the children end with their supervisor")
    cell.start_node(party)


def members(group: int) -> list[int]:
    """Living processes of a process group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] not in "ZX":
                found.append(int(entry.name))
    return found


def end(cell: Cell, party: str) -> None:
    """Stop a party's node in order."""
    node = cell.node(party)
    assert node.process is not None
    node.process.terminate()
    node.process.wait(20)
    until(lambda: not members(node.process.pid), 10, "its children end")


def api(cell: Cell, party: str, timeout: float = 5) -> LocalApi:
    return LocalApi(cell.node(party).folder, timeout=timeout)


def stop_and_check(cell: Cell, party: str, meaning: str = "OTHER") -> str:
    """Press STOP-AND-CHECK at a party; the entry's id. Raises DetenteError by name."""
    sent = api(cell, party).post("/v1/send", {
        "kind": "D02", "act": "NEW", "fields": {"meaning": meaning}, "post": post_of(party), "post_key": True,
    })  # fmt: skip
    return str(sent["id"])


def post_of(party: str) -> str:
    return "SUPERVISOR" if party == "g1" else "WATCH"


def sent_in_the_end(cell: Cell, party: str) -> str:
    """Press until the node takes it; only named refusals of a node that is starting may come before."""

    def attempt() -> str | None:
        try:
            return stop_and_check(cell, party)
        except DetenteError as error:
            assert error.code in WHILE_RESTARTING, error
            return None

    found: str = until(attempt, DELIVERED_S, f"{party} sends again")
    return found


def held_by(cell: Cell, at: str, entry: str) -> dict[str, str]:
    """Party → receipt state of an entry, as the node `at` says."""
    rows = api(cell, at).get(f"/v1/receipts/{entry}")["receipts"]
    return {row["party"]: row["state"] for row in rows}


def confirmed(cell: Cell, entry: str, by: Iterable[str], within: float = DELIVERED_S) -> None:
    """Wait until the author knows that each of `by` holds the entry."""
    author = entry[:2].lower()
    for party in by:
        until(
            lambda party=party: held_by(cell, author, entry)[party] == "held", within,
            f"{party} holds {entry}",
        )  # fmt: skip


def opened(cell: Cell, party: str, entry: str, within: float = DELIVERED_S) -> dict[str, Any]:
    """Wait until a party can read an entry."""

    def read() -> Any:
        row = api(cell, party).get(f"/v1/entries/{entry}")
        return row if row["core"] is not None else None

    found: dict[str, Any] = until(read, within, f"{party} reads {entry}")
    return found


def sounded(cell: Cell, party: str, entry: str, within: float = DELIVERED_S) -> float:
    """Wait until the alarm hook ran for an entry; the instant it ran."""
    found = until(
        lambda: [at for at, name in cell.alarm_times(party) if name == entry], within,
        f"{party}'s alarm sounds for {entry}",
    )  # fmt: skip
    return float(found[0])


def others(party: str) -> list[str]:
    return [one for one in PARTIES if one != party]


def detente(*words: str, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    """Run a verb of the command line."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, "-m", "detente", *words], capture_output=True, text=True, env=environment,
        timeout=timeout, check=False,
    )  # fmt: skip


def shown(cell: Cell, party: str) -> dict[str, Any]:
    """`detente status --json`."""
    done = detente("status", "--json", "--node", str(cell.node(party).folder.path))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def fsck(cell: Cell, *parties: str) -> None:
    """`detente fsck` finds nothing."""
    for party in parties or PARTIES:
        done = detente("fsck", "--node", str(cell.node(party).folder.path))
        assert done.returncode == 0, f"{party}: {done.stdout}{done.stderr}"


def rows(cell: Cell, party: str, question: str, *values: Any) -> list[Any]:
    """Ask a node's database, read only, beside the living node."""
    place = cell.node(party).folder.database
    base = sqlite3.connect(f"file:{place}?mode=ro", uri=True, timeout=5)
    try:
        return base.execute(question, values).fetchall()
    finally:
        base.close()


def entries(cell: Cell, party: str, origin: str) -> list[bytes]:
    """The entries of a log that a node holds, in order."""
    question = (
        "SELECT e.header FROM node_entry e JOIN node_log l ON l.id = e.log_id WHERE l.origin = ? "
        'ORDER BY e."index"'
    )
    return [bytes(row[0]) for row in rows(cell, party, question, origin)]


def cosigned(cell: Cell, party: str, origin: str) -> dict[str, int]:
    """Mirror → largest size of the log for which a node has its cosignature."""
    question = (
        "SELECT c.mirror, max(c.size) FROM node_cosignature c JOIN node_log l ON l.id = c.log_id "
        "WHERE l.origin = ? GROUP BY c.mirror"
    )
    return dict(rows(cell, party, question, origin))


def nothing_receipted_is_missing(cell: Cell) -> None:
    """Every size that a mirror ever confirmed is held by that mirror and by the author, with equal bytes."""
    for author in PARTIES:
        origin = origin_of(author)
        known = [cosigned(cell, party, origin) for party in PARTIES]
        logs = {party: entries(cell, party, origin) for party in PARTIES}
        for mirror in others(author):
            size = max(one.get(mirror, 0) for one in known)
            assert len(logs[mirror]) >= size, f"{mirror} confirmed {size} of {origin}"
            assert len(logs[author]) >= size, f"{author} lost what {mirror} confirmed"
            assert logs[mirror][:size] == logs[author][:size], origin


def whole(cell: Cell, *authors: str) -> None:
    """The channel is alive from each author to all others, nothing receipted is missing, fsck is clean."""
    sent = {author: sent_in_the_end(cell, author) for author in authors or ("s1", "s2")}
    for author, entry in sent.items():
        confirmed(cell, entry, others(author))
        for party in others(author):
            opened(cell, party, entry)
    nothing_receipted_is_missing(cell)
    fsck(cell)


def pause(seconds: float) -> None:
    """Let a fault fall at another instant of what runs meanwhile."""
    time.sleep(seconds)
