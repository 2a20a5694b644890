"""A radio modem's serial line as a plain file: set its speed, write lines, read lines with a time limit."""

from __future__ import annotations

import os
import select
import termios
import time
import tty
from collections.abc import Iterator

from detente.cli.options import WRONG_USE, fail

#: Seconds without a byte after which nobody is sending any more.
IDLE_S = 30.0
_LINE = 400  # bytes; a line of the form has some 70


def open_line(text: str) -> int:
    """Descriptor of `DEVICE[:SPEED]`, raw, eight bits, no parity; speed 300 unless said."""
    device, mark, speed = text.rpartition(":")
    if not mark:
        device, speed = text, "300"
    rate = getattr(termios, f"B{speed}", None) if speed.isdecimal() else None
    if rate is None:
        fail(f"{speed!r} is not a speed of this machine's serial lines", code=WRONG_USE)
    line = os.open(device, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(line)
        settings = termios.tcgetattr(line)
        settings[4] = settings[5] = rate
        termios.tcsetattr(line, termios.TCSANOW, settings)
    except termios.error as error:
        os.close(line)
        raise OSError(f"{device} is no serial line") from error
    return line


def write_line(line: int, text: str) -> None:
    """Send one line and wait until it has left."""
    data = (text + "\r\n").encode()
    while data:
        data = data[os.write(line, data) :]
    termios.tcdrain(line)


def read_lines(line: int, *, idle_s: float = IDLE_S) -> Iterator[str]:
    """Lines as they come in, until nothing has come for `idle_s` seconds. Noise is read as `?`."""
    held, last = b"", time.monotonic()
    while (left := last + idle_s - time.monotonic()) > 0:
        if not select.select([line], [], [], left)[0]:
            break
        piece = os.read(line, 256)
        if not piece:
            break
        last = time.monotonic()
        *ready, held = (held + piece).replace(b"\r", b"\n").split(b"\n")
        held = held[-_LINE:]
        yield from (one.decode("utf-8", "replace") for one in ready if one.strip())
    if held.strip():
        yield held.decode("utf-8", "replace")
