"""The two photonic-type memristors of the gallery against the discrete law of their window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import rydberg_qmem as rq
from rydberg_qmem.analysis import closed_forms
from rydberg_qmem.language.blocks import Repeat, Set

Array = NDArray[np.float64]
NAMES = ("two_port_memristor", "photonic_memristor")
SIZES = [(6, 2), (8, 5), (6, 6), (8, 1), (4, 8)]
"""Rounds per period and window: shorter, longer, one whole period (no loop), one round, two periods."""


def law(period: int, window: int) -> tuple[Array, Array]:
    """Return n_in and R of two periods: R is the mean of n_in over the window, which starts filled with 1/2."""
    n_in = np.sin(np.pi * np.arange(2 * period) / period) ** 2
    before = np.concatenate([np.full(window, 0.5), n_in])
    return n_in, np.array([before[k : k + window].mean() for k in range(2 * period)])


def run(program: Any, period: int, window: int, **options: Any) -> Any:
    return rq.run(program, parameters={"period": period, "window": window}, **options)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("period", "window"), SIZES)
def test_the_ideal_memristor_follows_its_discrete_law(name: str, period: int, window: int) -> None:
    n_in, reflectivity = law(period, window)

    record = run(name, period, window, shots=None, emulator="ideal")

    np.testing.assert_allclose(record.R, reflectivity, atol=1e-9)
    np.testing.assert_allclose(record.clicks.sel(clicks_atom="a"), reflectivity * n_in, atol=1e-9)
    np.testing.assert_allclose(record.clicks.sel(clicks_atom="s"), (1 - reflectivity) * n_in, atol=1e-9)


@pytest.mark.parametrize(("period", "window"), [(6, 2), (8, 5), (6, 6), (8, 1)])
def test_the_settled_loop_has_the_area_of_the_closed_form(period: int, window: int) -> None:
    record = run("two_port_memristor", period, window, shots=None, emulator="ideal")

    x, y = record.n_in.values[period:], record.clicks.sel(clicks_atom="s").values[period:]
    area = abs(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2

    assert area == pytest.approx(float(closed_forms.discrete_loop_area(period, window)), abs=1e-9)
    assert (area < 1e-9) == (period == window)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("period", "window"), SIZES)
def test_the_memristor_by_pulses_is_within_a_hundredth_of_its_law(name: str, period: int, window: int) -> None:
    n_in, reflectivity = law(period, window)

    record = run(name, period, window, shots=None, emulator="exact")

    np.testing.assert_allclose(record.R, reflectivity, atol=0.01)
    np.testing.assert_allclose(record.clicks.sel(clicks_atom="s"), (1 - reflectivity) * n_in, atol=0.01)


def worst_z(samples: Array, expected: Array) -> float:
    """Return the largest distance of a mean over axis 0 from its expectation, in standard errors."""
    error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    gap = np.abs(samples.mean(axis=0) - expected)
    return float(np.max(np.where(gap > 1e-12, gap / np.maximum(error, 1e-12), 0)))


def reversed_feedforward(name: str) -> rq.Program:
    """Return a memristor whose reflectivity falls where it should rise."""
    program = rq.load(name)
    loop = program.body[0]
    assert isinstance(loop, Repeat)
    wrong = Set(values={"R": "clip(1 - mean(seen), 0, 1)"})
    return program.model_copy(update={"body": (loop.model_copy(update={"body": (*loop.body[:-1], wrong)}),)})


def two_port_z(program: Any) -> float:
    """Return the worst z of the mean R and clicks of 1000 shots, each shot its own experiment."""
    n_in, reflectivity = law(6, 3)
    record = run(program, 6, 3, shots=1000, seed=5, emulator="ideal")
    out = record.clicks.sel(clicks_atom="s").values.astype(float)
    return max(worst_z(record.R.values, reflectivity), worst_z(out, (1 - reflectivity) * n_in))


def photonic_z(program: Any) -> float:
    """Return the worst z of R over 24 seeds: all shots of a run share one R, so runs are the samples."""
    _, reflectivity = law(6, 3)
    runs = [run(program, 6, 3, shots=1000, seed=seed, emulator="ideal").R[0].values for seed in range(24)]
    return worst_z(np.array(runs), reflectivity)


CHECKS: Mapping[str, Any] = {"two_port_memristor": two_port_z, "photonic_memristor": photonic_z}


@pytest.mark.parametrize("name", NAMES)
def test_a_thousand_shots_are_within_four_standard_errors_of_the_law(name: str) -> None:
    assert CHECKS[name](name) < 4


@pytest.mark.parametrize("name", NAMES)
def test_feedforward_of_the_wrong_sign_is_far_from_the_law(name: str) -> None:
    assert CHECKS[name](reversed_feedforward(name)) > 10


def test_one_shot_of_the_photonic_memristor_feeds_back_the_mean_of_its_cohort() -> None:
    record = run("photonic_memristor", 6, 3, shots=500, seed=3, emulator="ideal")

    np.testing.assert_array_equal(record.R, np.broadcast_to(record.R[0], record.R.shape))
