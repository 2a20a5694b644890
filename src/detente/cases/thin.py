"""What a thin message says, made from kind data alone (protocol E3; spec/formats/thin.md).

1. Numbers are places in the kind file: of the act, of the field, of the code in its list. A kind's version
   freezes them; a test holds D01 and D02 to theirs.
2. Fields of the core go along, of the content the place alone, and no finer than one kilometre. What the
   node fills in by itself stays behind.
3. An act that needs words which the form cannot bear is refused by name, before anything is signed.
4. What was read is provisional: it moves no state and is no receipt, until the entry that names it is held.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from detente.cases.grids import grid_of
from detente.cases.places import parse_place, place_by_grid, place_by_name, place_json
from detente.charter.model import ActRule, Charter, Field, Kind
from detente.charter.table import holds
from detente.record.errors import Malformed, Refused, declare
from detente.record.strictjson import MAX_INTEGER
from detente.record.thin import Thin, ThinCase, parse_thin, sign_thin, verify_thin

NOT_CARRIED: Final = declare(
    "thin-not-carried", "caller", "the thin form bears no such kind, act or field; use a line, stick or voice"
)
OTHER_CHARTER: Final = declare(
    "thin-other-charter", "operator", "the message was made under another charter than this node's"
)
UNKNOWN_KEY: Final = declare(
    "thin-key-unknown", "operator", "the charter names no thin key for the party that the message names"
)

#: Bytes of a text field: what an agreed test text needs, and no room for a message.
TEXT: Final = 20
_PLACE_GRID, _PLACE_POINT = 2, 3
_GRID: Final = re.compile(r"([0-9]{2})([A-Z])([A-Z])([A-Z])([0-9]{2}|[0-9]{4})", re.ASCII)
_KIND: Final = re.compile(r"D([0-9]{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ThinSaid:
    """What a message says in the charter's own words. `case` is None for a NEW."""

    party: str
    asked: str
    kind: str
    act: str
    time: int
    nonce: bytes
    fields: Mapping[str, Any]
    content: Mapping[str, Any]
    case: ThinCase | None = None


def make_thin(charter: Charter, said: ThinSaid, seed: bytes) -> bytes:
    """The signed message. Raises Refused `thin-not-carried` or `thin-too-long`, Malformed."""
    kind, rule, number = _rule(charter, said.kind, said.act)
    if (said.case is None) != (said.act == "NEW"):
        raise Refused(NOT_CARRIED, kind=said.kind, act=said.act, needs="a case for all but NEW")
    order = sorted(charter.parties)
    acts = list(kind.acts)
    thin = Thin(
        charter.digest[:3], order.index(said.party), order.index(said.asked), number, kind.version,
        acts.index(rule.id), said.time, said.nonce, said.case, _encode(charter, kind, rule, said),
    )  # fmt: skip
    return sign_thin(thin, charter.cell, seed)


def read_thin(charter: Charter, data: bytes) -> ThinSaid:
    """What a message says, once its party's thin key signed it.

    Raises Malformed, Unverified, Refused `thin-other-cell`, `thin-other-charter`, `thin-key-unknown`.
    """
    thin = parse_thin(data, charter.cell)
    if thin.charter != charter.digest[:3]:
        raise Refused(OTHER_CHARTER, charter=thin.charter.hex())
    order = sorted(charter.parties)
    if max(thin.author, thin.asked) >= len(order):
        raise Refused(UNKNOWN_KEY, party=thin.author)
    party = charter.parties[order[thin.author]]
    if party.thin is None:
        raise Refused(UNKNOWN_KEY, party=party.id)
    verify_thin(data, charter.cell, bytes.fromhex(party.thin))
    kind = charter.kinds.get(f"D{thin.kind:02d}")
    if kind is None or kind.version != thin.kind_version or thin.act >= len(kind.acts):
        raise Malformed("thin", "a kind or act that the charter does not have")
    rule = list(kind.acts.values())[thin.act]
    fields, content = _decode(charter, kind, thin.fields)
    return ThinSaid(
        party.id, order[thin.asked], kind.id, rule.id, thin.time, thin.nonce, fields, content, thin.case
    )


def carried_fields(kind: Kind, rule: ActRule) -> tuple[Field, ...]:
    """The fields of an act that the thin form bears, in the kind file's order."""
    named = {*rule.required, *rule.optional}
    return tuple(one for one in kind.fields if one.id in named and _is_carried(one))


def _rule(charter: Charter, kind: str, act: str) -> tuple[Kind, ActRule, int]:
    rules, number = charter.kinds.get(kind), _KIND.fullmatch(kind)
    rule = rules.acts.get(act) if rules is not None else None
    if rules is None or rule is None or number is None or not rule.floor:
        raise Refused(NOT_CARRIED, kind=kind, act=act)
    return rules, rule, int(number[1])


def _is_carried(field: Field) -> bool:
    if field.auto or field.type == "hex":
        return False
    if field.type == "place":
        return True
    if field.part == "content":
        return False
    return field.type in ("code", "int", "time", "bool", "text") or (
        field.type == "list" and field.of == "code"
    )


def _encode(charter: Charter, kind: Kind, rule: ActRule, said: ThinSaid) -> bytes:
    values = {**said.fields, **said.content}
    carried = {one.id for one in carried_fields(kind, rule)}
    if strange := next((name for name in values if name not in carried), None):
        raise Refused(NOT_CARRIED, kind=kind.id, act=rule.id, field=strange)
    for field in kind.fields:
        needed = field.id in rule.required and holds(field.when, values) and field.default is None
        # A place that nobody could read never holds STOP-AND-CHECK back; on paper neither (fold F14).
        if needed and field.type != "place" and field.id not in values:
            raise Refused(NOT_CARRIED, kind=kind.id, act=rule.id, needs=field.id)
    present, found = 0, b""
    for place, field in enumerate(kind.fields):
        if field.id in values:
            present |= 1 << place
            found += _value(charter, kind, field, values[field.id])
    return present.to_bytes(_bitmap(kind), "little") + found


def _decode(charter: Charter, kind: Kind, data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    size = _bitmap(kind)
    present, rest = int.from_bytes(data[:size], "little"), _Bytes(data[size:])
    if len(data) < size or present >> len(kind.fields):
        raise Malformed("thin fields")
    fields: dict[str, Any] = {}
    content: dict[str, Any] = {}
    for place, field in enumerate(kind.fields):
        if present >> place & 1:
            if not _is_carried(field):
                raise Malformed("thin field", field.id)
            (fields if field.part == "core" else content)[field.id] = _read(charter, kind, field, rest)
    if rest.left():
        raise Malformed("thin fields", "bytes behind the last")
    return fields, content


def _bitmap(kind: Kind) -> int:
    return -(-len(kind.fields) // 8)


class _Bytes:
    """Bytes that are read once. Every read raises Malformed past the end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def take(self, count: int) -> bytes:
        found = self._data[self._place : self._place + count]
        if len(found) < count:
            raise Malformed("thin fields", "cut short")
        self._place += count
        return found

    def byte(self) -> int:
        return self.take(1)[0]

    def left(self) -> int:
        return len(self._data) - self._place


def _value(charter: Charter, kind: Kind, field: Field, value: Any) -> bytes:
    """A field's value as bytes. Raises Malformed for one that the field cannot have."""
    try:
        match field.type:
            case "code":
                return bytes([list(kind.codes(field)).index(value)])
            case "bool":
                return bytes([bool(value)])
            case "time":
                return int(value).to_bytes(4, "big")
            case "int":
                return _encode_int(int(value) - (field.minimum or 0))
            case "list":
                codes = list(kind.codes(field))
                return sum(1 << codes.index(one) for one in set(value)).to_bytes(
                    -(-len(codes) // 8), "little"
                )
            case "place":
                return _encode_place(charter, value)
            case _:
                return _encode_text(field, value)
    except (ValueError, OverflowError, TypeError) as error:
        raise Malformed("thin field", field.id) from error


def _read(charter: Charter, kind: Kind, field: Field, data: _Bytes) -> Any:
    match field.type:
        case "code":
            return _one_of(list(kind.codes(field)), data.byte(), field)
        case "bool":
            return _one_of([False, True], data.byte(), field)
        case "time":
            return int.from_bytes(data.take(4), "big")
        case "int":
            return _read_int(data) + (field.minimum or 0)
        case "list":
            codes = list(kind.codes(field))
            said = int.from_bytes(data.take(-(-len(codes) // 8)), "little")
            if said >> len(codes):
                raise Malformed("thin field", field.id)
            return [code for place, code in enumerate(codes) if said >> place & 1]
        case "place":
            return _read_place(charter, data)
        case _:
            return _read_text(data)


def _one_of(values: list[Any], number: int, field: Field) -> Any:
    if number >= len(values):
        raise Malformed("thin field", field.id)
    return values[number]


def _encode_int(value: int) -> bytes:
    if not 0 <= value <= MAX_INTEGER:
        raise Malformed("thin number")
    return bytes(_sevens(value))


def _sevens(value: int) -> Iterator[int]:
    """Seven bits a byte, the lowest first; the last byte is below 128."""
    while value > 127:
        yield 128 | value & 127
        value >>= 7
    yield value


def _read_int(data: _Bytes) -> int:
    found = shift = 0
    while True:
        byte = data.byte()
        found |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            if not byte and shift > 7:
                raise Malformed("thin number", "not in its shortest form")
            return found
        if shift > 49:
            raise Malformed("thin number")


def _encode_text(field: Field, value: str) -> bytes:
    data = value.encode()
    if len(data) > TEXT:
        raise Refused(NOT_CARRIED, field=field.id, bytes=len(data), limit=TEXT)
    return bytes([len(data)]) + data


def _read_text(data: _Bytes) -> str:
    size = data.byte()
    if size > TEXT:
        raise Malformed("thin text")
    try:
        return data.take(size).decode()
    except UnicodeDecodeError as error:
        raise Malformed("thin text", "not UTF-8") from error


def _encode_place(charter: Charter, value: Any) -> bytes:
    """A call point of the gazetteer by its number, else the square of 1 or 10 km that holds the place."""
    place = parse_place(value)
    if place.gazetteer_id in charter.gazetteer and place.bearing_from is None:
        points = sorted(charter.gazetteer)
        return bytes([_PLACE_POINT]) + points.index(str(place.gazetteer_id)).to_bytes(2, "big")
    edge = 10_000 if place.precision_m > 1_000 else 1_000
    point = place.points[0]
    found = _GRID.fullmatch(grid_of(point.lat, point.lon, edge))
    if found is None:
        raise Malformed("thin place")
    half = len(found[5]) // 2
    east, north = found[5][:half], found[5][half:]
    letters = bytes(ord(found[n]) for n in (2, 3, 4))
    return bytes([half - 1, int(found[1])]) + letters + bytes([int(east), int(north)])


def _read_place(charter: Charter, data: _Bytes) -> dict[str, Any]:
    form = data.byte()
    if form == _PLACE_POINT:
        points = sorted(charter.gazetteer)
        number = int.from_bytes(data.take(2), "big")
        if number >= len(points):
            raise Malformed("thin place", "no such call point")
        return place_json(place_by_name(charter.gazetteer[points[number]], precision_m=1_000))
    if form >= _PLACE_GRID:
        raise Malformed("thin place")
    zone, *letters, east, north = data.take(6)
    half = form + 1
    text = f"{zone:02d}{bytes(letters).decode('latin-1')}{east:0{half}d}{north:0{half}d}"
    if not _GRID.fullmatch(text):
        raise Malformed("thin place", "no grid")
    return place_json(place_by_grid(text, basis="MAP"))
