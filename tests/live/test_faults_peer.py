"""A peer with right certificate and keys that lies: named errors, no partial state, the next goes in."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from detente.cli.demo.cell import CELL, Cell
from detente.node import keys as key_files
from detente.record.head import Head, sign_head
from detente.record.sync import Notice, Push, encode_notice, encode_push, parse_push_answer
from detente.record.tree import Tree, leaf_hash
from live import faults
from live.lying import S2, Liar, Said
from live.officers import started, until

pytestmark = pytest.mark.live

COUNTED = ("entry", "part", "partbytes", "wanted", "ahead", "opened", "evidence")


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    """Three nodes that have spoken; then S2's is stopped, and only its keys go on."""
    with started(tmp_path_factory.mktemp("cell") / "d", desks=False) as cell:
        for party in ("s1", "s2"):
            entry = faults.sent_in_the_end(cell, party)
            faults.confirmed(cell, entry, faults.others(party))
        faults.end(cell, "s2")
        for party in ("s1", "g1"):
            Liar(cell).say_the_rest(party)
        yield cell


@pytest.fixture(scope="module")
def liar(cell: Cell) -> Liar:
    return Liar(cell)


def state(cell: Cell) -> dict[str, int]:
    """How many rows S1 has that speak of S2's log."""
    return {
        name: faults.rows(cell, "s1", f"SELECT count(*) FROM node_{name}{clause(name)}")[0][0]
        for name in COUNTED
    }


def clause(name: str) -> str:
    """Of S2's log; of bytes also those that no entry names: only those of other logs may come meanwhile."""
    log = f"(SELECT id FROM node_log WHERE origin = '{S2}')"
    if name == "partbytes":
        return f" WHERE sha256 NOT IN (SELECT sha256 FROM node_part WHERE log_id <> {log})"
    return f" WHERE log_id = {log}"


def foreign_cell(liar: Liar, honest: Push) -> Push:
    origin = f"elsewhere.exercise/{S2.partition('/')[2]}"
    tree = Tree(map(leaf_hash, liar.entries))
    return replace(honest, log=origin, head=sign_head(Head(origin, tree.size, tree.root()), liar.pair, 1))


def g1s_log(liar: Liar, honest: Push) -> Push:
    """The guarantor's own log, pushed by S2: anybody's may be pulled, nobody else's is pushed."""
    origin = faults.origin_of("g1")
    entries = tuple(faults.entries(liar.cell, "g1", origin))
    tree = Tree(map(leaf_hash, entries))
    pair = key_files.log_pair(liar.cell.node("g1").folder)
    return Push(origin, 0, entries, sign_head(Head(origin, tree.size, tree.root()), pair, 1))


def half_signed(liar: Liar, honest: Push) -> Push:
    lines = honest.head.split(b"\n")
    return replace(honest, head=b"\n".join(lines[:-2]) + b"\n")


def stolen(liar: Liar, honest: Push) -> Push:
    return replace(honest, head=liar.head(pair=key_files.log_pair(liar.cell.node("g1").folder)))


#: name -> (what it makes of an honest push of one new entry, status, code).
Make = Callable[[Liar, Push], Push]
PUSHES: dict[str, tuple[Make, int, str]] = {
    "another key's signature": (stolen, 403, "unverified"),
    "one half of the signature": (half_signed, 403, "unverified"),
    "a changed entry": (lambda _, p: replace(p, entries=(p.entries[0] + b" ",)), 403, "unverified"),
    "the head's entry left out": (lambda _, p: replace(p, entries=()), 400, "malformed"),
    "the entry twice": (lambda _, p: replace(p, entries=p.entries * 2), 400, "malformed"),
    "no note": (lambda _, p: replace(p, head=b"hello\n"), 400, "malformed"),
    "a foreign cell": (foreign_cell, 404, "unknown-log"),
    "the guarantor's log": (g1s_log, 404, "unknown-log"),
}


def cut_short(body: bytes) -> bytes:
    return body[:-7]


def lengthened(body: bytes) -> bytes:
    return body + b"\0"


def strange_tag(body: bytes) -> bytes:
    return b"\xff" + body[1:]


BODIES: dict[str, Callable[[bytes], bytes]] = {
    "cut short": cut_short, "something behind it": lengthened, "an unknown frame": strange_tag,
    "nothing": lambda _: b"", "noise": lambda _: secrets.token_bytes(4096),
}  # fmt: skip


@pytest.fixture
def unchanged(cell: Cell) -> Iterator[None]:
    """S1's store says after the test what it said before, and S1 is alive and whole."""
    before, held = state(cell), faults.entries(cell, "s1", S2)
    yield
    assert state(cell) == before
    assert faults.entries(cell, "s1", S2) == held
    # An old head that was not held yet may be kept, if it is true.
    heads = faults.rows(cell, "s1", f"SELECT size, root FROM node_head{clause('head')}")
    tree = Tree(map(leaf_hash, held))
    assert all(bytes(root) == tree.root(size) for size, root in heads if size <= tree.size)


def honest(liar: Liar) -> None:
    """The next honest entry goes in, with its part, and is confirmed."""
    start = len(liar.entries)
    part = liar.write()
    answer = liar.say("s1", liar.push(start, parts=(part,)))
    assert answer.status == 200, answer
    found = parse_push_answer(answer.body)
    assert found.size == start + 1 and found.cosignature and not found.missing
    assert faults.entries(liar.cell, "s1", S2) == liar.entries


@pytest.mark.usefixtures("unchanged")
class TestRefusedPushes:
    """Each is answered by name with who must act; nothing of it is stored."""

    @pytest.mark.parametrize("name", list(PUSHES))
    def test_a_push(self, liar: Liar, name: str) -> None:
        make, status, code = PUSHES[name]
        start = len(liar.entries)
        liar.write()
        try:
            answer = liar.say("s1", make(liar, liar.push(start)))
        finally:
            liar.take_back()
        assert (answer.status, answer.error) == (status, code)
        assert answer.who == "sender"

    @pytest.mark.parametrize("name", list(BODIES))
    def test_a_body(self, liar: Liar, name: str) -> None:
        body = encode_push(liar.push(len(liar.entries) - 1))
        answer = liar.ask("s1", "POST", "push", BODIES[name](body))
        assert (answer.status, answer.error, answer.who) == (400, "malformed", "sender")

    def test_an_oversized_body_is_refused_unread(self, liar: Liar) -> None:
        answer = liar.ask("s1", "POST", "push", b"", Content_Length=str(1 << 40))
        assert (answer.status, answer.error) == (413, "body-too-large")

    def test_an_oversized_body_without_an_announced_length(self, liar: Liar) -> None:
        answer = liar.ask("s1", "POST", "probe", b"{" * (17 << 10))
        assert (answer.status, answer.error) == (413, "body-too-large")

    def test_a_compressed_body(self, liar: Liar) -> None:
        answer = liar.ask("s1", "POST", "push", b"x", Content_Encoding="gzip")
        assert (answer.status, answer.error) == (415, "encoded")

    def test_a_gap_is_answered_with_the_size(self, liar: Liar) -> None:
        size = len(liar.entries)
        try:
            liar.write()
            liar.write()
            answer = liar.say("s1", liar.push(size + 1))
        finally:
            liar.take_back(2)
        assert (answer.status, answer.body) == (409, b"%d\n" % size)

    def test_the_same_again_is_answered_with_the_same(self, liar: Liar) -> None:
        push = liar.push(len(liar.entries) - 1)
        answers = [liar.say("s1", push) for _ in range(2)]
        assert [one.status for one in answers] == [200, 200]
        assert {parse_push_answer(one.body).size for one in answers} == {len(liar.entries)}

    def test_a_head_that_goes_back_is_an_old_truth(self, liar: Liar) -> None:
        earlier = liar.entries[:-1]
        push = Push(S2, len(earlier) - 1, tuple(earlier[-1:]), liar.head(earlier))
        answer = liar.say("s1", push)
        assert answer.status == 200
        assert parse_push_answer(answer.body).size == len(liar.entries)

    def test_a_part_of_another_hash_is_nobodys(self, liar: Liar) -> None:
        push = replace(liar.push(len(liar.entries)), parts=(secrets.token_bytes(3000),))
        assert liar.say("s1", push).status == 200

    def test_a_notice_with_a_head_that_another_key_signed(self, liar: Liar) -> None:
        other = [*liar.entries[:-1], b"another"]
        wrong = liar.head(other, pair=key_files.log_pair(liar.cell.node("g1").folder))
        answer = liar.ask("s1", "POST", "heads", encode_notice(Notice((wrong,))))
        assert (answer.status, answer.error, answer.who) == (403, "unverified", "sender")

    def test_another_partys_log_is_not_said_to_be_its_own(self, liar: Liar) -> None:
        import hashlib

        name = hashlib.sha256(faults.origin_of("g1").encode()).hexdigest()
        answer = liar.ask("s1", "GET", f"start/{name}")
        assert (answer.status, answer.error) == (404, "not-here")

    def test_a_part_of_which_it_is_no_keeper(self, liar: Liar) -> None:
        answer = liar.ask("s1", "GET", f"parts/{'00' * 32}")
        assert (answer.status, answer.error) == (404, "not-here")


class TestNextHonestEntry:
    """After all of that the channel is alive."""

    def test_it_goes_in(self, liar: Liar) -> None:
        honest(liar)
        faults.fsck(liar.cell, "s1", "g1")


class TestMirroredAllTheSame:
    """B1: what is properly signed is held and receipted whatever it says; what it says is for the fold."""

    def taken(self, liar: Liar, *parts: bytes) -> str:
        """Push the last entry; its printed id."""
        index = len(liar.entries) - 1
        answer: Said = liar.say("s1", liar.push(index, parts=parts))
        assert answer.status == 200, answer
        found = parse_push_answer(answer.body)
        assert found.size == index + 1 and found.cosignature
        return f"S2-X{index:05d}"

    def verdict(self, cell: Cell, entry: str) -> str:
        row = faults.api(cell, "s1").get(f"/v1/entries/{entry}")
        return str(row["verdict"]["state"]) if row["verdict"] else ""

    @pytest.mark.parametrize(
        "entry", [b"not json", b'{"v":1}', b"", b'{"v":1,"v":1}', b"\xff" * 65_000],
        ids=["no json", "few keys", "empty", "a key twice", "noise"],
    )  # fmt: skip
    def test_a_malformed_header(self, cell: Cell, liar: Liar, entry: bytes) -> None:
        liar.entries.append(entry)
        name = self.taken(liar)
        until(lambda: self.verdict(cell, name) == "irregular", 5, "it shows as irregular")
        honest(liar)

    def test_an_impossible_seen(self, cell: Cell, liar: Liar) -> None:
        part = liar.write(seen=liar.impossible_seen())
        name = self.taken(liar, part)
        until(lambda: self.verdict(cell, name) == "irregular", 5, "it shows as irregular")
        honest(liar)

    def test_a_part_of_another_size_than_announced(self, cell: Cell, liar: Liar) -> None:
        header, part = liar.header()
        from detente.record.header import encode_header

        wrong = replace(header, parts=(replace(header.parts[0], size=header.parts[0].size + 1),))
        liar.entries.append(encode_header(wrong))
        name = self.taken(liar, part)
        until(lambda: self.verdict(cell, name) == "irregular", 5, "it shows as irregular")
        honest(liar)

    def test_a_part_sealed_to_nobody_here(self, cell: Cell, liar: Liar) -> None:
        from detente.record.header import PartInfo, encode_header
        from detente.record.parts import seal, sealed_hash

        header, _ = liar.header()
        own = [liar.charter.parties["s2"].receiving]
        part = seal(b"{}", own, file_key=secrets.token_bytes(16), nonce=secrets.token_bytes(16))
        info = PartInfo("core", sealed_hash(part), len(part), ("g1", "s1"), ("g1", "s1"))
        liar.entries.append(encode_header(replace(header, parts=(info,))))
        name = self.taken(liar, part)
        until(lambda: self.verdict(cell, name) != "", 5, "it has a verdict")
        assert self.verdict(cell, name) != "ok"
        honest(liar)

    def test_afterwards_the_guarantor_has_it_all_and_the_nodes_are_whole(
        self, cell: Cell, liar: Liar
    ) -> None:
        until(lambda: faults.entries(cell, "g1", S2) == liar.entries, 10, "the guarantor pulled it")
        faults.fsck(cell, "s1", "g1")
        entry = faults.sent_in_the_end(cell, "s1")
        faults.confirmed(cell, entry, ["g1"])


class TestTwoHistories:
    """C4: two heads of one size, one shown to S1, the other to the guarantor: both keep what convicts."""

    def test_both_keep_the_evidence_and_say_so(self, cell: Cell, liar: Liar, tmp_path: object) -> None:
        start = len(liar.entries)
        other = liar.fork()
        part, another = liar.write(), other.write()
        cell.places.cut("s1", "g1")
        try:
            assert liar.say("s1", liar.push(start, parts=(part,))).status == 200
            assert other.say("g1", other.push(start, parts=(another,))).status == 200
        finally:
            cell.places.mend("s1", "g1")
        for party in ("s1", "g1"):
            until(lambda party=party: faults.shown(cell, party)["evidence"] == [S2], 15, f"{party} shows it")
        refused = liar.say("s1", liar.push(start))
        assert (refused.status, refused.error, refused.who) == (403, "log-closed", "the log's party")

    @pytest.mark.parametrize("party", ["s1", "g1"])
    def test_the_exported_evidence_convicts(self, cell: Cell, party: str, tmp_path: object) -> None:
        from pathlib import Path

        from detente.node.pairing import node_charter
        from detente.record.evidence import parse_two_histories, verify_two_histories

        place = Path(str(tmp_path)) / "out"
        done = faults.detente("export", str(place), "--node", str(cell.node(party).folder.path))
        assert done.returncode == 0, done.stderr
        (file,) = (place / "evidence").glob("*.two-histories")
        keys = node_charter(cell.node(party).folder).parties["s2"].log
        verify_two_histories(parse_two_histories(file.read_bytes()), keys)
        judged = faults.detente("verify", str(place))
        assert judged.returncode == 1, judged.stdout + judged.stderr
        assert f"{S2}: SAME LOG, TWO HISTORIES, proven" in judged.stdout
        # Nothing else is held against anybody. S2's node is not there to cosign what the others said since.
        faulty = [line for line in judged.stdout.splitlines() if " in checkpoint" in line]
        assert all(line.startswith("  quorum in checkpoint") for line in faulty), judged.stdout

    def test_the_others_go_on(self, cell: Cell) -> None:
        entry = faults.sent_in_the_end(cell, "s1")
        faults.confirmed(cell, entry, ["g1"])
        faults.fsck(cell, "s1", "g1")
        assert CELL in faults.origin_of("s1")
