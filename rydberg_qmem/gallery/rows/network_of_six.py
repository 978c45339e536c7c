"""A network of six memristors: entanglement between cells against hysteresis."""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np

from rydberg_qmem.analysis import entanglement, geometry
from rydberg_qmem.gallery.figure import Figure, Measured, RunConfig
from rydberg_qmem.plots import Line, Panel
from rydberg_qmem.programs import network

SOURCE = "this project"
STRENGTHS = (0.0, 0.15, 0.3, 0.45, 0.6)


@lru_cache(maxsize=1)
def swept(units: int = 6) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean loop area and negativity of the first two cells, for each strength of coupling in a line."""
    area, linked = [], []
    for strength in STRENGTHS:
        record = RunConfig().run(network(units, strength=strength, phase=0.5, period=6, window=2))
        state = entanglement.within(record.rho.values, str(record.levels))[0]
        area.append(mean_area(record.out.values, units))
        linked.append(float(entanglement.negativity(state[6:]).mean()))
    return tuple(area), tuple(linked)


def mean_area(out: np.ndarray, units: int) -> float:
    """Return the mean area of the cells' loops over the second period of 6 rounds."""
    k = np.arange(6, 12)
    drives = [np.sin(np.pi * k / 6 + i * 0.25) ** 2 for i in range(units)]
    return float(np.mean([geometry.unsigned_area(x, out[6:, i]) for i, x in enumerate(drives)]))


def mean_reflected(config: RunConfig, topology: str) -> Measured:
    """Return the largest difference of reflected light from R n_in over six coupled cells: coupling must not touch it.

    From shots, the largest difference in standard errors.
    """
    program = network(6, topology=topology, probes=False, period=6, window=2)  # type: ignore[arg-type]  # a name
    shots = None if config.shots is None else 1000
    record = config.run(program, shots=shots, seed=None if shots is None else 1)
    n_in = np.sin(np.pi * np.arange(12) / 6) ** 2
    worst = 0.0
    for i in range(6):
        bits, r = record.reflected.values[..., i], record[f"R{i}"].values
        want = (r if r.ndim == 1 else r[0]) * n_in
        gap = np.abs((bits if shots is None else bits.mean(axis=0)) - want)
        scale = 1.0 if shots is None else np.sqrt(np.maximum(want * (1 - want), 1e-3) / 1000)
        worst = max(worst, float((gap / scale).max()))
    return worst, 0.0


def _figure(topology: str) -> Figure:
    return Figure(12, f"six in a {topology}", "largest |reflected - R n_in|", SOURCE, "derived", 0.0, 1e-9,
                  partial(mean_reflected, topology=topology), pulses="18 levels of 12 atoms: see two cells",
                  noisy="see two cells")  # fmt: skip


FIGURES = tuple(_figure(topology) for topology in ("line", "ring", "grid"))


def panels() -> list[Panel]:
    """Draw entanglement between cells against hysteresis."""
    area, linked = swept()
    return [
        Panel((Line(STRENGTHS, area, "mean loop area", True, joined=True),
               Line(STRENGTHS, linked, "negativity of a pair", True, joined=True)), "coupling strength (rad)", ""),
        Panel((Line(area, linked, "", True, joined=True),), "mean loop area", "negativity of a pair",
              "0 to 0.6 rad, right to left"),
    ]  # fmt: skip
