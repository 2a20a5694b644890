"""A place as typed by an officer in a hurry, and as read back.

One box takes a name of the list, latitude and longitude, or a grid, or a name and a point together. What
it cannot read stays as the officer's own words: a STOP-AND-CHECK is never held up by its place. Digits of
any script are accepted; what is sent and shown is ASCII. Geometry is `detente.cases.places`, not ours.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from detente.cases import places
from detente.cases.grids import print_grid
from detente.cases.places import Place, Point
from detente.charter.model import Named
from detente.desk.charter import CharterView
from detente.record.errors import Malformed

MAX_TYPED: Final = 240
NAME_PRECISION_M: Final = 1000  # a name alone says no more than its neighbourhood
_DEGREES: Final = r"([+-]?\d{1,3}(?:\.\d{1,6})?)\s*°?\s*"
_POINT: Final = re.compile(rf"{_DEGREES}([NSns])?\s*[,;/ ]\s*{_DEGREES}([EWew])?(?!\d)")
_SQUARE: Final = r"\d{1,2}\s?[C-HJ-NP-X]\s?[A-HJ-NP-Z]{2}\s?"
_GRID: Final = re.compile(rf"(?<!\w)({_SQUARE}(?:\d{{1,5}}\s\d{{1,5}}|\d{{2,10}}))(?!\d)", re.IGNORECASE)
# Direction marks and overrides can make a signed text look different; none belongs into a place.
_MARKS: Final = dict.fromkeys([0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])

DIRECTIONS: Final[tuple[Promise, ...]] = (
    _("%(km)s km north of %(name)s"),
    _("%(km)s km north-east of %(name)s"),
    _("%(km)s km east of %(name)s"),
    _("%(km)s km south-east of %(name)s"),
    _("%(km)s km south of %(name)s"),
    _("%(km)s km south-west of %(name)s"),
    _("%(km)s km west of %(name)s"),
    _("%(km)s km north-west of %(name)s"),
)


@dataclass(frozen=True)
class Typed:
    """What was read: a place, or only words; `words` is what is no point and no listed name."""

    place: Place | None
    words: str


@dataclass(frozen=True)
class PlaceRow:
    """A place as shown. `names`: every recorded name of the listed place, none of them main."""

    names: tuple[str, ...]
    free_name: str
    point: str
    grid: str
    precision_m: int
    bearing: SafeString | str
    seam: bool
    mismatch_km: str

    @property
    def has_point(self) -> bool:
        return bool(self.point)


def typed_place(words: CharterView, text: str) -> Typed:
    """Point, listed name, own words and precision of what was typed; never refuses."""
    rest, point, precision_m, grid = _extract_point(_ascii(text)[:MAX_TYPED])
    name = " ".join(rest.replace(",", " ").split())[: places.MAX_NAME]
    entry = _listed(words, name) if name else None
    try:
        return Typed(_place(point, precision_m, grid, entry, name), "" if entry else name)
    except Malformed:  # a point where no grid reaches; the words stay
        return Typed(None, " ".join(text.split())[: places.MAX_NAME])


def _place(point: Point | None, precision_m: int, grid: str, entry: Named | None, name: str) -> Place | None:
    if grid and entry is None:
        return places.place_by_grid(grid, basis="REPORTED", free_name=name or None)
    if point is not None:
        listed, free = (entry.id, None) if entry else (None, name or None)
        return places.place_at(
            [point], precision_m=precision_m, basis="REPORTED", gazetteer_id=listed, free_name=free
        )
    return places.place_by_name(entry, precision_m=NAME_PRECISION_M) if entry else None


def _ascii(text: str) -> str:
    """Digits of any script to ASCII, without direction marks."""
    digits = (str(unicodedata.digit(c)) if unicodedata.digit(c, None) is not None else c for c in text)
    return "".join(digits).translate(_MARKS).replace("٫", ".").replace("،", ",").strip()


def _extract_point(text: str) -> tuple[str, Point | None, int, str]:
    """(the rest, point, precision, grid as typed): the finest cell that the typed digits can mean."""
    grid = _GRID.search(text)
    if grid:
        try:
            place = places.place_by_grid(grid[1], basis="REPORTED")
        except Malformed:
            pass
        else:
            return text[: grid.start()] + text[grid.end() :], place.points[0], place.precision_m, grid[1]
    found = _POINT.search(text)
    if found is None:
        return text, None, NAME_PRECISION_M, ""
    point = Point(_e6(found[1], found[2], "S"), _e6(found[3], found[4], "W"))
    decimals = min(len(found[i].partition(".")[2]) for i in (1, 3))
    return text[: found.start()] + text[found.end() :], point, int(10 ** min(4, max(0, 5 - decimals))), ""


def _e6(number: str, hemisphere: str | None, negative: str) -> int:
    whole, _, fraction = number.lstrip("+-").partition(".")
    value = int(whole) * 1_000_000 + int((fraction + "000000")[:6])
    return -value if number.startswith("-") or (hemisphere or "").upper() == negative else value


def gazetteer(words: CharterView) -> dict[str, Named]:
    """The listed places of the charter."""
    rows = (_named(raw) for raw in words.raw.get("places", ()))
    return {row.id: row for row in rows}


def _named(raw: Mapping[str, Any]) -> Named:
    return Named(str(raw["id"]), dict(raw["names"]), int(raw["lat_e6"]), int(raw["lon_e6"]))


def _listed(words: CharterView, name: str) -> Named | None:
    """The listed place with this name in any language, or the only one that begins so."""
    wanted, listed = name.casefold(), list(gazetteer(words).values())
    for entry in listed:
        if wanted in {entry.id.casefold(), *(n.casefold() for n in entry.names.values())}:
            return entry
    begin = [e for e in listed if any(n.casefold().startswith(wanted) for n in e.names.values())]
    return begin[0] if len(begin) == 1 and len(wanted) > 2 else None


def words_row(text: str) -> PlaceRow:
    """Words without a point."""
    return PlaceRow((), text, "", "", 0, "", False, "")


def place_row(words: CharterView, place: Place) -> PlaceRow:
    """The row of a place, with seam and read-back from the nearest other listed place."""
    listed = gazetteer(words)
    entry = listed.get(place.gazetteer_id or "")
    compared = places.compare_place(place, listed)
    off = compared.gap_m if compared.agreement == "MISMATCH" and compared.gap_m else 0
    return PlaceRow(
        names=_names(words, entry) if entry else (),
        free_name=place.free_name or "",
        point=_shown(place),
        grid=print_grid(place.mgrs),
        precision_m=place.precision_m,
        bearing=_bearing(words, place.points[0], [e for e in listed.values() if e is not entry]),
        seam=places.seam_warning([place]),
        mismatch_km=f"{off / 1000:.1f}" if off else "",
    )


def _names(words: CharterView, entry: Named) -> tuple[str, ...]:
    """All names; the reader's own language first, no name is main."""
    order = sorted(entry.names, key=lambda code: (code != words.language, code))
    return tuple(dict.fromkeys(entry.names[code] for code in order))


def _shown(place: Place) -> str:
    digits = max(2, 6 - len(str(place.precision_m)))
    lat, lon = place.points[0].lat, place.points[0].lon
    return (
        f"{abs(lat):.{digits}f}° {'S' if lat < 0 else 'N'} {abs(lon):.{digits}f}° {'W' if lon < 0 else 'E'}"
    )


def _bearing(words: CharterView, point: Point, others: list[Named]) -> SafeString | str:
    """`4.2 km north-east of X`, from the nearest listed place."""
    ways = [(places.distance_m(Point(e.lat_e6, e.lon_e6), point), e.id, e) for e in others]
    if not ways:
        return ""
    metres, _id, nearest = min(ways)
    octant = round(places.bearing_deg(Point(nearest.lat_e6, nearest.lon_e6), point) / 45) % 8
    km = format_html('<bdi dir="ltr">{}</bdi>', f"{metres / 1000:.1f}")
    name = format_html("<bdi>{}</bdi>", words.words(nearest.names, nearest.id))
    # The sentences are ours and hold no markup; the two holes are escaped above.
    return SafeString(str(DIRECTIONS[octant]) % {"km": km, "name": name})
