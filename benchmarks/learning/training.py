"""The parameters of a memristor themselves, trained for the form factor of its loop."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from rows import Rows, group
from scipy.integrate import cumulative_simpson

import rydberg_qmem as rq
from rydberg_qmem.analysis import geometry
from rydberg_qmem.learning.optimise import Optimum, optimise

BOUNDS = {"phase": (0.2, 2.9), "alpha": (0.1, 100.0)}
STEPS = 100
RATE = 1.38975e-3
"""gamma_0 / omega at alpha = 1, as in `ca_squid`."""


def form_factor(point: dict[str, float], steps: int = STEPS) -> float:
    """Return the form factor 4πA/P² of the first loop of the CA-SQUID memristor, V and I in units of their largest."""
    settings = {**point, "steps": steps, "periods": 1.5}  # from any phase, a whole loop lies within so many
    record = rq.run("ca_squid", parameters=settings, shots=None, emulator="ideal")
    voltage = -record.bloch.squeeze(drop=True)
    current = point["alpha"] / 100 * voltage * record.rate_now
    made = rq.analysis.memristivity(record, drive=voltage, response=current)
    return float(made.form_factor[0])


def by_law(point: dict[str, float]) -> float:
    """Return the form factor of the law: V = sin(u + phase) exp(-Γ(u) / 2), I = (γ(u) / γ_0) V, in fine steps."""
    u = np.linspace(0, 3 * math.pi, 30_001)
    damped = np.exp(-RATE * point["alpha"] / 2 * cumulative_simpson(1 - np.sin(np.sin(u)), x=u, initial=0))
    first = -point["phase"] % math.pi
    loop = (u >= first) & (u <= first + 2 * math.pi)
    voltage = (np.sin(u + point["phase"]) * damped)[loop]
    current = point["alpha"] / 100 * (1 - np.sin(np.sin(u[loop]))) * voltage
    return float(geometry.form_factor(voltage, current))


def searched(seed: int) -> Optimum:
    rng = np.random.default_rng(seed)
    start = {name: float(rng.uniform(low, high)) for name, (low, high) in BOUNDS.items()}
    return optimise(lambda p: -form_factor(p), start, bounds=BOUNDS, evaluations=30, tolerance=1e-4)


def memristivity(starts: Iterable[int] = range(10)) -> None:
    for seed in starts:

        def one(seed: int = seed) -> Rows:
            best = searched(seed)
            coarse, fine = -best.value, form_factor(best.parameters, 2 * STEPS)
            extrapolated = (
                fine + (fine - coarse) / 3
            )  # the error of a loop of chords falls with the square of its steps
            values = (*best.parameters.values(), coarse, fine, extrapolated, by_law(best.parameters))
            return [[*(f"{v:.4f}" for v in values), best.history.sizes["evaluation"]]]

        group("memristivity", str(seed), one)
