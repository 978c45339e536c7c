"""Row 3: quadratures, and many copies of one cell as a beam of many photons."""

from __future__ import annotations

from functools import lru_cache, partial
from math import comb, exp, pi, sin, sqrt

import numpy as np

from rydberg_qmem.gallery.figure import COHORT, IDEAL, Figure, Floats, Measured, RunConfig, limit, of_cohorts
from rydberg_qmem.language.library import load
from rydberg_qmem.language.program import Program
from rydberg_qmem.plots import Line, Panel, closed

SOURCE = "Sanz 2018, APL Photonics 3, 080801"
PHOTONS, R = 1.0, 0.4


def x_out(config: RunConfig, x_round: int = 27) -> Measured:
    """Return X_out three rounds after the drive's zero in the second period."""
    record = config.run("quadrature_memristor", rounds=x_round + 1)
    signs = 1 - 2 * record.m.sel(m_atom="s").isel(round=x_round).astype(float)
    values = np.atleast_1d(signs.values)
    return of_cohorts(values[values < 2.5])  # a lost atom's -1 reads as 3


def cell(config: RunConfig, copies: int) -> tuple[float, float]:
    """Return the chance of a photon behind one of `copies` cells that share a mean of one, and its <X>."""
    values = {"angle": 2 * np.arcsin(sqrt(PHOTONS / copies)), "reflectivity": R}
    record = config.run(_smooth(), parameters=values, shots=None, seed=None)
    n = float(record.clicks.sel(clicks_atom="s"))
    x = record.modes_pauli.sel(modes_atom="s", modes_axis="X")
    return n, float(x)


@lru_cache(maxsize=1)
def _smooth() -> Program:
    """Return `beam_splitter` with smooth pulses: what a square one leaves is once per copy."""
    program = load("beam_splitter")
    body = tuple(b.with_(shape="blackman") if b.kind == "beam_splitter" else b for b in program.body)
    return program.with_(body=body)


def none_out(config: RunConfig, copies: int) -> Measured:
    """Return the chance that no photon comes out of any of the independent copies: those that do are counted."""
    if config.shots is None:
        return (1 - cell(config, copies)[0]) ** copies, 0.0
    angle = 2 * np.arcsin(sqrt(PHOTONS / copies))
    shots = 1000 * copies
    record = config.run(_smooth(), parameters={"angle": angle, "reflectivity": R}, shots=shots)
    counts = record.clicks.sel(clicks_atom="s").values.reshape(-1, copies).sum(axis=1)
    share = float((counts == 0).mean())
    return share, sqrt(share * (1 - share) / len(counts))


def amplitude(config: RunConfig, copies: int) -> Measured:
    """Return the summed X over 2 sqrt(copies): the amplitude of the light that comes out."""
    return cell(config, copies)[1] * sqrt(copies) / 2, 0.0


def none_limit(config: RunConfig) -> Measured:
    """Return the chance of no photon for ever more copies."""
    return limit(none_out(config, 32)[0], none_out(config, 64)[0]), 0.0


def amplitude_limit(config: RunConfig) -> Measured:
    """Return the amplitude for ever more copies."""
    return limit(amplitude(config, 32)[0], amplitude(config, 64)[0]), 0.0


def _reference() -> float:
    depth, lag = sin(pi * 9 / 24) / (9 * sin(pi / 24)), pi * 10 / 24
    phase = 2 * pi * 3 / 24
    return sin(phase) * sqrt((1 - depth * sin(phase - lag)) / 2)


FIGURES = (
    Figure(3, "quadratures", "X_out, X_in=0.707", SOURCE, "derived", _reference(), 1e-9, x_out, sampled=True),
    Figure(3, "8 copies, one photon", "chance of no photon out", SOURCE, "derived",
           (1 - (1 - R) / 8) ** 8, 1e-9, partial(none_out, copies=8), sampled=True),
    Figure(3, "copies → ∞", "chance of no photon out: Poisson", SOURCE, "derived", exp(-PHOTONS * (1 - R)), 5e-4,
           none_limit),
    Figure(3, "copies → ∞", "amplitude out, √(1-R) α", SOURCE, "derived", sqrt(1 - R), 5e-4, amplitude_limit),
)  # fmt: skip


def _binomial(copies: int, p: float) -> Floats:
    return np.array([comb(copies, k) * p**k * (1 - p) ** (copies - k) if k <= copies else 0.0 for k in range(6)])


def panels() -> list[Panel]:
    """Draw the loop of quadratures, and the photons that come out of more and more copies."""
    record = IDEAL.run("quadrature_memristor").isel(round=slice(24, None))
    shots = IDEAL.run("quadrature_memristor", shots=4 * COHORT, seed=2).isel(round=slice(24, None))
    mean = 1 - 2 * shots.m.sel(m_atom="s").values.mean(axis=0)
    x = record.x_in.values
    k, poisson = np.arange(6), [exp(-0.6) * 0.6**k / float(np.prod(np.arange(1, k + 1))) for k in range(6)]
    few = [_binomial(n, cell(IDEAL, n)[0]) for n in (2, 8, 64)]
    copies = (1, 2, 4, 8, 16, 32, 64)
    return [
        Panel((closed(x, 1 - 2 * record.m.sel(m_atom="s").values, "exact"), Line(x, mean, "4000 shots", True)),
              "X in", "X out"),
        Panel((Line(k, poisson, "Poisson"), *(Line(k, p, f"{n} copies", True)
               for n, p in zip((2, 8, 64), few, strict=True))), "photons out", "probability", "one photon in, R = 0.4"),
        Panel((Line((1, 64), [sqrt(1 - R)] * 2, "√(1-R) α"),
               Line(copies, [amplitude(IDEAL, n)[0] for n in copies], "program", True)),
              "copies", "amplitude out", log="x"),
    ]  # fmt: skip
