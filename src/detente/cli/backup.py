"""`detente backup DIR` copies a living node's record; `detente backup check DIR` tells if one is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detente.cli.options import HERE, NO, UNREADABLE, WRONG_USE, NodeDir, errors_in_words, fail
from detente.cli.progress import Progress
from detente.cli.words import utc
from detente.node import backup as work
from detente.node import sealedkeys
from detente.node.folder import NodeFolder

Place = Annotated[str, typer.Argument(metavar="DIR", help="A new folder; or `check DIR` to check one.")]
Second = Annotated[str, typer.Argument(metavar="BACKUP", help="With `check`: the backup.")]
Recipient = Annotated[
    str, typer.Option(metavar="age1pq…", help="Also receiving and storage keys, sealed to it.")
]
Passphrase = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The same, sealed under the passphrase in FILE.")
]


def backup(
    place: Place, second: Second = "", folder: NodeDir = HERE, recipient: Recipient = "",
    passphrase: Passphrase = None,
) -> None:  # fmt: skip
    """Copy the record, charter and cards of a node, beside the living node, and check the copy.

    The journal and signing keys are never in a backup; receiving and storage keys only sealed.
    """
    if place == "check":
        if not second:
            fail("check which backup?", code=WRONG_USE)
        _check(Path(second))
        return
    if second or (recipient and passphrase):
        fail("one folder, and one way to seal keys", code=WRONG_USE)
    with (
        errors_in_words(),
        _interrupted(f"nothing is left but {place}.partial; begin again"),
        Progress() as tell,
    ):
        opened = NodeFolder.open(folder)
        sealed = {}
        if recipient:
            sealed["keys.age"] = sealedkeys.seal_to(opened, recipient)
        if passphrase:
            sealed["keys.sealed"] = sealedkeys.seal_under(opened, passphrase)
        made = work.back_up(opened, Path(place), sealed, tell)
    print(f"{made.party.upper()} of {made.cell}: {len(made.files)} files in {place}, read back and whole")
    for origin, size in sorted(made.logs.items()):
        print(f"  {origin}: {size} entries")
    print("  left out for ever: signing keys and journal (a next log needs none of them)")
    said = "sealed inside" if sealed else "left out (--recipient or --passphrase takes them in)"
    print(f"  receiving and storage keys: {said}")
    print(f"check it any time: detente backup check {place}")


def _check(place: Path) -> None:
    findings = 0
    with errors_in_words(), _interrupted("nothing has changed; begin again"), Progress() as tell:
        found, older, said = checked(place, tell)
        for line in said:
            findings += 1
            print(line)
    if findings:
        fail(
            f"{findings} findings in a backup whose hashes are right: it was taken of a damaged node", code=NO
        )
    print(
        f"{found.party.upper()} of {found.cell}, taken {utc(found.taken_at)}: {len(found.files)} files, whole"
    )
    if older:
        print("  its tables are an older version's: fsck runs after `detente upgrade`")


def checked(place: Path, tell: Progress) -> tuple[work.Manifest, bool, list[str]]:
    """Manifest, whether its tables are older than ours, and the findings of fsck. Raises DetenteError."""
    found = work.check_files(place, tell)
    from detente.node import django_setup

    held = NodeFolder(place)
    django_setup.configure(held, frozen=True)
    older = django_setup.is_older(found.schema)
    if older:
        return found, True, []
    from detente.node import fsck

    said = [f"{one.code}: {one.where} {one.detail}" for one in fsck.fsck_node(held, tell=tell)]
    return found, False, said


class _interrupted:  # noqa: N801 - reads as a word in `with`
    """Turn Ctrl-C into a sentence that says what is left."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: object) -> None:
        if kind is KeyboardInterrupt:
            fail(f"interrupted: {self._sentence}", code=UNREADABLE)
