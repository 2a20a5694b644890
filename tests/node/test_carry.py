"""A bundle on a stick: what it may be, what is taken of it, and what it says when it is not right (E2)."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.node import carry_out, selectors
from detente.node.carry_in import CarryIn, TakenIn
from detente.node.receive import Receiver
from detente.node.stick import Stick
from detente.record.bundle import (
    MANIFEST,
    Carried,
    File,
    Manifest,
    encode_manifest,
    log_place,
    parse_manifest,
    size_limit,
)  # fmt: skip
from detente.record.errors import DetenteError, Malformed, Refused
from detente.record.messages import Push, encode_ahead, parse_ahead
from detente.record.parts import sealed_hash
from detente.record.tiles import bundle_path, encode_bundle
from node.database import use
from node.rig import CELL, NOON, Cell, Clock
from node.test_receive import S2, Peer, clean, run


class Here:
    """A receiver of this process as the node that takes."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.calls: list[str] = []
        self.full_after = 10**6

    def _call(self, what: str) -> None:
        if len(self.calls) >= self.full_after:
            raise Refused("disk-full")
        self.calls.append(what)

    def sizes(self) -> Mapping[str, int]:
        return {log.origin: log.size for log in selectors.logs()}

    def push(self, peer: str, push: Push) -> int:
        self._call("push")
        return run(self.receiver.take_push(peer, push)).size

    def ahead(self, peer: str, data: bytes) -> bool:
        self._call("ahead")
        return self.receiver.take_ahead(peer, parse_ahead(data))

    def part(self, data: bytes) -> bool:
        self._call("part")
        return bool(self.receiver.take_part(data))

    def cosignature(self, note: bytes) -> bool:
        self._call("receipt")
        return self.receiver.take_cosignature(note)


@pytest.fixture
def here(cell: Cell, clock: Clock) -> Here:
    use(cell.folder("s1"))
    return Here(cell.receiver("s1", cell.signer("s1", clock), clock))


@pytest.fixture
def peer(cell: Cell) -> Peer:
    return Peer(cell)


def files_of(peer: Peer, *, steps: tuple[int, ...] = (), ahead: tuple[int, ...] = ()) -> dict[str, bytes]:
    """The files of a bundle with the whole log of S2 and all its parts."""
    place, size = log_place(S2), len(peer.entries)
    found = {place + "checkpoint": peer.head()}
    for first in range(0, size, 256):
        some = peer.entries[first : first + 256]
        found[place + bundle_path(first // 256, len(some))] = encode_bundle(some)
    found |= {f"{place}heads/{n}": peer.head(n) for n in steps}
    found |= {f"{place}ahead/{n}": encode_ahead(peer.ahead(n)) for n in ahead}
    return found | {f"parts/{one.hex()}": data for one, data in peer.parts.items()}


def write(place: Path, files: dict[str, bytes], size: int, **said: Any) -> Path:
    """A stick with these files and their manifest."""
    for path, data in files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(data)
    rows = tuple(File(path, len(data), hashlib.sha256(data).digest()) for path, data in sorted(files.items()))
    words = {"cell": CELL, "author": "s2", "reader": "s1", "made_at": NOON, **said}
    manifest = Manifest(logs=(Carried(S2, 0, size),), files=rows, **words)
    (place / MANIFEST).write_bytes(encode_manifest(manifest))
    return place


def stick(place: Path, peer: Peer, **files: Any) -> Path:
    return write(place, files_of(peer, **files), len(peer.entries))


def take(place: Path, here: Here) -> TakenIn:
    return CarryIn(Stick(place, cell=CELL, me="s1"), here, "s1", lambda _path, _size: None).take()


def codes(taken: TakenIn) -> dict[str, str]:
    return {one.what: one.code for one in taken.refused}


class TestWhatIsTaken:
    """The stick brings what the line would have brought."""

    def test_entries_are_stored_and_cosigned_with_their_parts(
        self, tmp_path: Path, cell: Cell, here: Here, peer: Peer
    ) -> None:
        peer.write("one", floor=True)
        peer.write("two")
        taken = take(stick(tmp_path, peer), here)
        assert (taken.after[S2], taken.parts, taken.refused) == (2, 4, [])
        assert selectors.largest_cosignature(S2, "s1").size == 2  # type: ignore[union-attr]
        assert selectors.wanted() == ()
        clean(cell)

    def test_the_same_stick_again_and_an_older_one_change_nothing(
        self, tmp_path: Path, here: Here, peer: Peer
    ) -> None:
        peer.write("one")
        old = stick(tmp_path / "old", peer)
        peer.write("two")
        new = stick(tmp_path / "new", peer)
        assert take(new, here).changed
        for place in (new, old):
            again = take(place, here)
            assert (again.changed, again.refused) == (False, [])
        assert here.sizes() == {S2: 2}

    def test_a_floor_entry_of_a_long_bundle_is_taken_before_everything_else(
        self, tmp_path: Path, here: Here, peer: Peer
    ) -> None:
        for n in range(5):
            peer.write(str(n), floor=n == 4)
        taken = take(stick(tmp_path, peer, steps=(2,), ahead=(4,)), here)
        assert here.calls[:3] == ["ahead", "push", "push"]
        assert (taken.ahead, taken.after[S2]) == (1, 5)

    @pytest.mark.parametrize("after", range(5))
    def test_stopped_at_any_step_it_goes_on_when_begun_again(
        self, tmp_path: Path, cell: Cell, here: Here, peer: Peer, after: int
    ) -> None:
        for n in range(4):
            peer.write(str(n))
        place = stick(tmp_path, peer, steps=(1, 3))
        here.full_after = after
        with pytest.raises(Refused, match="disk-full"):
            take(place, here)
        here.full_after = 10**6
        assert take(place, here).refused == []
        assert here.sizes() == {S2: 4}
        assert selectors.wanted() == ()
        clean(cell)


class TestWhatIsNamed:
    """Nothing of a broken stick is lost silently, and nothing broken is taken."""

    @pytest.mark.parametrize("which", ["parts/", log_place(S2) + "tile/", log_place(S2) + "checkpoint"])
    def test_one_changed_byte_names_the_file_and_the_rest_is_taken(
        self, tmp_path: Path, cell: Cell, here: Here, peer: Peer, which: str
    ) -> None:
        peer.write("one")
        files = files_of(peer)
        place = write(tmp_path, files, 1)
        path = next(one for one in sorted(files) if one.startswith(which))
        data = bytearray(files[path])
        data[len(data) // 2] ^= 1
        (place / path).write_bytes(data)
        taken = take(place, here)
        assert [(one.code, one.values["file"]) for one in taken.refused] == [("bundle-changed", path)]
        if which == "parts/":
            assert (taken.after[S2], taken.parts) == (1, 1)
        else:
            assert taken.after[S2] == 0
        clean(cell)

    def test_a_changed_manifest_does_not_make_wrong_entries_right(
        self, tmp_path: Path, here: Here, peer: Peer
    ) -> None:
        peer.write("one")
        files = files_of(peer)
        path = log_place(S2) + bundle_path(0, 1)
        files[path] = files[path].replace(b'"floor":false', b'"floor":true ')
        taken = take(write(tmp_path, files, 1), here)
        assert codes(taken) == {S2: "unverified"}
        assert not any(here.sizes().values()), "the signed head is kept, no entry is"

    def test_a_cut_short_or_missing_file_and_an_unfinished_bundle(
        self, tmp_path: Path, here: Here, peer: Peer
    ) -> None:
        parts = peer.write("one")
        place = stick(tmp_path, peer)
        short, gone = (f"parts/{sealed_hash(one).hex()}" for one in parts)
        (place / short).write_bytes(parts[0][:-1])
        (place / gone).unlink()
        taken = take(place, here)
        assert codes(taken) == {short: "bundle-incomplete", gone: "bundle-incomplete"}
        assert taken.after[S2] == 1
        (place / MANIFEST).unlink()
        with pytest.raises(Refused, match="bundle-incomplete"):
            take(place, here)

    def test_another_cell_and_another_party(self, tmp_path: Path, here: Here, peer: Peer) -> None:
        peer.write("one")
        place = write(tmp_path / "a", files_of(peer), 1, reader="g1")
        with pytest.raises(Refused, match="bundle-not-for-us"):
            take(place, here)
        with pytest.raises(Refused, match="bundle-other-cell"):
            Stick(stick(tmp_path / "b", peer), cell="quay.exercise", me="s1")
        assert here.calls == []

    @pytest.mark.parametrize("what", ["link", "folder link", "pipe", "folder", "device"])
    def test_what_is_no_plain_file_is_never_read(
        self, tmp_path: Path, here: Here, peer: Peer, what: str
    ) -> None:
        (part, _) = peer.write("one")
        place = stick(tmp_path / "stick", peer)
        path = place / "parts" / sealed_hash(part).hex()
        outside = tmp_path / "outside"
        if what == "folder link":
            (place / "parts").rename(outside)
            (place / "parts").symlink_to(outside)
        else:
            path.unlink()
            outside.write_bytes(part)
            {
                "link": lambda: path.symlink_to(outside),
                "pipe": lambda: os.mkfifo(path),
                "folder": path.mkdir,
                "device": lambda: path.symlink_to("/dev/zero"),
            }[what]()
        taken = take(place, here)
        assert set(codes(taken).values()) == {"bundle-strange"}
        assert taken.after[S2] == 1

    def test_a_second_history_leaves_its_evidence(
        self, tmp_path: Path, cell: Cell, here: Here, peer: Peer
    ) -> None:
        peer.write("one")
        other = Peer(cell)
        other.write("another")
        take(stick(tmp_path / "a", peer), here)
        other.write("two")
        taken = take(stick(tmp_path / "b", other), here)
        assert codes(taken)[S2] == "equivocation"
        assert len(selectors.evidence(S2)) == 1


class TestPaths:
    """Only the pattern's paths exist."""

    @pytest.mark.parametrize(
        "path",
        ["../x", "/etc/passwd", "parts/../x", "logs/s1.1/tile/0/000", "logs/s1.0/checkpoint", "manifest",
         "logs/s1.1/heads/007", "parts/" + "A" * 64, "logs/s1.1/tile/entries/00", "logs/s1.1//checkpoint",
         "logs/s1.1/checkpoint\n", "logs/s1.1/receipts/s1/x"],
    )  # fmt: skip
    def test_others_are_malformed(self, path: str) -> None:
        with pytest.raises(Malformed):
            size_limit(path)

    @given(st.text(max_size=130))
    def test_any_text_has_a_limit_or_is_malformed(self, path: str) -> None:
        try:
            assert size_limit(path) > 0
        except Malformed:
            return
        assert not Path(path).is_absolute()
        assert ".." not in Path(path).parts

    @given(st.binary(max_size=300))
    def test_any_bytes_are_a_manifest_or_malformed(self, data: bytes) -> None:
        try:
            parse_manifest(data)
        except DetenteError as error:
            assert isinstance(error, Malformed)


class TestFullMedium:
    """A stick that is full says so and goes on later."""

    def test_a_full_stick_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(_place: Path, _data: bytes) -> None:
            raise OSError(errno.ENOSPC, "full")

        monkeypatch.setattr(carry_out, "_write", full)
        out = carry_out.CarryOut.__new__(carry_out.CarryOut)
        out._place = tmp_path
        with pytest.raises(Refused, match="medium-full") as found:
            out._store("parts/x", b"data")
        assert found.value.who == "carrier"
