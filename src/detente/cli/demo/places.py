"""Where the demo's nodes run: on loopback with cables that can be cut, or each in a network of its own.

`Loopback`: three nodes of one user, every line through a cable (`cable.py`).
`Namespaces` (root): each party has its own network namespace and Unix user; a veth pair joins every two
parties, and cutting a line takes that pair down. Only cards and packets cross: the folders belong to
different users and are closed (0700).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import detente
from detente.cli.demo.cable import CableBox

FIRST_UID = 61001  # no user of Debian's has it; nothing but the demo's files belongs to it
LINK_PORT = 7410


class Places(Protocol):
    """What a way of running gives: addresses, commands, and lines to cut."""

    def listen(self, party: str, peer: str) -> str: ...
    def dial(self, party: str, peer: str) -> str: ...
    def command(self, party: str, folder: Path) -> list[str]: ...
    def environment(self) -> Mapping[str, str]: ...
    def own(self, party: str, folder: Path) -> None: ...
    def cut(self, one: str, other: str) -> None: ...
    def mend(self, one: str, other: str) -> None: ...
    def close(self) -> None: ...


def _source() -> Path:
    return Path(detente.__file__).resolve().parent.parent


class Loopback:
    """All on 127.0.0.1, each line through a cable that can be cut."""

    def __init__(self, parties: tuple[str, ...], free_port: Mapping[tuple[str, str], int]) -> None:
        self._box = CableBox()
        self._listen = dict(free_port)
        self._dial = {
            (a, b): self._box.lay(a, b, self._listen[b, a]) for a, b in itertools.permutations(parties, 2)
        }

    def listen(self, party: str, peer: str) -> str:
        return f"127.0.0.1:{self._listen[party, peer]}"

    def dial(self, party: str, peer: str) -> str:
        return f"https://127.0.0.1:{self._dial[party, peer]}"

    def command(self, party: str, folder: Path) -> list[str]:
        del party
        return [sys.executable, "-m", "detente", "node", "--node", str(folder)]

    def environment(self) -> Mapping[str, str]:
        return {**os.environ, "PYTHONPATH": str(_source())}

    def own(self, party: str, folder: Path) -> None:
        """One user runs all three: nothing to change."""

    def cut(self, one: str, other: str) -> None:
        self._box.cut(one, other)

    def mend(self, one: str, other: str) -> None:
        self._box.mend(one, other)

    def close(self) -> None:
        self._box.close()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Namespaces:
    """A network namespace and a Unix user a party, a veth pair for every two parties. Needs root."""

    def __init__(self, parties: tuple[str, ...], image: Path) -> None:
        self._image = image
        self._names = {party: f"detente{os.getpid()}{party}" for party in parties}
        self._uids = {party: FIRST_UID + n for n, party in enumerate(parties)}
        self._addresses: dict[tuple[str, str], str] = {}
        self._cables: dict[frozenset[str], str] = {}
        for name in ("python", "src", "site"):
            (image / name).mkdir(parents=True, exist_ok=True)
        for name in self._names.values():
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        for n, (one, other) in enumerate(itertools.combinations(parties, 2), start=1):
            self._join(n, one, other)

    def _join(self, n: int, one: str, other: str) -> None:
        ends = {one: f"dt{os.getpid() % 100000}{n}a", other: f"dt{os.getpid() % 100000}{n}b"}
        _ip("link", "add", ends[one], "netns", self._names[one], "type", "veth",
            "peer", "name", ends[other], "netns", self._names[other])  # fmt: skip
        for last, party in enumerate((one, other), start=1):
            peer = other if party == one else one
            self._addresses[party, peer] = f"10.231.{n}.{last}"
            _ip("-n", self._names[party], "address", "add", f"10.231.{n}.{last}/30", "dev", ends[party])
            _ip("-n", self._names[party], "link", "set", ends[party], "up")
        self._cables[frozenset({one, other})] = ends[one]

    def listen(self, party: str, peer: str) -> str:
        return f"{self._addresses[party, peer]}:{LINK_PORT}"

    def dial(self, party: str, peer: str) -> str:
        return f"https://{self._addresses[peer, party]}:{LINK_PORT}"

    def command(self, party: str, folder: Path) -> list[str]:
        """Python and our source are shown to the party by bind mounts of its own: its user reads no home."""
        binds = (
            (sys.base_prefix, "python"),
            (str(_source()), "src"),
            (sysconfig.get_path("purelib"), "site"),
        )
        script = "".join(f'mount --bind "{outer}" "{self._image / name}" && ' for outer, name in binds)
        python = self._image / "python" / "bin" / f"python3.{sys.version_info.minor}"
        uid = self._uids[party]
        script += (
            f"exec setpriv --reuid={uid} --regid={uid} --clear-groups --no-new-privs "
            f'"{python}" -m detente node --node "{folder}"'
        )
        return ["ip", "netns", "exec", self._names[party], "sh", "-c", script]

    def environment(self) -> Mapping[str, str]:
        paths = f"{self._image / 'src'}:{self._image / 'site'}"
        return {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": paths,
            "PYTHONDONTWRITEBYTECODE": "1",
            # A Python that was built with a shared library looks for it where it was installed, which the
            # party's user may not read; another one of the system's would not fit.
            "LD_LIBRARY_PATH": str(self._image / "python" / "lib"),
        }

    def own(self, party: str, folder: Path) -> None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self._uids[party], self._uids[party], follow_symlinks=False)

    def cut(self, one: str, other: str) -> None:
        self._switch(one, other, "down")

    def mend(self, one: str, other: str) -> None:
        self._switch(one, other, "up")

    def _switch(self, one: str, other: str, state: str) -> None:
        device = self._cables[frozenset({one, other})]
        first = next(party for party in self._names if party in {one, other})
        _ip("-n", self._names[first], "link", "set", device, state)

    def close(self) -> None:
        for name in self._names.values():
            with contextlib.suppress(subprocess.CalledProcessError):
                _ip("netns", "delete", name)


def may_use_namespaces() -> str:
    """Empty if namespaces can be used, otherwise the sentence that says why not."""
    if os.geteuid() != 0:
        return "--netns needs root: it makes network namespaces and runs each party as its own user"
    missing = [name for name in ("ip", "setpriv", "mount") if shutil.which(name) is None]
    if missing:
        return f"--netns needs {', '.join(missing)} (Debian: apt-get install iproute2 util-linux)"
    return ""
