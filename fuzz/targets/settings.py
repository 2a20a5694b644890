"""node.toml, as an operator may have left it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.node.settings import parse_settings
from detente.record.errors import DetenteError

PARSERS = ("detente.node.settings.parse_settings",)


def seeds() -> Iterator[bytes]:
    yield (
        b'[node]\ncell = "harbour.exercise"\nparty = "s1"\n[desk]\nlisten = "127.0.0.1:8443"\n'
        b'[link.s2]\nlisten = "127.0.0.1:7411"\ndial = "https://127.0.0.1:7412"\n[alarm]\nhook = ["cmd"]\n'
    )


def one(data: bytes) -> None:
    with suppress(DetenteError):
        parse_settings(data.decode("utf-8", "replace"))
