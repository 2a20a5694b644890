"""Every verb by its name; `cli.main` imports this when the verb is not `verify`."""

from __future__ import annotations

import typer

from detente import __version__
from detente.cli import (
    ack,
    acts,
    alarm,
    backup,
    board,
    charter,
    demo,
    drafts,
    export,
    fsck,
    import_,
    init,
    keys,
    log,
    node,
    peer,
    play,
    receipts,
    restore,
    send,
    show,
    status,
    thin,
    upgrade,
    wipe,
)

app = typer.Typer(
    name="detente",
    help="One record for two neighbouring states and a guarantor. Receipt is never agreement.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


@app.callback()
def _front(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print it."),
) -> None:
    del version


app.command("demo")(demo.demo)
app.command("init")(init.init)
app.add_typer(keys.app, name="keys")
app.add_typer(peer.app, name="peer")
app.add_typer(charter.app, name="charter")
app.command("node")(node.node)
app.command("send")(send.send)
app.command("draft")(drafts.draft)
app.command("drafts")(drafts.drafts)
app.command("release")(drafts.release)
app.command("ack")(ack.ack)
for _verb in acts.VERBS:
    app.command(_verb)(acts.verb(_verb))
app.command("board")(board.board)
app.command("timeline")(board.timeline)
app.command("explain")(board.explain)
app.command("log")(log.log)
app.command("show")(show.show)
app.command("receipts")(receipts.receipts)
app.command("play")(play.play)
app.command("status")(status.status)
app.command("alarm")(alarm.alarm)
app.command("export")(export.export)
app.command("import")(import_.import_)
app.add_typer(thin.app, name="thin")
app.command("fsck")(fsck.fsck)
app.command("backup")(backup.backup)
app.command("restore")(restore.restore)
app.command("upgrade")(upgrade.upgrade)
app.command("wipe")(wipe.wipe)


@app.command("verify")
def _verify() -> None:
    """Check an exported record alone; `detente verify --help` tells how."""
