"""Reads one `[[field]]` of a kind file, with its columns where it is a table."""

from __future__ import annotations

from typing import Final, Literal

from detente.charter import model
from detente.charter.model import Column, Field
from detente.charter.strict import NAME, Table, contradiction
from detente.record.errors import Malformed

_CLAUSE: Final = "formats/charter 3"
_SIZED: Final = ("text", "int", "list", "hex", "table")
_COLUMNS: Final = 12
#: What the core carries in a table: codes and numbers; words and places stand in the content (protocol A4).
_IN_CORE: Final = ("code", "time", "int", "bool", "ref", "hex")


def read_field(row: Table) -> Field:
    kind = row.choice("type", model.FIELD_TYPES)
    part: Literal["core", "content"] = (
        "core" if row.choice("part", ("core", "content")) == "core" else "content"
    )
    found = Field(
        id=row.text("name", NAME),
        **row.worded(),
        part=part,
        type=kind,
        of=row.choice("of", model.FIELD_TYPES) if kind == "list" else None,
        codes=row.maybe_text("codes", NAME),
        unit=row.maybe_text("unit", NAME),
        minimum=row.maybe_integer("minimum", low=-(2**53) + 1),
        maximum=row.maybe_integer("maximum"),
        required=row.choices("required", model.ACTS),
        optional=row.choices("optional", model.ACTS),
        when=row.when(),
        default=row.maybe_text("default"),
        auto=row.boolean("auto", False),
        columns=tuple(_column(one, part) for one in row.tables("column", required=kind == "table")),
    )
    row.done()
    names = [one.id for one in found.columns]
    if (kind == "table") != bool(names) or len(set(names)) < len(names) or len(names) > _COLUMNS:
        raise contradiction(_CLAUSE, row.path, f"a table has 1 to {_COLUMNS} columns, each name once")
    if (found.codes is not None) != ("code" in (kind, found.of)):
        raise contradiction(_CLAUSE, row.path, "code fields and no others name a list")
    if set(found.required) & set(found.optional) or not found.required + found.optional:
        raise contradiction(_CLAUSE, row.path, "a field is required or optional in an act, and in some act")
    _sized(kind, found.maximum, row)
    return found


def _column(row: Table, part: str) -> Column:
    kind = row.choice("type", _IN_CORE if part == "core" else model.COLUMN_TYPES)
    found = Column(
        id=row.text("name", NAME),
        **row.worded(),
        type=kind,
        codes=row.maybe_text("codes", NAME),
        unit=row.maybe_text("unit", NAME),
        minimum=row.maybe_integer("minimum", low=-(2**53) + 1),
        maximum=row.maybe_integer("maximum"),
        required=row.boolean("required", False),
        when=row.when(),
    )
    row.done()
    if (found.codes is not None) != (kind == "code"):
        raise contradiction(_CLAUSE, row.path, "code columns and no others name a list")
    _sized(kind, found.maximum, row)
    return found


def _sized(kind: str, maximum: int | None, row: Table) -> None:
    if kind in _SIZED and maximum is None:
        raise Malformed(row.at("maximum"), "is missing")  # every size has a limit
