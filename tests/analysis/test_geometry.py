"""Areas, lengths and crossings of polygons against known figures and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from rydberg_qmem.analysis import geometry, winding

Floats = NDArray[np.float64]

pytestmark = pytest.mark.filterwarnings("error")

PHASE = 2 * np.pi * np.arange(200) / 200
EIGHT = np.array([-1.0, 1, 1, -1]), np.array([-1.0, 1, -1, 1])
LOBES_CROSSING = np.array([0.0, 1, 1, 0, -1, -1]), np.array([0.0, 0, 1, 0, -1, 0])
LOBES_TOUCHING = np.array([0.0, 1, 2, 0, -2, -1]), np.array([0.0, 2, 1, 0, 1, 2])
BACK_AND_FORTH = np.array([0.0, 1, 3, 4, 2, 1]), np.array([0.0, 0.5, 1.5, 2, 1, 0.5])
LATTICE_LOOPS = hnp.arrays(float, st.tuples(st.just(2), st.integers(4, 11)), elements=st.integers(0, 3))


def turned(x: Floats, y: Floats, angle: float) -> tuple[Floats, Floats]:
    z = (x + 1j * y) * np.exp(1j * angle)
    return z.real, z.imag


def winding_number_area(x: Floats, y: Floats, cells: int = 500) -> float:
    """The integral of |winding number| by counting, on a grid, edges that lie to the right of each cell."""
    grid_x = np.linspace(x.min(), x.max(), 2 * cells + 1)[1::2, None]
    grid_y = np.linspace(y.min(), y.max(), 2 * cells + 1)[None, 1::2]
    winding = np.zeros((cells, cells))
    for x0, y0, x1, y1 in zip(x, y, np.roll(x, -1), np.roll(y, -1), strict=True):
        sense = (y0 <= grid_y) & (grid_y < y1)
        back = (y1 <= grid_y) & (grid_y < y0)
        right = x0 + (grid_y - y0) * (x1 - x0) / (y1 - y0) > grid_x
        winding += right * (sense.astype(int) - back)
    return float(np.abs(winding).mean() * np.ptp(x) * np.ptp(y))


@pytest.mark.parametrize("radius", [0.01, 1.0, 250.0])
def test_a_circle_has_form_factor_one(radius: float) -> None:
    x, y = 3.0 + radius * np.cos(PHASE), radius * np.sin(PHASE)

    assert geometry.form_factor(x, y) == pytest.approx(1.0, abs=1e-3)
    assert geometry.signed_area(x, y) == pytest.approx(np.pi * radius**2, rel=1e-3)
    assert geometry.perimeter(x, y) == pytest.approx(2 * np.pi * radius, rel=1e-3)


def test_a_square_has_form_factor_pi_over_four() -> None:
    assert geometry.form_factor([0, 1, 1, 0], [0, 0, 1, 1]) == pytest.approx(np.pi / 4, rel=1e-14)


def test_a_line_and_a_point_have_form_factor_zero() -> None:
    assert geometry.form_factor(*BACK_AND_FORTH) == pytest.approx(0.0, abs=1e-15)
    assert geometry.form_factor([2, 2, 2], [1, 1, 1]) == 0.0


def test_the_sense_decides_the_sign_of_the_signed_area_alone() -> None:
    x, y = np.cos(PHASE), np.sin(PHASE)

    assert geometry.signed_area(x[::-1], y[::-1]) == pytest.approx(-geometry.signed_area(x, y))
    assert geometry.unsigned_area(x[::-1], y[::-1]) == pytest.approx(geometry.signed_area(x, y))


@pytest.mark.parametrize(("loop", "area"), [(EIGHT, 2.0), (LOBES_CROSSING, 1.0), (LOBES_TOUCHING, 3.0)])
def test_both_lobes_of_a_pinched_loop_count(loop: tuple[Floats, Floats], area: float) -> None:
    assert geometry.unsigned_area(*loop) == pytest.approx(area, rel=1e-14)


def test_a_smooth_figure_of_eight_has_the_area_of_gerono() -> None:
    x, y = np.sin(PHASE), np.sin(PHASE) * np.cos(PHASE)

    assert geometry.signed_area(x, y) == pytest.approx(0.0, abs=1e-15)
    assert geometry.unsigned_area(x, y) == pytest.approx(4 / 3, rel=1e-3)
    assert geometry.sector_area(x, y) == pytest.approx(4 / 3, rel=1e-3)


def test_the_inner_lobe_of_a_limacon_counts_twice() -> None:
    radius = 0.5 + np.cos(PHASE)

    area = geometry.unsigned_area(radius * np.cos(PHASE), radius * np.sin(PHASE))

    assert area == pytest.approx(np.pi * (0.5**2 + 0.5), rel=1e-3)


def test_a_loop_that_runs_back_along_itself_has_no_area() -> None:
    there_and_back = np.r_[PHASE, PHASE[-2:0:-1]]

    assert geometry.unsigned_area(*BACK_AND_FORTH) == pytest.approx(0.0, abs=1e-15)
    assert geometry.unsigned_area(np.cos(there_and_back), np.sin(there_and_back)) == pytest.approx(0.0, abs=1e-13)


def test_sector_area_depends_on_the_origin_and_unsigned_area_does_not() -> None:
    x, y = np.array([1.0, 2, 2, 1]), np.array([1.0, 1, 2, 2])

    assert geometry.sector_area(x, y) == pytest.approx(3.0)  # the gap to the origin counts twice
    assert geometry.unsigned_area(x, y) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(4))
def test_unsigned_area_is_the_integral_of_the_winding_number(seed: int) -> None:
    x, y = np.random.default_rng(seed).normal(size=(2, 12))

    assert geometry.unsigned_area(x, y) == pytest.approx(winding_number_area(x, y), rel=5e-3)


@settings(max_examples=60, deadline=None)
@given(LATTICE_LOOPS, st.floats(0, 7), st.integers(0, 10))
def test_areas_do_not_depend_on_where_and_how_the_loop_lies(loop: Floats, angle: float, start: int) -> None:
    x, y = loop
    moved = turned(np.roll(x, start) + 2.5, np.roll(y, start), angle)

    area = geometry.unsigned_area(x, y)

    assert geometry.unsigned_area(*moved) == pytest.approx(area, abs=1e-12)
    assert geometry.signed_area(*moved) == pytest.approx(geometry.signed_area(x, y), abs=1e-12)
    assert area >= abs(geometry.signed_area(x, y)) - 1e-12


def test_unsigned_area_is_continuous_at_a_pinch() -> None:
    x, y = LOBES_TOUCHING
    shaken = np.random.default_rng(1).normal(scale=1e-9, size=(100, 2, 6))

    areas = geometry.unsigned_area(x + shaken[:, 0], y + shaken[:, 1])

    assert areas == pytest.approx(3.0, abs=1e-7)


def test_loops_of_an_array_are_measured_one_by_one() -> None:
    x, y = np.random.default_rng(3).normal(size=(2, 3, 700, 9))  # more corners than are handled at once

    areas, crossings = geometry.unsigned_area(x, y), geometry.self_crossings(x[:, :5], y[:, :5])

    assert areas.shape == (3, 700)
    assert crossings.shape == (3, 5)
    assert areas[2, 699] == pytest.approx(geometry.unsigned_area(x[2, 699], y[2, 699]), rel=1e-12)
    assert crossings[1, 4] == geometry.self_crossings(x[1, 4], y[1, 4])


def test_the_same_drive_serves_all_responses() -> None:
    x, y = np.array([0.0, 1, 1, 0]), np.array([[0.0, 0, 1, 1], [0, 0, 3, 3]])

    assert geometry.unsigned_area(x, y).tolist() == [1.0, 3.0]


def test_many_pieces_give_the_same_area_as_few(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = np.random.default_rng(4).normal(size=(2, 5, 30))
    whole = geometry.unsigned_area(x, y)

    monkeypatch.setattr(winding, "_PIECES_AT_ONCE", 50)

    assert geometry.unsigned_area(x, y) == pytest.approx(whole, rel=1e-12)


# Two passes share the stretch P-Q; A and C lie left of it, B and D right of it, A and D above it.
A, B, C, D, P, Q = (0, 1), (3, -1), (0, -1), (3, 1), (1, 0), (2, 0)
STAR = [(np.cos(turn), np.sin(turn)) for turn in 4 * np.pi * np.arange(5) / 5]
SPOKES = [(np.cos(turn), np.sin(turn)) for turn in np.pi * np.arange(6) / 3]
CENTRE = (0.0, 0.0)

CROSSED = {
    "bow tie": ([(-1, -1), (1, 1), (1, -1), (-1, 1)], 1),
    "square": ([(0, 0), (1, 0), (1, 1), (0, 1)], 0),
    "pentagram": (STAR, 5),
    "pinch that crosses": (list(zip(*LOBES_CROSSING, strict=True)), 1),
    "pinch that touches": (list(zip(*LOBES_TOUCHING, strict=True)), 0),
    "corner that touches an edge": ([(-2, 0), (2, 0), (1, 2), (0, 0), (-1, 2)], 0),
    "corner that goes through an edge": ([(-2, 0), (2, 0), (0, 2), (0, 0), (0, -2)], 1),
    "stretch together, then across": ([A, P, Q, B, (1.5, -3), C, P, Q, D, (1.5, 3)], 1),
    "stretch together, then apart": ([A, P, Q, D, (5, 0), (1.5, -4), C, P, Q, B, (5, 3)], 1),  # at (4, 0.5)
    "stretch opposed, then across": ([A, P, Q, B, (5, 0), D, Q, P, C, (-2, 0)], 1),
    "stretch opposed, then apart": ([A, P, Q, D, (5, 0), B, Q, P, C, (-2, 0)], 0),
    "three passes through one point": (
        [CENTRE, *SPOKES[:2], CENTRE, *SPOKES[4:], CENTRE, *SPOKES[2:4]],
        3,
    ),
    "line there and back": (list(zip(*BACK_AND_FORTH, strict=True)), 0),
    "square run twice": (2 * [(0, 0), (1, 0), (1, 1), (0, 1)], 0),
    "square with a hair": ([(0, 0), (1, 0), (1, 1), (2, 2), (1, 1), (0, 1)], 0),
    "repeated corners": ([(-1, -1), (-1, -1), (1, 1), (1, -1), (-1, 1), (-1, 1)], 1),
    "a point": (4 * [(2, 3)], 0),
}


@pytest.mark.parametrize("name", CROSSED)
def test_crossings_are_told_from_touches(name: str) -> None:
    corners, count = CROSSED[name]
    x, y = np.array(corners, dtype=float).T

    assert int(geometry.self_crossings(x, y)) == count


@settings(max_examples=100, deadline=None)
@given(LATTICE_LOOPS, st.floats(0, 7), st.integers(0, 10), st.booleans())
def test_crossings_do_not_depend_on_where_and_how_the_loop_lies(
    loop: Floats, angle: float, start: int, backwards: bool
) -> None:
    x, y = np.roll(loop, start, axis=1)[:, :: -1 if backwards else 1]
    x, y = turned(x, y, angle)

    assert geometry.self_crossings(3.7 * x - 5, 3.7 * y) == geometry.self_crossings(*loop)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(LATTICE_LOOPS)
def test_crossings_have_the_parity_of_the_turning_number_plus_one(loop: Floats) -> None:
    z = loop[0] + 1j * loop[1]
    steps = np.roll(z, -1) - z
    assume(np.all(steps != 0))
    turns = np.angle(steps / np.roll(steps, 1))
    assume(np.all(np.abs(turns) < 3.14))  # no hairs
    bends = z[np.abs(turns) > 1e-9]
    assume(not any(np.array_equal(bends, np.roll(bends, k)) for k in range(1, len(bends))))  # runs once

    crossings = int(geometry.self_crossings(*loop))

    assert (crossings - round(turns.sum() / (2 * np.pi))) % 2 == 1


def test_rounding_of_a_line_makes_no_crossings() -> None:
    x = np.r_[np.linspace(0, 1, 17), np.linspace(0.97, 0.02, 11)]

    assert geometry.self_crossings(x, x / 3) == 0
    assert geometry.unsigned_area(x, x / 3) < 1e-15


@pytest.mark.parametrize(
    ("x", "y", "pinch"),
    [
        ([0.0, 1, 0, -1], [0.25, 1, -0.25, -1], 0.25),
        ([-1.0, 1, 1, -1], [0, 1, 3, 1], 2 / 3),  # between corners: 0.5 and 2 at x = 0
        ([0.0, 1, 2, 1], [0, 1, 0.5, 0], 0.0),
        ([0.5, 1, 2, 0.5], [0.1, 1, 0.5, -0.3], 0.3),
        ([1.0, 2, 3], [0, 0, 0], 0.0),
    ],
)
def test_pinch_is_the_largest_response_at_zero_drive(x: list[float], y: list[float], pinch: float) -> None:
    assert geometry.pinch(x, y) == pytest.approx(pinch, abs=1e-15)


def test_a_line_fit_knows_lines_and_circles() -> None:
    slope, r2 = geometry.line_fit(np.cos(PHASE), [np.sin(PHASE), 0.5 * np.cos(PHASE) - 3, 0 * PHASE])

    assert slope == pytest.approx([0, 0.5, 0], abs=1e-12)
    assert r2 == pytest.approx([0, 1, 1], abs=1e-12)


def test_a_line_fit_is_undefined_for_a_drive_that_stands_still() -> None:
    assert np.isnan(geometry.line_fit([2, 2, 2], [0, 1, 2])).all()


@pytest.mark.parametrize(
    ("values", "positions"),
    [
        ([1, -1, 1], [1, 2]),
        ([0, 1, 2, 0, 0, -1, 0], [3]),
        ([1, 0, 1], []),
        ([0, 0], []),
        (np.sin(2 * np.pi * np.arange(40) / 20 + 1e-9), [10, 20, 30]),
    ],
)
def test_zero_crossings_are_changes_of_sign(values: list[float], positions: list[int]) -> None:
    assert geometry.zero_crossings(values).tolist() == positions
