"""For parsers of a JSON value: the bytes are the JSON text, read by our own strict reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from detente.record import strictjson
from detente.record.errors import DetenteError

_LIMIT: Final = 1 << 16


def each(data: bytes, *readers: Callable[[Any], object]) -> None:
    """Give the value in `data` to every reader; refusals are answers."""
    try:
        value = strictjson.parse(data, limit=_LIMIT)
    except DetenteError:
        return
    for read in readers:
        try:
            read(value)
        except DetenteError:
            continue
