"""Row 4: photonic type, by ensemble, by single shots, in one atom, and natively."""

from __future__ import annotations

from functools import lru_cache, partial
from math import asin, cos, pi, sin, sqrt

import numpy as np

from rydberg_qmem.analysis import closed_forms
from rydberg_qmem.analysis.hysteresis import hysteresis
from rydberg_qmem.gallery import figure
from rydberg_qmem.gallery.figure import FEW, IDEAL, Figure, Floats, Measured, RunConfig, limit
from rydberg_qmem.plots import Line, Panel, closed

SOURCE = "Spagnolo 2022, Nat. Photonics 16, 318"
COHERENCE = "Ferrara 2024, arXiv 2409.08979"
AREA = float(closed_forms.discrete_loop_area(24, 9))
SIZES = (48, 96)
FALSE = (1 - 0.6) * 1e-3 * (2 * asin(sqrt(0.4)) / pi) ** 2
"""False clicks of `native_cell`, each of which leaves a photon too many: in r, which is 0.4, by (Ω/U)² at most.

That is 1e-3 (the block's infidelity) for a pulse of area π, and goes as the area squared.
"""
EMU = 4.9 * sqrt(0.36 * 0.64 / 4000)
"""What 4000 shots may differ from 0.36 once in a million."""


def loop_area(config: RunConfig, name: str, response: str, *, flip: bool = False) -> Measured:
    """Return the area of the second period's loop of n_in and the photons passed on, 24 rounds, window of 9."""
    record = config.run(name)
    key, _, atom = response.partition(".")
    out = record[key].sel({f"{key}_atom": atom}, drop=True) if atom else record[key]
    return figure.loop_area(config, record, drive="n_in", response=1 - out if flip else out, period=24)


def qutrit_area(config: RunConfig) -> Measured:
    """Return that of the memristor of one atom: what is neither vacuum nor reflected is passed on."""
    record = config.run("qutrit_memristor")
    seen = (record.vacuum >= 0) & (record.click >= 0)
    passed = (1 - record.vacuum - record.click).where(seen)
    return figure.loop_area(config, record, drive="n_in", response=passed, period=24)


def closed_area(config: RunConfig, window: int) -> Measured:
    """Return the loop area for a window of whole periods."""
    record = config.run("photonic_memristor", parameters={"period": 12, "window": window}, rounds=window + 12)
    return figure.loop_area(
        config, record.isel(round=slice(window, None)), drive="n_in", response="clicks.s", period=12
    )


@lru_cache(maxsize=4)
def largest(emulator: str, period: int) -> tuple[float, float]:
    """Return the largest loop area over the window, and window over period where it lies, by a parabola."""
    middle = int(closed_forms.discrete_loop_area(period, np.arange(1, period)).argmax()) + 1
    windows = (middle - 2, middle, middle + 2)
    record = RunConfig(emulator).run("photonic_memristor", parameters={"period": period}, sweep={"window": windows})
    a, b, c = hysteresis(record, drive="n_in", response="clicks.s", period=period).area.values
    shift = (a - c) / (2 * (a - 2 * b + c))
    return float(b - (a - c) * shift / 4), (middle + 2 * shift) / period


def largest_law(period: int) -> float:
    """Return the same from the discrete law."""
    middle = int(closed_forms.discrete_loop_area(period, np.arange(1, period)).argmax()) + 1
    a, b, c = closed_forms.discrete_loop_area(period, np.array([middle - 2, middle, middle + 2]))
    return float(b - (a - c) ** 2 / (8 * (a - 2 * b + c)))


def largest_area(config: RunConfig, what: int) -> Measured:
    """Return the largest area (0), or where it lies (1), for ever more rounds per period."""
    return limit(largest(config.emulator, SIZES[0])[what], largest(config.emulator, SIZES[1])[what]), 0.0


def coherence(config: RunConfig, quarter: int = 27) -> Measured:
    """Return <X> of the output an eighth of a period behind the drive's zero, while its memory is read elsewhere."""
    record = config.run("coherence_memristor", rounds=quarter + 1)
    x = record.out_pauli.sel(out_axis="X").isel(out_atom=0, round=quarter)
    values = np.atleast_1d(x.values.astype(float))
    return figure.of_cohorts(values)


def tap_coherence(config: RunConfig) -> Measured:
    """Return <X> behind the weak tap at a quarter period, strength 0.8."""
    record = config.run("weak_tap_memristor", shots=None, seed=None, rounds=4)
    return float(record.out_pauli.sel(out_axis="X").values[3, 0]), 0.0


def tap_bias(config: RunConfig, strength: float) -> Measured:
    """Return the bias of the mean R by clipping, period of 24 rounds, window of 9, at the round where it is largest."""
    law = biases(strength)
    worst = int(np.abs(law).argmax())
    values = {"period": 24, "window": 9, "strength": strength}
    shots = config.shots or 20_000
    record = config.run("weak_tap_memristor", parameters=values, shots=shots, seed=config.seed, rounds=25)
    r = record.R.values[:, 9 + worst]
    return float(np.sign(law[worst]) * (r.mean() - _settled(24, 9)[worst])), float(r.std() / sqrt(shots))


def native(config: RunConfig, emulator: str) -> Measured:
    """Return the photons that one native cell leaves, by one of the emulators."""
    record = RunConfig(emulator, 4000 if emulator.startswith("emu") else None).run("native_cell")
    left = record.vacuum
    mean = 1 - float(left.mean())
    return mean, sqrt(mean * (1 - mean) / 4000) if "shot" in left.dims else 0.0


def _settled(period: int, window: int) -> Floats:
    k = np.arange(window, period + 1)
    n_in = np.sin(np.pi * np.arange(period + 2) / period) ** 2
    return np.array([n_in[j - window : j].mean() for j in k])


def _tap_reference() -> float:
    """Return sqrt(1 - ε²) <sqrt(1 - R)> <X_in> at round 3 by all histories of three outcomes. Derived."""
    strength, total = 0.8, 0.0
    z = [cos(2 * pi * k / 12) for k in range(3)]
    for history in np.ndindex(2, 2, 2):
        signs = [1 - 2 * bit for bit in history]
        chance = np.prod([(1 + strength * s * value) / 2 for s, value in zip(signs, z, strict=True)])
        seen = [0.5, 0.5, *((1 - s / strength) / 2 for s in signs)]
        total += float(chance) * sqrt(1 - min(1.0, max(0.0, sum(seen) / 5)))
    return sqrt(1 - strength**2) * total


def biases(strength: float, period: int = 24, window: int = 9) -> Floats:
    """Return what clipping adds to the mean R, once the window is full, by the chances of every sum in it. Derived."""
    z, made = np.cos(2 * np.pi * np.arange(period + 2) / period), []
    for k in range(window, period + 1):
        chances = np.array([1.0])
        for j in range(k - window, k):
            up = (1 + strength * z[j]) / 2
            chances = np.append((1 - up) * chances, 0) + np.append(0, up * chances)
        sums = 2 * np.arange(window + 1) - window
        mean = chances @ np.clip(0.5 - sums / (2 * strength * window), 0, 1)
        made.append(float(mean) - float((1 - z[k - window : k].mean()) / 2))
    return np.array(made)


def clipping(strength: float, period: int = 24, window: int = 9) -> float:
    """Return the largest bias of R that clipping makes."""
    return float(np.abs(biases(strength, period, window)).max())


def _coherence_reference() -> float:
    return sqrt(1 - float(closed_forms.discrete_reflectivity(27, 24, 9))) * sin(2 * pi * 27 / 24)


def _native(emulator: str) -> Figure:
    return Figure(4, f"native cell, {emulator}", "photons left, R=0.4, n=0.6", SOURCE, "derived", 0.36,
                  EMU if emulator.startswith("emu") else FALSE,
                  partial(native, emulator=emulator), pulses="is by pulses", noisy="see the memristor")  # fmt: skip


WHOLE = "as at one window: a law of ideal gates"
FIGURES = (
    Figure(4, "photonic, ensemble", "loop area, K=24, W=9", SOURCE, "derived", AREA, 1e-9,
           partial(loop_area, name="photonic_memristor", response="clicks.s"), sampled=True),
    Figure(4, "photonic, ensemble", "loop area, window of one period", SOURCE, "derived", 0.0, 1e-9,
           partial(closed_area, window=12), noisy="ideal"),
    Figure(4, "photonic, ensemble", "loop area, window of two periods", SOURCE, "derived", 0.0, 1e-9,
           partial(closed_area, window=24), noisy="ideal"),
    Figure(4, "photonic, ensemble", f"largest loop area, {SIZES[1]} rounds", SOURCE, "derived",
           largest_law(SIZES[1]), 1e-9, lambda config: (largest(config.emulator, SIZES[1])[0], 0.0),
           pulses=WHOLE, noisy=WHOLE),
    Figure(4, "photonic, ensemble", "largest loop area, rounds → ∞", SOURCE, "derived", 0.28455, 1e-3,
           partial(largest_area, what=0), pulses=WHOLE, noisy=WHOLE),
    Figure(4, "photonic, ensemble", "T/T_osc of the largest, rounds → ∞", SOURCE, "derived", 0.37101, 2e-3,
           partial(largest_area, what=1), pulses=WHOLE, noisy=WHOLE),
    Figure(4, "photonic, coherent output", "⟨X⟩ out at an eighth period", COHERENCE, "derived",
           _coherence_reference(), 1e-9, coherence),
    Figure(4, "photonic, two ports", "loop area, K=24, W=9", SOURCE, "derived", AREA, 1e-9,
           partial(loop_area, name="two_port_memristor", response="clicks.s"), sampled=True, noisy=FEW),
    Figure(4, "photonic, weak tap", "coherence at a quarter period, ε=0.8", SOURCE, "derived", _tap_reference(), 1e-9,
           tap_coherence, noisy="ideal"),
    Figure(4, "photonic, weak tap", "bias of R, ε=0.7, K=24, W=9", SOURCE, "derived", clipping(0.7), 5e-3,
           partial(tap_bias, strength=0.7), pulses=FEW, noisy=FEW),
    Figure(4, "photonic, weak tap", "bias of R, ε=0.5, K=24, W=9", SOURCE, "derived", clipping(0.5), 5e-3,
           partial(tap_bias, strength=0.5), pulses=FEW, noisy=FEW),
    Figure(4, "photonic, one qutrit", "loop area, K=24, W=9", SOURCE, "derived", AREA, 1e-9,
           qutrit_area, sampled=True, noisy=FEW),
    Figure(4, "photonic, native cell", "loop area, K=24, W=9", SOURCE, "derived", AREA, 1e-6,
           partial(loop_area, name="native_memristor", response="vacuum", flip=True), sampled=True,
           noisy=FEW),
    *(_native(name) for name in ("exact", "qutip", "emu_sv", "emu_mps")),
)  # fmt: skip


def panels() -> list[Panel]:
    """Draw the loop, its area law, its coherence, and the weak tap's trade-off."""
    record = IDEAL.run("two_port_memristor").isel(round=slice(24, None))
    shots = IDEAL.run("two_port_memristor", shots=2000, seed=2).isel(round=slice(24, None))
    sweep = IDEAL.run("photonic_memristor", sweep={"window": [3, 6, 9, 12, 16, 20, 24, 30, 36]}, rounds=72)
    areas = hysteresis(sweep, drive="n_in", response="clicks.s", period=24)
    x = np.linspace(0.01, 1.5, 200)
    own = IDEAL.run("coherence_memristor").isel(round=slice(24, None))
    phase = 2 * np.pi * np.arange(24) / 24
    strengths = np.linspace(0.2, 1, 60)
    tried = (0.3, 0.5, 0.7, 0.9)
    bias = [tap_bias(IDEAL, e)[0] for e in tried]
    n_in = record.n_in.values
    return [
        Panel((closed(n_in, record.clicks.sel(clicks_atom="s").values, "exact"),
               Line(n_in, shots.clicks.sel(clicks_atom="s").values.mean(axis=0), "2000 shots", True)),
              "photons in", "photons out", "24 rounds, window 9"),
        Panel((Line(x, closed_forms.photonic_loop_area(np.pi * x), "continuous"),
               Line(x, closed_forms.discrete_loop_area(24, 24 * x), "24 rounds, law"),
               Line(sweep.window / 24, areas.area, "24 rounds, program", True)),
              "window T / period", "loop area"),
        Panel((closed(np.abs(np.sin(phase)), np.abs(own.out_pauli.sel(out_axis="X").values[:, 0])),),
              "coherence in", "coherence out"),
        Panel((Line(np.sqrt(1 - strengths**2), [clipping(e) for e in strengths], "law"),
               Line(np.sqrt(1 - np.array(tried) ** 2), bias, "program", True)),
              "coherence kept √(1-ε²)", "largest bias of R", "weak tap"),
    ]  # fmt: skip
