"""Row 6: two coupled memristors."""

from __future__ import annotations

from functools import lru_cache, partial
from math import pi, sin
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rydberg_qmem.analysis import entanglement
from rydberg_qmem.analysis.memristivity import memristivity
from rydberg_qmem.analysis.tomography import tomography
from rydberg_qmem.gallery.figure import IDEAL, JUMPING, Figure, Floats, Measured, RunConfig, limit
from rydberg_qmem.language.program import Program
from rydberg_qmem.plots import Line, Panel
from rydberg_qmem.programs import coupled
from rydberg_qmem.programs import tomography as readings

SOURCE = "Kumar 2021, PRA 104, 062605"
RATE = 0.1
Cut = Literal["cycle", "lobe"]
CUTS: tuple[Cut, Cut] = ("lobe", "cycle")


def concurrence(config: RunConfig, *, damping: float, kt: float, steps: int) -> Measured:
    """Return the concurrence at a time kt, cut into steps."""
    program = coupled(2, damping=damping, steps=steps + 1, step=kt / RATE / steps)
    return float(entanglement.concurrence(states(config, program, damping)[-1])), 0.0


def largest(config: RunConfig, *, damping: float, what: str) -> Measured:
    """Return the largest concurrence, or kt of it, by a parabola through the three largest of steps of 0.25."""
    steps = 74 if damping < 0.05 else 50
    found = entanglement.concurrence(states(config, coupled(2, damping=damping, steps=steps, step=0.25), damping))
    top = int(np.clip(found.argmax(), 1, steps - 2))
    a, b, c = found[top - 1 : top + 2]
    shift = (a - c) / (2 * (a - 2 * b + c))
    return (float(b - (a - c) * shift / 4) if what == "value" else (top + float(shift)) * 0.25 * RATE), 0.0


@lru_cache(maxsize=32)
def states(config: RunConfig, program: Program, damping: float) -> NDArray[np.complex128]:
    """Return the cells' joint states, not to be written to, as several figures are of the same run.

    By vectors where nothing damps, by quantum jumps where the machine does.
    """
    if config.hardware is not None:
        made = config.joint(program, state="vector", shots=JUMPING, seed=config.seed)
    else:
        made = config.joint(program) if damping else config.joint(program, state="vector")
    made.flags.writeable = False
    return made


def measured(config: RunConfig) -> Measured:
    """Return the concurrence at kt = 0.8, undamped, from nine settings of readings."""
    if config.shots is None:
        return concurrence(config, damping=0, kt=0.8, steps=8)
    program = coupled(2, damping=0, steps=8, step=1.0)
    data: dict[str, Any] = program.to_dict()
    data["parameters"] = {**data.get("parameters", {}), "setting": 0}
    made = Program.from_dict(data)
    made = made.with_(body=(*made.body, *readings(["s0", "s1"])))
    record = config.run(made, shots=2000, seed=config.seed, sweep={"setting": range(9)})
    found = tomography(record, key="tomo", measures={"c": entanglement.concurrence}, bootstrap=15)
    return float(found.c - found.c_bias), float(found.c_error)


def loops(
    config: RunConfig, program: Program, step: float, damping: float, *, cut: Cut = "cycle", fine: int = 20
) -> xr.Dataset:
    """Return the loops of (V, I) of the first cell in the laboratory frame, each with its time and entanglement.

    Entanglement is the concurrence of two cells, N3 of three. V/V0 = Im(r exp(i t)), r twice the coherence in the
    rotating frame, which is smooth and interpolated; I/I0 is V/V0 times the damping's 1 - sin(sin t).
    """
    state = states(config, program, damping)
    coarse = step * np.arange(len(state), dtype=float)
    linked = entanglement.concurrence(state) if state.shape[-1] == 4 else entanglement.tripartite_negativity(state)
    return drawn(2 * entanglement.reduced(state, [0])[:, 0, 1], linked, coarse, cut, fine)


def drawn(r: NDArray[np.complex128], linked: Floats, coarse: Floats, cut: Cut, fine: int = 20) -> xr.Dataset:
    """Return the loops that coherences r in the rotating frame draw, each with its time and entanglement."""
    t = np.linspace(0, coarse[-1], fine * (len(r) - 1) + 1)
    v = ((np.interp(t, coarse, r.real) + 1j * np.interp(t, coarse, r.imag)) * np.exp(1j * t)).imag
    record = xr.Dataset({"v": ("round", v), "i": ("round", v * (1 - np.sin(np.sin(t))))})
    found = memristivity(record, drive="v", response="i", cut=cut, bootstrap=0)
    middle = (found.start + found.stop) / 2 * (t[1] - t[0])
    return found.assign(time=middle, entanglement=("cycle", np.interp(middle, coarse, linked)))


def correlation(found: xr.Dataset) -> float:
    """Return the correlation of loops' areas with entanglement."""
    return float(np.corrcoef(found.area, found.entanglement)[0, 1])


def inverse(config: RunConfig) -> Measured:
    """Return the correlation, over the lobes of half a beat and more, of their areas with the concurrence, undamped."""
    return correlation(loops(config, coupled(2, damping=0, steps=80, step=0.4), 0.4, 0, cut="lobe")), 0.0


def turning(config: RunConfig) -> Measured:
    """Return kt where the loops begin to be run through the other way, for ever slower exchange, undamped."""
    return limit(*(turned(config, rate) for rate in (RATE / 2, RATE / 4))), 0.0


def turned(config: RunConfig, rate: float) -> float:
    """Return kt where the signed areas of the lobes change sign for good, on a line through the two beside it."""
    step = 0.04 / rate
    program = coupled(2, damping=0, rate=rate, steps=80, step=step)
    return _crossed(loops(config, program, step, 0, cut="lobe"), rate)


def _crossed(found: xr.Dataset, rate: float) -> float:
    kt, signed = rate * found.time.values, found.signed_area.values
    last = int(np.flatnonzero(np.sign(signed) == np.sign(signed[0]))[-1])
    (a, b), (x, y) = kt[last : last + 2], np.sqrt(np.abs(signed[last : last + 2]))
    return float(a + (b - a) * x / (x + y))


def _inverse_reference() -> float:
    """Return the same from r = cos(kt) exp(0.3i) and the concurrence sin(kt). Derived."""
    t = np.linspace(0, 31.6, 1581)
    return correlation(drawn(np.cos(RATE * t) * np.exp(0.3j), np.abs(np.sin(RATE * t)), t, "lobe", 1))


FIGURES = (
    Figure(6, "two coupled", "concurrence at kt=0.8", SOURCE, "derived", sin(0.8), 1e-9, measured, sampled=True),
    Figure(6, "two coupled", "correlation of a lobe's area and concurrence", SOURCE, "derived", _inverse_reference(),
           2e-3, inverse),
    Figure(6, "two coupled", "kt where loops turn round, k → 0", SOURCE, "from memory", pi / 2, 0.02, turning,
           noisy="a limit of slow exchange"),
    Figure(6, "two coupled, γ0=0.02", "largest concurrence", SOURCE, "derived", 0.6991, 2e-3,
           partial(largest, damping=0.02, what="value")),
    Figure(6, "two coupled, γ0=0.02", "kt of the largest", SOURCE, "derived", 1.508, 0.02,
           partial(largest, damping=0.02, what="time"), pulses="as its value", noisy="as its value"),
    Figure(6, "two coupled, γ0=0.02", "concurrence at kt=π/4", SOURCE, "derived", 0.5667, 2e-3,
           partial(concurrence, damping=0.02, kt=pi / 4, steps=32)),
    Figure(6, "two coupled, γ0=0.1", "largest concurrence", SOURCE, "derived", 0.2819, 2e-3,
           partial(largest, damping=0.1, what="value")),
    Figure(6, "two coupled, γ0=0.1", "kt of the largest", SOURCE, "derived", 0.942, 0.02,
           partial(largest, damping=0.1, what="time"), pulses="as its value", noisy="as its value"),
    Figure(6, "two coupled, γ0=0.1", "concurrence at kt=π/4", SOURCE, "derived", 0.2479, 2e-3,
           partial(concurrence, damping=0.1, kt=pi / 4, steps=32)),
)  # fmt: skip


def panels() -> list[Panel]:
    """Draw concurrence against time, signed area of each lobe, and concurrence against area and form factor."""
    lines: list[Line] = []
    areas: list[Line] = []
    sizes: list[Line] = []
    shapes: list[Line] = []
    for damping in (0.0, 0.02, 0.1):
        program, name = coupled(2, damping=damping, steps=80, step=0.4), f"γ0 = {damping:g} ω"
        lines.append(Line(0.04 * np.arange(80), entanglement.concurrence(states(IDEAL, program, damping)), name))
        if damping == 0.1:  # its voltage dies before the beat is over
            continue
        lobe, cycle = (loops(IDEAL, program, 0.4, damping, cut=cut) for cut in CUTS)
        for made, x, y in (
            (areas, RATE * lobe.time, lobe.signed_area),
            (sizes, lobe.area, lobe.entanglement),
            (shapes, cycle.form_factor, cycle.entanglement),
        ):
            made.append(Line(x.values, y.values, name, True, joined=True))
    return [
        Panel(tuple(lines), "k t", "concurrence"),
        Panel(tuple(areas), "k t", "signed area of a lobe", "sign: direction of the loop"),
        Panel(tuple(sizes), "area of a lobe", "concurrence in it", "lobes 1, 2, …"),
        Panel(tuple(shapes), "form factor of a loop", "concurrence in it", "loops 1, 2, …"),
    ]
