"""Form checks at authoring (V01 to V25, protocol F14): what is seen before an entry is sent.

In acts of the floor everything here is a notice on the sent entry; in others it refuses, except the seam
warning, which is for the reader's eye only. Values that break a field's type are refused in every kind.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from detente.cases import faults
from detente.cases.book import Case
from detente.cases.faults import Fault
from detente.cases.fields import field_faults
from detente.cases.places import Place, compare_place, parse_place, seam_warning
from detente.charter.model import ActRule, Charter, Kind
from detente.record.errors import declare

_OFFICER: Final = "officer"

TOO_LONG: Final = declare("text-too-long", _OFFICER, "a FLASH or IMMEDIATE text has at most 200 words")
FUTURE: Final = declare("future-time", _OFFICER, "what is reported cannot lie in the future")
MISMATCH: Final = declare("place-mismatch", _OFFICER, "point, name and bearing lie more than 2 km apart")
SEAM: Final = declare("zone-seam", _OFFICER, "the places lie near or across the edge of a grid zone")
TOO_FINE: Final = declare("place-too-fine", _OFFICER, "the place is finer than the charter agrees for forces")
ECHO_DIFFERS: Final = declare("echo-differs", _OFFICER, "the echo is not the test text byte for byte")

#: V02
MAX_WORDS: Final = 200
_SHORT: Final = ("FLASH", "IMMEDIATE")


@dataclass(frozen=True, slots=True)
class Saying:
    """A statement before it is sent: core fields, content fields, and what conditions are read over."""

    charter: Charter
    kind: Kind
    rule: ActRule
    fields: Mapping[str, Any]
    content: Mapping[str, Any]
    values: Mapping[str, Any]
    case: Case | None
    precedence: str
    as_of: int


def form_notices(said: Saying) -> tuple[Fault, ...]:
    """Notices that stand on the entry; raises RuleViolation for the first that must stop it."""
    wrong = list(field_faults(said.kind, said.rule, "content", said.content, said.values))
    for fault in wrong:
        # A missing text or place never keeps a floor entry; a value that is none would mislead for ever.
        if not (said.rule.floor and fault.code == faults.MISSING_FIELD):
            raise fault.refusal()
    found = (*wrong, *_checks(said))
    stopping = next((one for one in found if not said.rule.floor and one.code != SEAM), None)
    if stopping is not None:
        raise stopping.refusal()
    return found


def _checks(said: Saying) -> Iterator[Fault]:
    asked = set(said.kind.checks)
    if "V02" in asked:
        yield from _long_texts(said)
    if "V04" in asked:
        yield from _future_times(said)
    places = _places(said)
    if "V05" in asked:
        yield from (
            Fault(MISMATCH, "V05", name)
            for name, place in places.items()
            if compare_place(place, said.charter.gazetteer).agreement == "MISMATCH"
        )
    if "V06" in asked and places and seam_warning(places.values()):
        yield Fault(SEAM, "V06", next(iter(places)))
    if "V07" in asked:
        limit = said.charter.precision_m
        yield from (Fault(TOO_FINE, "V07", name) for name, one in places.items() if one.precision_m < limit)
    if "ECHO" in asked and _echo_differs(said):
        yield Fault(ECHO_DIFFERS, said.kind.id, "echo")


def _long_texts(said: Saying) -> Iterator[Fault]:
    if said.precedence in _SHORT:
        for name, value in said.content.items():
            if isinstance(value, str) and len(value.split()) > MAX_WORDS:
                yield Fault(TOO_LONG, "V02", name)


def _future_times(said: Saying) -> Iterator[Fault]:
    # `until` says when something will be possible again; every other time of these kinds is a past one.
    latest = said.as_of + said.charter.bounds.skew_s
    for name, value in said.fields.items():
        field = said.kind.field(name)
        if field is not None and field.type == "time" and name != "until" and value > latest:
            yield Fault(FUTURE, "V04", name)


def _places(said: Saying) -> dict[str, Place]:
    both = {**said.fields, **said.content}
    named = {name: said.kind.field(name) for name in both}
    return {name: parse_place(both[name]) for name, field in named.items() if field and field.type == "place"}


def _echo_differs(said: Saying) -> bool:
    if said.case is None or said.fields.get("answer") != "ECHO":
        return False
    test = said.case.fields.get("test_text")
    return test is not None and said.fields.get("echo") != test.value
