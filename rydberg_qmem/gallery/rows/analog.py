"""Row 11: a memristor for a machine that reads only at the end: ensemble feedback, one job per round."""

from __future__ import annotations

from functools import lru_cache
from math import pi, sin, sqrt
from typing import Any

import numpy as np
import xarray as xr

from rydberg_qmem.analysis import geometry
from rydberg_qmem.analysis.hysteresis import hysteresis
from rydberg_qmem.gallery import figure
from rydberg_qmem.gallery.figure import COHORT, IDEAL, Figure, Floats, Measured, RunConfig
from rydberg_qmem.interop.qpu import qpu_report
from rydberg_qmem.language.library import load
from rydberg_qmem.plots import Line, Panel, closed

SOURCE = "this project"
NAME = "analog_memristor"
JOBS = 2 * COHORT
SPREAD = 0.018
"""Error of the area per cohort, as `gives_up` finds it over 16 of them."""


def area(config: RunConfig) -> Measured:
    """Return the area of both lobes over the second period."""
    record = config.run(NAME)
    return figure.loop_area(config, record, drive=record.V, response=1 - 2 * record.m, period=24, lobes=2)


def form_factor(config: RunConfig) -> Measured:
    """Return the form factor of that loop."""
    record = config.run(NAME)
    return float(hysteresis(record, drive=record.V, response=1 - 2 * record.m, period=24).form_factor), 0.0


@lru_cache(maxsize=1)
def jobs() -> xr.Dataset:
    """Return the record of two cohorts through `pulser_backend`: 48 jobs each, validated as a QPU's would be."""
    return IDEAL.run(NAME, emulator="pulser_backend", shots=JOBS, seed=1)


def validated(config: RunConfig) -> Measured:
    """Return the area from those jobs."""
    record = jobs()
    return figure.loop_area(
        RunConfig(shots=JOBS), record, drive=record.V, response=1 - 2 * record.m, period=24, lobes=2
    )


def runnable(config: RunConfig) -> Measured:
    """Return 1 if nothing on AnalogDevice stands in the way of the program."""
    return float(qpu_report(load(NAME), "AnalogDevice").runnable), 0.0


def law(rounds: int = 24) -> tuple[Floats, Floats]:
    """Return V and I of the settled loop, window of 9: I = V (1 + mean of V over the window) / 2. Derived."""
    k = np.arange(rounds)
    v = np.sin(2 * pi * k / rounds)
    depth = sin(pi * 9 / rounds) / (9 * sin(pi / rounds))
    return v, v * (1 + depth * np.sin(2 * pi * k / rounds - pi * 10 / rounds)) / 2


_AREA = float(geometry.unsigned_area(*law()))
_FORM = float(4 * pi * _AREA / geometry.perimeter(*law()) ** 2)

FIGURES = (
    Figure(11, "one atom, global light, one reading", "area of both lobes", SOURCE, "derived", _AREA, 1e-9, area,
           sampled=True),
    Figure(11, "one atom, global light, one reading", "form factor", SOURCE, "derived", _FORM, 1e-9, form_factor),
    Figure(11, "the same as jobs through pulser_backend", f"area of both lobes, {JOBS} shots", SOURCE, "derived",
           _AREA, 4 * SPREAD / sqrt(JOBS / COHORT), validated, pulses="is by pulses, of shots", noisy="a QPU's own"),
    Figure(11, "the same, qpu_report", "runs on AnalogDevice (1: yes)", SOURCE, "derived", 1.0, 0.0, runnable,
           pulses="not a run", noisy="not a run"),
)  # fmt: skip


def gives_up() -> str:
    """Return, in Markdown, what it gives up against the photonic type with readings in the middle."""
    photonic = IDEAL.run("photonic_memristor")
    other = hysteresis(photonic, drive="n_in", response="clicks.s", period=24)
    own, few = area(RunConfig(shots=16 * COHORT)), form_factor(IDEAL)[0]
    two = IDEAL.run("two_port_memristor", shots=1, seed=1).R.values
    size = float(other.area)
    values, error = len(np.unique(two)), _photonic_error()
    report = qpu_report(load(NAME), "AnalogDevice")
    refused = qpu_report(load("photonic_memristor"), "AnalogDevice")
    coherent = float(np.abs(IDEAL.run("coherence_memristor").out_pauli.sel(out_axis="X").values).max())
    return f"""## What a machine that reads only at its end keeps, and what it gives up

`analog_memristor` {report.verdict} on AnalogDevice, and passes Pulser's own validation of a QPU's job
(`mimic_qpu`); `photonic_memristor` does not run there ({refused.against[0] if refused.against else "no objection"}).

| | one reading at the end (row 11) | readings in the middle (row 4) |
| --- | --- | --- |
| form factor, 24 rounds, window 9 | {few:.4f} | {float(other.form_factor):.4f} |
| loop | two lobes, pinched at 0 | one lobe, pinched at its end |
| largest coherence ⟨X⟩ of an output | none: each job ends in its reading | {coherent:.4f} |
| feedback within one shot | no: means over {COHORT} shots of a job | yes, {values} values of R in one |
| error of the area per cohort of {COHORT} | {4 * own[1]:.4f} of {own[0]:.4f} | {4 * error:.4f} of {size:.4f} |
| jobs per cohort | {report.jobs} | 1 |

"""


def _photonic_error() -> float:
    config = RunConfig(shots=16 * COHORT)
    return figure.loop_area(config, config.run("photonic_memristor"), drive="n_in", response="clicks.s", period=24)[1]


def panels() -> list[Panel]:
    """Draw the loop: closed form, exact, and from jobs; and the memory against time."""
    record: Any = IDEAL.run(NAME)
    last = record.isel(round=slice(24, None))
    shots = jobs().isel(round=slice(24, None))
    mean = 1 - 2 * shots.m.values[:COHORT].mean(axis=0)
    g = jobs().G.values[::COHORT]
    k = np.arange(48)
    return [
        Panel((closed(last.V.values, 1 - 2 * last.m.values, "exact"),
               Line(last.V.values, mean, "one cohort of jobs", True)), "voltage V = ⟨Z⟩", "current I = G V"),
        Panel((Line(k, record.G.values, "exact"), *(Line(k, row, "" if i else "cohorts of jobs", True)
               for i, row in enumerate(g[:1]))), "round", "conductance G"),
    ]  # fmt: skip
