"""Three ends over real mutual TLS: push, receipt, relay, ahead, healing, dialling out only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import pytest

from detente.node.link import pump
from detente.record import peersync
from node_link.memory import log_of
from node_link.pki import Party
from node_link.simulator import Simulator

Parties = Mapping[str, Party]


@pytest.fixture(autouse=True)
def quick_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peersync, "PROBE_S", 0.3)
    monkeypatch.setattr(pump, "LONGEST_S", 0.3)


def play(
    parties: Parties, scene: Callable[[Simulator], Awaitable[None]], hidden: frozenset[str] = frozenset()
) -> None:
    async def inner() -> None:
        async with Simulator(parties, hidden=hidden) as cell:
            await scene(cell)

    asyncio.run(asyncio.wait_for(inner(), 40))


class TestPush:
    """Protocol D2: an entry goes to both others with its parts, and both receipts come back."""

    def test_an_entry_arrives_at_both_and_both_confirm_it(self, parties: Parties) -> None:
        async def scene(cell: Simulator) -> None:
            s1 = cell.ends["s1"].shelf
            s1.append()
            await cell.until(lambda: s1.receipt("s2", "s1") == 1 and s1.receipt("g1", "s1") == 1)
            assert cell.ends["s2"].shelf.held("s1") == cell.ends["g1"].shelf.held("s1") == 1
            assert not cell.ends["s2"].shelf.wanted

        play(parties, scene)

    def test_a_third_party_learns_of_the_receipt(self, parties: Parties) -> None:
        async def scene(cell: Simulator) -> None:
            cell.ends["s1"].shelf.append()
            await cell.until(lambda: cell.ends["g1"].shelf.receipt("s2", "s1") == 1)

        play(parties, scene)

    def test_a_part_that_does_not_go_along_is_pulled(self, parties: Parties) -> None:
        async def scene(cell: Simulator) -> None:
            cell.ends["s1"].shelf.append(floor=False, part=bytes(700_000))
            s2 = cell.ends["s2"].shelf
            await cell.until(lambda: s2.held("s1") == 1 and not s2.wanted)

        play(parties, scene)

    def test_who_hears_first_changes_with_every_entry(self, parties: Parties) -> None:
        async def scene(cell: Simulator) -> None:
            s1 = cell.ends["s1"]
            order: list[str] = []
            for peer, one in s1.hub.pumps.items():
                begun, tell = peer, one.tell

                def watched(event: object, begun: str = begun, tell: Callable[..., None] = tell) -> None:
                    if type(event).__name__ == "Holds" and event.log == log_of("s1"):  # type: ignore[attr-defined]
                        order.append(begun)
                    tell(event)

                one.tell = watched  # type: ignore[method-assign]
            for size in range(1, 5):
                s1.shelf.append()
                await cell.until(lambda size=size: len(order) == 2 * size)
            assert [order[place] for place in range(0, 8, 2)] == ["s2", "g1", "s2", "g1"]

        play(parties, scene)


class TestRelay:
    """Protocol D2: when the direct line is cut, entries, parts and receipts go through the guarantor."""

    @pytest.mark.parametrize("mode", ["refuse", "silent"])
    def test_an_entry_and_its_receipt_take_the_way_round(self, parties: Parties, mode: str) -> None:
        async def scene(cell: Simulator) -> None:
            s1, s2 = cell.ends["s1"], cell.ends["s2"]
            s1.shelf.append()
            await cell.until(lambda: s1.shelf.receipt("s2", "s1") == 1)
            cell.cut("s1", "s2", mode)
            s1.shelf.append()
            delay = await cell.until(lambda: s2.shelf.held("s1") == 2 and not s2.shelf.wanted)
            assert delay < 1.0
            await cell.until(lambda: s1.shelf.receipt("s2", "s1") == 2)
            assert any("from g1" in call for call in s2.shelf.calls)

        play(parties, scene)

    def test_the_line_is_shown_as_relay_and_later_as_direct(
        self, parties: Parties, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("detente.node.lines.DIRECT_S", 1.2)

        async def scene(cell: Simulator) -> None:
            s1 = cell.ends["s1"]
            await cell.until(lambda: s1.line("s2") == "direct")
            cell.cut("s1", "s2")
            await cell.until(lambda: s1.line("s2") == "relay")
            cell.cut("g1", "s2")
            await cell.until(lambda: s1.line("s2") == "none", 8.0)
            cell.mend("s1", "s2")
            await cell.until(lambda: s1.line("s2") == "direct")

        play(parties, scene)


class TestHealing:
    """Protocol D4: what waited is delivered within two seconds of the cable coming back."""

    @pytest.mark.parametrize("mode", ["refuse", "silent"])
    def test_entries_from_the_time_of_the_cut_arrive(self, parties: Parties, mode: str) -> None:
        async def scene(cell: Simulator) -> None:
            s1, s2 = cell.ends["s1"].shelf, cell.ends["s2"].shelf
            s1.append()
            await cell.until(lambda: s1.receipt("s2", "s1") == 1)
            for one in ("s1", "g1"):
                cell.cut(one, "s2", mode)
            for _ in range(3):
                s1.append()
                s2.append()
            await asyncio.sleep(2.5)
            assert s2.held("s1") == 1
            for one in ("s1", "g1"):
                cell.mend(one, "s2")
            await cell.until(lambda: s2.held("s1") == 4 and s1.held("s2") == 3, 2.0)
            await cell.until(lambda: s1.receipt("s2", "s1") == 4 and s2.receipt("g1", "s2") == 3, 2.0)

        play(parties, scene)


class TestDialOutOnly:
    """Protocol D4: a node without a listener works fully by asking."""

    def test_entries_parts_and_receipts_go_both_ways(self, parties: Parties) -> None:
        async def scene(cell: Simulator) -> None:
            s1, s2 = cell.ends["s1"].shelf, cell.ends["s2"].shelf
            await cell.until(lambda: cell.ends["s1"].line("s2") == "direct")
            s2.append(floor=False)
            await cell.until(lambda: s1.held("s2") == 1 and not s1.wanted and s2.receipt("s1", "s2") == 1)
            s1.append(floor=False)
            delay = await cell.until(lambda: s2.held("s1") == 1 and not s2.wanted)
            assert delay < 1.0
            await cell.until(lambda: s1.receipt("s2", "s1") == 1)

        play(parties, scene, hidden=frozenset({"s2"}))


class TestAhead:
    """Protocol D3: a floor entry is not held up by what its log has before it."""

    def test_a_floor_entry_goes_ahead_of_a_refused_push(self, parties: Parties) -> None:
        async def scene(cell: Simulator) -> None:
            s1, s2 = cell.ends["s1"].shelf, cell.ends["s2"].shelf
            cell.cut("g1", "s2")

            def full(_push: object) -> None:
                from detente.record.errors import Refused

                raise Refused("not-here")

            s2.refuse = full
            s1.append(floor=False)
            await cell.until(lambda: any(call.startswith("push") for call in s2.calls))
            s1.append(floor=True)
            await cell.until(lambda: (log_of("s1"), 1) in s2.ahead_held, 2.0)
            assert s2.held("s1") == 0

        play(parties, scene)
