"""What one cell remembers and computes, against its window and the strength of its feedback."""

from __future__ import annotations

from typing import Any

import numpy as np
from rows import Rows, group

from rydberg_qmem.learning import mean_field, memory_capacity, processing_capacity
from rydberg_qmem.programs import memristor_network

ROUNDS, SEEDS = 2000, 5
SPANS = {"window": (1, 2, 3, 4, 8), "exponential": (1.5, 2.0, 4.0, 8.0)}


def capacity() -> None:
    for kind, spans in SPANS.items():
        for span in spans:
            name = f"window of {span}" if kind == "window" else f"exponential, τ = {span:g}"
            group("capacity", name, lambda kind=kind, span=span: [measured(kind, span, s) for s in strengths(span)])


def strengths(span: float) -> tuple[float, ...]:
    """Return the strengths to measure: frozen feedback knows no span, so that once is enough."""
    return (0.0, 0.5, 1.0) if span == 1 else (0.5, 1.0)


def measured(kind: Any, span: float, strength: float) -> list[Any]:
    """Return strength, linear memory capacity, capacity by degree and in total, and the total's spread over seeds."""
    program = memristor_network(["x0"], time_constants=[span], memory=kind, port="transmitted")
    u = np.random.default_rng(0).uniform(size=(SEEDS, ROUNDS))
    means = mean_field(program, {"x0": u}, {"strength": strength})
    one, two = np.triu_indices(means.shape[2])
    states = np.concatenate([means, means[:, :, one] * means[:, :, two]], axis=2)
    rows: Rows = []
    for x, drive in zip(states, u, strict=True):
        past = memory_capacity(x, drive, delays=range(1, 11), washout=50)
        every = processing_capacity(x, drive, degree=3, delays=8)
        rows.append([past.total, *every.by_degree.values(), every.total])
    spread = np.std([row[-1] for row in rows], ddof=1)
    return [f"{strength:g}", *(f"{value:.2f}" for value in np.mean(rows, axis=0)), f"{spread:.2f}"]
