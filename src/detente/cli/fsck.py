"""`detente fsck`: recompute everything this node stores, from the bytes."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from detente.cli.options import HERE, NO, UNREADABLE, WRONG_USE, AsJson, NodeDir, errors_in_words, fail
from detente.cli.progress import Progress
from detente.node.folder import NodeFolder


def fsck(
    folder: NodeDir = HERE,
    as_json: AsJson = False,
    after: Annotated[str, typer.Option(metavar="STAGE", help="Go on behind this stage.")] = "",
) -> None:
    """Check every entry, head, receipt, part, key and journal; exit 0 if all is whole, 1 with the findings.

    It reads one snapshot, beside a living node or without one. Ctrl-C says where the next run may go on.
    """
    count, done = 0, after
    with errors_in_words():
        from detente.node import django_setup

        opened = NodeFolder.open(folder)
        if not opened.settings.database_url and not opened.database.exists():
            fail(f"{opened.database} is not here", code=UNREADABLE, hint="a node makes it at its first start")
        django_setup.configure(opened)
        from detente.node import fsck as check

        progress = Progress()

        def tell(stage: str, reached: int, total: int) -> None:
            nonlocal done
            if not reached and progress.what and progress.what != stage:
                done = progress.what
            progress(stage, reached, total)

        try:
            with progress:
                for one in check.fsck_node(opened, after=after, tell=tell):
                    count += 1
                    _print(one, check.FINDINGS[one.code], as_json=as_json)
        except KeyboardInterrupt:
            again = f"detente fsck --node {folder} --after '{done}'" if done else "detente fsck again"
            fail(f"interrupted in {progress.what}; {count} findings so far", code=UNREADABLE, hint=again)
        except KeyError as error:
            fail(f"no stage {error}", code=WRONG_USE, hint="an interrupted run names it")
    if count:
        raise typer.Exit(NO)
    if not as_json:
        print("whole: every entry, head, receipt and part is what its hash says")


def _print(one: object, meaning: str, *, as_json: bool) -> None:
    code, where, detail = (getattr(one, name) for name in ("code", "where", "detail"))
    if as_json:
        print(json.dumps({"code": code, "where": where, "detail": detail}))
    else:
        print(f"{code}: {where} {detail} ({meaning})")
