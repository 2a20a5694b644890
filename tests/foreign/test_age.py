"""The age author's JavaScript opens our sealed parts, and we open the files it makes."""

import shutil
import subprocess
from pathlib import Path

import pytest

from detente.record import age, parts
from detente.record.errors import Unverified
from foreign.judges import HERE, Refused, ask, need
from record.test_entry_vectors import FOLDER, read

pytestmark = pytest.mark.foreign

SEEDS = [bytes([number]) * 32 for number in (1, 2, 3)]
IDENTITIES = [age.identity_text(seed) for seed in SEEDS]
RECIPIENTS = [age.recipient_of(seed) for seed in SEEDS]
SECRETS = {"file_key": b"k" * 16, "nonce": b"n" * 16}
SIZES = [0, 1, 1016, age.CHUNK - 8, age.CHUNK - 7, 3 * age.CHUNK]


@pytest.fixture(scope="session")
def judge() -> Path:
    folder = HERE / "age"
    need(shutil.which("node"), "node is not here (Debian: nodejs)")
    if not (folder / "node_modules").is_dir() and shutil.which("npm"):
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=300)
    need((folder / "node_modules" / "age-encryption").is_dir(), "npm ci in tests/foreign/age")
    return folder / "judge.mjs"


def opened(judge: Path, identity: str, path: Path) -> bytes:
    return bytes.fromhex(ask("node", judge, "decrypt", identity, path)["text"])


class TestOurs:
    """formats/parts 1 to 7, read by other code."""

    @pytest.mark.parametrize("size", SIZES)
    def test_every_recipient_opens_our_part(self, judge, tmp_path, size):
        text = b"\xd9" * size
        path = tmp_path / "part"
        path.write_bytes(parts.seal(text, RECIPIENTS[:2], **SECRETS))
        assert opened(judge, IDENTITIES[0], path) == opened(judge, IDENTITIES[1], path) == parts.pad(text)

    def test_who_is_no_recipient_does_not(self, judge, tmp_path):
        path = tmp_path / "part"
        path.write_bytes(parts.seal(b"calm", RECIPIENTS[:2], **SECRETS))
        with pytest.raises(Refused, match="no identity matched"):
            opened(judge, IDENTITIES[2], path)

    @pytest.mark.parametrize("place", [40, 1545, 1600, 1640, -1])
    def test_one_flipped_bit_is_refused_there_too(self, judge, tmp_path, place):
        data = bytearray(parts.seal(b"calm", RECIPIENTS[:1], **SECRETS))
        data[place] ^= 1
        path = tmp_path / "part"
        path.write_bytes(data)
        with pytest.raises(Refused):
            opened(judge, IDENTITIES[0], path)

    def test_the_same_seed_has_the_same_recipient(self, judge):
        for identity, recipient in zip(IDENTITIES, RECIPIENTS, strict=True):
            assert ask("node", judge, "recipient", identity) == {"recipient": recipient}


class TestTheirs:
    """Files of other code, read by ours."""

    @pytest.mark.parametrize("size", SIZES)
    def test_we_open_its_files(self, judge, tmp_path, size):
        text = parts.pad(b"\xd9" * size)
        (tmp_path / "text").write_bytes(text)
        ask("node", judge, "encrypt", tmp_path / "text", tmp_path / "file", *RECIPIENTS[:2])
        file = (tmp_path / "file").read_bytes()
        assert age.decrypt(file, SEEDS[0]) == age.decrypt(file, SEEDS[1]) == text
        assert parts.open_sealed(file, SEEDS[0]) == b"\xd9" * size
        assert len(file) == age.file_size(len(text), 2)
        assert age.decrypt_with_file_key(file, age.open_file_key(file, SEEDS[1])) == text
        with pytest.raises(Unverified):
            age.decrypt(file, SEEDS[2])


class TestVectors:
    """spec/vectors/entries-1: other code says the same of every part and recipient."""

    @pytest.mark.parametrize("path", sorted(FOLDER.glob("part/*.vector")), ids=lambda path: path.stem)
    def test_parts(self, judge, tmp_path, path):
        words, payload = read(path)
        (tmp_path / "part").write_bytes(payload)
        identity = age.identity_text(bytes.fromhex(words["identity"]))
        page, rule = words["rule"].split(" ")
        # Rules 2 and 6 are ours alone: age passes over other stanzas and knows no padding.
        if words["expect"] == "ok" or (page, rule) in {("formats/parts", "2"), ("formats/parts", "6")}:
            text = opened(judge, identity, tmp_path / "part")
            if words["expect"] == "ok":
                assert parts.unpad(text).hex() == words["value"].strip('"')
        else:
            with pytest.raises(Refused):
                opened(judge, identity, tmp_path / "part")

    @pytest.mark.parametrize("path", sorted(FOLDER.glob("recipient/*.vector")), ids=lambda path: path.stem)
    def test_recipients(self, judge, path, tmp_path):
        words, payload = read(path)
        if words["expect"] == "ok":
            identity = age.identity_text(bytes.fromhex(words["identity"]))
            assert ask("node", judge, "recipient", identity)["recipient"].encode() == payload
            return
        (tmp_path / "text").write_bytes(b"calm")
        with pytest.raises(Refused):
            ask("node", judge, "encrypt", tmp_path / "text", tmp_path / "file", payload.decode())
