"""The fictional cell: far from any land, across a grid seam, drawn by ourselves."""

from __future__ import annotations

import hashlib
import itertools
import json
from typing import Any

import mgrs

from charter.harbour import EXERCISE, charter

SEAM = -126.0


def coordinates(name: str) -> list[list[float]]:
    geometry: dict[str, Any] = json.loads((EXERCISE / name).read_bytes())["features"][0]["geometry"]
    found: list[list[float]] = geometry["coordinates"]
    return found[0] if geometry["type"] == "Polygon" else found


class TestSeam:
    """Places of one entry can lie in two grid zones, as they do in earnest."""

    def test_the_seam_runs_between_the_places(self) -> None:
        grid = mgrs.MGRS()
        zones = {
            one.id: grid.toMGRS(one.lat_e6 / 1e6, one.lon_e6 / 1e6)[:3]
            for one in charter().gazetteer.values()
        }
        assert set(zones.values()) == {"09G", "10G"}
        assert zones["P01"] != zones["P08"]  # a bridge and the peaks beside it, seven kilometres apart

    def test_coast_and_line_cross_it(self) -> None:
        for name in ("coast.geojson", "line_a.geojson"):
            longitudes = [point[0] for point in coordinates(name)]
            assert min(longitudes) < SEAM < max(longitudes)

    def test_it_lies_in_the_open_south_pacific(self) -> None:
        for name in ("coast.geojson", "line_a.geojson"):
            for lon, lat in coordinates(name):
                # The nearest real land is more than 2,000 km away (Pitcairn, Rapa Nui, the Antarctic coast).
                assert -127.5 < lon < -124.5
                assert -46 < lat < -44


class TestDrawings:
    """The charter names the drawings by their hashes, so its digest covers them."""

    def test_hashes(self) -> None:
        for line in charter().lines.values():
            assert hashlib.sha256((EXERCISE / line.file).read_bytes()).hexdigest() == line.sha256

    def test_the_coast_closes_and_holds_every_place(self) -> None:
        ring = coordinates("coast.geojson")
        assert ring[0] == ring[-1]
        for place in charter().gazetteer.values():
            assert _inside(ring, place.lat_e6 / 1e6, place.lon_e6 / 1e6), place.id

    def test_places_have_three_scripts_and_no_name_twice(self) -> None:
        names = [name for place in charter().gazetteer.values() for name in place.names.values()]
        assert len(set(names)) == len(names) == 30


def _inside(ring: list[list[float]], lat: float, lon: float) -> bool:
    inside = False
    for (x1, y1), (x2, y2) in itertools.pairwise(ring):
        if (y1 > lat) != (y2 > lat) and lon < (x2 - x1) * (lat - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside
