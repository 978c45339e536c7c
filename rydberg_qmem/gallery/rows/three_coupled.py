"""Row 7: three coupled memristors, in a line and in a triangle."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from math import ceil, pi, sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from rydberg_qmem.analysis import closed_forms, entanglement
from rydberg_qmem.gallery.figure import IDEAL, Figure, Floats, Measured, RunConfig
from rydberg_qmem.gallery.rows.two_coupled import RATE, correlation, drawn, loops, states
from rydberg_qmem.plots import Line, Panel
from rydberg_qmem.programs import coupled
from rydberg_qmem.programs.topology import links

SOURCE = "Kumar 2022, PR Applied 18, 034004"
Shape = Literal["line", "triangle"]
Complex = NDArray[np.complex128]
SHAPES: tuple[Shape, ...] = ("line", "triangle")
SLOW, LIGHT, STEP = 0.03, 0.01, 0.75
BEAT: dict[str, Floats] = {
    "line": STEP * np.arange(round(pi / sqrt(2) / SLOW / STEP), dtype=np.float64),
    "triangle": STEP * np.arange(round(pi / SLOW / STEP), dtype=np.float64),
}
"""Half a beat of each, in which a cell's voltage falls and comes back where nothing damps."""


def measured(config: RunConfig, *, topology: Shape, measure: str, kt: float = pi / 4) -> Measured:
    """Return a measure of entanglement of three coupled cells, undamped, in 40 steps."""
    program = coupled(3, topology=topology, damping=0, steps=41, step=kt / RATE / 40)
    return of_state(states(config, program, 0)[-1], measure), 0.0


def damped(config: RunConfig, *, topology: Shape, measure: str) -> Measured:
    """Return the same at kt = π/4 with γ0 = 0.02, in 10 steps."""
    program = coupled(3, topology=topology, damping=0.02, steps=11, step=pi / 4 / RATE / 10)
    return of_state(states(config, program, 0.02)[-1], measure), 0.0


def of_state(rho: Complex, measure: str) -> float:
    """Return one number of a state of three."""
    match measure:
        case "N3":
            return float(entanglement.tripartite_negativity(rho))
        case "end" | "middle":
            return float(entanglement.negativity(rho, [0 if measure == "end" else 1]))
        case "monogamy":
            return float(entanglement.monogamy(rho))
        case "tangle":
            return float(entanglement.three_tangle(np.linalg.eigh(rho)[1][:, -1]))
        case _:
            return entanglement.genuine_tripartite(rho)


def follows(config: RunConfig, *, topology: Shape) -> Measured:
    """Return the correlation, over half a beat, of the areas of the first cell's lobes with N3, lightly damped."""
    program = coupled(3, topology=topology, rate=SLOW, damping=LIGHT, steps=len(BEAT[topology]), step=STEP)
    return correlation(loops(config, program, STEP, LIGHT, cut="lobe")), 0.0


def follows_by_integration(topology: Shape, gamma: float = LIGHT) -> float:
    """Return the same of states integrated without this package's programs. Derived."""
    rho = integrated(topology, BEAT[topology], rate=SLOW, gamma=gamma)
    r, linked = 2 * entanglement.reduced(rho, [0])[:, 0, 1], entanglement.tripartite_negativity(rho)
    return correlation(drawn(r, linked, BEAT[topology], "lobe"))


def direct(topology: Shape, kt: float = pi / 4, gamma: float = 0.0) -> Complex:
    """Return the state by one exponential of the generator, or by small steps of the master equation; g, h order."""
    if gamma:
        times = np.linspace(0, kt / RATE, 101)
        return np.asarray(integrated(topology, times, rate=RATE, gamma=gamma)[-1])
    psi = expm(-1j * kt * _hop(topology)) @ _start()
    return np.asarray(np.outer(psi, psi.conj()))


_LOWER = np.array([[0, 1], [0, 0]], dtype=complex)
_AT = [np.kron(np.kron(np.eye(2**i), _LOWER), np.eye(2 ** (2 - i))) for i in range(3)]


def _hop(topology: Shape) -> Complex:
    return np.asarray(
        sum(_AT[i].conj().T @ _AT[j] + _AT[j].conj().T @ _AT[i] for i, j in links(3, topology)), dtype=complex
    )


def _start() -> Complex:
    one = np.array([np.exp(0.3j), 1]) / np.sqrt(2)
    return np.asarray(np.kron(np.kron(one, one), one), dtype=complex)


def integrated(topology: Shape, times: Floats, *, rate: float, gamma: float, fine: float = 0.25) -> Complex:
    """Return states (times, 8, 8) by Runge-Kutta steps of the master equation; g, h order."""
    hop, number = rate * _hop(topology), sum(low.conj().T @ low for low in _AT)

    def slope(t: float, r: Complex) -> Complex:
        lost = sum(low @ r @ low.conj().T for low in _AT) - 0.5 * (number @ r + r @ number)
        return np.asarray(-1j * (hop @ r - r @ hop) + gamma * (1 - np.sin(np.sin(t))) * lost)

    made = [np.outer(_start(), _start().conj())]
    for begin, end in pairwise(times):
        rho, steps = made[-1], ceil((end - begin) / fine)
        dt = (end - begin) / steps
        for t in begin + dt * np.arange(steps):
            k1 = slope(t, rho)
            k2 = slope(t + dt / 2, rho + dt / 2 * k1)
            k3 = slope(t + dt / 2, rho + dt / 2 * k2)
            rho = rho + dt / 6 * (k1 + 2 * k2 + 2 * k3 + slope(t + dt, rho + dt * k3))
        made.append(rho)
    return np.array(made)


END, MIDDLE = (float(n) for n in closed_forms.line_negativity(pi / 4))


def _figure(topology: Shape, measure: str, name: str, reference: float, tolerance: float = 1e-3) -> Figure:
    return Figure(
        7,
        f"three, {topology}",
        name,
        SOURCE,
        "derived",
        reference,
        tolerance,
        partial(measured, topology=topology, measure=measure),
        noisy="of pure states alone" if measure == "tangle" else "exact",
    )


def _damped(topology: Shape, measure: str, name: str) -> Figure:
    reference = of_state(direct(topology, gamma=0.02), measure)
    return Figure(
        7,
        f"three, {topology}, γ0=0.02",
        name,
        SOURCE,
        "derived",
        reference,
        5e-3,
        partial(damped, topology=topology, measure=measure),
    )


FIGURES = (
    _figure("triangle", "N3", "N3 at kt=π/4", float(closed_forms.triangle_negativity(pi / 4))),
    _figure("line", "end", "N of an end at kt=π/4", END),
    _figure("line", "middle", "N of the middle at kt=π/4", MIDDLE),
    _figure("line", "N3", "N3 at kt=π/4", (END**2 * MIDDLE) ** (1 / 3)),
    *(
        _figure(topology, measure, f"{name} at kt=π/4", of_state(direct(topology), measure))
        for topology in ("triangle", "line")
        for measure, name in (("monogamy", "monogamy N²(1-23)-N²(1-2)-N²(1-3)"), ("tangle", "three-tangle"))
    ),
    _damped("triangle", "N3", "N3 at kt=π/4"),
    _damped("line", "N3", "N3 at kt=π/4"),
    _damped("triangle", "genuine", "genuine tripartite, at least"),
    _damped("line", "genuine", "genuine tripartite, at least"),
    *(
        Figure(7, f"three, {topology}, γ0=0.01, k=0.03", "correlation of a lobe's area and N3", SOURCE, "derived",
               follows_by_integration(topology), 5e-3, partial(follows, topology=topology),
               pulses="as N3 at kt=π/4", noisy="as N3 at kt=π/4")
        for topology in SHAPES
    ),
)  # fmt: skip


def panels() -> list[Panel]:
    """Draw N3, monogamy and voltage against time, and N3 against the form factor of each loop."""
    panels, against = [], []
    for topology in ("line", "triangle"):
        program = coupled(3, topology=topology, damping=0.02, steps=56, step=0.45)
        state = states(IDEAL, program, 0.02)
        kt = 0.045 * np.arange(56)
        n3 = entanglement.tripartite_negativity(state)
        lines = (
            Line(kt, n3, "N3"),
            Line(kt, entanglement.monogamy(state), "monogamy"),
            Line(kt, np.abs(entanglement.reduced(state, [0])[:, 0, 1]), "|V| / 2V0, end"),
        )
        panels.append(Panel(lines, "k t", "", topology))
        found = loops(IDEAL, program, 0.45, 0.02)
        against.append(Line(found.form_factor.values, found.entanglement.values, topology, True, joined=True))
    return [*panels, Panel(tuple(against), "form factor of a loop", "N3 in it", "loops 1, 2, …")]
