"""`detente export --case ID FOLDER`: one case for an arbiter."""

from __future__ import annotations

from pathlib import Path

from detente.cli.options import WRONG_USE, errors_in_words, fail
from detente.node.folder import NodeFolder
from detente.node.nodeclock import NodeClock
from detente.record.names import parse_id


def export_case(folder: Path, place: Path, case: str, entries: str, parts: str) -> None:
    """Write the case that holds the entry `case`, or the `entries` named, and say what was disclosed."""
    from detente.node import django_setup

    with errors_in_words():
        ours = NodeFolder.open(folder)
        django_setup.configure(ours)
        from detente.node.export_case import ROLES, write_case

        roles = [] if parts == "none" else parts.split(",")
        if not set(roles) <= set(ROLES):
            fail(f"--parts takes {', '.join(ROLES)} (with commas between) or none", code=WRONG_USE)
        listing = write_case(
            ours, place, parse_id(case, ours.cell) if case else None,
            entries=[parse_id(one, ours.cell) for one in entries.split(",") if one], roles=roles,
            now=NodeClock(ours).now(),
        )  # fmt: skip
    opened = sum(len(one.opened) for one in listing.entries)
    sealed = sum(len(one.sealed) for one in listing.entries)
    print(f"{len(listing.entries)} entries in {place}; {sealed} sealed parts, {opened} of them can be opened")
    print("whoever has this folder can read those parts")
    print(f"check it: detente verify {place} --digest {listing.charter.hex()}")
