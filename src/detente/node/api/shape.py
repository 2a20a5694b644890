"""Checks a JSON value against a schema: the small part of JSON Schema that our routes use.

The same dictionaries stand in the OpenAPI document, so what is written there is what is checked. Known
words: type (one or a list), properties, required, additionalProperties, items, maxItems, minLength,
maxLength, pattern, enum, minimum, maximum, $ref. An unknown word is our own mistake.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from detente.record.errors import Malformed

Schema = Mapping[str, Any]

_KNOWN: Final = frozenset(
    (
        *("type", "properties", "required", "additionalProperties", "items", "maxItems", "minLength"),
        *("maxLength", "pattern", "enum", "minimum", "maximum", "$ref", "description", "default", "const"),
    )
)
_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "null": type(None),
}


def check(value: Any, schema: Schema, named: Mapping[str, Schema], where: str = "body") -> None:
    """Raise Malformed naming the place (never the value) where `value` does not fit `schema`."""
    schema = resolve(schema, named)
    unknown = schema.keys() - _KNOWN
    if unknown:
        raise TypeError(f"schema words not known: {sorted(unknown)}")
    if "type" in schema and not any(_is(value, name) for name in _names(schema["type"])):
        raise Malformed(where, "type")
    if "enum" in schema and value not in schema["enum"]:
        raise Malformed(where, "not one of the values allowed")
    if isinstance(value, str):
        _check_text(value, schema, where)
    elif isinstance(value, int) and not isinstance(value, bool):
        _check_number(value, schema, where)
    elif isinstance(value, list):
        _check_list(value, schema, named, where)
    elif isinstance(value, dict):
        _check_object(value, schema, named, where)


def resolve(schema: Schema, named: Mapping[str, Schema]) -> Schema:
    """The schema itself, or the one its `$ref` names."""
    ref = schema.get("$ref")
    return schema if ref is None else named[str(ref).rpartition("/")[2]]


def _names(types: str | list[str]) -> list[str]:
    return [types] if isinstance(types, str) else types


def _is(value: Any, name: str) -> bool:
    # In Python True is an int; in JSON it is not.
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _TYPES[name])


def _check_text(value: str, schema: Schema, where: str) -> None:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 1 << 20):
        raise Malformed(where, "length")
    if "pattern" in schema and not re.fullmatch(schema["pattern"], value, re.ASCII):
        raise Malformed(where, "pattern")


def _check_number(value: int, schema: Schema, where: str) -> None:
    if value < schema.get("minimum", -(2**53)) or value > schema.get("maximum", 2**53):
        raise Malformed(where, "range")


def _check_list(value: list[Any], schema: Schema, named: Mapping[str, Schema], where: str) -> None:
    if len(value) > schema.get("maxItems", 1000):
        raise Malformed(where, "too many")
    for item in value:
        check(item, schema.get("items", {}), named, f"{where}[]")


def _check_object(value: dict[str, Any], schema: Schema, named: Mapping[str, Schema], where: str) -> None:
    known = schema.get("properties", {})
    missing = [name for name in schema.get("required", ()) if name not in value]
    if missing:
        raise Malformed(f"{where}.{missing[0]}", "missing")
    for name, item in value.items():
        if name in known:
            check(item, known[name], named, f"{where}.{name}")
        elif schema.get("additionalProperties") is False:
            raise Malformed(where, "unknown member")
