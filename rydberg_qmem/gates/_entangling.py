"""Two atoms driven alike on g and r: what a train of pulses does to gg, gh, hg and hh, and how far that is from a gate.

With the drive symmetric, hh does nothing, gh and hg turn as one atom, and gg couples to (gr + rg)/√2 and rr, which the
interaction shifts: a two-level and a three-level problem under Pulser's Hamiltonian, constant over 1 ns.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.units import NS_PER_US

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
ROOT = 2**0.5


@dataclass(frozen=True, eq=False)
class SteppedPulse:
    """One pulse: amplitude and detuning (rad/µs) in equal steps of whole ns, and a phase."""

    duration_ns: int
    amplitude: Array
    detuning: Array
    phase: float = 0.0


def amplitudes(parts: tuple[SteppedPulse, ...], interaction: float) -> tuple[Complex, Complex]:
    """Return where one atom (levels g, r) and a pair (gg, W, rr) get to from g and gg.

    >>> import numpy as np
    >>> pulse = SteppedPulse(100, np.array([np.pi / 0.1]), np.zeros(1))
    >>> one, two = amplitudes((pulse,), 1e6)
    >>> round(float(abs(one[1])), 6), round(float(abs(two[1])), 3)
    (1.0, 0.796)
    """
    omega, delta, dt = (np.concatenate(column) for column in zip(*map(_steps, parts), strict=True))
    one = np.zeros((len(dt), 2, 2), dtype=complex)
    one[:, 0, 1], one[:, 1, 0], one[:, 1, 1] = omega / 2, omega.conj() / 2, -delta
    two = np.zeros((len(dt), 3, 3), dtype=complex)
    two[:, 0, 1] = two[:, 1, 2] = omega / ROOT
    two[:, 1, 0] = two[:, 2, 1] = omega.conj() / ROOT
    two[:, 1, 1], two[:, 2, 2] = -delta, interaction - 2 * delta
    return _propagator(one, dt)[:, 0], _propagator(two, dt)[:, 0]


def _steps(part: SteppedPulse) -> tuple[Complex, Array, Array]:
    amplitude, detuning = np.broadcast_arrays(part.amplitude, part.detuning)
    dt = np.full(len(amplitude), part.duration_ns / len(amplitude) / NS_PER_US)
    return amplitude * np.exp(-1j * part.phase), detuning, dt


def _propagator(hamiltonians: Complex, dt_us: Array) -> Complex:
    """Return the product of exp(-iH dt), later ones to the left, in a tree of pairs."""
    energies, vectors = np.linalg.eigh(hamiltonians)
    turns = np.exp(-1j * energies * dt_us[:, None])
    steps = (vectors * turns[:, None, :]) @ vectors.conj().swapaxes(1, 2)
    while len(steps) > 1:
        even = len(steps) // 2 * 2
        steps = np.concatenate([steps[1:even:2] @ steps[0:even:2], steps[even:]])
    return np.asarray(steps[0])


def residuals(one: Complex, two: Complex, angle: float) -> Array:
    """Return what must vanish for a controlled phase: amplitudes left in r, and half the error of the phase."""
    error = np.angle(two[0] * np.conj(one[0]) ** 2 * np.exp(-1j * angle))
    left = np.array([ROOT * one[1], two[1], two[2]])
    return np.array([*left.real, *left.imag, error / 2])


def h_phase(one: Complex, two: Complex, angle: float) -> float:
    """Return the phase that h of both atoms must be given, so that the gate is diag(1, 1, 1, exp(i angle))."""
    half = (np.angle(two[0]) + angle) / 2
    found = max((half, half + pi), key=lambda x: (one[0] * np.exp(1j * x) * np.conj(two[0])).real)
    return float(found)


def infidelities(diagonal: Complex, angle: float) -> tuple[float, float]:
    """Return process and average infidelity of a diagonal map on gg, gh, hg, hh against diag(1, 1, 1, exp(i angle)).

    1 - F_pro = 1 - |tr|²/16, and 1 - F_avg = 1 - (4 F_pro + what stays in g and h)/5.

    >>> import numpy as np
    >>> process, average = infidelities(np.array([1, 1, 1, 1]), np.pi)
    >>> round(process, 12), round(average, 12)
    (0.75, 0.6)
    """
    trace = diagonal[:3].sum() + diagonal[3] * np.exp(-1j * angle)
    process = float(abs(trace)) ** 2 / 16
    stays = float((np.abs(diagonal) ** 2).sum()) / 4
    return max(1 - process, 0.0), max(1 - (4 * process + stays) / 5, 0.0)


def pair_map(one: Complex, two: Complex, turn: float) -> Complex:
    """Return the diagonal map on gg, gh, hg, hh with h of both atoms turned."""
    h = np.exp(1j * turn)
    return np.array([two[0], one[0] * h, one[0] * h, h * h])


@dataclass(frozen=True)
class BlockadedPulse:
    """What a pulse does to an atom of two levels: exp(iφ) [[a, b], [-b*, a*]] on g and r."""

    a: complex
    b: complex
    turn: complex
    """exp(iφ)."""

    @property
    def passed(self) -> complex:
        """The amplitude of g after it."""
        return self.turn * self.a

    def twice(self, jump: Array) -> Complex:
        """Return the amplitude of g after two such pulses, the second with its phase later by `jump` (any shape)."""
        return np.asarray(self.turn**2 * (self.a**2 - abs(self.b) ** 2 * np.exp(-1j * jump)))


def blockaded(omega: Array, delta: Array, dt_us: Array) -> BlockadedPulse:
    """Return what a pulse of real amplitudes does to an atom: the product of its steps, in a tree of pairs.

    `delta` is less by the interaction where a neighbour in r blockades the atom.
    """
    rate = np.hypot(omega, delta) / 2
    c, s = np.cos(rate * dt_us), np.sinc(rate * dt_us / pi) * dt_us
    a, b = c - 0.5j * s * delta, -0.5j * s * omega
    while len(a) > 1:
        even = len(a) // 2 * 2
        (a1, a2), (b1, b2) = ((x[0:even:2], x[1:even:2]) for x in (a, b))
        a, b = (
            np.concatenate([a2 * a1 - b2 * b1.conj(), a[even:]]),
            np.concatenate([a2 * b1 + b2 * a1.conj(), b[even:]]),
        )
    return BlockadedPulse(complex(a[0]), complex(b[0]), complex(np.exp(0.5j * (delta * dt_us).sum())))
