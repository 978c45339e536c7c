"""Row 10: a classical memristor and the three fingerprints."""

from __future__ import annotations

from typing import Any

import numpy as np

from rydberg_qmem.analysis import closed_forms, geometry
from rydberg_qmem.analysis.fingerprints import fingerprints
from rydberg_qmem.gallery.figure import CLASSICAL, IDEAL, Figure, Floats, Measured, RunConfig, limit
from rydberg_qmem.plots import Line, Panel, closed

SOURCE = "Chua 1971, IEEE Trans. Circuit Theory 18, 507"
OMEGAS = (1, 2, 4, 8, 16)


def lobes(config: RunConfig, steps: int = 96) -> Measured:
    """Return the area of both lobes of the flux-controlled memristor."""
    values = {"steps": steps}
    record = config.run("classical_memristor", shots=None, seed=None, parameters=values, rounds=steps + 1)
    return float(geometry.unsigned_area(record.V.values[1:], record.I.values[1:])), 0.0


def lobe_limit(config: RunConfig) -> Measured:
    """Return one lobe's area for ever finer steps."""
    return limit(lobes(config, 48)[0], lobes(config, 96)[0], order=2) / 2, 0.0


def prints(config: RunConfig = IDEAL) -> Any:
    """Return the fingerprints of the classical memristor over five frequencies."""
    record = config.run("classical_memristor", sweep={"omega": OMEGAS}, shots=None, seed=None, rounds=97)
    return fingerprints(record.isel(round=slice(1, None)), drive="V", response="I", frequency="omega")


def photonic_prints(config: RunConfig, periods: tuple[int, ...] = (48, 24, 12, 8, 6)) -> Any:
    """Return the fingerprints of the photonic type with a window of 6 rounds: its area has zeros, so it bears not all.

    The frequency is one over the period, in rounds.
    """
    record = config.run("photonic_memristor", sweep={"period": periods}, parameters={"window": 6})
    record = record.assign_coords(frequency=("point", 1 / record.period.values))
    return fingerprints(record, drive="n_in", response="clicks.s", frequency="frequency")


def verdict(config: RunConfig, name: str) -> Measured:
    """Return one number of the fingerprints: an exponent, or 1 for a verdict of yes."""
    return float(prints(config)[name]), 0.0


def _figure(quantity: str, name: str, reference: float, tolerance: float) -> Figure:
    return Figure(10, "classical, flux-controlled", quantity, SOURCE, "derived", reference, tolerance,
                  lambda config: verdict(config, name), pulses=CLASSICAL, noisy=CLASSICAL)  # fmt: skip


FIGURES = (
    Figure(10, "classical, flux-controlled", "area of both lobes, 96 steps", SOURCE, "derived",
           closed_forms.flux_polygon(96, 0.5, 1, 1), 1e-9, lobes, pulses=CLASSICAL, noisy=CLASSICAL),
    Figure(10, "classical, flux-controlled", "a lobe, steps → 0: (2/3) b V0³/ω", SOURCE, "derived",
           float(closed_forms.flux_controlled_lobe(0.5, 1, 1)), 1e-5, lobe_limit, pulses=CLASSICAL, noisy=CLASSICAL),
    _figure("fingerprint 1: |I(V=0)| over largest |I|", "largest_pinch", 0.0, 1e-9),
    _figure("fingerprint 2: exponent of area against frequency", "exponent", -1.0, 1e-9),
    _figure("fingerprint 3: 1 - R² of a line at ω=16", "bent", 0.0, 0.02),
    _figure("all three (1: yes)", "memristor", 1.0, 0.0),
)  # fmt: skip


def panels() -> list[Panel]:
    """Draw the classical memristor at three frequencies, and the fingerprints of it and of the photonic type."""
    lines = []
    for omega in (1, 2, 8):
        record = IDEAL.run("classical_memristor", parameters={"omega": omega}, rounds=97).isel(round=slice(1, None))
        lines.append(closed(record.V.values, record.I.values, f"ω = {omega}"))
    own, photonic = prints(), photonic_prints(IDEAL)
    top = float(own.area[0])
    fine = np.geomspace(1, 16, 30)
    every = np.linspace(0.05, 1, 99)
    x: Floats = 6 * photonic.frequency.values
    return [
        Panel(tuple(lines), "V", "I"),
        Panel((Line(fine, top / fine, "∝ 1/ω"), Line(own.omega, own.area, "program", True)), "ω", "loop area",
              "classical: all three", log="xy"),
        Panel((Line(every, closed_forms.photonic_loop_area(np.pi * every), "continuous"),
               Line(x, photonic.area, "program", True)), "frequency × window", "loop area",
              "photonic: pinched, not monotonic"),
    ]  # fmt: skip
