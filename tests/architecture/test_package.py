"""A plain install is little to read and verifies a record; the wheel brings all that the rooms read."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path, PurePosixPath

import pytest

from architecture.tree import ROOT, of, tracked
from detente import __version__

#: What `cryptography` itself needs; nothing else is on the path of the plain install's Python.
PLAIN = ("cryptography", "cffi", "pycparser")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the tracked files, built without network from a copy, so that the checkout stays clean."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for name in tracked():
        if name.parts[0] == "src" or len(name.parts) == 1:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-index"]
    command += ["--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def plain(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Python of a fresh environment that holds the wheel, `cryptography` and no more."""
    place = tmp_path_factory.mktemp("plain")
    venv.create(place, with_pip=False, symlinks=True)
    python = place / "bin" / "python"
    site = next((place / "lib").glob("python3.*")) / "site-packages"
    for package in PLAIN:
        held = metadata.distribution(package)
        for top in {file.parts[0] for file in held.files or () if not file.parts[0].startswith((".", "__"))}:
            (site / top).symlink_to(Path(str(held.locate_file(top))))
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    command += ["--disable-pip-version-check", "--no-index", "--no-deps", str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    yield python
    shutil.rmtree(place, ignore_errors=True)


def run(python: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The installed program, away from the checkout."""
    return subprocess.run(
        [str(python.parent / "detente"), *words],
        capture_output=True, text=True, check=False, cwd=python.parent, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip


class TestWheel:
    def test_it_holds_every_tracked_file_of_the_source(self, wheel: Path) -> None:
        held = set(zipfile.ZipFile(wheel).namelist())
        wanted = {name.relative_to("src").as_posix() for name in tracked() if name.parts[0] == "src"}
        assert sorted(wanted - held) == []

    @pytest.mark.parametrize(
        "kind", ["templates/base.html", "static/desk/frame.css", "locale/ar/LC_MESSAGES/django.mo"]
    )
    def test_it_holds_what_the_desk_reads(self, wheel: Path, kind: str) -> None:
        assert len(zipfile.ZipFile(wheel).read(f"detente/desk/{kind}")) > 100

    def test_it_holds_nothing_else(self, wheel: Path) -> None:
        strange = [
            name for name in zipfile.ZipFile(wheel).namelist()
            if not name.startswith(("detente/", f"detente-{__version__}.dist-info/"))
        ]  # fmt: skip
        assert strange == []

    def test_it_says_its_licence_and_version(self, wheel: Path) -> None:
        said = zipfile.ZipFile(wheel).read(f"detente-{__version__}.dist-info/METADATA").decode()
        assert "License-Expression: Apache-2.0\n" in said
        assert f"Version: {__version__}\n" in said


class TestPlainInstall:
    def test_verify_runs_without_any_other_package(self, plain: Path) -> None:
        done = run(plain, "verify", "--help")
        assert done.returncode == 0, done.stderr
        assert "--digest" in done.stdout

    def test_verify_judges_a_folder(self, plain: Path, tmp_path: Path) -> None:
        (tmp_path / "policy").write_text("quorum none\n")
        done = run(plain, "verify", str(tmp_path))
        assert done.returncode == 3
        assert "no log here" in done.stderr

    def test_a_verb_that_needs_more_says_what_to_install(self, plain: Path) -> None:
        done = run(plain, "status")
        assert done.returncode == 3
        assert "detente[node]" in done.stderr

    def test_neither_server_nor_database_is_within_reach(self, plain: Path) -> None:
        names = ("django", "aiohttp", "typer", "pyproj")
        ask = f"import importlib.util as u; print([n for n in {names} if u.find_spec(n)])"
        assert subprocess.check_output([str(plain), "-c", ask], text=True, cwd=plain.parent) == "[]\n"

    def test_the_pure_rooms_that_verify_needs_can_be_imported(self, plain: Path) -> None:
        names = [
            ".".join(name.relative_to("src").with_suffix("").parts).removesuffix(".__init__")
            for room in ("record", "charter") for name in of(".py", under=f"src/detente/{room}/")
        ]  # fmt: skip
        program = f"import importlib; [importlib.import_module(n) for n in {names!r}]"
        done = subprocess.run([str(plain), "-c", program], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-500:]


class TestFrontEnd:
    """What others made lies in `static/desk/fonts` and as Django packages; nothing else is vendored."""

    def test_no_minified_or_packed_file_is_kept(self) -> None:
        scripts: list[PurePosixPath] = of(".js", ".css", ".mjs")
        assert [name for name in scripts if ".min." in name.name or "bundle" in name.name] == []
        long = [n for n in scripts if max(map(len, (ROOT / n).read_text("utf-8").splitlines())) > 400]
        assert long == []
