"""What the desk is told by its node's folder: where it listens, its name, its words and clocks."""

from __future__ import annotations

import os
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from detente.record.errors import Malformed

LANGUAGES: Final = ("ar", "he", "en")
DEFAULT_LISTEN: Final = "127.0.0.1:8443"
DEFAULT_IDLE_LOCK_S: Final = 0  # 0 = only by hand; the party decides how long a screen may stay open


@dataclass(frozen=True)
class DeskConfig:
    """One desk. `origin` is what the browser sees, and the only Host header that is answered."""

    folder: Path
    host: str
    port: int
    origin: str
    rp_id: str
    language: str
    secret: str
    actual_origin: str = ""
    idle_lock_s: int = DEFAULT_IDLE_LOCK_S
    time_zones: Mapping[str, str] = field(default_factory=dict)

    @property
    def host_name(self) -> str:
        return urlsplit(self.origin).hostname or self.host

    @property
    def https(self) -> bool:
        return self.origin.startswith("https://")


def load_config(folder: Path) -> DeskConfig:
    """The [desk] table of `folder`/node.toml; Malformed if it cannot be read or names no such language."""
    try:
        table: dict[str, Any] = tomllib.loads((folder / "node.toml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Malformed("node.toml", str(error)) from error
    desk: dict[str, Any] = table.get("desk", {})
    host, _, port = str(desk.get("listen", DEFAULT_LISTEN)).rpartition(":")
    origin = str(desk.get("origin", f"http://localhost:{port}")).rstrip("/")
    name = urlsplit(origin).hostname
    language = str(desk.get("language", "en"))
    if not port.isascii() or not port.isdecimal() or not name or language not in LANGUAGES:
        raise Malformed("node.toml", "desk")
    return DeskConfig(
        folder=folder,
        host=host.strip("[]") or "127.0.0.1",
        port=int(port),
        origin=origin,
        rp_id=str(desk.get("rp_id", name)),
        language=language,
        secret=_secret(folder / "desk.secret"),
        actual_origin=str(desk.get("actual_origin", "")),
        idle_lock_s=int(desk.get("idle_lock_s", DEFAULT_IDLE_LOCK_S)),
        time_zones=MappingProxyType({str(k): str(v) for k, v in desk.get("clocks", {}).items()}),
    )


def _secret(path: Path) -> str:
    """The key that signs web sessions; made once, so that a restarted desk keeps its officers signed in."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text(encoding="ascii").strip()
