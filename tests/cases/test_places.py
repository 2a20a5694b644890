"""Places: WGS84 with grid and precision, the zone seam, read-back, and what never gets through."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.cases.grids import grid_centre, grid_of, print_grid
from detente.cases.instants import parse_instant, print_group, print_instant
from detente.cases.places import (
    BearingFrom,
    Point,
    bearing_deg,
    coarser,
    compare_place,
    compare_readback,
    distance_m,
    moved,
    parse_place,
    place_at,
    place_by_grid,
    place_by_name,
    place_json,
    seam_warning,
)
from detente.charter.model import Named
from detente.record.errors import Malformed, RuleViolation

LATITUDES = st.integers(-79_000_000, 83_000_000)
LONGITUDES = st.integers(-179_999_999, 179_999_999)
PRECISIONS = st.sampled_from([1, 10, 100, 1_000, 10_000])

HARBOUR = Named("P01", {"en": "Harbour", "ar": "الميناء", "he": "הנמל"}, 33_100_000, 35_500_000)


class TestGrids:
    """V06: WGS84 and MGRS with its zone; a grid that cannot be is refused."""

    def test_spaces_and_small_letters_are_read_and_one_spelling_is_kept(self):
        assert grid_centre(" 36s yb 79 66")[2:] == (1_000, "36SYB7966")

    def test_it_is_printed_in_groups_to_be_read_aloud(self):
        assert print_grid("36SYB7966") == "36S YB 79 66"

    @pytest.mark.parametrize(
        "typed",
        ["", "YB7966", "36SYB796", "36SYB", "61SYB7966", "36IYB7966", "36SYO7966", "36SYB٧٩66", "00SYB7966"],
    )
    def test_what_is_no_grid_is_refused(self, typed):
        with pytest.raises(Malformed):
            grid_centre(typed)

    @pytest.mark.parametrize("typed", ["36CSF5555", "36CSA5555"])
    def test_a_square_its_band_cannot_have_is_refused_though_the_library_answers(self, typed):
        with pytest.raises(Malformed):
            grid_centre(typed)

    def test_a_square_that_lies_wholly_in_the_next_zone_is_refused(self):
        with pytest.raises(Malformed):
            grid_centre("36SYB9999")

    @given(LATITUDES, LONGITUDES, PRECISIONS)
    def test_every_written_grid_is_read_back_to_its_own_cell(self, lat, lon, precision):
        grid = grid_of(lat / 1e6, lon / 1e6, precision)
        middle_lat, middle_lon, edge, spelled = grid_centre(grid)
        assert (edge, spelled) == (precision, grid)
        point = Point(lat, lon)
        assert distance_m(point, Point(round(middle_lat * 1e6), round(middle_lon * 1e6))) <= precision + 1

    @given(st.text(max_size=24))
    def test_any_text_gives_a_grid_or_malformed(self, text):
        with contextlib.suppress(Malformed):
            grid_centre(text)


class TestPlace:
    """formats/core 8: a place says its precision, and nothing finer stands behind it."""

    @given(LATITUDES, LONGITUDES, PRECISIONS)
    def test_parse_is_the_inverse_of_writing(self, lat, lon, precision):
        place = place_at([Point(lat, lon)], precision_m=precision, basis="GPS")
        assert parse_place(place_json(place)) == place

    def test_two_fine_points_of_one_cell_become_the_same_coarse_place(self):
        near = [place_at([Point(33_100_000 + d, 35_500_000)], precision_m=1, basis="MAP") for d in (0, 40)]
        assert near[0] != near[1]
        assert coarser(near[0], 1_000) == coarser(near[1], 1_000)

    def test_making_a_place_coarser_drops_the_bearing_that_would_say_it_again(self):
        fine = place_by_name(HARBOUR, precision_m=10, bearing_deg=90, distance_m=1_230)
        assert fine.bearing_from == BearingFrom("P01", 90, 1_230)
        assert coarser(fine, 1_000).bearing_from is None

    def test_a_grid_that_contradicts_its_point_is_refused(self):
        place = place_json(place_at([Point(33_100_000, 35_500_000)], precision_m=100, basis="GPS"))
        with pytest.raises(Malformed):
            parse_place({**place, "points": [[33_110_000, 35_500_000]]})

    @pytest.mark.parametrize(
        "change",
        [
            {"shape": "TRACK"},
            {"precision_m": 5},
            {"basis": "GUESS"},
            {"points": []},
            {"speed": 3},
            {"mgrs": "x"},
        ],
    )
    def test_what_is_not_on_the_list_is_refused(self, change):
        place = place_json(place_at([Point(33_100_000, 35_500_000)], precision_m=100, basis="GPS"))
        with pytest.raises(Malformed):
            parse_place({**place, **change})


class TestSeam:
    """V06: two points of one matter in different zones, or near the edge of one, raise the warning."""

    def test_points_on_both_sides_of_the_seam(self):
        west = place_at([Point(33_100_000, 35_500_000)], precision_m=100, basis="MAP")
        east = place_at([Point(33_100_000, 36_500_000)], precision_m=100, basis="MAP")
        assert not seam_warning([west])
        assert not seam_warning([east])
        assert seam_warning([west, east])

    def test_one_point_a_kilometre_from_the_seam(self):
        assert seam_warning([place_at([Point(33_100_000, 35_990_000)], precision_m=100, basis="MAP")])

    def test_a_cell_cut_by_the_seam_is_kept_as_it_was_typed(self):
        grid = grid_of(33.1, 35.9999, 10_000)
        assert parse_place(place_json(place_by_grid(grid, basis="MAP"))).mgrs == grid


class TestAgreement:
    """V05: point, name and bearing agree within 2 km, or the author is shown the gap."""

    def test_a_point_nine_kilometres_from_its_name_is_a_mismatch(self):
        far = moved(Point(HARBOUR.lat_e6, HARBOUR.lon_e6), 90, 9_000)
        place = place_at([far], precision_m=100, basis="MAP", gazetteer_id="P01")
        found = compare_place(place, {"P01": HARBOUR})
        assert found.agreement == "MISMATCH"
        assert 8_900 <= found.gap_m <= 9_100

    def test_a_point_at_its_name_matches(self):
        place = place_by_name(HARBOUR, precision_m=100)
        assert compare_place(place, {"P01": HARBOUR}).agreement == "MATCH"

    def test_a_bearing_that_leads_elsewhere_is_a_mismatch(self):
        start = BearingFrom("P01", 180, 9_000)
        place = place_at([Point(33_100_000, 35_500_000)], precision_m=100, basis="MAP", bearing_from=start)
        assert compare_place(place, {"P01": HARBOUR}).agreement == "MISMATCH"

    def test_without_a_name_nothing_is_claimed(self):
        place = place_at([Point(33_100_000, 35_500_000)], precision_m=100, basis="MAP")
        assert compare_place(place, {"P01": HARBOUR}).agreement == "NOT_CHECKED"

    def test_distance_and_bearing_are_those_of_the_ellipsoid(self):
        start = Point(33_000_000, 35_000_000)
        end = moved(start, 45, 10_000)
        assert distance_m(start, end) == 10_000
        assert bearing_deg(start, end) == 45

    def test_a_place_read_back_with_one_digit_wrong_differs(self):
        said = place_by_grid("36SYB7966", basis="MAP")
        read = place_by_grid("36SYB6966", basis="MAP")
        assert compare_readback(said, said) == "CONFIRMED"
        assert compare_readback(said, read) == "DIFFERS"


class TestInstants:
    """V03: times are UTC instants; typed local time is refused."""

    @pytest.mark.parametrize(
        "typed", ["2026-01-12T10:00:00Z", "2026-01-12T10:00Z", "121000ZJAN26", "121000Z JAN 26"]
    )
    def test_text_that_says_utc_is_read(self, typed):
        assert parse_instant(typed) == 1_768_212_000

    @pytest.mark.parametrize(
        "typed",
        [
            "12:00",
            "2026-01-12 12:00",
            "2026-01-12T12:00:00+02:00",
            "12:00 IST",
            "121000BJAN26",
            "321000ZJAN26",
            "٢٠٢٦-01-12T10:00Z",
        ],
    )
    def test_local_or_impossible_text_is_refused_with_the_clause(self, typed):
        with pytest.raises(RuleViolation) as refused:
            parse_instant(typed)
        assert refused.value.clause == "V03"

    @given(st.integers(0, 253_402_300_799))
    def test_printing_is_the_inverse_of_reading(self, at):
        assert parse_instant(print_instant(at)) == at

    def test_the_date_time_group_drops_seconds(self):
        assert print_group(1_768_212_059) == "121000ZJAN26"
