"""`detente node`: run signer, link, desk and alarm, and start again what falls over."""

from __future__ import annotations

import typer

from detente.cli.options import HERE, NodeDir, errors_in_words


def node(folder: NodeDir = HERE) -> None:
    """Run this party's node until it is stopped (SIGTERM or Ctrl-C)."""
    with errors_in_words():
        from detente.node.folder import NodeFolder
        from detente.node.supervise import run

        raise typer.Exit(run(NodeFolder(folder)))
