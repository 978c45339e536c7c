"""The parameters of a memristor themselves, trained for the form factor of its loop."""

from __future__ import annotations

import numpy as np
from rows import Rows, group

import rydberg_qmem as rq
from rydberg_qmem.learning.optimise import Optimum, optimise

BOUNDS = {"phase": (0.2, 2.9), "alpha": (0.1, 100.0)}


def form_factor(point: dict[str, float], steps: int = 100) -> float:
    """Return the form factor 4πA/P² of the first loop of the CA-SQUID memristor, V and I in units of their largest."""
    settings = {**point, "steps": steps, "periods": 2}  # from any phase, a whole loop lies within two periods
    record = rq.run("ca_squid", parameters=settings, shots=None, emulator="ideal")
    voltage = -record.bloch.squeeze(drop=True)
    current = point["alpha"] / 100 * voltage * record.rate_now
    made = rq.analysis.memristivity(record, drive=voltage, response=current)
    return float(made.form_factor[0])


def searched(seed: int) -> Optimum:
    rng = np.random.default_rng(seed)
    start = {name: float(rng.uniform(low, high)) for name, (low, high) in BOUNDS.items()}
    return optimise(lambda p: -form_factor(p), start, bounds=BOUNDS, evaluations=60, tolerance=1e-4)


def memristivity() -> None:
    for seed in range(10):

        def one(seed: int = seed) -> Rows:
            best = searched(seed)
            values = (best.parameters["phase"], best.parameters["alpha"], -best.value)
            return [[*(f"{v:.4f}" for v in values), best.history.sizes["evaluation"]]]

        group("memristivity", str(seed), one)
