"""What a living node listens on, compared with its settings; whose its files are; who is answered where."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from detente.cli.demo.cell import Cell, build, descendants, free_ports

pytestmark = pytest.mark.live
LISTENING = "0A"  # of /proc/net/tcp
_UNIX_LISTENS = 0x10000  # SO_ACCEPTCON, of /proc/net/unix


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    """S1's node alone, with all that may listen switched on."""
    made = build(tmp_path_factory.mktemp("cell"), desks=True)
    folder = made.node("s1").folder.path
    local, metrics = free_ports(2)
    with (folder / "node.toml").open("a") as file:
        file.write(f'\n[local]\nlisten = "127.0.0.1:{local}"\n\n[metrics]\nlisten = "127.0.0.1:{metrics}"\n')
    try:
        made.start_node("s1")
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and len(tcp(made)) < 5:
            time.sleep(0.2)
        yield made
    finally:
        made.stop()


def settings(cell: Cell) -> dict[str, str]:
    """host:port that S1's node.toml says, by section."""
    text = (cell.node("s1").folder.path / "node.toml").read_text()
    found = {}
    for section in re.split(r"\n(?=\[)", text):
        name = re.match(r"\[([^\]]+)\]", section.strip())
        listen = re.search(r'^listen = "([^"]+)"', section, re.MULTILINE)
        if name and listen:
            found[name[1]] = listen[1]
    return found


def inodes(cell: Cell) -> set[str]:
    """Sockets of all processes of S1's node."""
    process = cell.node("s1").process
    assert process is not None
    found = set()
    for pid in descendants(process.pid):
        for link in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                target = str(link.readlink())
            except OSError:
                continue
            if target.startswith("socket:["):
                found.add(target[8:-1])
    return found


def tcp(cell: Cell) -> set[str]:
    """host:port of everything that the node's processes listen on; UDP is listed as such."""
    ours, found = inodes(cell), set()
    for name in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            words = line.split()
            if words[9] in ours and (words[3] == LISTENING or name.startswith("udp")):
                host, _, port = words[1].partition(":")
                address = socket.inet_ntoa(bytes.fromhex(host)[::-1]) if len(host) == 8 else host
                found.add(("" if name.startswith("tcp") else f"{name} ") + f"{address}:{int(port, 16)}")
    return found


def unix(cell: Cell) -> set[str]:
    ours, found = inodes(cell), set()
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        words = line.split()
        if words[6] in ours and int(words[3], 16) & _UNIX_LISTENS:
            found.add(Path(words[7]).name if len(words) > 7 else "(unnamed)")
    return found


class TestSockets:
    """A node listens where its settings say, and nowhere else."""

    def test_every_tcp_socket_is_one_of_the_settings(self, cell: Cell) -> None:
        named = settings(cell)
        assert set(named) == {"link.s2", "link.g1", "desk", "local", "metrics"}
        assert tcp(cell) == set(named.values())

    def test_every_unix_socket_is_the_local_api_or_the_signer(self, cell: Cell) -> None:
        folder = cell.node("s1").folder
        assert unix(cell) == {folder.api_socket.name, folder.signer_socket.name}


class TestLinkCertificate:
    """A peer's certificate opens the link; it is worth nothing anywhere else."""

    def _peer(self, cell: Cell) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        keys = cell.node("s2").folder.path / "keys" / "link"
        context.load_cert_chain(keys / "leaf.pem", keys / "leaf.key")
        return context

    def _get(self, cell: Cell, listen: str, path: str, *, tls: bool = True, **headers: str) -> int:
        host, _, port = listen.rpartition(":")
        connection = (
            http.client.HTTPSConnection(host, int(port), timeout=10, context=self._peer(cell))
            if tls
            else http.client.HTTPConnection(host, int(port), timeout=10)
        )
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status

    @pytest.mark.parametrize("section", ["desk", "local", "metrics"])
    def test_it_reaches_neither_desk_nor_local_api_nor_metrics(self, cell: Cell, section: str) -> None:
        with pytest.raises(OSError):
            self._get(cell, settings(cell)[section], "/v1/status")

    def test_the_link_does_not_serve_the_local_api_even_with_its_token(self, cell: Cell) -> None:
        token = cell.node("s1").folder.api_token.read_text().strip()
        link = settings(cell)["link.s2"]
        assert self._get(cell, link, "/v1/status", Authorization=f"Bearer {token}") == 404

    def test_the_local_port_wants_the_token(self, cell: Cell) -> None:
        local = settings(cell)["local"]
        token = cell.node("s1").folder.api_token.read_text().strip()
        assert self._get(cell, local, "/v1/status", tls=False) == 401
        assert self._get(cell, local, "/v1/status", tls=False, Authorization=f"Bearer {token}") == 200


class TestFiles:
    """Nobody but the node's own user reads or writes anything of its folder."""

    def test_no_file_or_folder_is_open_to_others(self, cell: Cell) -> None:
        # demo.out is what the demo, not the node, writes.
        folder = cell.node("s1").folder.path
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        open_to_others = [
            str(one.relative_to(folder))
            for one in folder.rglob("*")
            if stat.S_IMODE(one.lstat().st_mode) & 0o077 and not one.is_symlink() and one.name != "demo.out"
        ]
        assert open_to_others == []
