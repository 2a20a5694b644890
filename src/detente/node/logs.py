"""Logs as one JSON object a line, without content.

1. A line is an event code and named fields. Field names are an allow-list, values are numbers, truth values
   or short words of a narrow alphabet: free text cannot pass, whoever calls (ARCHITECTURE, Never).
2. Exceptions are logged by type and place, never by message: messages quote their input.
3. Messages of libraries are dropped for the same reason; their logger's name and level stay.
4. A full disk or a closed stderr never stops the node: the line is lost.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Final

LIMIT: Final = 4 * 1024 * 1024  # bytes of one file; one older file is kept beside it
FIELDS: Final = frozenset(
    (
        *("id", "log", "origin", "index", "size", "position", "party", "peer", "kind", "act"),
        *("code", "clause", "who", "count", "seconds", "since", "ms", "state", "line", "outlet"),
        *("status", "method", "route", "port", "pid", "child", "exit", "signal", "version"),
        *("logger", "level", "error", "at"),
    )
)
_WORD: Final = re.compile(r"[A-Za-z0-9._:/+<>{}-]{0,120}")
Value = str | int | float | bool | None

_lock = threading.Lock()
_process = "detente"
_file: Path | None = None


def start(folder: Path, process: str) -> None:
    """Write this process's lines to log/<process>.jsonl and stderr, and take over library logging."""
    global _process, _file  # noqa: PLW0603 - one log per process, set once at its start
    _process = process
    place = folder / "log"
    place.mkdir(mode=0o700, exist_ok=True)
    _file = place / f"{process}.jsonl"
    root = logging.getLogger()
    root.handlers[:] = [_NoContent()]
    root.setLevel(logging.WARNING)
    # What nobody caught is printed by Python with its message: that is content too (rule 2).
    sys.excepthook = lambda _kind, exc, _trace: failure("uncaught", exc)
    threading.excepthook = lambda args: failure("uncaught", args.exc_value) if args.exc_value else None


def line(event: str, **fields: Value) -> None:
    """Write one line. Unknown field names are our own mistake; unfit values are replaced by `?`."""
    if not fields.keys() <= FIELDS:
        raise TypeError(sorted(fields.keys() - FIELDS))
    row = {"time": round(time.time(), 3), "process": _process, "event": _fit(event)}
    row |= {name: _fit(value) for name, value in fields.items() if value is not None}
    text = json.dumps(row, separators=(",", ":")) + "\n"
    with _lock:
        _write(text)


def failure(event: str, exc: BaseException, **fields: Value) -> None:
    """Log an exception by its type, stable code and place in our code, without its message."""
    frames = traceback.extract_tb(exc.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else None
    line(event, error=type(exc).__name__, code=getattr(exc, "code", None), at=place, **fields)


def _fit(value: Value) -> Value:
    if isinstance(value, str):
        return value if _WORD.fullmatch(value) else "?"
    return round(value, 3) if isinstance(value, float) else value


def _write(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        pass
    if _file is None:
        return
    try:
        if _file.exists() and _file.stat().st_size > LIMIT:
            _file.replace(_file.with_suffix(".old.jsonl"))
        handle = os.open(_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, text.encode())
        finally:
            os.close(handle)
    except OSError:
        pass


class _NoContent(logging.Handler):
    """Turns library records into lines without their message."""

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        place = f"{Path(record.pathname).name}:{record.lineno}"
        line("library", logger=record.name, level=record.levelname, error=kind, at=place)
