"""`detente keys …`: a party's keys made, shown, renewed, given up and recovered (protocol C1 to C3)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detente.charter.card import fingerprint_words, parse_card
from detente.cli.options import HERE, NO, NodeDir, errors_in_words, fail
from detente.node import keys as key_files
from detente.node import shares
from detente.node.folder import NodeFolder, write_private
from detente.node.pairing import node_charter, own_card
from detente.node.signer import confirm_mirror_later, confirmation_place, frozen_mark, restored_mark
from detente.node.signer_client import SignerClient, SignerStatus
from detente.record.age import recipient_of
from detente.record.errors import DetenteError, Unreachable
from detente.record.keys import SEED_SIZE
from detente.record.names import parse_origin

app = typer.Typer(no_args_is_help=True, help="Make, show, renew, give up and recover this party's keys.")

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
_CLEAR = "\033[2J\033[3J\033[H"


@app.command("ceremony")
def ceremony(
    folder: NodeDir = HERE,
    out: Annotated[
        Path | None, typer.Option(help="Write the shares here instead of the screen; exercise cells only.")
    ] = None,
    exercise: Annotated[bool, typer.Option("--exercise", help="Both shares at once, no questions.")] = False,
) -> None:
    """Make the recovery key in the presence of its two holders, before the card is given to anybody.

    Each holder writes down one page alone; both pages together are the key. Nothing of it stays here.
    """
    from detente.node.recovery import ceremony as make

    with errors_in_words():
        node = NodeFolder.open(folder)
        if (exercise or out) and not node.exercise:
            fail("--exercise and --out leave both shares in one place; exercise cells only", code=NO)
        one, two = make(node)
        public = shares.public_of(shares.join(one, two))
    pages = [shares.page(share, public) for share in (one, two)]
    if out is not None:
        with errors_in_words():
            out.mkdir(mode=0o700, parents=True, exist_ok=True)
            for number, text in enumerate(pages, 1):
                write_private(out / f"share-{number}.txt", text.encode())
        print(f"two shares in {out}: give each to its own holder")
    else:
        for number, text in enumerate(pages, 1):
            _hand_over(number, text, ask=not exercise)
    print("The recovery key, to be read aloud by both holders: " + " ".join(shares.spoken(public)))
    print("Words of the card, changed by this: " + " ".join(fingerprint_words(own_card(node))))


def _hand_over(number: int, text: str, *, ask: bool) -> None:
    if ask:
        typer.prompt(
            f"Holder of share {number} alone at the screen: press Enter", default="", show_default=False
        )
    print(text)
    if not ask:
        return
    while True:
        typed = typer.prompt("Copied by hand? Type the two check words from your page")
        if typed.split() == text.partition("check  ")[2].split("\n")[0].split():
            break
        print("these are not the check words of this share")
    print(_CLEAR, end="")


@app.command("show")
def show(folder: NodeDir = HERE) -> None:
    """Fingerprints of this node's keys, and where its log's signer stands. No secret is shown."""
    with errors_in_words():
        node = NodeFolder.open(folder)
        card = parse_card(own_card(node))
        print(f"{node.party.upper()} of {node.cell}, writes {node.origin}")
        print("card           " + " ".join(fingerprint_words(own_card(node))))
        print("recovery key   " + " ".join(shares.spoken(card.recovery)))
        on_disk = (node.keys / "recovery.key").exists()
        if on_disk:
            print("               still on this disk: hold the ceremony (detente keys ceremony)")
        seeds = key_files.receiving_seeds(node)
        for seed in seeds:
            print(f"receiving key  …{recipient_of(seed)[-16:]}" + ("  newest" if seed == seeds[0] else ""))
        if frozen_mark(node, node.origin).exists():
            print("log keys       frozen for good; open the next log: detente keys recover")
    status = _status(node)
    if status is not None:
        print(f"signer         {status.state}, size {status.size}, root {status.root.hex()}")


@app.command("confirm")
def confirm(
    size: Annotated[int, typer.Argument(help="Entries of the own log, from your own watch log.", min=0)],
    root: Annotated[str, typer.Argument(help="Root at that size, 64 hex digits.")],
    folder: NodeDir = HERE,
    yes: Yes = False,
) -> None:
    """Answer the start question yourself: only when no peer can be reached (protocol C2).

    If a larger head was ever signed, going on makes two histories, and the party needs its next log.
    """
    if not yes and not typer.confirm("Was nothing larger ever signed, as far as any peer knows by voice?"):
        fail("nothing was confirmed", code=NO)
    with errors_in_words():
        node = NodeFolder.open(folder)
        if len(root) != 2 * SEED_SIZE or set(root.lower()) - set("0123456789abcdef"):
            fail("the root is not 64 hex digits", code=2)
        try:
            status = SignerClient(node).confirm(size, bytes.fromhex(root))
        except Unreachable:
            write_private(confirmation_place(node), f"{size} {root.lower()}\n".encode(), replace=True)
            print("the node is not running: its signer takes this at the next start, once")
            return
    print(f"signer {status.state} at size {status.size}")


@app.command("confirm-mirror")
def confirm_mirror(
    log: Annotated[str, typer.Argument(help="Another party's log, as `detente log` prints its origin.")],
    size: Annotated[int, typer.Argument(help="Entries in the largest head that its party signed.", min=0)],
    folder: NodeDir = HERE,
    yes: Yes = False,
) -> None:
    """Say for a restored node how large another party's log is: only when no peer can be asked (protocol B1).

    This node then confirms nothing smaller of that log. Too small a number can make it confirm less than it
    had confirmed before, which its peers must take for a lie.
    """
    if not yes and not typer.confirm("Did that party say by voice that it never signed a larger head?"):
        fail("nothing was confirmed", code=NO)
    with errors_in_words():
        node = NodeFolder.open(folder)
        cell, party, _ = parse_origin(log)
        if cell != node.cell or party == node.party or party not in node_charter(node).parties:
            fail("that is no log of another party of this cell", code=2)
        if not restored_mark(node).exists():
            fail("this node was not restored, or its peers have answered: nothing is to be said", code=NO)
        try:
            signer = SignerClient(node)
            if not signer.mirror_unsure(log):
                print("this mirror knows already; nothing was changed")
                return
            signer.mirror_unsure(log, size)
        except Unreachable:
            confirm_mirror_later(node, log, size)
            print("the node is not running: its signer takes this at the next start, once")
            return
    print(f"nothing below {size} entries of {log} is confirmed from now on")


@app.command("rotate")
def rotate(folder: NodeDir = HERE) -> None:
    """Make a new receiving key. The running node announces it, and destroys the old one when all know it."""
    with errors_in_words():
        node = _acceded(folder)
        number = key_files.make_receiving(node)
        newest = recipient_of(key_files.receiving_seeds(node)[0])
    print(f"receiving key {number} made: …{newest[-16:]}")
    print("the running node announces it within seconds (R04); peers seal to it once they hold that entry")
    print("the old key stays until every peer has confirmed the entry and the courier time is over")


@app.command("storage-rotate")
def storage_rotate(folder: NodeDir = HERE) -> None:
    """Wrap all file keys at rest under a new storage key. Stop the node first; it may be interrupted."""
    from detente.node import django_setup
    from detente.node.rewrap import rotate_storage

    with errors_in_words():
        node = NodeFolder.open(folder)
        django_setup.configure(node)
        print("An interrupted run goes on when this is called again.")
        done = rotate_storage(node, lambda count: print(f"\r{count} wrapped again", end="", flush=True))
    print(f"\r{done} wrapped again under the new storage key; the old one is gone from this folder")


@app.command("compromise")
def compromise(folder: NodeDir = HERE, yes: Yes = False) -> None:
    """A log key is stolen or lost: stop signing with it for good, and make the next log's keys.

    There is no way back. Entries wait until both share holders have opened the next log.
    """
    with errors_in_words():
        node = NodeFolder.open(folder)
        print(f"This freezes {node.origin} for good: nothing more is signed in it, also after a restore.")
        print(
            "STOP-AND-CHECK waits too, until `detente keys recover` with both shares has opened the next log."
        )
        print("Tell the other parties by voice now: ask them to confirm nothing more of this log.")
        if not yes and not typer.confirm("Freeze it?"):
            fail("nothing was changed", code=NO)
        try:
            SignerClient(node).freeze()
        except Unreachable:
            mark = frozen_mark(node, node.origin)
            if not mark.exists():
                write_private(mark, b"")
    print(f"{node.origin} is frozen; bring both shares: detente keys recover --node {folder}")


@app.command("recover")
def recover(
    folder: NodeDir = HERE,
    share_files: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--shares", help="Files of the two shares; else they are asked."),
    ] = None,
    offline: Annotated[
        Path | None, typer.Option("--keys", help="Offline copy of keys/: its ca/, posts/ and receiving/.")
    ] = None,
    without_peers: Annotated[
        bool, typer.Option("--without-peers", help="Go on though no peer answers; names what is held here.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Open this party's next log with the two shares; the node is stopped meanwhile (protocol C3)."""
    from detente.node.recovery import recover as open_next

    with errors_in_words():
        node = _acceded(folder)
        charter = node_charter(node)
        seed = _seed(node, share_files)
        words = " ".join(shares.spoken(shares.public_of(seed)))
        print(f"recovery key of {node.party.upper()} in {charter.cell}: {words}")
        if not yes and not typer.confirm(f"Leave {node.origin} and open the next log?"):
            fail("nothing was changed", code=NO)
        done = open_next(node, seed, kit=offline, without_peers=without_peers)
    for peer, size in sorted(done.answers.items()):
        print(f"  {peer.upper()} has confirmed {size} entries of the old log")
    for made in done.made:
        print(f"  made: {made}")
    print(f"{done.origin} follows {done.following.old} from size {done.following.old_size}")
    print(f"start the node: detente node --node {folder}")


def _acceded(folder: Path) -> NodeFolder:
    """The node in the folder, if it has a charter."""
    node = NodeFolder.open(folder)
    if not node.charter_toml.exists():
        fail("this node has no charter yet", code=NO, hint="put charter/ and cards/ back, or accede first")
    return node


def _seed(node: NodeFolder, files: tuple[Path, Path] | None) -> bytes:
    """The recovery key, from two files, two typed pages, or (exercises) the file that `init` left."""
    if files is not None:
        one, two = (shares.read(place.read_text(encoding="utf-8")) for place in files)
        return shares.join(one, two)
    left = node.keys / "recovery.key"
    if node.exercise and left.exists():
        return key_files.recovery_seed(node)
    return shares.join(_typed(node, 1), _typed(node, 2))


def _typed(node: NodeFolder, number: int) -> shares.Share:
    while True:
        print(f"Holder of share {number}: type the eight lines and the check line, each with its number")
        lines = [f"share {number} of 2, {node.cell}/{node.party}"]
        for label in (*"12345678", "check"):
            words = typer.prompt(label, hide_input=False)
            lines.append(f"{label} {words.removeprefix(label)}")
        print(_CLEAR, end="")
        try:
            return shares.read("\n".join(lines))
        except DetenteError as error:
            print(f"not taken: {error}")


def _status(node: NodeFolder) -> SignerStatus | None:
    try:
        return SignerClient(node, timeout_s=3).status()
    except Unreachable:
        return None
