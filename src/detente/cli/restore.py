"""`detente restore DIR`: a node's folder from a backup, and what will happen at its first start."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detente.cli.backup import checked
from detente.cli.options import NO, UNREADABLE, errors_in_words, fail
from detente.cli.progress import Progress
from detente.cli.words import utc
from detente.node import backup as work
from detente.node import sealedkeys
from detente.node.folder import NodeFolder

File = Annotated[Path | None, typer.Option(metavar="FILE", help="What opens the sealed keys in the backup.")]


def restore(
    place: Annotated[Path, typer.Argument(metavar="DIR", help="The backup.")],
    node: Annotated[Path, typer.Option("--node", metavar="NEW", help="A new or empty folder.")],
    keys: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Your own copy of the old keys/ folder.")
    ] = None,
    identity: File = None,
    passphrase: File = None,
) -> None:
    """Check a backup and make a node's folder of it; nothing is overwritten. Run again if interrupted."""
    with errors_in_words(), Progress() as tell:
        try:
            work.require_room(place, node)
            files = work.signing_keys(keys) if keys else {}
            for name in work.read_manifest(place).files:
                if name in work.SEALED and (identity or passphrase):
                    sealed = (place / name).read_bytes()
                    files |= sealedkeys.open_keys(sealed, identity=identity, passphrase=passphrase)
            found, older, said = checked(place, tell)
            if said:
                fail(
                    f"{said[0]} ({len(said)} findings); nothing was restored", code=NO, hint="another backup"
                )
            made = work.put_back(place, node, files, tell)
        except KeyboardInterrupt:
            fail("interrupted: no node is there yet", code=UNREADABLE, hint="the same command goes on")
    print(f"restored: {found.party.upper()} of {found.cell} as of {utc(found.taken_at)} in {made.path}")
    for origin, size in sorted(found.logs.items()):
        print(f"  {origin}: {size} entries")
    if older:
        print(f"  its tables are an older version's; first: detente upgrade --node {made.path}")
    _say_next(made, found)


def _say_next(made: NodeFolder, found: work.Manifest) -> None:
    peers = {origin.split("/")[1] for origin in found.logs} - {found.party}
    lacking = work.lacking_keys(made, peers)
    if lacking:
        print("  not here, because no backup has them: " + ", ".join(f"keys/{name}" for name in lacking))
        if any("receiving" in name or "storage" in name for name in lacking):
            print("  without receiving and storage keys nothing that was sealed to this party opens here")
        print("  put them there from your own medium; if they are lost: detente keys recover")
    print("What the first start will do:")
    print("  The signer signs nothing until one peer has answered what the largest head of this log is.")
    print("  If that peer holds more than this backup, the node fetches its own log from the peers, and what")
    print("  it had seen of theirs, and goes on behind it. Nothing that was receipted is lost.")
    print("  Do this only when the old node will never start again; if you are unsure, open the next log.")
