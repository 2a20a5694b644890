"""C2SP tlog-tiles: paths, bundles, tiles, folders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.record.errors import Malformed, Unverified
from detente.record.tiles import (
    MAX_BUNDLE,
    MAX_ENTRY,
    TileName,
    bundle_path,
    encode_bundle,
    export_folder,
    parse_bundle,
    parse_path,
    read_entries,
    tile_names,
    tile_path,
    tiles,
)
from detente.record.tree import Tree, leaf_hash, node_hash
from record import logs


class TestPath:
    """formats/tiles 2: groups of three digits, `x` before all but the last, `.p/<width>` for a part."""

    @pytest.mark.parametrize(
        ("path", "name"),
        [
            ("tile/0/000", TileName(0, 0, 256)),
            ("tile/0/x001/x234/067", TileName(0, 1234067, 256)),
            ("tile/8/067.p/1", TileName(8, 67, 1)),
            ("tile/63/999", TileName(63, 999, 256)),
            ("tile/entries/x001/000.p/255", TileName(None, 1000, 255)),
        ],
    )
    def test_the_published_spellings(self, path, name):
        assert parse_path(path) == name

    @given(st.none() | st.integers(0, 63), st.integers(0, 2**55), st.integers(1, 256))
    def test_parsing_is_the_inverse_of_printing(self, level, n, width):
        path = bundle_path(n, width) if level is None else tile_path(level, n, width)
        assert parse_path(path) == TileName(level, n, width)

    @given(
        st.text(max_size=40)
        | st.from_regex(r"tile/[0-9e]{1,2}/[x0-9/]{1,16}(\.p/[0-9]{1,3})?", fullmatch=True)
    )
    def test_any_text_gives_a_name_or_malformed(self, text):
        try:
            name = parse_path(text)
        except Malformed:
            return
        printed = (
            bundle_path(name.n, name.width)
            if name.level is None
            else tile_path(name.level, name.n, name.width)
        )
        assert printed == text

    @pytest.mark.parametrize(
        "path",
        [
            "tile/64/000",
            "tile/00/000",
            "tile/0/x000/001",
            "tile/0/0001",
            "tile/0/001/002",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/../000",
            "/tile/0/000",
            "tile/0/000\n",
            "tile/data/000",
            "tile/0/00١",
        ],
    )
    def test_another_spelling_is_refused(self, path):
        with pytest.raises(Malformed):
            parse_path(path)


class TestBundle:
    """formats/tiles 3: a 16-bit length before each entry."""

    @given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
    def test_what_we_write_is_read_back(self, entries):
        assert parse_bundle(encode_bundle(entries), count=len(entries)) == tuple(entries)

    @given(st.binary(max_size=600))
    def test_any_bytes_give_entries_or_malformed(self, data):
        try:
            entries = parse_bundle(data)
        except Malformed:
            return
        assert encode_bundle(entries) == data

    def test_the_largest_bundle_fits(self):
        data = encode_bundle([bytes(MAX_ENTRY)] * 256)
        assert len(data) == MAX_BUNDLE == 16_777_472
        assert len(parse_bundle(data, count=256)) == 256

    @pytest.mark.parametrize("entries", [[], [b""] * 257, [bytes(MAX_ENTRY + 1)]])
    def test_too_few_too_many_or_too_long_cannot_be_written(self, entries):
        with pytest.raises(Malformed):
            encode_bundle(entries)

    @pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x02a", b"\x00\x01ab", b"\x00\x00" * 257])
    def test_what_is_cut_or_longer_is_refused(self, data):
        with pytest.raises(Malformed):
            parse_bundle(data)

    def test_the_number_of_entries_is_the_one_asked_for(self):
        with pytest.raises(Malformed):
            parse_bundle(encode_bundle([b"a"]), count=2)


class TestTiles:
    """formats/tiles 1: which tiles a tree has and what stands in them."""

    def test_seventy_thousand_entries_have_277_tiles(self):
        names = list(tile_names(70_000))
        assert len(names) == 277
        assert [sum(name.level == level for name in names) for level in range(3)] == [274, 2, 1]
        partial = [name for name in names if name.width < 256]
        assert partial == [TileName(0, 273, 112), TileName(1, 1, 17), TileName(2, 0, 1)]

    def test_the_tiles_of_seventy_thousand_entries_lead_to_the_root(self):
        leaves = [leaf_hash(b"%d" % n) for n in range(70_000)]
        made = dict(tiles(leaves))
        assert len(made) == 277
        assert made["tile/0/273.p/112"] == b"".join(leaves[-112:])
        assert made["tile/1/001.p/17"][:32] == Tree(leaves[65_536 : 65_536 + 256]).root()
        top = made["tile/2/000.p/1"]
        rest = Tree(leaves[65_536:]).root()
        assert node_hash(top, rest) == Tree(leaves).root()

    def test_the_empty_tree_has_none(self):
        assert list(tiles([])) == []

    @given(st.integers(0, 600))
    def test_each_tile_has_the_width_of_its_name(self, size):
        for path, data in tiles([leaf_hash(b"")] * size):
            assert len(data) == 32 * parse_path(path).width


class TestFolder:
    """formats/tiles: a whole log as files."""

    @pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 600])
    def test_the_entries_are_read_back(self, size):
        files = logs.folder(size)
        assert list(read_entries(files.get, size)) == logs.entries(size)
        assert list(read_entries(files.get, size, size // 2)) == logs.entries(size)[size // 2 :]

    def test_the_checkpoint_comes_last_and_every_path_is_a_tile_s(self):
        *paths, last = logs.folder(300)
        assert last == "checkpoint"
        assert paths == [
            "tile/entries/000",
            "tile/entries/001.p/44",
            "tile/0/000",
            "tile/0/001.p/44",
            "tile/1/000.p/1",
        ]

    def test_entries_that_are_not_the_head_s_are_not_exported(self):
        contents = logs.entries(5)
        with pytest.raises(Unverified, match="root"):
            list(export_folder(contents[:4], logs.note(contents)))

    def test_a_missing_or_short_bundle_is_malformed(self):
        files = dict(logs.folder(257))
        with pytest.raises(Malformed, match="missing"):
            list(read_entries(files.get, 600))
        files["tile/entries/000"] = encode_bundle([b""])
        with pytest.raises(Malformed, match="too short"):
            list(read_entries(files.get, 257))
