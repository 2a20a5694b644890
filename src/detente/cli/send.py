"""`detente send KIND name=value …`: propose and release an entry on the party's own node.

It acts for its own node only: it speaks to the local API in the node's folder, which signs with the keys of
the post that is on watch there. Values follow the kind's field types:

    code, text      as typed
    int             17
    bool            yes | no
    time            2026-11-23T17:05:00Z (UTC only; local time is refused)
    list            a,b,c
    table           rows as JSON: [{"subject": "ROUTE", "asked": "which road is open"}]
    place           -45.125,-30.020[,PRECISION_M[,BASIS]], a grid with its zone, or a gazetteer id
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any

import typer

from detente.cases.places import Point, place_at, place_by_grid, place_by_name, place_json
from detente.charter.model import Named
from detente.cli.options import HERE, WRONG_USE, AsJson, NodeDir, errors_in_words, fail
from detente.cli.words import utc
from detente.node.client import LocalApi
from detente.node.folder import NodeFolder
from detente.node.pairing import node_charter
from detente.record.errors import Malformed
from detente.record.strictjson import parse

_INT = re.compile(r"-?[0-9]{1,15}", re.ASCII)
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)
_DEGREES = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,6})?", re.ASCII)
_MOST_ROWS_BYTES = 65_536
DEFAULT_PRECISION_M = 1000
DEFAULT_BASIS = "MAP"


Also = Annotated[
    list[str] | None, typer.Option("--also", help="A further post that approves it; repeatable.")
]


To = Annotated[str, typer.Option(help="The party asked, where the kind leaves a choice.")]


def send(
    kind: Annotated[str, typer.Argument(help="D01, D02, …")],
    fields: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE", help="A field and its value; repeatable.")
    ] = None,
    act: Annotated[str, typer.Option(help="NEW, UPDATE, MOVE, SIGN, WITHDRAW, READ, ACK, …")] = "NEW",
    case: Annotated[str, typer.Option(help="The case, by its opening entry.")] = "",
    refers_to: Annotated[list[str] | None, typer.Option(help="An entry it refers to; repeatable.")] = None,
    post: Annotated[str, typer.Option(help="The post that speaks.")] = "WATCH",
    also: Also = None,
    to: To = "",
    folder: NodeDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Send one entry from this node; returns when it would survive a power cut."""
    with errors_in_words():
        api = LocalApi(NodeFolder(folder))
        gazetteer = node_charter(NodeFolder(folder)).gazetteer
        sent = release(
            api, kind, act, fields or [], case=case, refers_to=refers_to or [], post=post,
            also=also or [], to=to, gazetteer=gazetteer,
        )  # fmt: skip
    if as_json:
        print(json.dumps(sent, ensure_ascii=False, sort_keys=True))
        return
    print(f"{sent['id']} in the log at {utc(sent['time'])}")
    for notice in sent.get("notices", ()):
        print(f"  {notice['code']} ({notice['clause']})")


def release(
    api: LocalApi,
    kind: str,
    act: str,
    words: list[str],
    *,
    case: str = "",
    refers_to: Sequence[str] = (),
    post: str = "WATCH",
    also: Sequence[str] = (),
    to: str = "",
    gazetteer: Mapping[str, Named] = MappingProxyType({}),
) -> dict[str, Any]:
    """Send by the post's own key, and those of the posts in `also`; `words` are NAME=VALUE."""
    body = statement(
        api, kind, act, words, case=case, refers_to=refers_to, post=post, to=to, gazetteer=gazetteer
    )
    sent: dict[str, Any] = api.post("/v1/send", body | approving(also))
    return sent


def approving(also: Sequence[str]) -> dict[str, Any]:
    """Who approves: the post's own key, and those of further posts."""
    return {"post_key": True} | ({"also": list(also)} if also else {})


def statement(
    api: LocalApi,
    kind: str,
    act: str,
    words: list[str],
    *,
    case: str = "",
    refers_to: Sequence[str] = (),
    post: str = "WATCH",
    to: str = "",
    gazetteer: Mapping[str, Named] = MappingProxyType({}),
) -> dict[str, Any]:
    """What is to be said, as the local API takes it; `words` are NAME=VALUE."""
    known = api.get("/v1/charter")["kinds"].get(kind)
    if known is None:
        fail(f"{kind} is not a kind of this charter", code=WRONG_USE)
    types = {field["id"]: field for field in known["fields"]}
    core: dict[str, Any] = {}
    content: dict[str, Any] = {}
    for word in words:
        name, mark, text = word.partition("=")
        if not mark or name not in types:
            fail(f"{word!r} is not NAME=VALUE of {kind}", code=WRONG_USE, hint="fields: " + ", ".join(types))
        where = content if types[name].get("where") == "content" else core
        where[name] = place(text, gazetteer) if types[name]["type"] == "place" else typed(types[name], text)
    body: dict[str, Any] = {"kind": kind, "act": act, "fields": core, "post": post}
    if content:
        body["content"] = content
    if case:
        body["case"] = case
    if refers_to:
        body["refers_to"] = list(refers_to)
    if to:
        body["to"] = to
    return body


def typed(field: Mapping[str, Any], text: str) -> Any:
    """`text` as a value of the field's type; wrong use ends the program with the form that is asked for."""
    kind = field["type"]
    if kind == "int" and _INT.fullmatch(text):
        return int(text)
    if kind == "bool" and text in ("yes", "no"):
        return text == "yes"
    if kind == "time" and _INSTANT.fullmatch(text):
        return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())
    if kind == "list":
        return [part for part in text.split(",") if part]
    if kind in ("code", "text", "hex", "ref"):
        return text
    if kind == "table":
        return _rows(field, text)
    return fail(f"{field['id']}: {text!r} is not of type {kind}", code=WRONG_USE)


def _rows(field: Mapping[str, Any], text: str) -> list[Any]:
    """Rows of a table field; the node checks columns and values by the kind's file."""
    try:
        rows = parse(text.encode(), limit=_MOST_ROWS_BYTES)
    except Malformed as error:
        return fail(f"{field['id']}: {error}", code=WRONG_USE, hint='rows are JSON: [{"NAME": "VALUE"}]')
    if not isinstance(rows, list):
        return fail(f"{field['id']}: rows are a JSON list of objects", code=WRONG_USE)
    return rows


def place(text: str, gazetteer: Mapping[str, Named]) -> dict[str, Any]:
    """A place object (spec/formats/core.md) of `LAT,LON[,PRECISION_M[,BASIS]]`, a grid, or a gazetteer id."""
    if text in gazetteer:
        return place_json(place_by_name(gazetteer[text], precision_m=DEFAULT_PRECISION_M))
    parts = text.split(",")
    precision = int(parts[2]) if len(parts) > 2 and _INT.fullmatch(parts[2]) else DEFAULT_PRECISION_M
    basis = parts[3] if len(parts) > 3 else DEFAULT_BASIS
    with errors_in_words():
        if len(parts) == 1:
            return place_json(place_by_grid(text, basis=basis))
        point = Point(*(_degrees_e6(part) for part in parts[:2]))
        return place_json(place_at([point], precision_m=precision, basis=basis))


def _degrees_e6(text: str) -> int:
    if not _DEGREES.fullmatch(text):
        fail(f"{text!r} is not degrees such as -33.125", code=WRONG_USE)
    return round(Decimal(text) * 1_000_000)
