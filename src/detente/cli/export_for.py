"""`detente export --for PEER FOLDER`: what a stick carries to one peer (spec/formats/bundle.md)."""

from __future__ import annotations

from pathlib import Path

from detente.cases.instants import parse_instant
from detente.cli.options import NO, WRONG_USE, errors_in_words, fail
from detente.cli.progress import Progress
from detente.node.folder import NodeFolder
from detente.node.nodeclock import NodeClock
from detente.record.errors import RuleViolation


def export_for(folder: NodeFolder, peer: str, place: Path, since: str) -> None:
    """Write the bundle; Django is configured for `folder`."""
    from detente.node.carry_out import CarryOut

    done = old = 0

    def told(_path: str, size: int, there: bool) -> None:
        nonlocal done, old
        before, done, old = done, done + size, old + there
        if done >> 20 != before >> 20 or not before:
            progress(f"writing for {peer.upper()}, {done >> 20} MiB")

    if place.is_dir() and any(place.iterdir()) and not (place / "logs").is_dir():
        fail(f"{place} is neither empty nor a bundle", code=NO)
    with errors_in_words(), Progress() as progress:
        written = CarryOut(folder, peer, place, told).write(
            since=_since(since), made_at=NodeClock(folder).now()
        )
    for log in written.logs:
        said = f"entries {log.start} to {log.size - 1}" if log.size > log.start else "receipts only"
        print(f"{log.origin}: {said}")
    print(
        f"{len(written.files)} files, {written.bytes} bytes in {place}" + (f"; {old} were there" * bool(old))
    )
    for name in written.left_out:
        print(f"left out, too large for a bundle: part {name[:16]}; the next line brings it")
    print(f"at {peer.upper()}: detente import {place}")


def _since(text: str) -> int | None:
    if text == "receipt":
        return None
    if text == "start":
        return 0
    try:
        return parse_instant(text)
    except RuleViolation:
        fail("--since takes receipt, start, or an instant like 2026-11-23T17:05:00Z", code=WRONG_USE)
