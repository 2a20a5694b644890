"""A new storage key, brought in although interrupted; and opened parts without their receiving key (E1)."""

from __future__ import annotations

import fcntl
import secrets

import pytest

from detente.node import keys as key_files
from detente.node import models as tables
from detente.node import rewrap
from detente.node.lists import pack, unpack
from detente.node.opening import KEY, Opener, unwrap, wrap
from detente.record.age import recipient_of
from detente.record.errors import Refused, Unverified
from detente.record.parts import seal
from node.database import use
from node.rig import NOON, make_folder

ROWS = 600  # more than two batches


@pytest.fixture
def folder(tmp_path):
    return use(make_folder(tmp_path / "s1"))


@pytest.fixture
def secrets_at_rest(folder) -> list[bytes]:
    key = key_files.storage_key(folder)
    found = [secrets.token_bytes(16) for _ in range(ROWS)]
    log = tables.Log.objects.create(origin="harbour.exercise/s2/1", party="s2", generation=1)
    for n, secret in enumerate(found):
        tables.Opened.objects.create(
            log=log,
            index=n,
            position=0,
            role="core",
            plaintext=b"p",
            file_key=wrap(key, secret),
            opened_at=NOON,
        )
    tables.Proposal.objects.create(
        name="p", state="logged", floor=False, core_sha256="00" * 32, draft=b"", plaintexts=b"",
        file_keys=pack([wrap(key, one) for one in found[:3]]), made_at=NOON,
    )  # fmt: skip
    for name, seed in (("a", wrap(key, found[0])), ("ended", b"")):
        tables.WatchSession.objects.create(
            name=name, post="WATCH", public=b"", seed=seed, not_before=1, not_after=2
        )
    return found


def at_rest(folder) -> list[bytes]:
    """Everything that is wrapped, opened with what the node has now."""
    key = key_files.storage_key(folder)
    rows = tables.Opened.objects.order_by("index").values_list("file_key", flat=True)
    proposal = unpack(bytes(tables.Proposal.objects.get().file_keys))
    session = bytes(tables.WatchSession.objects.get(name="a").seed)
    return [unwrap(key, bytes(one)) for one in (*rows, *proposal, session)]


class TestRotation:
    """Everything opens before, during and behind it; nothing opens under the old key."""

    def test_all_of_it_and_not_under_the_old_key(self, folder, secrets_at_rest) -> None:
        old, told = key_files.storage_key(folder), []
        wanted = at_rest(folder)
        assert rewrap.rotate_storage(folder, told.append) == ROWS + 2
        assert told[-1] == ROWS + 2 and len(told) > 3, "long work tells how far it is"
        new = key_files.storage_key(folder)
        assert len(new) == KEY and new != old and at_rest(folder) == wanted
        for row in tables.Opened.objects.all():
            with pytest.raises(Unverified):
                unwrap(old, bytes(row.file_key))
        assert bytes(tables.WatchSession.objects.get(name="ended").seed) == b""

    @pytest.mark.parametrize("batches", [0, 1, 2, 3, 4])
    def test_interrupted_anywhere_it_goes_on(self, folder, secrets_at_rest, batches) -> None:
        wanted, old = at_rest(folder), key_files.storage_key(folder)
        left = iter(range(batches))

        def tell(_done: int) -> None:
            if next(left, None) is None:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            rewrap.rotate_storage(folder, tell)
        ring = key_files.storage_key(folder)
        assert ring[:KEY] == old and len(ring) == 2 * KEY
        assert at_rest(folder) == wanted, "a node that is started now opens everything"
        rewrap.rotate_storage(folder)
        assert key_files.storage_key(folder) == ring[KEY:], "the same new key, not a third one"
        assert at_rest(folder) == wanted

    def test_a_value_under_neither_key_gives_nothing_up(self, folder, secrets_at_rest) -> None:
        old = key_files.storage_key(folder)
        tables.Opened.objects.filter(index=ROWS - 1).update(file_key=wrap(bytes(32), b"x" * 16))
        with pytest.raises(Unverified):
            rewrap.rotate_storage(folder)
        assert key_files.storage_key(folder)[:KEY] == old

    def test_not_while_the_node_runs(self, folder, secrets_at_rest) -> None:
        folder.run.mkdir(exist_ok=True)
        with (folder.run / "node.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(Refused) as refusal:
                rewrap.rotate_storage(folder)
        assert refusal.value.code == "node-runs"
        assert len(key_files.storage_key(folder)) == KEY


class TestWithoutTheReceivingKey:
    """A receiving key may be destroyed; what was opened with it opens for ever."""

    def test_an_opened_part_opens_by_its_file_key_also_behind_a_new_storage_key(self, folder) -> None:
        (seed,) = key_files.receiving_seeds(folder)
        data = seal(b"words", [recipient_of(seed)], file_key=b"f" * 16, nonce=b"n" * 16)
        opener = Opener("s1", [seed], key_files.storage_key(folder))
        part = opener.open(0, 0, "core", data)
        log = tables.Log.objects.create(origin="harbour.exercise/s2/1", party="s2", generation=1)
        tables.Opened.objects.create(
            log=log, index=0, position=0, role="core", plaintext=part.plaintext, file_key=part.file_key,
            opened_at=NOON,
        )  # fmt: skip
        key_files.make_receiving(folder)
        key_files.destroy_receiving(folder, seed)
        assert seed not in key_files.receiving_seeds(folder)
        rewrap.rotate_storage(folder)
        later = Opener("s1", key_files.receiving_seeds(folder), key_files.storage_key(folder))
        assert later.open(0, 0, "core", data).failure == "no-key"
        assert later.reopen(data, bytes(tables.Opened.objects.get().file_key)) == b"words"
