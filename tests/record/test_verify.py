"""Offline verification: what is sound is called so, and the first flipped bit is named."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.record.errors import Malformed, Unverified
from detente.record.evidence import verify_two_histories
from detente.record.note import encode_note, parse_note
from detente.record.tree import Tree, leaf_hash
from detente.record.verify import FINDINGS, export_fork, verify_folder, verify_fork
from record import logs

POLICY = logs.policy()
KEYS = logs.pair(logs.LOG).log_keys(logs.LOG)
SIZE = 300


def verdict(files, **more):
    return verify_folder(files.get, POLICY, **more)


def codes(found):
    return [finding.code for finding in found.findings]


class TestSoundFolder:
    """formats/verify: a folder as we export it."""

    @pytest.mark.parametrize("size", [0, 1, 255, 256, 257, SIZE])
    def test_it_is_consistent(self, size):
        found = verdict(logs.folder(size))
        assert found.findings == ()
        assert found.consistent
        assert found.quorum
        assert (found.origin, found.head.head.size, len(found.cosigned)) == (logs.LOG, size, 5)

    def test_a_full_tile_or_bundle_may_stand_for_a_partial_one(self):
        files = dict(logs.folder(257))
        grown = logs.folder(512)
        del files["tile/0/001.p/1"], files["tile/entries/001.p/1"]
        files |= {path: grown[path] for path in ("tile/0/001", "tile/entries/001")}
        assert verdict(files).consistent


class TestOneFlippedBit:
    """formats/verify 2: whatever bit is flipped, the file is named, and the entry or hash in it."""

    @pytest.mark.parametrize("index", [0, 1, 255, 256, 299])
    def test_in_an_entry(self, index):
        contents = logs.entries(SIZE)
        files = dict(logs.folder(SIZE))
        path = "tile/entries/000" if index < 256 else "tile/entries/001.p/44"
        start = sum(2 + len(entry) for entry in contents[index // 256 * 256 : index])
        files[path] = flip(files[path], 8 * (start + 1))  # in the length, which every entry has
        named = min(verdict(files).findings, key=lambda finding: finding.values["index"])
        assert named.code in ("entry", "malformed")
        assert (named.path, named.values["index"]) == (path, index)

    @pytest.mark.parametrize(
        ("path", "place"),
        [("tile/0/000", 0), ("tile/0/000", 255), ("tile/0/001.p/44", 43), ("tile/1/000.p/1", 0)],
    )
    def test_in_a_tile(self, path, place):
        files = dict(logs.folder(SIZE))
        files[path] = flip(files[path], 256 * place + 3)
        found = verdict(files)
        assert [(one.code, one.path, one.values["hash"]) for one in found.findings] == [("tile", path, place)]

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_anywhere(self, data):
        files = dict(logs.folder(SIZE))
        path = data.draw(st.sampled_from(sorted(files)))
        files[path] = flip(files[path], data.draw(st.integers(0, 8 * len(files[path]) - 1)))
        found = verdict(files)
        assert not found.consistent
        assert found.findings[0].path == path
        assert set(codes(found)) <= FINDINGS.keys()

    def test_in_an_entry_and_in_its_tile_the_head_decides_against_both(self):
        files = dict(logs.folder(SIZE))
        files["tile/entries/000"] = flip(files["tile/entries/000"], 8 * 3)
        files["tile/0/000"] = flip(files["tile/0/000"], 5)
        found = verdict(files)
        assert codes(found)[0] == "root"
        assert found.tree is None


class TestSomethingTooMuch:
    """formats/tiles 1 and 3: nothing stands behind what the head covers."""

    @pytest.mark.parametrize(
        ("path", "more", "code"),
        [
            ("tile/entries/000", b"\x00", "malformed"),
            ("tile/entries/000", b"\x00\x00", "malformed"),
            ("tile/0/000", b"\x00", "malformed"),
            ("tile/0/000", bytes(32), "tile"),
            ("tile/0/001.p/44", bytes(32), "tile"),
        ],
    )
    def test_in_a_tile_or_bundle(self, path, more, code):
        files = dict(logs.folder(SIZE))
        files[path] += more
        found = verdict(files)
        assert [(one.code, one.path) for one in found.findings] == [(code, path)]


class TestMissing:
    """formats/verify: what the head promises must be there."""

    @pytest.mark.parametrize("path", ["tile/0/000", "tile/1/000.p/1", "tile/entries/001.p/44"])
    def test_a_file_that_is_not_there_is_named(self, path):
        files = dict(logs.folder(SIZE))
        del files[path]
        assert [(one.code, one.path) for one in verdict(files).findings] == [("missing", path)]

    def test_without_a_checkpoint_nothing_is_readable(self):
        found = verdict({})
        assert (codes(found), found.readable) == (["missing"], False)

    def test_a_checkpoint_that_is_no_head_is_not_readable(self):
        found = verdict({"checkpoint": b"nothing"})
        assert (codes(found), found.readable) == (["malformed"], False)


class TestHead:
    """formats/verify 1 and 3: both halves, known keys, the quorum."""

    @pytest.mark.parametrize("absent", [0, 1])
    def test_one_half_is_no_head(self, absent):
        files = dict(logs.folder(3))
        files["checkpoint"] = without(files["checkpoint"], absent)
        assert codes(verdict(files)) == ["unverified"]

    def test_a_log_that_the_policy_does_not_know(self):
        other = f"{logs.CELL}/s9/1"
        found = verdict({"checkpoint": logs.note([], log=other)})
        assert (codes(found), found.origin) == (["unverified"], other)

    def test_a_missing_cosignature_is_a_missing_quorum(self):
        files = dict(logs.folder(3))
        files["checkpoint"] = without(files["checkpoint"], 3)
        found = verdict(files)
        assert (codes(found), found.quorum, len(found.cosigned)) == (["quorum"], False, 4)


class TestEarlierHeads:
    """formats/verify 4: one tree, whenever it was signed."""

    def test_honest_ones_are_counted(self):
        old = {str(n): logs.note(logs.entries(n)) for n in (0, 1, 256, SIZE)}
        found = verdict(logs.folder(SIZE), old=old)
        assert (found.consistent, found.earlier_heads) == (True, 4)

    def test_other_logs_are_passed_over(self):
        found = verdict(logs.folder(SIZE), old={"x": logs.note([], log=f"{logs.CELL}/s2/1")})
        assert (found.consistent, found.earlier_heads) == (True, 0)

    def test_one_of_another_tree_is_two_histories_with_evidence(self):
        found = verdict(logs.folder(SIZE), old={"old/7": logs.note(logs.entries(7, b"other "))})
        assert [(one.code, one.path) for one in found.findings] == [("two-histories", "old/7")]
        assert verify_two_histories(found.evidence[0], KEYS).smaller.head.size == 7

    def test_a_larger_one_is_a_rollback(self):
        found = verdict(logs.folder(256), old={"old/9": logs.note(logs.entries(257))})
        assert codes(found) == ["rolled-back"]

    def test_one_that_is_not_signed_is_named(self):
        found = verdict(logs.folder(3), old={"old/2": without(logs.note(logs.entries(2)), 1), "old/3": b"?"})
        assert [(one.code, one.path) for one in found.findings] == [
            ("unverified", "old/2"),
            ("malformed", "old/3"),
        ]


class TestFork:
    """formats/verify: a folder of two heads and the larger one's tiles."""

    @pytest.mark.parametrize("size", [7, 256, SIZE])
    def test_two_stories_are_a_fork(self, size):
        larger = logs.entries(SIZE)
        files = fork_folder(logs.entries(size, b"other "), larger)
        evidence = verify_fork(files.get, KEYS)
        assert verify_two_histories(evidence, KEYS).larger.head.size == SIZE

    @pytest.mark.parametrize("size", [0, 7, 256, SIZE])
    def test_two_honest_heads_are_none(self, size):
        larger = logs.entries(SIZE)
        assert verify_fork(fork_folder(larger[:size], larger).get, KEYS) is None

    def test_without_the_tiles_it_cannot_be_told(self):
        files = fork_folder(logs.entries(7, b"other "), logs.entries(SIZE))
        del files["tile/0/000"]
        with pytest.raises(Unverified, match="larger tree unknown"):
            verify_fork(files.get, KEYS)

    def test_without_a_head_it_cannot_be_told(self):
        with pytest.raises(Malformed, match="missing"):
            verify_fork({}.get, KEYS)


def fork_folder(smaller, larger):
    tree = Tree(map(leaf_hash, larger))
    return dict(export_fork(logs.note(smaller), logs.note(larger), KEYS, tree))


def without(note, line):
    parsed = parse_note(note)
    return encode_note(parsed.text, [one for n, one in enumerate(parsed.signatures) if n != line])


def flip(data, bit):
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]
