"""Row 7: three coupled memristors, in a line and in a triangle."""

from __future__ import annotations

from functools import partial
from math import pi
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from rydberg_qmem.analysis import entanglement, systems
from rydberg_qmem.cells import coupled
from rydberg_qmem.cells.network import links
from rydberg_qmem.gallery.figure import IDEAL, Figure, Measured, Way
from rydberg_qmem.gallery.rows.two import RATE, loops, states
from rydberg_qmem.plots.panels import Line, Panel

SOURCE = "Kumar 2022, PR Applied 18, 034004"
Shape = Literal["line", "triangle"]
Complex = NDArray[np.complex128]


def measured(way: Way, *, topology: Shape, measure: str, kt: float = pi / 4) -> Measured:
    """Return a measure of entanglement of three coupled cells, undamped, in 40 steps."""
    program = coupled(3, topology=topology, damping=0, steps=41, step=kt / RATE / 40)
    return of_state(states(way, program, 0)[-1], measure), 0.0


def damped(way: Way, *, topology: Shape, measure: str) -> Measured:
    """Return the same at kt = π/4 with γ0 = 0.02, in 10 steps."""
    program = coupled(3, topology=topology, damping=0.02, steps=11, step=pi / 4 / RATE / 10)
    return of_state(states(way, program, 0.02)[-1], measure), 0.0


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


def direct(topology: Shape, kt: float = pi / 4, gamma: float = 0.0) -> Complex:
    """Return the state by one exponential of the generator, or by small steps of the master equation; g, h order."""
    lower = np.array([[0, 1], [0, 0]], dtype=complex)
    at = [np.kron(np.kron(np.eye(2**i), lower), np.eye(2 ** (2 - i))) for i in range(3)]
    hop = sum(at[i].conj().T @ at[j] + at[j].conj().T @ at[i] for i, j in links(3, topology))
    one = np.array([np.exp(0.3j), 1]) / np.sqrt(2)
    psi = np.kron(np.kron(one, one), one)
    if not gamma:
        psi = expm(-1j * kt * hop) @ psi
        return np.asarray(np.outer(psi, psi.conj()))
    rho, steps = np.outer(psi, psi.conj()), 400
    dt = kt / RATE / steps

    def slope(t: float, r: Complex) -> Complex:
        rate = gamma * (1 - np.sin(np.sin(t)))
        made = -1j * RATE * (hop @ r - r @ hop)
        for low in at:
            number = low.conj().T @ low
            made = made + rate * (low @ r @ low.conj().T - 0.5 * (number @ r + r @ number))
        return np.asarray(made)

    for i in range(steps):
        t = i * dt
        k1 = slope(t, rho)
        k2 = slope(t + dt / 2, rho + dt / 2 * k1)
        k3 = slope(t + dt / 2, rho + dt / 2 * k2)
        rho = rho + dt / 6 * (k1 + 2 * k2 + 2 * k3 + slope(t + dt, rho + dt * k3))
    return np.asarray(rho)


END, MIDDLE = (float(n) for n in systems.line_negativity(pi / 4))


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
    _figure("triangle", "N3", "N3 at kt=π/4", float(systems.triangle_negativity(pi / 4))),
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
