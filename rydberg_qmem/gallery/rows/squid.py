"""Row 2: CA-SQUID type, open and closed loop."""

from __future__ import annotations

from functools import lru_cache, partial
from math import cos, exp, pi, sin, sqrt

import numpy as np

from rydberg_qmem.analysis import closed_forms
from rydberg_qmem.analysis.memristivity import memristivity
from rydberg_qmem.gallery.figure import IDEAL, Figure, Floats, Measured, RunConfig
from rydberg_qmem.plots import Line, Map, Panel

SOURCE = "Salmilehto 2017, Sci. Rep. 7, 42044"
CODE = "Hernani-Morales 2024, public code"
RATE = 1.38975e-3
"""γ0 over the mode's frequency at alpha 1: recomputed from the circuit of the public code."""
PHASES = tuple(pi / 2 + 0.3 * i for i in range(-3, 4))
ALPHAS = (41.0, 61.0, 81.0, 100.0)


def voltage(config: RunConfig) -> Measured:
    """Return V/V0 three eighths of a period on."""
    values = {"steps": 40, "alpha": 50, "phase": pi / 2}
    return -float(config.dense("ca_squid", parameters=values, rounds=16).bloch.values[15, 0, 0]), 0.0


def current(config: RunConfig) -> Measured:
    """Return I/I0 there."""
    values = {"steps": 40, "alpha": 50, "phase": pi / 2}
    record = config.dense("ca_squid", parameters=values, rounds=16)
    return -float(record.bloch.values[15, 0, 0] * record.rate_now.values[15]), 0.0


def closed_loop(config: RunConfig) -> Measured:
    """Return V/V0 after one period of the closed loop, 32 rounds."""
    return -float(config.dense("ca_squid_closed", rounds=33).bloch.values[32, 0, 0]), 0.0


def form_factor(config: RunConfig, *, alpha: float, phase: float = pi / 2, steps: int = 100) -> Measured:
    """Return the form factor of the first loop between zeros of V."""
    values = {"steps": steps, "alpha": alpha, "phase": phase, "periods": 2}
    rounds = round(steps * (1.3 if phase > 1.5 else 1.75))
    record = config.dense("ca_squid", parameters=values, rounds=rounds)
    v = -record.bloch.isel(bloch_atom=0, bloch_axis=0)
    found = memristivity(record, drive=v, response=alpha / 100 * record.rate_now * v)
    return float(found.form_factor[0]), 0.0


@lru_cache(maxsize=2)
def chart(emulator: str = "ideal", steps: int = 100) -> Floats:
    """Return form factors (phase, alpha) of `PHASES` and `ALPHAS`, each from the sequence."""
    config = RunConfig(emulator)
    return np.array([[form_factor(config, alpha=a, phase=p, steps=steps)[0] for a in ALPHAS] for p in PHASES])


def largest(config: RunConfig, what: str) -> Measured:
    """Return the largest form factor of the map, or the phase or alpha where it lies."""
    found = chart(config.emulator)
    i, j = np.unravel_index(int(found.argmax()), found.shape)
    return {"form": float(found[i, j]), "phase": PHASES[i], "alpha": ALPHAS[j]}[what], 0.0


def closed_map(rounds: int = 33) -> tuple[Floats, Floats]:
    """Return V/V0 and the flux of the closed loop by the map of one round (x, y, flux), derived step by step."""
    loss, du, kept = 0.02, 2 * pi / 32, sqrt(1 - 0.2**2)
    x, y, flux, rows = 1.0, 0.0, 0.0, []
    for _ in range(rounds):
        rows.append((-y, flux))
        flux -= du * y
        x *= kept
        x, y = x * cos(du) + y * sin(du), y * cos(du) - x * sin(du)
        rest = exp(-loss * du * (1 - sin(flux)) / 2)
        x, y = x * rest, y * rest
    v, f = np.array(rows).T
    return v, f


_V = float(closed_forms.squid_voltage(2 * pi * 15 / 40, pi / 2, pi / 2, 50 * RATE))
SLOW = "as at α=81: the map is of ideal gates"

FIGURES = (
    Figure(2, "CA-SQUID", "V/V0 at 3/8 period, α=50", SOURCE, "derived", _V, 1e-9, voltage),
    Figure(2, "CA-SQUID", "I/I0 at 3/8 period, α=50", SOURCE, "derived",
           _V * (1 - sin(sin(2 * pi * 15 / 40))), 1e-9, current, noisy="as V/V0"),
    Figure(2, "CA-SQUID, closed loop", "V/V0 after one period", SOURCE, "derived",
           float(closed_map()[0][32]), 1e-9, closed_loop, noisy="ideal"),
    Figure(2, "CA-SQUID", "form factor at θ2=π/2, α=100", CODE, "derived", 0.3179, 2e-3,
           partial(form_factor, alpha=100), noisy="ideal"),
    Figure(2, "CA-SQUID", "form factor at θ2=π/2, α=81, 100 steps", CODE, "derived", 0.3235, 2e-3,
           partial(form_factor, alpha=81), noisy="ideal"),
    Figure(2, "CA-SQUID", "largest form factor over (θ2, α)", CODE, "derived", 0.3235, 2e-3,
           partial(largest, what="form"), pulses=SLOW, noisy=SLOW),
    Figure(2, "CA-SQUID", "θ2 of the largest (grid of 0.3)", CODE, "derived", 1.65, 0.15,
           partial(largest, what="phase"), pulses=SLOW, noisy=SLOW),
    Figure(2, "CA-SQUID", "α of the largest (grid of 20)", CODE, "derived", 81, 10,
           partial(largest, what="alpha"), pulses=SLOW, noisy=SLOW),
)  # fmt: skip


def panels() -> list[Panel]:
    """Draw V, the loop of the open and of the closed circuit, and the map of form factors."""
    record = IDEAL.dense("ca_squid", parameters={"steps": 60})
    v, u = -record.bloch.values[:, 0, 0], 2 * pi * np.arange(60) / 60
    law = closed_forms.squid_voltage(u, pi / 2, pi / 2, 100 * RATE)
    own = IDEAL.dense("ca_squid_closed")
    w = -own.bloch.values[:, 0, 0]
    return [
        Panel((Line(u, law, "closed form"), Line(u[::3], v[::3], "program", True)), "phase ωt (rad)", "V / V0"),
        Panel((Line(v, v * record.rate_now.values),), "V / V0", "I / I0", "open loop"),
        Panel((Line(w, w * (1 - np.sin(own.flux.values))),), "V / V0", "I / I0", "closed loop"),
        Panel((), "θ2 (rad)", "α", "form factor", area=Map(PHASES, ALPHAS, chart().T)),
    ]
