"""Form factors of cycles and lobes cut at the zeros of the drive."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from rydberg_qmem.analysis.closed_forms import squid_voltage
from rydberg_qmem.analysis.memristivity import memristivity

RATE = 1.38975e-3


def squid_form(phase: float, alpha: float, steps: int = 500) -> float:
    u = 2 * np.pi * np.arange(int(1.8 * steps)) / steps
    v = squid_voltage(u, np.pi / 2, phase, alpha * RATE)
    record = xr.Dataset({"v": ("round", v), "i": ("round", alpha / 100 * (1 - np.sin(np.sin(u))) * v)})
    return float(memristivity(record, drive="v", response="i").form_factor[0])


def test_the_map_of_form_factors_has_its_maximum_where_it_should() -> None:
    phases, alphas = np.linspace(0.3, 2.8, 9), np.arange(61, 102, 20)
    found = np.array([[squid_form(p, float(a)) for a in alphas] for p in phases])
    i, j = np.unravel_index(found.argmax(), found.shape)

    assert found.max() == pytest.approx(0.3235, abs=2e-3)
    assert phases[i] == pytest.approx(np.pi / 2, abs=0.1)
    assert alphas[j] == pytest.approx(81, abs=1)


CUTS: tuple[Any, ...] = ("cycle", "lobe")


def test_a_rounded_zero_at_the_start_is_no_second_crossing() -> None:
    assert squid_form(np.pi, 100) == pytest.approx(squid_form(-np.pi, 100), rel=1e-6)
    assert squid_form(np.pi, 100) == pytest.approx(squid_form(np.pi - 1e-3, 100), rel=0.05)


def test_a_figure_of_eight_has_lobes_of_equal_area() -> None:
    phase = 2 * np.pi * np.arange(401) / 400
    record = xr.Dataset({"x": ("round", np.sin(phase)), "y": ("round", np.sin(2 * phase))})

    found = memristivity(record, drive="x", response="y", cut="lobe")

    assert found.area.values == pytest.approx([4 / 3, 4 / 3], rel=1e-3)
    assert (found.start.values, found.stop.values) == (pytest.approx([0, 200]), pytest.approx([200, 400]))


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize("cut", ["cycle", "lobe"])
def test_the_signed_area_tells_which_way_a_pinched_loop_is_run_through(turn: int, cut: Any) -> None:
    phase = 2 * np.pi * np.arange(401) / 400
    resistance = 1 + 0.5 * turn * np.cos(phase)
    record = xr.Dataset({"x": ("round", np.sin(phase)), "y": ("round", np.sin(phase) * resistance)})

    found = memristivity(record, drive="x", response="y", cut=cut, bootstrap=0)

    assert found.signed_area.values == pytest.approx(-turn * found.area.values, rel=1e-3)
    assert found.area.values.sum() == pytest.approx(2 / 3, rel=1e-3)


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_the_two_sides_of_a_loop_are_told_apart_on_steps_that_cross_zero(shift: float) -> None:
    """Of eight steps each counts: those that begin at zero drive, and those that pass it on their way."""
    phase = 2 * np.pi * (np.arange(-2, 19) + shift) / 8
    x, y = np.sin(phase), 1 + np.cos(phase)
    record = xr.Dataset({"x": ("round", x), "y": ("round", y)})
    cycle, lobes = (memristivity(record, drive="x", response="y", cut=cut, bootstrap=0) for cut in CUTS)

    fine = np.linspace(0, 20, 400 * 20 + 1)
    u, v = (np.interp(fine, np.arange(21), part) for part in (x, y))
    swept = 0.5 * np.sign(u[:-1] + u[1:]) * (u[:-1] * np.diff(v) - v[:-1] * np.diff(u))

    def between(start: float, stop: float) -> float:
        middle = 0.5 * (fine[:-1] + fine[1:])
        return float(swept[(middle > start) & (middle < stop)].sum())

    for found in (cycle, lobes):
        ends = zip(found.start.values, found.stop.values, strict=True)
        assert found.signed_area.values == pytest.approx([between(*end) for end in ends], abs=2e-3)
    assert cycle.signed_area.values[0] == pytest.approx(float(lobes.signed_area[:2].sum()), abs=1e-12)


def test_errors_fall_with_the_root_of_the_shots() -> None:
    phase = 2 * np.pi * np.arange(61) / 60
    rng = np.random.default_rng(2)

    def error(shots: int) -> float:
        noisy = np.cos(phase) + 0.05 * rng.normal(size=(shots, 61))
        record = xr.Dataset({"x": ("round", np.sin(phase)), "y": (("shot", "round"), noisy)})
        return float(memristivity(record, drive="x", response="y").area_error[0])

    assert error(100) / error(1600) == pytest.approx(4, rel=0.4)
