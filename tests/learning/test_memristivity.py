"""The form factor of the CA-SQUID memristor (closed form, derived), and its maximum over phase and coupling."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import jv

from rydberg_qmem.learning.optimise import optimise

Floats = NDArray[np.float64]
RATE = 1.38975e-3
"""gamma_0 / omega at alpha = 1."""


def damping(u: Floats, alpha: float) -> Floats:
    """Return the integral of gamma over omega from 0 to phase u, gamma = gamma_0 (1 + cos(pi/2 + sin u))."""
    odd = sum(jv(k, 1) * (1 - np.cos(k * u)) / k for k in (1, 3, 5, 7, 9))
    return np.asarray(RATE * alpha * (u - 2 * odd))


def loop(theta: float, alpha: float, points: int = 500) -> tuple[Floats, Floats]:
    """Return voltage and current of the first loop: from the first zero of the voltage to the third."""
    begin = -theta % math.pi
    u = begin + np.linspace(0, 2 * math.pi, points)
    voltage = np.sin(u + theta) * np.exp(-damping(u, alpha) / 2)
    return voltage, alpha / 100 * (1 - np.sin(np.sin(u))) * voltage


def form_factor(x: Floats, y: Floats) -> float:
    area = 0.5 * np.abs(x[:-1] * np.diff(y) - y[:-1] * np.diff(x)).sum()
    return float(4 * math.pi * area / np.hypot(np.diff(x), np.diff(y)).sum() ** 2)


def test_the_form_factor_of_a_known_point_is_the_known_one() -> None:
    assert form_factor(*loop(math.pi / 2, 100)) == pytest.approx(0.3179, abs=2e-3)


def test_the_maximum_is_found_from_ten_random_starts() -> None:
    bounds = {"theta": (0.2, 2.9), "alpha": (0.1, 100.0)}
    rng, found = np.random.default_rng(0), []
    for _ in range(10):
        start = {name: float(rng.uniform(low, high)) for name, (low, high) in bounds.items()}
        best = optimise(lambda p: -form_factor(*loop(**p)), start, bounds=bounds, evaluations=150, tolerance=1e-5)  # type: ignore[arg-type]  # all are floats but the number of points
        found.append(-best.value)

    assert np.abs(np.array(found) - 0.3235).max() < 0.003
