"""The folder: settings read strictly, and nobody else may look in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from detente.node.folder import NodeFolder, write_private
from detente.node.settings import (
    SETTINGS,
    PeerLink,
    Settings,
    check_table,
    encode_settings,
    parse_settings,
    settings_page,
)
from detente.record.errors import DetenteError, Refused
from node.database import use
from node.rig import CELL, Cell, make_folder

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "settings.md"
SMALL = '[node]\ncell = "harbour.exercise"\nparty = "s1"\n'


class TestSettings:
    """Rule 2 of settings.py: what is misspelt stops the node."""

    def test_defaults_are_those_of_the_table(self) -> None:
        found = parse_settings(SMALL)
        for row in SETTINGS:
            if row.default is not None and row.section != "link.*":
                default = tuple(row.default) if row.kind is list else row.default
                assert getattr(found, row.attribute) == default, row
        assert check_table() == []

    def test_everything_can_be_set_and_read_back(self) -> None:
        tables = {
            "node": {"cell": CELL, "party": "s1", "generation": 2, "clock_offset_s": -40},
            "link.s2": {"listen": "127.0.0.1:7411", "dial": "https://s2.example:7412", "pin": "0" * 64},
            "link.g1": {},
            "alarm": {"hook": ["aplay", 'a "b".wav', "صوت"], "sound": False},
            "desk": {"clocks": {"s1": "Atlantic/Azores", "s2": "Pacific/Gambier"}, "idle_lock_s": 300},
            "disk": {"reserved_mb": 5},
        }
        assert parse_settings(encode_settings(tables)) == Settings(
            cell=CELL, party="s1", generation=2, clock_offset_s=-40,
            link={
                "s2": PeerLink("127.0.0.1:7411", "https://s2.example:7412", "0" * 64),
                "g1": PeerLink(),
            },
            alarm_hook=("aplay", 'a "b".wav', "صوت"), alarm_sound=False,
            desk_clocks={"s1": "Atlantic/Azores", "s2": "Pacific/Gambier"}, desk_idle_lock_s=300,
            disk_reserved_mb=5,
        )  # fmt: skip

    @pytest.mark.parametrize(
        "extra",
        [
            "colour = 1",
            "[nodes]\nx = 1",
            "[disk]\nreserved_mb = 0",
            "[disk]\nreserved_mb = true",
            '[disk]\nreserved_mb = "64"',
            "[disk]\nreserved_mb = 64.0",
            "[link]\nlisten = 'x'",
            "[link.S2]\nlisten = ''",
            "[link.s1]\nlisten = ''",
            "[link.s2]\nlisten = 'localhost'",
            "[link.s2]\nlisten = 'h:99999'",
            "[link.s2]\ndial = 'http://h:1'",
            "[link.s2]\npin = 'AA'",
            "[alarm]\nhook = 'aplay'",
            "[alarm]\nhook = [1]",
            "[desk]\nidle_lock_s = -1",
            "[log]\nlevel = 'loud'",
            "[heartbeat]\ninterval_s = 901",
            "[database]\nurl = 'mysql://x'",
            "x",
        ],
    )
    def test_a_wrong_one_stops_the_node(self, extra: str) -> None:
        with pytest.raises(DetenteError, match="setting-wrong"):
            parse_settings(SMALL + extra + "\n")

    @pytest.mark.parametrize("text", ["", "[node]\nparty = 's1'\n", "[node]\ncell = 'c'\nparty = 'S1'\n"])
    def test_cell_and_party_must_be_given(self, text: str) -> None:
        with pytest.raises(DetenteError, match="setting-wrong"):
            parse_settings(text)

    def test_a_clock_offset_is_for_exercises_only(self) -> None:
        assert parse_settings(SMALL + "clock_offset_s = 40\n").clock_offset_s == 40
        with pytest.raises(DetenteError, match="clock_offset_s"):
            parse_settings(SMALL.replace(".exercise", "") + "clock_offset_s = 40\n")

    def test_the_reference_page_is_made_from_the_table(self) -> None:
        page = PAGE.read_text(encoding="utf-8").splitlines()
        assert [line for line in settings_page().splitlines() if line not in page] == []
        assert all(f"| `{row.key}` |" in settings_page() and len(row.meaning) > 10 for row in SETTINGS)


@pytest.fixture
def way() -> Iterator[Path]:
    """A folder that everybody may enter, so that only the node's own modes keep others out."""
    made = Path(tempfile.mkdtemp(prefix="detente-way-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


class TestPrivate:
    """The folder is its user's alone: 0700, keys 0600."""

    def test_all_modes_of_a_new_node(self, cell: Cell) -> None:
        folder = use(cell.folder("s1"))
        paths = [folder.path, *folder.path.rglob("*")]
        assert folder.database in paths and folder.keys / "log" / "1.json" in paths
        assert [one for one in paths if one.stat().st_mode & 0o077] == []

    def test_a_migrated_database_and_its_wal_are_private(self, tmp_path: Path) -> None:
        folder = make_folder(tmp_path / "n")
        code = (
            "import sys; from detente.node.folder import NodeFolder; "
            "from detente.node.django_setup import migrate; migrate(NodeFolder.open(sys.argv[1])); "
            "from detente.node.models import LocalState as L; L.objects.create(name='a', value='b', set_at=1)"
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", f"import os; os.umask(0o022); {code}", folder.path],
                       check=True, env=environment)  # fmt: skip
        made = list(folder.path.glob("node.sqlite3*"))
        assert made and [one for one in made if one.stat().st_mode & 0o077] == []

    def test_a_folder_open_to_others_is_refused(self, cell: Cell) -> None:
        folder = cell.folder("s1")
        NodeFolder.open(folder.path)
        for path, mode in ((folder.path, 0o750), (folder.keys / "log" / "1.json", 0o640)):
            before = path.stat().st_mode
            path.chmod(mode)
            with pytest.raises(Refused, match="folder-open-to-others"):
                NodeFolder.open(folder.path)
            path.chmod(before)
        NodeFolder.open(folder.path)

    @pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
    def test_another_unix_user_reads_nothing(self, way: Path) -> None:
        folder = use(Cell(way).folder("s1"))
        (way / "open").write_text("readable")
        names = [str(one) for one in folder.path.rglob("*") if one.is_file()]
        assert len(names) > 8
        code = (
            "import os, sys\n"
            "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
            "assert open(sys.argv[1]).read() == 'readable'\n"
            "for name in sys.argv[2:]:\n"
            "    for call in (os.listdir, open, os.stat):\n"
            "        try:\n"
            "            call(name)\n"
            "        except PermissionError:\n"
            "            continue\n"
            "        sys.exit(f'{call} {name}')\n"
        )
        arguments = [sys.executable, "-c", code, str(way / "open"), *names]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def test_a_second_node_in_the_folder_is_refused(self, cell: Cell) -> None:
        with pytest.raises(Refused, match="node-already-here"):
            make_folder(cell.folder("s1").path)

    def test_no_node_there(self, tmp_path: Path) -> None:
        with pytest.raises(Refused, match="no-node-here"):
            NodeFolder.open(tmp_path)

    def test_a_private_file_is_written_whole_and_never_over_another(self, tmp_path: Path) -> None:
        write_private(tmp_path / "a", b"one")
        with pytest.raises(FileExistsError):
            write_private(tmp_path / "a", b"two")
        write_private(tmp_path / "a", b"two", replace=True)
        assert (tmp_path / "a").read_bytes() == b"two"
        assert [one.name for one in tmp_path.iterdir()] == ["a"]
