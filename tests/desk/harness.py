"""Starts a real desk process beside a fake node, and speaks to it like a browser without scripts."""

from __future__ import annotations

import http.client
import json
import re
import secrets
import socket
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import cache
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from desk.fake_api import FakeNode, conversation, serve

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}


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
    process = subprocess.Popen([sys.executable, "-m", "detente.desk", str(folder)], env=ENVIRONMENT)
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
        name = f"watch-session-{post.lower()}"
        self.desk.node.sessions[name] = {"post": post, "challenge": b"", "in_force": True}
        data = _session_data(self.desk.folder, post, name)
        key = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(32))
        with sqlite3.connect(self.desk.folder / "desk.sqlite3") as database:
            row = (key, data, "2999-01-01 00:00:00")
            database.execute("INSERT INTO django_session VALUES (?, ?, ?)", row)
        self.cookies["desk"] = key


ENCODE = """
import json, sys
from pathlib import Path
import django
from django.conf import settings as django_settings
from detente.desk.config import load_config
from detente.desk.settings import settings
django_settings.configure(**settings(load_config(Path(sys.argv[1]))))
django.setup()
from django.contrib.sessions.backends.db import SessionStore
print(SessionStore().encode(json.loads(sys.argv[2])))
"""


@cache
def _session_data(folder: Path, post: str, name: str) -> str:
    """A web session's data, signed by the desk's own secret in a process of its own."""
    watch = {"post": post, "session": name, "valid_until": int(time.time()) + 28800, "armed": True}
    command = [sys.executable, "-c", ENCODE, str(folder), json.dumps({"watch": watch})]
    made = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return made.stdout.strip()
