"""Whether the fields of an act are those of its kind, in type, codes and limits.

1. A field stands only in the acts that name it, only in its part, and only where its condition holds.
2. Conditions are read over the act's own core fields and, where it is silent, the case's current ones.
3. A table is a list of rows; the conditions of a column are read over its own row alone.
4. Content never decides a verdict, because it may be destroyed: its faults are the author's form only.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, Literal

from detente.cases import faults
from detente.cases.faults import Fault
from detente.cases.instants import LATEST
from detente.cases.places import parse_place
from detente.charter.model import ActRule, Column, Field, Kind
from detente.charter.table import holds
from detente.record.encoding import parse_hex
from detente.record.errors import Malformed
from detente.record.references import parse_reference

_NUMBER_LIMIT: Final = 2**53 - 1


def field_faults(
    kind: Kind,
    rule: ActRule,
    part: Literal["core", "content"],
    fields: Mapping[str, Any],
    values: Mapping[str, Any],
) -> Iterator[Fault]:
    """Faults of the fields of one part; `values` are those that conditions are read over (rule 2)."""
    for name in fields:
        field = kind.field(name)
        known = field is not None and field.part == part and name in rule.required + rule.optional
        if field is None or not known or not holds(field.when, values):
            yield Fault(faults.UNKNOWN_FIELD, kind.id, name)
        elif not _fits(kind, field, fields[name]):
            yield Fault(faults.WRONG_VALUE, kind.id, name)
    for name in rule.required:
        field = kind.field(name)
        needed = field is not None and field.part == part and holds(field.when, values)
        if needed and name not in fields:
            yield Fault(faults.MISSING_FIELD, kind.id, name)


def needed_content(kind: Kind, rule: ActRule, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the content fields that an act must carry; known without opening the content."""
    found = (kind.field(name) for name in rule.required)
    return tuple(one.id for one in found if one and one.part == "content" and holds(one.when, values))


def _fits(kind: Kind, field: Field, value: Any) -> bool:
    if field.type not in ("list", "table"):
        return _fits_one(kind, field, field.type, value)
    if not isinstance(value, list) or not _within(field, len(value)):
        return False
    if field.type == "table":
        return all(_fits_row(kind, field, one) for one in value)
    # The limits of a list bound its items' number; an item is bounded by the core's own size.
    item = replace(field, minimum=None, maximum=None)
    return all(_fits_one(kind, item, field.of or "", one) for one in value)


def _fits_row(kind: Kind, field: Field, row: Any) -> bool:
    """Each value in a column that may stand in this row, and each column that must."""
    columns = {one.id: one for one in field.columns}
    if not isinstance(row, dict) or not row.keys() <= columns.keys():
        return False
    stands = {name for name, one in columns.items() if holds(one.when, row)}
    needed = {name for name in stands if columns[name].required}
    fits = all(_fits_one(kind, columns[name], columns[name].type, value) for name, value in row.items())
    return fits and needed <= row.keys() <= stands


def _fits_one(kind: Kind, field: Field | Column, type_: str, value: Any) -> bool:
    match type_:
        case "code":
            return isinstance(value, str) and value in kind.codes(field)
        case "text":
            return isinstance(value, str) and _within(field, len(value))
        case "bool":
            return isinstance(value, bool)
        case "int":
            return _whole(value) and _within(field, value)
        case "time":
            return _whole(value) and 0 < value <= LATEST
        case "place" | "ref" | "hex":
            return _parses(field, type_, value)
        case _:
            return False


def _parses(field: Field | Column, type_: str, value: Any) -> bool:
    try:
        if type_ == "place":
            parse_place(value)
        elif type_ == "ref":
            parse_reference(value)
        else:
            return isinstance(value, str) and _within(field, len(parse_hex(value, field.id)))
    except Malformed:
        return False
    return True


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _within(field: Field | Column, size: int) -> bool:
    low = field.minimum if field.minimum is not None else -_NUMBER_LIMIT
    high = field.maximum if field.maximum is not None else _NUMBER_LIMIT
    return low <= size <= high
