"""Large parts under way: one file a part, one peer at a time, a wrong whole held against who brought it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from detente.node.link.incoming import BROKEN_S, STALE_S, Incoming
from detente.node.link.pace import FASTEST, FIRST_BODY, LEAST_BODY, PATIENT_S, Pace
from detente.record.errors import Refused

DATA = bytes(range(256)) * 100
NAME = hashlib.sha256(DATA).digest()


def run(folder: Path, scene: Callable[[Incoming], Awaitable[None]], *, floor: bool = True) -> None:
    def full(_more: int) -> None:
        raise Refused("disk-full")

    async def inner() -> None:
        incoming = Incoming(folder, lambda sha256: (len(DATA), floor) if sha256 == NAME else None, full)
        try:
            await scene(incoming)
        finally:
            incoming.close()

    asyncio.run(inner())


class TestPieces:
    """SPEC: protocol D2"""

    def test_what_came_is_there_after_a_restart_and_only_the_next_bytes_are_taken(
        self, tmp_path: Path
    ) -> None:
        async def first(incoming: Incoming) -> None:
            assert await incoming.add(NAME, "s1", 0, DATA[:1000]) == 1000
            assert await incoming.add(NAME, "g1", 500, b"late") == 1000

        async def second(incoming: Incoming) -> None:
            await incoming.sweep()
            assert await incoming.held(NAME) == 1000
            assert await incoming.add(NAME, "g1", 1000, DATA[1000:]) == len(DATA)
            assert await incoming.whole(NAME) == DATA

        run(tmp_path, first)
        run(tmp_path, second)

    def test_what_nobody_wants_is_swept(self, tmp_path: Path) -> None:
        other = bytes(32)

        async def scene(incoming: Incoming) -> None:
            await incoming.add(other, "s1", 0, b"x")
            await incoming.sweep()
            assert await incoming.held(other) == 0

        run(tmp_path, scene)

    def test_one_peer_at_a_time_and_another_goes_on_when_it_stalls(self, tmp_path: Path) -> None:
        async def scene(incoming: Incoming) -> None:
            assert incoming.claim(NAME, "s1", 0.0)
            assert not incoming.claim(NAME, "g1", 1.0)
            assert incoming.claim(NAME, "s1", 2.0)
            assert not incoming.claim(NAME, "g1", 2.0 + STALE_S - 0.1)
            assert incoming.claim(NAME, "g1", 2.0 + STALE_S)
            incoming.release(NAME, "s1")  # no longer its own to release
            assert not incoming.claim(NAME, "s1", 2.1 + STALE_S)

        run(tmp_path, scene)

    def test_the_disks_reserve_is_for_parts_of_floor_entries_alone(self, tmp_path: Path) -> None:
        async def floor(incoming: Incoming) -> None:
            assert await incoming.size_of(NAME, more=10) == len(DATA)

        async def ordinary(incoming: Incoming) -> None:
            with pytest.raises(Refused, match="disk-full"):
                await incoming.size_of(NAME, more=10)

        run(tmp_path, floor)
        run(tmp_path, ordinary, floor=False)


class TestBroken:
    """A whole with another hash is dropped, and asked for elsewhere."""

    def test_who_brought_all_of_it_is_not_asked_again_for_a_while(self, tmp_path: Path) -> None:
        async def scene(incoming: Incoming) -> None:
            await incoming.add(NAME, "s1", 0, b"?" * len(DATA))
            assert await incoming.whole(NAME) is None
            assert await incoming.held(NAME) == 0
            assert incoming.broken(NAME, "s1", 100.0)
            assert not incoming.may(NAME, "s1", 100.0 + BROKEN_S - 1)
            assert incoming.may(NAME, "g1", 100.0)
            assert incoming.may(NAME, "s1", 100.0 + BROKEN_S)

        run(tmp_path, scene)

    def test_of_two_who_brought_it_neither_is_blamed_and_one_alone_brings_it_again(
        self, tmp_path: Path
    ) -> None:
        async def scene(incoming: Incoming) -> None:
            await incoming.add(NAME, "s1", 0, b"?")
            await incoming.add(NAME, "g1", 1, DATA[1:])
            assert await incoming.whole(NAME) is None
            assert not incoming.broken(NAME, "g1", 0.0)
            assert incoming.may(NAME, "g1", 0.0)
            assert not incoming.may(NAME, "s1", 0.0)
            await incoming.add(NAME, "g1", 0, DATA)
            assert await incoming.whole(NAME) == DATA

        run(tmp_path, scene)

    def test_what_lay_here_before_a_start_is_held_against_nobody(self, tmp_path: Path) -> None:
        async def first(incoming: Incoming) -> None:
            await incoming.add(NAME, "s1", 0, b"?")

        async def second(incoming: Incoming) -> None:
            assert await incoming.held(NAME) == 1
            await incoming.add(NAME, "g1", 1, DATA[1:])
            assert await incoming.whole(NAME) is None
            assert not incoming.broken(NAME, "g1", 0.0)

        run(tmp_path, first)
        run(tmp_path, second)


class TestPace:
    """Protocol D4: a second where a second is enough."""

    def test_a_fast_line_is_given_a_second_and_as_much_as_the_protocol_allows(self) -> None:
        pace = Pace()
        assert pace.room() == FIRST_BODY
        pace.answered(100, 0.01)
        pace.answered(60_000, 0.05)
        assert pace.patience_s() == 1.0
        assert pace.body_s(FASTEST) == 1.0
        assert pace.room() is None

    def test_a_slow_line_is_given_time_and_small_bodies(self) -> None:
        pace = Pace()
        pace.answered(100, 0.7)
        pace.answered(16_000, 2.7)
        assert 3.0 < pace.patience_s() <= PATIENT_S
        assert pace.body_s(16_000) >= 2.0
        assert pace.room() == LEAST_BODY

    def test_a_silent_line_is_waited_for_patiently_every_third_time_only(self) -> None:
        pace = Pace()
        waits = []
        for _ in range(7):
            waits.append(pace.patience_s())
            pace.missed(0)
        assert waits == [1.0, 1.0, 1.0, PATIENT_S, 1.0, 1.0, PATIENT_S]

    def test_pieces_take_about_a_second_and_a_half(self) -> None:
        pace = Pace()
        for _ in range(20):
            pace.brought(pace.piece, 0.3 + pace.piece / 8000)
        assert 1.0 < 0.3 + pace.piece / 8000 < 2.0
        for _ in range(20):
            pace.brought(pace.piece, 0.01)
        assert pace.piece == 256 << 10
