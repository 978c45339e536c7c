"""Row 5: trapped-ion type of three levels, and a polariton on two sites."""

from __future__ import annotations

from math import acos, asin, erf, pi, sin, sqrt
from typing import Any

import numpy as np

from rydberg_qmem.analysis import geometry
from rydberg_qmem.analysis.hysteresis import hysteresis
from rydberg_qmem.gallery import figure
from rydberg_qmem.gallery.figure import FEW, IDEAL, Figure, Measured, RunConfig
from rydberg_qmem.gallery.rows.photonic import AREA
from rydberg_qmem.language.library import load
from rydberg_qmem.language.program import Program
from rydberg_qmem.plots import Line, Panel, closed
from rydberg_qmem.programs import ion_memristor

ION = "Stremoukhov 2023, Entropy 25, 1134"
POLARITON = "Norambuena 2021, arXiv 2108.09382"
PIECES = 4
ANGLE = 36288.356 / 20**3 * 0.154
"""J t of two atoms 20 µm apart after 154 ns, C3 at n = 70: a whole number of nanoseconds, as a wait is."""


def ion_area(config: RunConfig) -> Measured:
    """Return the area of the three-level memristor's loop under Gaussian pulses."""
    record = config.run(ion_memristor())
    seen = (record.vacuum >= 0) & (record.click >= 0)
    passed = (1 - record.vacuum - record.click).where(seen)
    return figure.loop_area(config, record, drive="n_in", response=passed, period=24)


def share(cut: int) -> float:
    """Return the part of a Gaussian pulse's area, cut at ±3 τ, that has passed after `cut` of its pieces."""
    return (erf(6 * cut / PIECES - 3) + erf(3)) / (2 * erf(3))


def ion_populations(config: RunConfig) -> Measured:
    """Return the largest relative error of the populations after each piece of both pulses in the round n_in = 1/2."""
    record = config.run(ion_memristor(period=4, window=2, pieces=PIECES), shots=None, seed=None, rounds=2)
    n_in, r = float(record.n_in[1]), float(record.R[1])
    worst = 0.0
    for i in range(PIECES):
        h = sin(share(i + 1) * acos(sqrt(n_in))) ** 2
        up = n_in * sin(share(i + 1) * asin(sqrt(r))) ** 2
        for key, want in (("raman", h), ("rydberg", up)):
            worst = max(worst, abs(float(record[f"{key}_{i}"].values[1, 0]) / want - 1))
    return worst, 0.0


def polariton(config: RunConfig) -> Measured:
    """Return the occupation of the second site after 20 steps."""
    record = config.run("polariton_pair", shots=None, seed=None, rounds=21)
    return float(record.n.sel(n_atom="two")[20]), 0.0


def native_hop(config: RunConfig) -> Measured:
    """Return how often one excitation of two has hopped by dipolar exchange alone, in the XY mode."""
    record = config.run(_differing(load("exchange_xy")), shots=None, seed=None, parameters={"angle": ANGLE})
    return float(record.moved / record.differs), 0.0


def _differing(program: Program) -> Program:
    """Return `exchange_xy` with the chance that the first reading finds one atom of two in 1."""
    data: dict[str, Any] = program.to_dict()
    data["memory"] = {**data["memory"], "differs": {"initial": 0}}
    data["body"] = [*data["body"], {"set": {"differs": "abs(before.s - before.a)"}}]
    return Program.from_dict(data)


def fast_area(config: RunConfig, omega: float) -> float:
    """Return the area of (D/d1, n(1 - n)) over the first period of a drive of that frequency, in units of J."""
    rounds = 40
    values = {"d0": 0, "d1": 1, "omega": omega, "dt": 2 * pi / omega / rounds, "rounds": rounds}
    record = config.run("polariton_pair", shots=None, seed=None, parameters=values)
    n = record.n.sel(n_atom="two", drop=True)
    return float(hysteresis(record, drive="D", response=n * (1 - n), period=rounds).area)


def fast_exponent(config: RunConfig) -> Measured:
    """Return d ln(area)/d ln(ω) from ω = 100 J to 400 J."""
    return float(np.log(fast_area(config, 400) / fast_area(config, 100)) / np.log(4)), 0.0


def fast_scaled(config: RunConfig) -> Measured:
    """Return area (ω/J)² at ω = 160 J."""
    return fast_area(config, 160) * 160**2, 0.0


def fast_law(rounds: int) -> float:
    """Return area (ω/J)² of the polygon of `rounds` for ω >> J, where n = (J t)²; 8π for ever more rounds. Derived."""
    k = np.arange(rounds)
    turn = 2 * pi / rounds
    return float(geometry.unsigned_area(np.sin((k + 0.5) * turn), (k * turn) ** 2))


FIGURES = (
    Figure(5, "trapped-ion type", "loop area, Gaussian pulses", ION, "derived", AREA, 1e-3, ion_area, sampled=True,
           noisy=FEW),
    Figure(5, "trapped-ion type", "populations against erf, largest relative error", ION, "derived", 0.0, 1e-3,
           ion_populations),
    Figure(5, "polariton pair", "n_2 at Jt=2, D=J", POLARITON, "derived", 0.8 * sin(sqrt(5)) ** 2, 1e-6, polariton),
    Figure(5, "polariton pair, XY mode, D=0", "n_2 after 154 ns, Jt=0.6986", POLARITON, "derived",
           sin(ANGLE) ** 2, 1e-6, native_hop),
    Figure(5, "polariton pair", "exponent of area against ω", POLARITON, "derived", -2.0, 0.02, fast_exponent,
           noisy="ideal"),
    Figure(5, "polariton pair", "area (ω/J)² at ω=160 J, 40 rounds", POLARITON, "derived", fast_law(40), 0.1,
           fast_scaled, noisy="ideal"),
)  # fmt: skip


def panels() -> list[Panel]:
    """Draw the three-level loop, the polariton's hopping, and how its loop vanishes for fast drives."""
    record = IDEAL.run(ion_memristor()).isel(round=slice(24, None))
    hop = IDEAL.run("polariton_pair")
    t = 0.1 * np.arange(50)
    n = hop.n.sel(n_atom="two").values
    fast = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0)
    fine = np.geomspace(5, 160, 30)
    return [
        Panel((closed(record.n_in.values, 1 - record.vacuum.values - record.click.values),),
              "population x in", "population y out", "trapped-ion type"),
        Panel((Line(t, 0.8 * np.sin(np.sqrt(5) * t / 2) ** 2, "closed form"), Line(t[::2], n[::2], "program", True)),
              "J t", "n of site 2", "polariton, D = J"),
        Panel((Line(fine, fast_law(40) / fine**2, "∝ (J/ω)²"),
               Line(fast, [fast_area(IDEAL, w) for w in fast], "program", True)),
              "drive ω / J", "loop area", "polariton", log="xy"),
    ]  # fmt: skip
