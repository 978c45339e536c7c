"""Row 8: the digital memristor of collisions."""

from __future__ import annotations

from functools import partial
from math import pi, sqrt

import numpy as np

from rydberg_qmem.analysis import closed_forms
from rydberg_qmem.analysis.hysteresis import hysteresis
from rydberg_qmem.gallery.figure import IDEAL, Figure, Measured, RunConfig, limit
from rydberg_qmem.plots import Line, Panel

SOURCE = "Guo 2022, PR Applied 18, 024082"
NAME = "guo_memristor"
UNIT = -0.5 * sqrt(0.5)
"""V over <Y> with m = ħ = w = 1."""


def electric(config: RunConfig, what: str, *, t: float, steps: int) -> Measured:
    """Return V or I at a time, after so many steps."""
    record = config.dense(NAME, parameters={"dt": t / steps if steps else 0.1}, rounds=steps + 1)
    v = UNIT * float(record.bloch.values[steps, 0, 0])
    return (v if what == "V" else 0.4 * float(record.rate_now.values[steps]) * v), 0.0


def lobe(config: RunConfig, depth: float, steps: int = 120) -> float:
    """Return the area of one lobe over γ0 V0² at γ0 = 1e-9."""
    record = config.dense(NAME, parameters={"gamma0": 1e-9, "b": 0, "steps": steps, "depth": depth})
    v = record.bloch.isel(bloch_atom=0, bloch_axis=0)
    return float(hysteresis(record, drive=v, response=v * record.rate_now, period=steps).area) / 2


def lobe_limit(config: RunConfig, depth: float) -> Measured:
    """Return that of a smooth loop: what is of second order in the step of the polygon taken out."""
    return limit(lobe(config, depth, 60), lobe(config, depth, 120), order=2), 0.0


def exponent(config: RunConfig) -> Measured:
    """Return d ln(lobe)/d ln(ω), depth A = A0/ω, from ω = 10 A0 to 20 A0."""
    return float(np.log(lobe(config, 0.05, 60) / lobe(config, 0.1, 60)) / np.log(2)), 0.0


def _table() -> tuple[Figure, ...]:
    rows = (("0", 0.0, 0, -0.207813, -0.013178), ("0.5", 0.5, 5, -0.313741, -0.028965),
            ("π", pi, 30, 0.110866, 0.081663), ("2π", 2 * pi, 60, -0.059146, -0.003751))  # fmt: skip
    return tuple(
        Figure(8, "collision model", f"{what} at t={name}", SOURCE, "derived", value, 1e-6,
               partial(electric, what=what, t=t, steps=steps), noisy="exact" if steps < 10 else "ideal")
        for name, t, steps, v, i in rows
        for what, value in (("V", v), ("I", i))
    )  # fmt: skip


FIGURES = (
    *_table(),
    Figure(8, "collision model", "lobe over γ0 V0², A=1", SOURCE, "derived", 0.602337, 1e-5,
           partial(lobe_limit, depth=1), noisy="ideal"),
    Figure(8, "collision model", "lobe over γ0 V0², A=0.5", SOURCE, "derived", 0.325074, 1e-5,
           partial(lobe_limit, depth=0.5), pulses="as at A=1", noisy="as at A=1"),
    Figure(8, "collision model", "lobe over γ0 V0², A=0.1", SOURCE, "derived", 0.066600, 1e-5,
           partial(lobe_limit, depth=0.1), pulses="as at A=1", noisy="as at A=1"),
    Figure(8, "collision model", "exponent of lobe against ω, A=0.1 to 0.05", SOURCE, "derived", -1.0, 2e-3,
           exponent, noisy="ideal"),
)  # fmt: skip


def panels() -> list[Panel]:
    """Draw the collision model's voltage and loop, and its lobe against the depth."""
    record = IDEAL.dense(NAME, parameters={"gamma0": 0.4, "steps": 60, "periods": 2}, rounds=120)
    y, t = record.bloch.values[:, 0, 0], 2 * pi / 60 * np.arange(120)
    weak = IDEAL.dense(NAME, parameters={"gamma0": 0.02, "b": 0, "steps": 60})
    v = weak.bloch.values[:, 0, 0]
    depth, tried = np.geomspace(0.05, 2, 60), (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
    law = closed_forms.collision_voltage(t, pi / 4, pi / 5, 0.4)
    return [
        Panel((Line(t, UNIT * law, "closed form"), Line(t[::5], UNIT * y[::5], "program", True)),
              "time (1/ω)", "V (ħ = m = ω = 1)", "γ0 = 0.4"),
        Panel((Line(v, v * weak.rate_now.values),), "V / V0", "I / (γ0 V0)", "γ0 = 0.02"),
        Panel((Line(depth, closed_forms.collision_lobe(depth), "closed form"),
               Line(depth, 2 * depth / 3, "2A/3: 1/ω law"),
               Line(tried, [lobe(IDEAL, a, 60) for a in tried], "program", True)),
              "depth A = A0 / ω", "lobe / (γ0 V0²)", log="xy"),
    ]  # fmt: skip
