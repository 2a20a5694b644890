"""Instants: whole POSIX seconds UTC; typed text is read only when it says UTC itself (V03).

Local text is refused because one of two neighbours may change its clock in winter and the other not: the
same typed hour would be two instants.
"""

import re
from datetime import UTC, datetime
from typing import Final

from detente.record.errors import RuleViolation, declare

LOCAL_TIME: Final = declare(
    "local-time", "officer", "a typed time must say UTC: 2026-01-12T10:00:00Z, 121000ZJAN26"
)

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_ISO: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?Z", re.ASCII)
_GROUP: Final = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{2})Z ?([A-Z]{3}) ?([0-9]{2})", re.ASCII)
#: Year 9999: what print and calendar can still show.
LATEST: Final = 253_402_300_799


def parse_instant(text: str) -> int:
    """Instant of `2026-01-12T10:00[:00]Z` or of the date-time group `121000ZJAN26`.

    Raises RuleViolation V03 for everything else: a text that does not say UTC has no one instant.
    """
    typed = text.strip().upper()
    if found := _ISO.fullmatch(typed):
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    elif (found := _GROUP.fullmatch(typed)) and found[4] in _MONTHS:
        day, hour, minute, second = int(found[1]), int(found[2]), int(found[3]), 0
        month, year = _MONTHS.index(found[4]) + 1, 2000 + int(found[5])
    else:
        raise RuleViolation("V03", LOCAL_TIME, typed=text[:40])
    try:
        return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except ValueError as error:
        raise RuleViolation("V03", LOCAL_TIME, typed=text[:40]) from error


def print_instant(at: int) -> str:
    """`2026-01-12T10:00:00Z`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def print_group(at: int) -> str:
    """Date-time group `121000ZJAN26`; seconds are dropped."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%d%H%M}Z{_MONTHS[moment.month - 1]}{moment:%y}"
