"""Closed forms of memristive loops against direct simulation and numerical integration."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rydberg_qmem.analysis import closed_forms, geometry

Floats = NDArray[np.float64]

PERIODS_AND_WINDOWS = [(24, 9), (24, 1), (24, 24), (12, 5), (10, 13), (7, 3), (4, 2), (48, 30), (50, 75)]
DENSE = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)


def simulated(period: int, window: int, includes_present: bool) -> tuple[Floats, Floats, Floats]:
    """Run R_k = 1/2 + mean(n_j - 1/2) over the window, round by round, and return the last period."""
    rounds = np.arange(window + 2 * period)
    n_in = np.sin(np.pi * rounds / period) ** 2
    reflectivity = np.full(len(rounds), 0.5)
    for k in range(window, len(rounds)):
        end = k + 1 if includes_present else k
        reflectivity[k] = 0.5 + sum(n_in[j] - 0.5 for j in range(end - window, end)) / window
    first = rounds[window:][rounds[window:] % period == 0][0]
    last = slice(first, first + period)
    return n_in[last], reflectivity[last], ((1 - reflectivity) * n_in)[last]


@pytest.mark.parametrize("includes_present", [False, True])
@pytest.mark.parametrize(("period", "window"), PERIODS_AND_WINDOWS)
def test_the_discrete_laws_are_those_of_rounds(period: int, window: int, includes_present: bool) -> None:
    n_in, reflectivity, n_out = simulated(period, window, includes_present)

    law = closed_forms.discrete_reflectivity(np.arange(period), period, window, includes_present)
    signed = closed_forms.discrete_loop_area(period, window, includes_present, signed=True)

    assert law == pytest.approx(reflectivity, abs=1e-12)
    assert signed == pytest.approx(geometry.signed_area(n_in, n_out), abs=1e-12)
    assert closed_forms.discrete_loop_area(period, window, includes_present) == abs(signed)


@pytest.mark.parametrize(("includes_present", "area"), [(False, 0.294922), (True, 0.264419)])
def test_the_loop_of_24_rounds_and_window_9_has_its_known_area(includes_present: bool, area: float) -> None:
    assert closed_forms.discrete_loop_area(24, 9, includes_present) == pytest.approx(area, abs=5e-7)


def test_the_discrete_loop_never_crosses_itself_so_both_areas_agree() -> None:
    n_in, _, n_out = simulated(24, 9, False)

    assert geometry.self_crossings(n_in, n_out) == 0
    assert geometry.unsigned_area(n_in, n_out) == pytest.approx(closed_forms.discrete_loop_area(24, 9), abs=1e-12)


def test_the_discrete_law_takes_arrays() -> None:
    areas = closed_forms.discrete_loop_area([[12], [24]], [3, 9])

    assert areas.shape == (2, 2)
    assert areas[1, 1] == closed_forms.discrete_loop_area(24, 9)


def test_many_rounds_give_the_continuous_law() -> None:
    continuous = closed_forms.photonic_loop_area(3 * np.pi / 8)

    assert closed_forms.discrete_loop_area(24_000, 9_000) == pytest.approx(continuous, rel=2e-4)


@pytest.mark.parametrize(
    ("ratio", "area"),
    [(0.1, 0.11936), (0.25, 0.25), (0.37101, 0.28455), (0.5, 0.25), (0.75, 0.08333), (1, 0), (1.5, 0.08333)],
)
def test_the_continuous_law_has_its_known_values(ratio: float, area: float) -> None:
    assert closed_forms.photonic_loop_area(np.pi * ratio) == pytest.approx(area, abs=5e-6)


@pytest.mark.parametrize("x", [0.05, 0.9, 1.6, 3.0, 4.1])
def test_the_continuous_loop_encloses_the_area_of_its_law(x: float) -> None:
    n_in, n_out = closed_forms.photonic_loop(DENSE, x)

    assert geometry.unsigned_area(n_in, n_out) == pytest.approx(closed_forms.photonic_loop_area(x), rel=1e-6)
    assert np.sign(geometry.signed_area(n_in, n_out)) == -1  # clockwise


def test_the_reflectivity_is_the_mean_of_the_input_over_the_window() -> None:
    x, phase = 1.3, 2.0
    past = np.linspace(phase - 2 * x, phase, 100_001)

    assert closed_forms.photonic_reflectivity(phase, x) == pytest.approx(np.mean(np.sin(past / 2) ** 2), abs=1e-5)


def test_the_area_is_largest_where_tan_x_is_two_x() -> None:
    x = np.linspace(0.01, 3.1, 100_001)

    best = x[np.argmax(closed_forms.photonic_loop_area(x))]

    assert np.tan(best) == pytest.approx(2 * best, rel=1e-3)


def test_a_window_of_no_length_has_no_loop() -> None:
    assert closed_forms.photonic_loop_area(0.0) == 0.0


@pytest.mark.parametrize("omega", [0.5, 1.0, 3.0])
def test_a_flux_controlled_memristor_has_two_lobes_of_the_known_area(omega: float) -> None:
    voltage = 1.5 * np.sin(DENSE)
    current = closed_forms.flux_controlled_current(DENSE, 1.0, 0.4, 1.5, omega)
    lobe = closed_forms.flux_controlled_lobe(0.4, 1.5, omega)

    assert geometry.unsigned_area(voltage, current) == pytest.approx(2 * lobe, rel=1e-6)
    assert geometry.signed_area(voltage, current) == pytest.approx(0, abs=1e-12)
    assert geometry.pinch(voltage, current) == pytest.approx(0, abs=1e-12)
    assert lobe == pytest.approx(2 / 3 * 0.4 * 1.5**3 / omega)
