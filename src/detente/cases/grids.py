"""MGRS grids with zone: strict reading, canonical writing, round trip as the proof.

The library answers for some squares that do not exist in their band, with no more than a warning and
sometimes without; so its warning is an error here, and every grid read must lead back to its own square.
"""

import math
import re
import warnings
from typing import Final

import mgrs
from mgrs.core import MGRSError

from detente.record.errors import Malformed

#: Precision in metres -> digits of each half of the grid.
GRID_DIGITS: Final = {1: 5, 10: 4, 100: 3, 1_000: 2, 10_000: 1}

_PRECISION: Final = {digits: metres for metres, digits in GRID_DIGITS.items()}
_GRID: Final = re.compile(
    r"(0?[1-9]|[1-5][0-9]|60)([C-HJ-NP-X])([A-HJ-NP-Z][A-HJ-NP-V])([0-9]{2,10})", re.ASCII
)
_SOUTH, _NORTH = -80.0, 84.0
_DEGREE_M: Final = 111_000  # of latitude; the margin below covers the rest

warnings.filterwarnings("error", message=r'Warning in "Convert_MGRS', category=RuntimeWarning)
_MGRS: Final = mgrs.MGRS()


def grid_of(lat: float, lon: float, precision_m: int) -> str:
    """Grid with zone of the cell that holds a point, e.g. `36SYB7966`. Raises Malformed at the poles."""
    if not (_SOUTH <= lat <= _NORTH and -180 <= lon <= 180):
        raise Malformed("grid", "outside the grid zones")
    return str(_MGRS.toMGRS(lat, lon, MGRSPrecision=GRID_DIGITS[precision_m]))


def grid_centre(grid: str) -> tuple[float, float, int, str]:
    """(latitude, longitude) of the cell's middle, its edge in metres, and the grid's one spelling.

    Spaces and small letters are accepted as typed. Raises Malformed for text that is no grid, and for a
    square that its zone and band cannot have.
    """
    typed = re.sub(r"[ \u00a0]", "", grid).upper()
    found = _GRID.fullmatch(typed)
    if not found or len(found[4]) % 2:
        raise Malformed("grid", grid[:40])
    digits = len(found[4]) // 2
    square = f"{int(found[1]):02d}{found[2]}{found[3]}"
    east, north = found[4][:digits], found[4][digits:]
    centre = _to_point(f"{square}{_half(east)}{_half(north)}", grid)
    if not _leads_back(square, _PRECISION[digits], centre):
        raise Malformed("grid", f"no such square: {square}")
    return *centre, _PRECISION[digits], f"{square}{east}{north}"


def print_grid(grid: str) -> str:
    """Grid in groups as it is read aloud: `36S YB 79 66`."""
    found = _GRID.fullmatch(grid)
    if not found:
        return grid
    digits = len(found[4]) // 2
    return f"{found[1]}{found[2]} {found[3]} {found[4][:digits]} {found[4][digits:]}"


def zone_of(lat: float, lon: float) -> int:
    """UTM zone that MGRS uses at a point."""
    return int(str(_MGRS.toMGRS(lat, lon, MGRSPrecision=0))[:2])


def _half(digits: str) -> str:
    """The coordinate of a cell's middle: one digit 5 more; at 1 m there is no finer digit."""
    return digits + "5" if len(digits) < 5 else digits


def _leads_back(square: str, edge: int, centre: tuple[float, float]) -> bool:
    """Whether the cell touches the square; one cut by a seam has its middle outside."""
    lat, lon = centre
    # Half the cell and a tenth more, because north of the grid and true north differ near the seams.
    reach = edge * 0.55 + 1
    up, right = reach / _DEGREE_M, reach / (_DEGREE_M * math.cos(math.radians(lat)))
    steps = (0, -1, 1)
    return any(_square_at(lat + up * y, _turned(lon + right * x)) == square for y in steps for x in steps)


def _turned(lon: float) -> float:
    return (lon + 180) % 360 - 180


def _square_at(lat: float, lon: float) -> str:
    return str(_MGRS.toMGRS(lat, lon, MGRSPrecision=0)) if _SOUTH <= lat <= _NORTH else ""


def _to_point(grid: str, typed: str) -> tuple[float, float]:
    try:
        lat, lon = _MGRS.toLatLon(grid)
    except (MGRSError, RuntimeWarning) as error:
        raise Malformed("grid", typed[:40]) from error
    return float(lat), float(lon)
