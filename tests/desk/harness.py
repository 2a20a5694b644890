"""Starts a real desk process beside a fake node, and speaks to it like a browser without scripts."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from desk.fake_api import FakeNode, conversation, serve

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Desk:
    """A running desk of `party`."""

    folder: Path
    node: FakeNode
    port: int
    origin: str
    process: subprocess.Popen[bytes]
    server: Any

    @property
    def host(self) -> str:
        return self.origin.removeprefix("http://")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.server.ended = True
        self.server.shutdown()
        self.server.server_close()


def start(folder: Path, party: str, language: str, *, exercise: bool = True) -> Desk:
    port = free_port()
    origin = f"http://{party}.detente.localhost:{port}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "node.toml").write_text(
        f'[desk]\nlisten = "127.0.0.1:{port}"\norigin = "{origin}"\nlanguage = "{language}"\n'
    )
    node = FakeNode(party, origin, exercise=exercise)
    conversation(node)
    server = serve(node, folder)
    environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}
    process = subprocess.Popen([sys.executable, "-m", "detente.desk", str(folder)], env=environment)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return Desk(folder, node, port, origin, process, server)
        time.sleep(0.05)
    raise RuntimeError("the desk did not start")


@dataclass
class Page:
    status: int
    text: str
    headers: dict[str, str]

    def has(self, *pieces: str) -> bool:
        return all(piece in self.text for piece in pieces)


@dataclass
class Visitor:
    """Keeps cookies and the CSRF token of the last page; `host` is the Host header."""

    desk: Desk
    cookies: dict[str, str] = field(default_factory=dict)
    host: str = ""
    token: str = ""

    def request(self, method: str, path: str, body: str | None = None, **headers: str) -> Page:
        connection = http.client.HTTPConnection("127.0.0.1", self.desk.port, timeout=20)
        sent = {"Host": self.host or self.desk.host, **{k.replace("_", "-"): v for k, v in headers.items()}}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        if body is not None:
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
            sent.setdefault("Origin", self.desk.origin)
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8")
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                for key, morsel in SimpleCookie(value).items():
                    self.cookies[key] = morsel.value
        connection.close()
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)
        self.token = found[1] if found else self.token
        return Page(answer.status, text, {k.lower(): v for k, v in answer.getheaders()})

    def get(self, path: str, **headers: str) -> Page:
        return self.request("GET", path, **headers)

    def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> Page:
        return self.request(
            "POST", path, urlencode({"csrfmiddlewaretoken": self.token, **(form or {})}), **headers
        )

    def sign_in(self, post: str = "WATCH") -> None:
        """Put an officer's web session in place; the passkey way is driven in a real browser elsewhere."""
        import sqlite3
        import subprocess as sub

        session = self.desk.node.grant(post)
        code = (
            "import sys,json\n"
            "from pathlib import Path\n"
            "from detente.desk.config import load_config\n"
            "from detente.desk.settings import settings\n"
            "import django\nfrom django.conf import settings as s\n"
            "s.configure(**settings(load_config(Path(sys.argv[1]))))\ndjango.setup()\n"
            "from django.contrib.sessions.backends.db import SessionStore\n"
            "store=SessionStore(); store.update(json.loads(sys.argv[2])); store.save(); print(store.session_key)\n"
        )
        import json

        watch = {"post": post, "session": session, "valid_until": int(time.time()) + 28800, "armed": True}
        made = sub.run(
            [sys.executable, "-c", code, str(self.desk.folder), json.dumps({"watch": watch})],
            env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert sqlite3
        self.cookies["desk"] = made.stdout.strip()
