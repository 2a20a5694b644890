"""Programs that share no code with us judge our logs, proofs, cosignatures and forks, and the vectors."""

import json

import pytest

from detente.record.evidence import encode_two_histories, find_two_histories
from detente.record.proof import TlogProof, encode_proof
from detente.record.tree import Tree, leaf_hash
from detente.record.verify import export_fork
from foreign.judges import Refused, ask, go_judge, mldsa_judge
from record import logs
from record.make_vectors import FOLDER
from record.test_vectors import read

pytestmark = pytest.mark.foreign

KEYS = logs.pair(logs.LOG).log_keys(logs.LOG)
MIRRORS = [logs.pair(name).mirror_keys(name) for name in logs.mirrors_of("s1")]
VKEYS = "".join(f"{key.encode()}\n" for pair in (KEYS, *MIRRORS) for key in (pair.ed25519, pair.mldsa44))
NAMES = [mirror.name for mirror in MIRRORS]


@pytest.fixture(scope="session")
def go(tmp_path_factory):
    return go_judge(tmp_path_factory.mktemp("go"))


@pytest.fixture(scope="session")
def node():
    return mldsa_judge()


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "all.vkey"
    path.write_text(VKEYS)
    return path


def write(folder, files):
    for path, data in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return folder


def flip(path, bit):
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


class TestLog:
    """formats/tiles and formats/head, in Go: every entry, every tile, the head, both Ed25519 cosignatures."""

    @pytest.mark.parametrize("size", [0, 1, 256, 300, 1000])
    def test_a_log_is_accepted(self, go, keys, tmp_path, size):
        answer = ask(go, "log", write(tmp_path / "log", logs.folder(size)), keys)
        assert (answer["head"]["origin"], answer["head"]["size"]) == (logs.LOG, size)
        assert sorted(answer["head"]["cosigners"]) == sorted(NAMES)

    def test_seventy_thousand_entries_are_accepted(self, go, keys, tmp_path):
        assert ask(go, "log", write(tmp_path / "log", logs.folder(70_000)), keys)["head"]["size"] == 70_000

    def test_earlier_heads_are_of_the_same_tree(self, go, keys, tmp_path):
        folder = write(tmp_path / "log", logs.folder(300))
        old = [tmp_path / f"{size}.checkpoint" for size in (0, 1, 256, 299)]
        for path in old:
            path.write_bytes(logs.note(logs.entries(int(path.stem))))
        assert ask(go, "log", folder, keys, *old)["earlier"] == 4
        old[2].write_bytes(logs.note(logs.entries(256, b"other ")))
        with pytest.raises(Refused, match="another tree"):
            ask(go, "log", folder, keys, *old)

    @pytest.mark.parametrize(
        "path",
        [
            "checkpoint",
            "tile/entries/000",
            "tile/entries/001.p/44",
            "tile/0/000",
            "tile/0/001.p/44",
            "tile/1/000.p/1",
        ],
    )
    def test_one_flipped_bit_is_refused(self, go, keys, tmp_path, path):
        folder = write(tmp_path / "log", logs.folder(300))
        flip(folder / path, 200)
        with pytest.raises(Refused):
            ask(go, "log", folder, keys)


class TestMlDsa:
    """formats/head 5, in JavaScript: the ML-DSA-44 lines of the log and of both mirrors."""

    def test_the_log_and_both_mirrors_signed(self, node, keys, tmp_path):
        folder = write(tmp_path / "log", logs.folder(300))
        times = ask("node", node, folder / "checkpoint", keys)
        assert times == {logs.LOG: logs.TIME, NAMES[0]: logs.TIME + 2, NAMES[1]: logs.TIME + 2}

    def test_a_signature_over_another_size_is_refused(self, node, keys, tmp_path):
        other = logs.folder(300)["checkpoint"].replace(b"\n300\n", b"\n301\n")
        path = write(tmp_path, {"checkpoint": other}) / "checkpoint"
        with pytest.raises(Refused, match="signature"):
            ask("node", node, path, keys)


class TestProof:
    """formats/proof, in Go."""

    def test_each_entry_s_place_is_accepted_and_no_other(self, go, keys, tmp_path):
        contents = logs.entries(21)
        tree = Tree(map(leaf_hash, contents))
        for index in (0, 7, 16, 20):
            proof = TlogProof(index, tree.inclusion_proof(index), logs.cosigned(contents), b"extra")
            files = {"p.tlog-proof": encode_proof(proof), "p.entry": contents[index], "q.entry": b"another"}
            folder = write(tmp_path, files)
            assert ask(go, "proof", folder / "p.tlog-proof", folder / "p.entry", keys)["index"] == index
            with pytest.raises(Refused):
                ask(go, "proof", folder / "p.tlog-proof", folder / "q.entry", keys)


class TestFork:
    """formats/two-histories, in Go: a fork is called a fork, two honest heads none."""

    @pytest.mark.parametrize(
        ("size", "story", "verdict"),
        [
            (7, b"other ", "fork"),
            (300, b"other ", "fork"),
            (7, b"", "none"),
            (256, b"", "none"),
            (300, b"", "none"),
        ],
    )
    def test_the_folder_of_two_heads(self, go, tmp_path, size, story, verdict):
        larger = logs.entries(300)
        tree = Tree(map(leaf_hash, larger))
        files = dict(export_fork(logs.note(logs.entries(size, story)), logs.note(larger), KEYS, tree))
        assert ask(go, "fork", write(tmp_path, files))["verdict"] == verdict

    @pytest.mark.parametrize("size", [7, 21])
    def test_the_evidence_file_convicts(self, go, keys, tmp_path, size):
        contents = logs.entries(21)
        tree = Tree(map(leaf_hash, contents))
        two = find_two_histories(logs.note(logs.entries(size, b"other ")), logs.note(contents), KEYS, tree)
        path = write(tmp_path, {"evidence.json": encode_two_histories(two)}) / "evidence.json"
        assert ask(go, "evidence", path, keys)["verdict"] == "fork"


class TestVectors:
    """The vectors that the origin table says other code has checked."""

    def payload(self, tmp_path, vector):
        words, payload = read(FOLDER / vector)
        path = tmp_path / "payload"
        path.write_bytes(payload)
        return words, path

    @pytest.mark.parametrize(
        "name", ["head/both_halves", "head/empty_log", "cosignature/both_halves", "quorum/all_lines"]
    )
    def test_heads_and_cosignatures(self, node, keys, tmp_path, name):
        _, path = self.payload(tmp_path, f"{name}.vector")
        assert ask("node", node, path, keys)[logs.LOG] == logs.TIME

    @pytest.mark.parametrize("name", ["third_of_five", "with_extra"])
    def test_proofs(self, go, keys, tmp_path, name):
        words, path = self.payload(tmp_path, f"proof/{name}.vector")
        entry = tmp_path / "entry"
        entry.write_bytes(bytes.fromhex(words["entry"]))
        answer = ask(go, "proof", path, entry, keys)
        assert (answer["index"], answer["head"]["size"]) == (2, 5)

    @pytest.mark.parametrize("name", ["another_index", "hash_missing"])
    def test_bad_proofs(self, go, keys, tmp_path, name):
        words, path = self.payload(tmp_path, f"proof/{name}.vector")
        entry = tmp_path / "entry"
        entry.write_bytes(bytes.fromhex(words["entry"]))
        with pytest.raises(Refused):
            ask(go, "proof", path, entry, keys)

    @pytest.mark.parametrize("name", ["three_against_five", "equal_sizes"])
    def test_two_histories(self, go, keys, tmp_path, name):
        _, path = self.payload(tmp_path, f"two-histories/{name}.vector")
        assert ask(go, "evidence", path, keys)["verdict"] == "fork"

    @pytest.mark.parametrize("name", ["honest_head", "invented_root"])
    def test_bad_two_histories(self, go, keys, tmp_path, name):
        _, path = self.payload(tmp_path, f"two-histories/{name}.vector")
        with pytest.raises(Refused):
            ask(go, "evidence", path, keys)

    @pytest.mark.parametrize(
        ("name", "accepted"),
        [("second_log", True), ("another_size", False), ("another_signer", False), ("another_party", False)],
    )
    def test_next_log_certificates(self, go, tmp_path, name, accepted):
        words, path = self.payload(tmp_path, f"next-log/{name}.vector")
        command = (go, "certificate", path, FOLDER / "keys" / "recovery.vkey")
        if not accepted:
            with pytest.raises(Refused):
                ask(*command)
            return
        answer = ask(*command)
        value = json.loads(words["value"])
        assert answer["text"].split("\n")[1:5] == [
            value[key] for key in ("origin", "ed25519", "mldsa44", "old")
        ]
        assert answer["signatures"] == 1

    @pytest.mark.parametrize(
        "vector", sorted(FOLDER.glob("tile-path/path_*.vector")), ids=lambda path: path.stem
    )
    def test_tile_paths(self, go, vector):
        words, payload = read(vector)
        value = json.loads(words["value"])
        level = "entries" if value["level"] is None else value["level"]
        assert ask(go, "path", level, value["n"], value["width"]) == payload.decode()
