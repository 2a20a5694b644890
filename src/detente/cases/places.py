"""Places: WGS84 points with grid, precision and basis; checked, compared, never decided upon.

1. A place is latitude and longitude in millionths of a degree, WGS84 only; the MGRS text with zone is derived
   and must agree (V06). A grid that no square of its zone and band can have is refused, not bent.
2. `precision_m` is the edge of the grid cell that is meant. A coarse place is the middle of its cell: no
   finer point is hidden in the numbers (formats/core 8).
3. Two points in different zones, or near a zone's edge, raise the seam warning: one grid read in the other
   zone lies elsewhere.
4. Point, name and bearing are compared at the declared precision; a gap over `AGREE_LIMIT_M` is shown to the
   author (V05). Geometry never moves state (protocol F13).
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from pyproj import Geod

from detente.cases.grids import GRID_DIGITS, grid_centre, grid_of, zone_of
from detente.charter.model import Named
from detente.record.errors import Malformed
from detente.record.strictjson import expect_integer, expect_keys, expect_list, expect_text

#: V05: point, name and bearing agree within this, whatever the precision.
AGREE_LIMIT_M: Final = 2_000
#: V06: nearer than this to the edge of a zone, the reader is warned even about one point.
SEAM_NEAR_M: Final = 5_000
MAX_POINTS: Final = 64
MAX_NAME: Final = 120

Shape: TypeAlias = Literal["POINT", "LINE", "AREA"]
Agreement: TypeAlias = Literal["MATCH", "MISMATCH", "NOT_CHECKED"]
Readback: TypeAlias = Literal["CONFIRMED", "DIFFERS"]

_LEAST_POINTS: Final[Mapping[str, int]] = {"POINT": 1, "LINE": 2, "AREA": 3}
_BASES: Final = ("GPS", "MAP", "ESTIMATED", "REPORTED")
_ID: Final = re.compile(r"P[0-9]{2,4}")
_E6: Final = 1_000_000
_GEOD: Final = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class Point:
    """Degrees times 1,000,000, WGS84; north and east are positive."""

    lat_e6: int
    lon_e6: int

    @property
    def lat(self) -> float:
        """Degrees north."""
        return self.lat_e6 / _E6

    @property
    def lon(self) -> float:
        """Degrees east."""
        return self.lon_e6 / _E6


@dataclass(frozen=True, slots=True)
class BearingFrom:
    """Direction (true, whole degrees) and distance from a named place."""

    gazetteer_id: str
    bearing_deg: int
    distance_m: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is said to be. `mgrs` is the grid of the first point at the declared precision."""

    shape: Shape
    points: tuple[Point, ...]
    mgrs: str
    precision_m: int
    basis: str
    gazetteer_id: str | None = None
    free_name: str | None = None
    bearing_from: BearingFrom | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """Result of V05: the largest gap between what the place says of itself, in metres."""

    agreement: Agreement
    gap_m: int | None = None


def parse_place(value: Any) -> Place:
    """Place of a JSON object. Raises Malformed, also when grid and point contradict each other."""
    required = ("shape", "points", "mgrs", "precision_m", "basis")
    raw = expect_keys(value, "place", required, ("gazetteer_id", "free_name", "bearing_from"))
    if raw["shape"] not in _LEAST_POINTS or raw["basis"] not in _BASES:
        raise Malformed("place", "unknown shape or basis")
    points = tuple(_point(one) for one in expect_list(raw["points"], "points", limit=MAX_POINTS))
    if len(points) < _LEAST_POINTS[raw["shape"]] or (raw["shape"] == "POINT" and len(points) != 1):
        raise Malformed("place", "points do not make the shape")
    precision = _precision(raw["precision_m"])
    grid = expect_text(raw["mgrs"], "mgrs", limit=20)
    if not _grid_holds(grid, points[0], precision):
        raise Malformed("place", "grid and point differ")
    return Place(
        raw["shape"],
        points,
        grid,
        precision,
        raw["basis"],
        _gazetteer_id(raw["gazetteer_id"]) if "gazetteer_id" in raw else None,
        expect_text(raw["free_name"], "free name", limit=MAX_NAME) if "free_name" in raw else None,
        _bearing(raw["bearing_from"]) if "bearing_from" in raw else None,
    )


def place_json(place: Place) -> dict[str, Any]:
    """The JSON object of a place; the inverse of `parse_place`."""
    found: dict[str, Any] = {
        "shape": place.shape,
        "points": [[point.lat_e6, point.lon_e6] for point in place.points],
        "mgrs": place.mgrs,
        "precision_m": place.precision_m,
        "basis": place.basis,
    }
    if place.gazetteer_id is not None:
        found["gazetteer_id"] = place.gazetteer_id
    if place.free_name is not None:
        found["free_name"] = place.free_name
    if place.bearing_from is not None:
        start = place.bearing_from
        found["bearing_from"] = {
            "gazetteer_id": start.gazetteer_id,
            "bearing_deg": start.bearing_deg,
            "distance_m": start.distance_m,
        }
    return found


def place_at(
    points: Iterable[Point],
    *,
    precision_m: int,
    basis: str,
    shape: Shape = "POINT",
    gazetteer_id: str | None = None,
    free_name: str | None = None,
    bearing_from: BearingFrom | None = None,
) -> Place:
    """Place at `points`, each moved to the middle of its grid cell (rule 2). Raises Malformed."""
    grids = [grid_of(point.lat, point.lon, _precision(precision_m)) for point in points]
    if not grids:
        raise Malformed("place", "no point")
    middles = tuple(_middle(grid) for grid in grids)
    place = Place(shape, middles, grids[0], precision_m, basis, gazetteer_id, free_name, bearing_from)
    return parse_place(place_json(place))


def place_by_grid(grid: str, *, basis: str, free_name: str | None = None) -> Place:
    """Place of a typed grid; its number of digits is the precision. Raises Malformed.

    The grid is kept as typed, without spaces, also where the middle of a cell cut by the seam lies beyond.
    """
    lat, lon, precision, canonical = grid_centre(grid)
    middle = Point(round(lat * _E6), round(lon * _E6))
    return Place("POINT", (middle,), canonical, precision, basis, None, free_name)


def place_by_name(
    name: Named, *, precision_m: int, basis: str = "MAP", bearing_deg: int | None = None, distance_m: int = 0
) -> Place:
    """Place of a gazetteer entry, or of bearing and distance from it. Raises Malformed."""
    start = Point(name.lat_e6, name.lon_e6)
    if bearing_deg is None:
        return place_at([start], precision_m=precision_m, basis=basis, gazetteer_id=name.id)
    point = moved(start, bearing_deg, distance_m)
    back = BearingFrom(name.id, bearing_deg, distance_m)
    return place_at([point], precision_m=precision_m, basis=basis, bearing_from=back)


def coarser(place: Place, precision_m: int) -> Place:
    """The same place at a coarser precision; the given one if it is coarse enough already."""
    if place.precision_m >= precision_m:
        return place
    return place_at(
        place.points,
        precision_m=precision_m,
        basis=place.basis,
        shape=place.shape,
        gazetteer_id=place.gazetteer_id,
        free_name=place.free_name,
        bearing_from=None,  # a bearing with metres would say the fine place again
    )


def seam_warning(places: Iterable[Place]) -> bool:
    """Whether a reader who takes one zone for all would look in the wrong spot. SPEC: V06."""
    points = [point for place in places for point in place.points]
    zones = {zone_of(point.lat, point.lon) for point in points}
    return len(zones) > 1 or any(_near_seam(point) for point in points)


def compare_place(place: Place, gazetteer: Mapping[str, Named]) -> Compared:
    """Whether point, name and bearing of a place agree within their precision and 2 km. SPEC: V05."""
    gaps = []
    if place.gazetteer_id is not None and place.gazetteer_id in gazetteer:
        gaps.append(distance_m(place.points[0], _named(gazetteer[place.gazetteer_id])))
    start = place.bearing_from
    if start is not None and start.gazetteer_id in gazetteer:
        end = moved(_named(gazetteer[start.gazetteer_id]), start.bearing_deg, start.distance_m)
        gaps.append(distance_m(place.points[0], end))
    if not gaps:
        return Compared("NOT_CHECKED")
    return Compared("MATCH" if max(gaps) <= AGREE_LIMIT_M + place.precision_m else "MISMATCH", max(gaps))


def compare_readback(said: Place, read: Place) -> Readback:
    """Whether a place read back is the place that was said, at the coarser of the two precisions."""
    allowed = max(said.precision_m, read.precision_m)
    same = said.shape == read.shape and len(said.points) == len(read.points)
    near = all(distance_m(a, b) <= allowed for a, b in zip(said.points, read.points, strict=False))
    return "CONFIRMED" if same and near else "DIFFERS"


def distance_m(start: Point, end: Point) -> int:
    """Metres on the ellipsoid, rounded."""
    return round(float(_GEOD.inv(start.lon, start.lat, end.lon, end.lat)[2]))


def bearing_deg(start: Point, end: Point) -> int:
    """True bearing from `start` to `end`, whole degrees from 0 to 359."""
    return round(float(_GEOD.inv(start.lon, start.lat, end.lon, end.lat)[0])) % 360


def moved(start: Point, bearing: int, distance: int) -> Point:
    """Point at a true bearing and distance in metres."""
    lon, lat, _ = _GEOD.fwd(start.lon, start.lat, bearing, distance)
    return Point(round(lat * _E6), round(lon * _E6))


def _middle(grid: str) -> Point:
    lat, lon, _, _ = grid_centre(grid)
    return Point(round(lat * _E6), round(lon * _E6))


def _named(name: Named) -> Point:
    return Point(name.lat_e6, name.lon_e6)


def _grid_holds(grid: str, point: Point, precision: int) -> bool:
    """Whether the point lies in the grid's cell; at the seam a middle may lie just beyond the cut cell."""
    lat, lon, edge, canonical = grid_centre(grid)
    if edge != precision or canonical != grid:
        return False
    half_diagonal = edge / math.sqrt(2)
    return float(_GEOD.inv(point.lon, point.lat, lon, lat)[2]) <= half_diagonal + 1


def _near_seam(point: Point) -> bool:
    # Zones are six degrees wide everywhere the tool is used; the exceptions of Norway only widen them.
    nearest = round(point.lon / 6) * 6
    return distance_m(point, Point(point.lat_e6, nearest * _E6)) < SEAM_NEAR_M


def _point(value: Any) -> Point:
    pair = expect_list(value, "point", limit=2)
    if len(pair) != 2:
        raise Malformed("point", "not a pair")
    lat = expect_integer(pair[0], "latitude", low=-80 * _E6, high=84 * _E6)
    return Point(lat, expect_integer(pair[1], "longitude", low=-180 * _E6, high=180 * _E6))


def _precision(value: Any) -> int:
    precision = expect_integer(value, "precision")
    if precision not in GRID_DIGITS:
        raise Malformed("precision", precision)
    return precision


def _bearing(value: Any) -> BearingFrom:
    raw = expect_keys(value, "bearing", ("gazetteer_id", "bearing_deg", "distance_m"))
    return BearingFrom(
        _gazetteer_id(raw["gazetteer_id"]),
        expect_integer(raw["bearing_deg"], "bearing", high=359),
        expect_integer(raw["distance_m"], "distance", high=1_000_000),
    )


def _gazetteer_id(value: Any) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise Malformed("gazetteer id")
    return value
