"""Verbs for what an officer does with an entry: `read`, `pass-on`, `answer`, `update`, `withdraw`, …

Each releases the act of that name on the entry's case by the post's own key, as `ack` does. Which fields an
act has is the kind's file; `detente send --act` is the same with every part in the open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final

import typer

from detente.cli.options import HERE, NO, NodeDir, errors_in_words, fail
from detente.cli.receipts import EntryArgument
from detente.cli.send import Also, release
from detente.cli.words import utc
from detente.node.client import LocalApi
from detente.node.folder import NodeFolder
from detente.node.pairing import node_charter

#: Verb → the act it does, and what `--help` says of it.
VERBS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "read": ("READ", "Say that a post has read an entry. This is not agreement."),
        "pass-on": ("PASS_ON", "Say that an entry was passed on to an echelon."),
        "answer": ("ANSWER", "Answer an entry of another party."),
        "update": ("UPDATE", "Renew or change the own side's values of a case."),
        "correct": ("CORRECT", "Correct the own side's values; the earlier ones stay in the record."),
        "withdraw": ("WITHDRAW", "Withdraw an own case; it stays in the record."),
        "move": ("MOVE", "Move a case to where its kind's states lead."),
        "sign": ("SIGN", "Sign an entry as the second post."),
        "comment": ("COMMENT", "Add a comment to a case."),
        "recall": ("RECALL", "Recall parts that were given; the others confirm."),
    }
)

#: Acts that speak of one entry even where it is the one that opened the case.
SPEAKS_OF: Final = frozenset({"READ", "PASS_ON", "ANSWER", "COMMENT", "RECALL"})

Fields = Annotated[
    list[str] | None, typer.Argument(metavar="NAME=VALUE", help="A field and its value; repeatable.")
]
Post = Annotated[str, typer.Option(help="The post that speaks.")]


def verb(name: str) -> Callable[..., None]:
    """The command for one verb of `VERBS`."""
    act, words = VERBS[name]

    def do(
        entry: EntryArgument,
        fields: Fields = None,
        post: Post = "WATCH",
        also: Also = None,
        folder: NodeDir = HERE,
    ) -> None:
        with errors_in_words():
            done = act_on(folder, entry, act, fields or [], post=post, also=also or [])
        print(done)

    do.__doc__ = words
    do.__name__ = act.lower()
    return do


def act_on(folder: Path, entry: str, act: str, fields: list[str], *, post: str, also: list[str]) -> str:
    """Release `act` on the entry's case and give the line to print; ends the program where there is none."""
    place = NodeFolder(folder)
    api = LocalApi(place)
    row = api.get(f"/v1/entries/{entry}")
    acts = api.get("/v1/charter")["kinds"].get(row["kind"], {}).get("acts", {})
    if act not in acts:
        fail(f"{row['kind']} has no act {act}", code=NO, hint=f"it has the acts {', '.join(acts)}")
    case = row.get("case") or entry
    about = [entry] if act in SPEAKS_OF or entry != case else []
    sent = release(
        api, row["kind"], act, fields, case=case, refers_to=about, post=post, also=also,
        gazetteer=node_charter(place).gazetteer,
    )  # fmt: skip
    notices = "".join(f"\n  {one['code']} ({one['clause']})" for one in sent.get("notices", ()))
    return f"{sent['id']} in the log at {utc(sent['time'])}{notices}"
