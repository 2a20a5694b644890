"""Quotas of others' logs, on a real store (protocol D5)."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from detente.charter.model import Charter, Quota
from detente.node import models as tables
from detente.node.quotas import DAY_S, Quotas
from detente.record.errors import Refused
from detente.record.header import Header, PartInfo, encode_header
from detente.record.sync import Push
from node.database import use
from node.rig import make_folder

LOG = "harbour.exercise/s2/1"
TODAY = 20_000
NOON = TODAY * DAY_S + DAY_S // 2


def entry(number: int, *, floor: bool = False, day: int = TODAY) -> bytes:
    part = PartInfo("core", number.to_bytes(32), 1000, (), ("s1",))
    header = Header(
        1, "harbour.exercise", LOG, floor, day * DAY_S + number, bytes(32), (), (part,), (), bytes(32), ()
    )
    return encode_header(header)


@pytest.fixture
def quotas(tmp_path: Path) -> Quotas:
    use(make_folder(tmp_path / "s1"))
    parties = {"s2": SimpleNamespace(role="side"), "g1": SimpleNamespace(role="guarantor")}
    charter = SimpleNamespace(parties=parties, quotas={"side": Quota(5, 100_000)})
    return Quotas(cast(Charter, charter), lambda: NOON)


def hold(*entries: bytes) -> None:
    """Store them as held already."""
    log, _ = tables.Log.objects.get_or_create(origin=LOG, party="s2", generation=1)
    for index, header in enumerate(entries, log.size):
        tables.Entry.objects.create(
            log=log, index=index, header=header, floor=False, leaf=bytes(32), stored_at=NOON
        )
    tables.Log.objects.filter(pk=log.pk).update(size=log.size + len(entries))


class TestQuota:
    """Non-floor entries of a day are bounded; floor entries and the days of a long cut are not."""

    def test_the_day_is_used_up_by_what_is_held_and_what_comes(self, quotas: Quotas) -> None:
        hold(*(entry(n) for n in range(3)))
        quotas.check(Push(LOG, 3, (entry(3), entry(4)), b""))
        with pytest.raises(Refused) as caught:
            quotas.check(Push(LOG, 3, (entry(3), entry(4), entry(5)), b""))
        assert caught.value.code == "quota"
        assert caught.value.values["retry_after"] == DAY_S // 2, "at noon UTC"

    def test_what_is_held_already_is_not_counted_twice(self, quotas: Quotas) -> None:
        hold(*(entry(n) for n in range(5)))
        quotas.check(Push(LOG, 0, tuple(entry(n) for n in range(5)), b""))
        with pytest.raises(Refused):
            quotas.check(Push(LOG, 0, tuple(entry(n) for n in range(6)), b""))

    def test_floor_entries_are_never_counted(self, quotas: Quotas) -> None:
        quotas.check(Push(LOG, 0, tuple(entry(n, floor=True) for n in range(50)), b""))

    def test_a_long_cut_is_caught_up_whole(self, quotas: Quotas) -> None:
        days = tuple(entry(n, day=TODAY - 9 + n // 5) for n in range(50))
        quotas.check(Push(LOG, 0, days, b""))

    def test_days_to_come_do_not_lend_theirs(self, quotas: Quotas) -> None:
        with pytest.raises(Refused):
            quotas.check(Push(LOG, 0, tuple(entry(n, day=TODAY + n) for n in range(6)), b""))

    def test_sealed_parts_count_by_the_size_that_headers_name(self, quotas: Quotas) -> None:
        part = PartInfo("core", bytes(32), 99_000, (), ("s1",))
        header = Header(1, "harbour.exercise", LOG, False, NOON, bytes(32), (), (part,), (), bytes(32), ())
        push = Push(LOG, 0, (encode_header(header),), b"")
        quotas.check(push)
        with pytest.raises(Refused):
            quotas.check(Push(LOG, 0, (*push.entries, entry(1)), b""))

    def test_malformed_headers_count(self, quotas: Quotas) -> None:
        with pytest.raises(Refused):
            quotas.check(Push(LOG, 0, (b"x",) * 6, b""))


class TestOwnLog:
    """The author's node holds back before its peers would, and leaves a tenth for what the node says."""

    @pytest.fixture
    def own(self, tmp_path: Path) -> Quotas:
        use(make_folder(tmp_path / "s1"))
        parties = {"s2": SimpleNamespace(role="side")}
        charter = SimpleNamespace(parties=parties, quotas={"side": Quota(10, 100_000)})
        return Quotas(cast(Charter, charter), lambda: NOON)

    def test_what_the_day_does_not_take_waits_for_the_next(self, own: Quotas) -> None:
        hold(*(entry(n) for n in range(7)))
        waits = own.hold_back(LOG, [entry(n) for n in range(7, 10)])
        assert waits[:2] == [None, None]
        assert waits[2] is not None and waits[2].code == "quota-held"
        assert waits[2].values["until"] == (TODAY + 1) * DAY_S

    def test_a_small_one_may_pass_a_large_one(self, own: Quotas) -> None:
        large = PartInfo("core", bytes(32), 95_000, (), ("s1",))
        header = Header(
            1, "harbour.exercise", LOG, False, 1, bytes(32), (), (large,), (), bytes(32), ()
        )  # fmt: skip
        waits = own.hold_back(LOG, [encode_header(header), entry(1)])
        assert [one is None for one in waits] == [False, True]

    def test_a_party_without_a_quota(self, own: Quotas) -> None:
        assert own.hold_back("harbour.exercise/g1/1", [entry(1)] * 99) == [None] * 99
