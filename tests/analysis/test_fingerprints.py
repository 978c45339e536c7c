"""Verdicts on devices whose loops are known: exact, and with noise, where they hold their stated error rate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from rydberg_qmem.analysis import fingerprints
from rydberg_qmem.analysis.lobes import no_area_probability, signed_lobes

RATES = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
PHASE = 2 * np.pi * np.arange(64) / 64
V = np.sin(PHASE)
DEVICES: dict[str, Callable[[float], NDArray[np.float64]]] = {
    "memristor": lambda w: (1 + 0.5 / w * (1 - np.cos(PHASE))) * V,
    "memristor with a weak memory": lambda w: (1 + 0.2 / w * (1 - np.cos(PHASE))) * V,
    "resistor": lambda w: 0.7 * V,
    "diode": lambda w: np.exp(1.5 * V) - 1,
    "cubic": lambda w: V + V**3,
    "small lag": lambda w: V + 0.01 * np.cos(PHASE),
    "low pass": lambda w: np.cos(np.arctan(w / 3)) * np.sin(PHASE - np.arctan(w / 3)),
    "resistor and capacitor": lambda w: V + 0.3 * w * np.cos(PHASE),
    "memristor with an offset": lambda w: (1 + 0.5 / w * (1 - np.cos(PHASE))) * V + 0.2,
}
MEMRISTORS = ("memristor", "memristor with a weak memory")


def record(name: str, shots: int | None = None, noise: float = 0.3, seed: int = 0) -> xr.Dataset:
    """A device at six frequencies, 64 rounds each: exact, or with normal noise in each shot."""
    response = np.array([DEVICES[name](w) for w in RATES])
    dims: tuple[str, ...] = ("point", "round")
    if shots is not None:
        scatter = noise * np.random.default_rng(seed).normal(size=(len(RATES), shots, 64))
        response, dims = response[:, None] + scatter, ("point", "shot", "round")
    return xr.Dataset({"x": ("round", V), "y": (dims, response)}, coords={"w": ("point", RATES)})


def called(made: xr.Dataset, bootstrap: int = 40) -> bool:
    return bool(fingerprints(made, drive="x", response="y", frequency="w", bootstrap=bootstrap).memristor)


@pytest.mark.parametrize("name", DEVICES)
def test_exact_loops_get_the_verdict_of_their_device(name: str) -> None:
    assert called(record(name)) is (name in MEMRISTORS)


@pytest.mark.parametrize("shots", [200, pytest.param(2000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", DEVICES)
def test_noisy_loops_get_the_verdict_of_their_device(name: str, shots: int) -> None:
    assert [called(record(name, shots, seed=seed)) for seed in range(4)] == [name in MEMRISTORS] * 4


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resistor", "diode", "small lag", "memristor"])
def test_verdicts_hold_their_error_rate(name: str) -> None:
    verdicts = [called(record(name, 200, seed=100 + seed), bootstrap=25) for seed in range(60)]

    assert sum(verdicts) == (60 if name in MEMRISTORS else 0)  # a rate of 6 in 100,000 gives none in 60


def test_noise_too_large_to_tell_makes_no_memristor() -> None:
    verdicts = [
        called(record(name, 4, noise=2.0, seed=seed)) for name in ("resistor", "memristor") for seed in range(5)
    ]

    assert not any(verdicts)


def shrinks(responses: list[NDArray[np.float64]], shots: int, seed: int) -> bool:
    """Return the verdict on loops at frequencies 1, 2, 4, ... with normal noise of 0.3 in each shot."""
    scatter = 0.3 * np.random.default_rng(seed).normal(size=(len(responses), shots, 64))
    noisy = np.array(responses)[:, None] + scatter
    made = xr.Dataset(
        {"x": ("round", V), "y": (("point", "shot", "round"), noisy)},
        coords={"w": ("point", 2.0 ** np.arange(len(responses)))},
    )
    return bool(fingerprints(made, drive="x", response="y", frequency="w", bootstrap=40).shrinks)


def test_areas_that_fall_by_less_than_their_errors_do_not_shrink() -> None:
    """A lag of constant area: with noise one of the loops is the largest, and those after it are smaller by chance."""
    lag = [V + 0.3 * np.cos(PHASE)] * 6

    assert [shrinks(lag, 200, seed) for seed in range(6)] == [False] * 6


def test_areas_that_rise_by_less_than_their_errors_shrink_all_the_same() -> None:
    """Some loops are alike, so that with noise a later one is the larger half of the time; then areas fall on."""
    loops = [DEVICES["memristor"](w) for w in (0.5, 1.0, 1.0, 1.0, 4.0)]

    assert [shrinks(loops, 200, seed) for seed in range(6)] == [True] * 6


def test_areas_of_nothing_are_as_probable_as_their_law_says() -> None:
    shots = 0.7 * V + 0.3 * np.random.default_rng(0).normal(size=(100, 100, 64))
    points = xr.Dataset({"x": ("round", V), "y": (("point", "shot", "round"), shots)})

    chances = np.sort(no_area_probability(points, drive="x", response="y", bootstrap=200))

    assert np.abs(chances - (np.arange(100) + 0.5) / 100).max() < 0.25  # Kolmogorov's distance at 1e-5
    assert (no_area_probability(record("small lag", 20_000), drive="x", response="y") < 1e-6).all()


def test_lobes_are_cut_where_the_drive_is_zero() -> None:
    x, y = np.array([-1.0, 1, 1, -1]), np.array([-1.0, 1, -1, 1])

    assert signed_lobes(x, y).tolist() == [-1.0, 1.0]


def test_the_exponent_has_the_error_of_its_scatter() -> None:
    made = [fingerprints(record("memristor", 100, seed=s), drive="x", response="y", frequency="w", bootstrap=40)
            for s in range(40)]  # fmt: skip
    law = float(fingerprints(record("memristor"), drive="x", response="y", frequency="w").exponent)

    pulls = np.array([float((m.exponent - law) / m.exponent_error) for m in made])
    assert abs(pulls.mean()) < 0.8
    assert 0.6 < pulls.std(ddof=1) < 1.5


def test_areas_weigh_in_the_exponent_by_their_errors() -> None:
    shots, law = 200, np.array([DEVICES["memristor"](w) for w in RATES])
    noise = np.array([0.1, 0.1, 0.1, 0.1, 0.1, 1.5])[:, None, None]
    response = law[:, None] + noise * np.random.default_rng(8).normal(size=(len(RATES), shots, 64))
    made = fingerprints(
        xr.Dataset({"x": ("round", V), "y": (("point", "shot", "round"), response)}, coords={"w": ("point", RATES)}),
        drive="x", response="y", frequency="w", bootstrap=40,
    )  # fmt: skip
    area, error = made.area.values, made.area_error.values
    assert area.argmax() == 0
    assert (area > 0).all()

    weighted, unweighted = (np.polyfit(np.log(RATES), np.log(area), 1, w=w)[0] for w in (area / error, None))

    assert float(made.exponent) == pytest.approx(weighted, rel=1e-9)
    assert abs(weighted - unweighted) > 0.01
    assert abs(float(made.exponent) + 1) < 4.9 * float(made.exponent_error)
