"""Row 9: cascade, crossed feedback, shared memory, a remote pair, a thermal ancilla."""

from __future__ import annotations

from math import exp, pi, sin

import numpy as np
import xarray as xr

from rydberg_qmem.analysis import closed_forms, entanglement, geometry
from rydberg_qmem.analysis.hysteresis import hysteresis
from rydberg_qmem.gallery import figure
from rydberg_qmem.gallery.figure import FEW, IDEAL, Figure, Floats, Measured, RunConfig, limit
from rydberg_qmem.plots import Line, Panel, closed
from rydberg_qmem.programs import network

CASCADE = "Di Micco 2025, arXiv 2503.02466"
CROSSED = "Baldazzi 2026, arXiv 2602.14736"
SHARED = "after Lim 2026, arXiv 2601.23044"
REMOTE = "Ferrara 2024, arXiv 2409.08979"


def cascade(config: RunConfig, rounds: int = 24, window: int = 9) -> Measured:
    """Return R2 at the top of the third period's drive."""
    values = {"period": rounds, "window": window}
    shots, seed = (None, None) if config.hardware is None else (figure.COHORT, config.seed)
    record = config.run("cascaded_memristors", shots=shots, seed=seed, parameters=values, rounds=5 * rounds // 2 + 1)
    return float(record.R2.isel(round=-1).mean()), 0.0


def cascade_limit(config: RunConfig) -> Measured:
    """Return that for ever more rounds, the window 3/8 of a period."""
    return limit(*(cascade(config, 24 * i, 9 * i)[0] for i in (1, 2, 4))), 0.0


def crossed(config: RunConfig) -> Measured:
    """Return the area of (n_1, out_2) over the second period of 24 rounds, window of 9."""
    record = config.run("crossed_memristors")
    out = record.m.sel(m_atom="s2", drop=True)
    return figure.loop_area(config, record, drive="n_1", response=out, period=24)


def crossed_loop(config: RunConfig, period: int, window: int) -> tuple[float, float]:
    """Return area and form factor of that loop, exactly."""
    values = {"period": period, "window": window}
    record = config.run("crossed_memristors", shots=None, seed=None, parameters=values)
    found = hysteresis(record, drive="n_1", response=record.m.sel(m_atom="s2", drop=True), period=period)
    return float(found.area), float(found.form_factor)


def crossed_limit(config: RunConfig) -> Measured:
    """Return the area for ever more rounds, the window 3/8 of a period: within 1e-4 of the largest."""
    return limit(*(crossed_loop(config, 24 * i, 9 * i)[0] for i in (1, 2, 4))), 0.0


def crossed_form(config: RunConfig) -> Measured:
    """Return the form factor of 96 rounds, the window that which the closed form has at its largest, 1.5216/π."""
    return crossed_loop(config, 96, 46)[1], 0.0


def shared(config: RunConfig) -> Measured:
    """Return the area of cell 0's loop, with one memory for two cells that run an eighth of a period apart."""
    program = network(2, coupling="none", memory="shared", period=12, window=4, phase=pi / 4, probes=False)
    record = config.run(program)
    drive = xr.DataArray(np.sin(pi * np.arange(24) / 12) ** 2, dims=record.out.dims[-2])
    return figure.loop_area(config, record, drive=drive, response=record.out.sel(out_atom="s0", drop=True), period=12)


def remote(config: RunConfig) -> Measured:
    """Return the concurrence of the remote pair behind its beam splitters."""
    jumps = {} if config.hardware is None else {"state": "vector", "shots": figure.JUMPING, "seed": config.seed}
    record = config.dense("remote_memristors", **jumps)
    return float(entanglement.concurrence(entanglement.within(record.rho.values, record.levels)[0])), 0.0


def thermal(config: RunConfig) -> Measured:
    """Return the occupation after ten exchanges with a thermal ancilla."""
    return float(config.dense("thermal_ancilla").n.values[10, 0]), 0.0


def _cascade_reference() -> float:
    n_in = np.sin(pi * np.arange(72) / 24) ** 2
    out = (1 - closed_forms.discrete_reflectivity(np.arange(72), 24, 9)) * n_in
    return float(out[51:60].mean())


def cascade_law(phase: float, x: float) -> float:
    """Return R2 of the continuous cascade: a window's mean of what the first passes on. Derived."""
    s, s2 = sin(x) / x, sin(2 * x) / (2 * x)
    turns = -s / 2 * np.cos(x) - s * np.cos(phase - x) + s**2 * np.cos(phase - 2 * x)
    return float(0.25 * (1 + turns - s * s2 / 2 * np.cos(2 * phase - 3 * x)))


def _shared_loop() -> tuple[Floats, Floats]:
    k = np.arange(24)
    one, two = np.sin(pi * k / 12) ** 2, np.sin(pi * k / 12 + pi / 8) ** 2
    r = np.array([((one + two) / 2)[j - 4 : j].mean() for j in range(12, 24)])
    return one[12:], (1 - np.maximum(r, 0.05)) * one[12:]


FIGURES = (
    Figure(9, "cascade", "R2 at the third maximum, K=24, W=9", CASCADE, "derived", _cascade_reference(), 1e-9, cascade,
           noisy="ideal"),
    Figure(9, "cascade", "the same, rounds → ∞", CASCADE, "derived", cascade_law(pi, 3 * pi / 8), 1e-3, cascade_limit,
           pulses="as at K=24", noisy="as at K=24"),
    Figure(9, "crossed feedback", "area of (n_1, out_2), K=24, W=9", CROSSED, "derived",
           closed_forms.crossed_area(24, 9, pi / 2), 1e-9, crossed, sampled=True, noisy=FEW),
    Figure(9, "crossed feedback", "largest area, rounds → ∞", CROSSED, "derived", 0.6773, 1e-3, crossed_limit,
           pulses="as at K=24", noisy="as at K=24"),
    Figure(9, "crossed feedback", "largest form factor, K=96", CROSSED, "found", 0.95, 0.01, crossed_form,
           pulses="as at K=24", noisy="as at K=24"),
    Figure(9, "shared memory", "loop area of one of two cells", SHARED, "derived",
           float(geometry.unsigned_area(*_shared_loop())), 1e-9, shared, sampled=True, noisy=FEW),
    Figure(9, "remote pair", "concurrence, R=0.3, 0.5", REMOTE, "derived",
           closed_forms.remote_concurrence(pi / 4, 0.3, 0.5), 1e-9, remote),
    Figure(9, "thermal ancilla", "n after 10 rounds", "textbook", "derived",
           0.3 + (sin(1.25) ** 2 - 0.3) * 0.8**10, 1e-9, thermal, noisy="ideal"),
)  # fmt: skip


def panels() -> list[Panel]:
    """Draw cascade, crossed feedback, shared memory, the remote pair and the thermal ancilla."""
    row = IDEAL.run("cascaded_memristors").isel(round=slice(48, None))
    s, a2 = (row.m.sel(m_atom=atom).values for atom in ("s", "a2"))
    cross = IDEAL.run("crossed_memristors").isel(round=slice(24, None))
    r = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    pair = IDEAL.dense("remote_memristors", sweep={"R1": r})
    found = [entanglement.concurrence(entanglement.within(rho, str(pair.levels))[0]) for rho in pair.rho.values]
    fine = np.linspace(0, 1, 60)
    warm = IDEAL.dense("thermal_ancilla").n.values[:, 0]
    k = np.linspace(0, 11, 60)
    return [
        Panel((closed(row.n_in.values, s + a2, "first"), closed(row.n_in.values, s, "second")),
              "photons in", "photons out", "cascade"),
        Panel((closed(cross.n_1.values, cross.m.sel(m_atom="s2").values),), "photons into 1", "photons out of 2",
              "crossed feedback"),
        Panel((closed(*_shared_loop(), "shared by two"),), "photons in", "photons out", "shared memory, law"),
        Panel((Line(fine, [closed_forms.remote_concurrence(pi / 4, x, 0.5) for x in fine], "closed form"),
               Line(r, found, "program", True)), "R1, with R2 = 0.5", "concurrence", "remote pair"),
        Panel((Line(k, 0.3 + (sin(1.25) ** 2 - 0.3) * np.array([exp(j * np.log(0.8)) for j in k]), "closed form"),
               Line(np.arange(12), warm, "program", True)), "round", "occupation n", "thermal ancilla"),
    ]  # fmt: skip
