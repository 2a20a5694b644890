"""The question of a restored node's mirrors: who is asked, whose answer is waited for, what is told."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from detente.node.link.mirrors import MirrorQuestion
from detente.record.errors import Refused, Unreachable
from detente.record.head import Head, sign_head
from detente.record.keys import KeyPair
from detente.record.names import origin

S2, G1 = origin("kadesh.exercise", "s2"), origin("kadesh.exercise", "g1")
PAIRS = {S2: KeyPair(bytes(32), bytes(31) + b"\1"), G1: KeyPair(bytes(32), bytes(31) + b"\2")}


class Signer:
    """What the signer would hear."""

    def __init__(self) -> None:
        self.told: dict[str, int] = {}

    def mirror_unsure(self, log: str, size: int | None = None) -> bool:
        if size is not None:
            self.told.setdefault(log, size)
        return log not in self.told


class Peer:
    """Shows a head of these sizes; `down` answers nobody; `pair` signs in place of the log."""

    def __init__(self, sizes: dict[str, int], *, down: bool = False, pair: KeyPair | None = None) -> None:
        self.sizes, self.down, self.pair = sizes, down, pair

    async def get(self, route: str, *, limit: int) -> bytes:
        if self.down:
            raise Unreachable("nobody")
        for log, size in self.sizes.items():
            if hashlib.sha256(log.encode()).hexdigest() in route:
                return sign_head(Head(log, size, b"\5" * 32), self.pair or PAIRS[log], 1)
        raise Refused("not-here")


async def asked(
    tmp_path: Path, peers: dict[str, Peer], *, patience_s: float = 60.0
) -> tuple[dict[str, int], bool]:
    """What the signer was told within a short time, and whether the mark is gone."""
    mark, signer = tmp_path / "restored", Signer()
    mark.touch()
    keys = {log: pair.log_keys(log) for log, pair in PAIRS.items()}
    question = MirrorQuestion(mark, signer, lambda: keys, peers, patience_s=patience_s)  # type: ignore[arg-type]
    task = asyncio.create_task(question.run())
    await asyncio.wait([task], timeout=0.3)
    task.cancel()
    return signer.told, not mark.exists()


def ask(tmp_path: Path, peers: dict[str, Peer], **more: float) -> tuple[dict[str, int], bool]:
    return asyncio.run(asked(tmp_path, peers, **more))


class TestMirrorQuestion:
    def test_the_largest_head_that_any_peer_shows(self, tmp_path: Path) -> None:
        found = ask(tmp_path, {"s2": Peer({S2: 7, G1: 9}), "g1": Peer({S2: 8, G1: 4})})
        assert found == ({S2: 8, G1: 9}, True)

    def test_a_log_that_nobody_holds_yet(self, tmp_path: Path) -> None:
        assert ask(tmp_path, {"s2": Peer({}), "g1": Peer({})}) == ({S2: 0, G1: 0}, True)

    def test_the_watched_party_is_waited_for(self, tmp_path: Path) -> None:
        found = ask(tmp_path, {"s2": Peer({S2: 7}, down=True), "g1": Peer({S2: 5, G1: 4})})
        assert found == ({G1: 4}, False)

    def test_not_for_ever(self, tmp_path: Path) -> None:
        peers = {"s2": Peer({}, down=True), "g1": Peer({S2: 5, G1: 4})}
        assert ask(tmp_path, peers, patience_s=0.0) == ({S2: 5, G1: 4}, True)

    def test_nobody_answers(self, tmp_path: Path) -> None:
        peers = {"s2": Peer({}, down=True), "g1": Peer({}, down=True)}
        assert ask(tmp_path, peers, patience_s=0.0) == ({}, False)

    def test_a_head_that_the_log_did_not_sign_is_no_answer(self, tmp_path: Path) -> None:
        wrong = Peer({S2: 900, G1: 900}, pair=KeyPair(bytes(32), bytes(31) + b"\3"))
        peers = {"s2": wrong, "g1": Peer({S2: 5, G1: 4})}
        assert ask(tmp_path, peers, patience_s=0.0) == ({S2: 5, G1: 4}, True)

    def test_a_node_that_was_not_restored_asks_nobody(self, tmp_path: Path) -> None:
        question = MirrorQuestion(tmp_path / "restored", None, dict, {})  # type: ignore[arg-type]
        asyncio.run(asyncio.wait_for(question.run(), 1))
