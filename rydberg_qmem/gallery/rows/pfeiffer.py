"""Row 1: weak measurement, damping and memory."""

from __future__ import annotations

from functools import partial
from math import cos, exp, pi, sin, sqrt
from typing import Any

import numpy as np

from rydberg_qmem.analysis import geometry
from rydberg_qmem.analysis.hysteresis import hysteresis
from rydberg_qmem.gallery.figure import COHORT, FEW, IDEAL, Figure, Floats, Measured, RunConfig, limit
from rydberg_qmem.plots import Line, Panel

SOURCE = "Pfeiffer 2016, Sci. Rep. 6, 29507"
NAME = "pfeiffer_memristor"
KAPPA, GAMMA = 0.05, 0.1


def settled(config: RunConfig, dt: float) -> Measured:
    """Return <Z> at t = 40 of weak measurement and damping without feedback, κ = 0.1, γ = 0.2."""
    values = {"gain": 0, "rounds": round(40 / dt) + 1, "dt": dt, "kappa": 0.1, "gamma": 0.2}
    return float(config.dense(NAME, parameters=values).bloch.sel(bloch_axis="Z").values[-1, 0]), 0.0


def settled_limit(config: RunConfig) -> Measured:
    """Return the same for steps that go to zero."""
    return limit(settled(config, 0.4)[0], settled(config, 0.2)[0]), 0.0


def moving(config: RunConfig, dt: float) -> Measured:
    """Return <Y> at t = 4, without feedback: the mean over trajectories, its error from cohorts, if there are shots."""
    rounds = round(4 / dt) + 1
    values = {"gain": 0, "rounds": rounds, "dt": dt, "kappa": KAPPA, "gamma": GAMMA}
    if config.shots is None:
        return float(config.dense(NAME, parameters=values).bloch.sel(bloch_axis="Y").values[-1, 0]), 0.0
    means = []  # a probe is the mean over a run's shots, so that each cohort is a run
    for seed in range(config.seed, config.seed + config.shots // COHORT):
        record = config.run(NAME, parameters=values, state="vector", shots=COHORT, seed=seed)
        means.append(float(record.bloch.sel(bloch_axis="Y").values[-1, 0]))
    return float(np.mean(means)), float(np.std(means, ddof=1) / sqrt(len(means)))


def moving_limit(config: RunConfig) -> Measured:
    """Return the same for steps that go to zero: what is of first order in the step taken out."""
    return limit(moving(config, 0.1)[0], moving(config, 0.05)[0]), 0.0


def loop_area(config: RunConfig) -> Measured:
    """Return the area of (V, I) over one period of 32 rounds, with feedback."""
    record = config.dense(NAME, parameters={"dt": 2 * pi / 32})
    v = record.bloch.sel(bloch_axis="Y").isel(bloch_atom=0)
    return float(hysteresis(record, drive=v, response=v * record.rate, period=32, cycle="first").area), 0.0


def record_noise(config: RunConfig) -> Measured:
    """Return the standard deviation of the integral of the record over one period, of means over 100 shots.

    Without feedback shots are independent: a tenth of one shot's. Where an ancilla is lost the record is 0.
    """
    dt, kappa = 2 * pi / 32, 0.02
    values = {"gain": 0, "dt": dt, "kappa": kappa, "rounds": 32}
    record = config.run(NAME, shots=config.shots or 10 * COHORT, seed=config.seed, state="vector", parameters=values)
    signs = np.where(record.m.values < 0, 0, 1 - 2 * record.m.values.astype(float))
    total = signs.sum(axis=-1) * dt / sin(2 * sqrt(kappa * dt))
    found = float(total.std(ddof=1)) / 10
    return found, found / sqrt(2 * (len(total) - 1))


def discrete(dt: float, rounds: int, *, kappa: float, gamma: float, gain: float = 0.0) -> tuple[Floats, Floats]:
    """Return Bloch vectors (round, 3) and rates of the map that one round is, derived step by step."""
    x, y, z, mu, rate = 1.0, 0.0, 0.0, 0.0, gamma
    kept, rows, rates = cos(2 * sqrt(kappa * dt)), [], []
    for _ in range(rounds):
        rows.append((x, y, z))
        rates.append(rate)
        x, y = x * cos(dt) - y * sin(dt), x * sin(dt) + y * cos(dt)
        mu += gain * dt * y
        rate = gamma * (1 - sin(mu)) if gain else gamma
        loss = exp(-rate * dt)
        x, y, z = x * kept * sqrt(loss), y * sqrt(loss), 1 - (1 - z * kept) * loss
    return np.array(rows), np.array(rates)


def y_law(t: Any, kappa: float = KAPPA, gamma: float = GAMMA) -> Any:
    """Return y(t) of the Bloch equations from x = 1, with w = 1: exp(-(γ/2 + κ) t) sin(Wt)/W, W² = 1 - κ²."""
    w = sqrt(1 - kappa**2)
    return np.exp(-(gamma / 2 + kappa) * np.asarray(t)) / w * np.sin(w * np.asarray(t))


def _loop_reference() -> float:
    bloch, rates = discrete(2 * pi / 32, 32, kappa=0.02, gamma=0.1, gain=1)
    return float(geometry.unsigned_area(bloch[:, 1], bloch[:, 1] * rates))


def _noise_reference() -> float:
    """Return dt sqrt(rounds / shots) / ε; what y takes off, ε² <y²> of 1, is below the error of any sample here."""
    dt, kappa = 2 * pi / 32, 0.02
    return dt * sqrt(32 / 100) / sin(2 * sqrt(kappa * dt))


FIGURES = (
    Figure(1, "weak measurement and damping", "z settled, κ=0.1, γ=0.2, steps of 0.1", SOURCE, "derived",
           float(discrete(0.1, 401, kappa=0.1, gamma=0.2)[0][-1, 2]), 1e-6, partial(settled, dt=0.1)),
    Figure(1, "weak measurement and damping", "z settled, steps → 0: γ/(γ+2κ)", SOURCE, "derived",
           0.5, 1e-4, settled_limit, noisy="a limit of steps"),
    Figure(1, "weak measurement and damping", "y at t=4, steps of 0.1", SOURCE, "derived",
           float(discrete(0.1, 41, kappa=KAPPA, gamma=GAMMA)[0][-1, 1]), 1e-9, partial(moving, dt=0.1), sampled=True),
    Figure(1, "weak measurement and damping", "y at t=4, steps → 0", SOURCE, "derived",
           float(y_law(4)), 1e-3, moving_limit, noisy="a limit of steps"),
    Figure(1, "with memory", "loop area of (V, I)", SOURCE, "derived", _loop_reference(), 1e-9, loop_area,
           noisy="ideal"),
    Figure(1, "what measuring costs", "noise of ∫record dt of 100 shots, κ=0.02", SOURCE, "derived",
           _noise_reference(), 0.03, record_noise, sampled=True, pulses=FEW, noisy=FEW),
)  # fmt: skip


def tradeoff(kappas: tuple[float, ...]) -> tuple[list[float], list[float]]:
    """Return, per strength κ, the noise of the fed-back record over a period and the voltage left at its end."""
    dt, noise, left = 2 * pi / 32, [], []
    for kappa in kappas:
        values = {"gain": 0, "dt": dt, "kappa": kappa, "gamma": 0, "rounds": 33}
        record = IDEAL.run(NAME, shots=2 * COHORT, seed=4, state="vector", parameters=values)
        total = ((1 - 2 * record.m.values[:, :32].astype(float)) / sin(2 * sqrt(kappa * dt))).sum(axis=-1) * dt
        noise.append(float(total.std(ddof=1)) / sqrt(1000))
        exact = IDEAL.dense(NAME, parameters=values).bloch.sel(bloch_axis="X").values[32, 0]
        left.append(1 - float(exact))
    return noise, left


def panels() -> list[Panel]:
    """Draw decay without feedback, the loop with it, and what stronger measurement gives and takes."""
    free = IDEAL.dense(NAME, parameters={"gain": 0, "dt": 0.1, "rounds": 160, "kappa": KAPPA, "gamma": GAMMA})
    t = 0.1 * np.arange(160)
    loop = IDEAL.dense(NAME, parameters={"dt": 2 * pi / 32})
    v = loop.bloch.sel(bloch_axis="Y").values[:, 0]
    kappas = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
    noise, left = tradeoff(kappas)
    fine = np.geomspace(0.002, 0.1, 40)
    return [
        Panel((Line(t, y_law(t), "closed form"), Line(t[::6], free.bloch.values[::6, 0, 1], "program", True)),
              "time t (1/ω)", "⟨Y⟩", "no feedback"),
        Panel((Line(v, v * loop.rate.values),), "voltage ⟨Y⟩", "current γ(μ)⟨Y⟩ / ω", "with memory"),
        Panel((Line(fine, np.sqrt(2 * pi / (4 * fine * 1000)), "noise of μ, law"),
               Line(kappas, noise, "noise of μ, program", True),
               Line(fine, 1 - np.exp(-2 * pi * fine), "back-action, law"),
               Line(kappas, left, "back-action, program", True)),
              "strength κ / ω", "after one period", "trade-off, 1000 shots", log="xy"),
    ]  # fmt: skip
