"""Many atoms under one global drive: a split-operator method of sixth order.

The drive Ω(t) Σ (|a⟩⟨b| + h.c.)/2 of steady phase commutes with itself at all times, so it is applied with its exact
pulse area; detunings and interactions are diagonal. Coefficients: S10 of Blanes and Moan, J. Comput. Appl. Math.
142, 313 (2002). The samples stay the 1 ns staircase; the number of steps follows from comparing a trial state.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.layout import State

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

TOLERANCE = 3e-5
"""Largest norm by which doubling the steps may change a trial state: an infidelity of 1e-9."""
MOST_STEPS = 256

_A = (0.0502627644003922, 0.413514300428344, 0.0450798897943977, -0.188054853819569, 0.541960678450780)
_B = (0.148816447901042, -0.132385865767784, 0.067307604692185, 0.432666402578175)
DRIFTS = (*_A, 1 - 2 * sum(_A), *_A[::-1])
KICKS = (*_B, 0.5 - sum(_B), 0.5 - sum(_B), *_B[::-1])


@dataclass(frozen=True)
class GlobalDrive:
    """One drive on all atoms: levels (a, b), Ω ≥ 0 or signed and its phase, δ per atom, over intervals."""

    levels: int
    atoms: int
    a: int
    b: int
    dt_us: Array
    rabi: Array
    phase: Array
    detunings: tuple[Array, ...]
    energies: Array

    def row(self) -> GlobalDrive:
        """Return the drive of the first row alone."""
        return GlobalDrive(
            self.levels, self.atoms, self.a, self.b, self.dt_us, self.rabi[:1], self.phase[:1],
            tuple(d[:1] for d in self.detunings), self.energies,
        )  # fmt: skip


def evolve(states: State, drive: GlobalDrive) -> State | None:
    """Evolve states (rows, dimension); None where no number of steps is accurate enough."""
    trial, alone = states[:1], drive.row()
    steps, before = 2, _run(trial, alone, 2)
    while steps < MOST_STEPS:
        now = _run(trial, alone, 2 * steps)
        if distance(before[0], now[0]) < TOLERANCE:
            return _run(states, drive, steps)
        steps, before = 2 * steps, now
    return None


def distance(one: State, two: State) -> float:
    """Return the distance of two states, their global phases aligned."""
    overlap = complex(np.vdot(one, two))
    return float(np.linalg.norm(one * (overlap / max(abs(overlap), 1e-300)) - two))


def _run(states: State, drive: GlobalDrive, steps: int) -> State:
    first = drive.atoms // 2
    left, right = drive.levels**first, drive.levels ** (drive.atoms - first)
    psi = states.reshape(len(states), left, right).copy()
    edges = np.concatenate([[0.0], np.cumsum(drive.dt_us)])
    area = np.concatenate([np.zeros((len(drive.rabi), 1)), np.cumsum(drive.rabi * drive.dt_us, axis=1)], axis=1)
    diagonal = _Diagonal(drive, edges)
    h, t, pending = edges[-1] / steps, 0.0, np.zeros(len(drive.rabi))
    for _ in range(steps):
        for k, drift in enumerate(DRIFTS):
            later = t + drift * h
            pending = pending + _at(area, edges, later) - _at(area, edges, t)
            t = later
            if k < len(KICKS):
                psi = _rotate(psi, drive, pending, first)
                pending = np.zeros(len(drive.rabi))
                psi *= np.exp(-1j * KICKS[k] * h * diagonal.at(t)).reshape(-1, left, right)
    return _rotate(psi, drive, pending, first).reshape(states.shape)


def _at(values: Array, edges: Array, t: float) -> Array:
    """Interpolate the running pulse area (rows, edges) at a time: exact for piecewise-constant samples."""
    k = int(np.clip(np.searchsorted(edges, t, side="right") - 1, 0, len(edges) - 2))
    share = (t - edges[k]) / (edges[k + 1] - edges[k])
    return np.asarray(values[:, k] + share * (values[:, k + 1] - values[:, k]))


class _Diagonal:
    """Interaction energies minus detunings, at any time."""

    def __init__(self, drive: GlobalDrive, edges: Array) -> None:
        digits = np.indices((drive.levels,) * drive.atoms, dtype=np.int8).reshape(drive.atoms, -1)
        self.energies, self.middles = drive.energies[None], (edges[:-1] + edges[1:]) / 2
        groups: dict[int, Array] = {}
        self.detunings: dict[int, Array] = {}
        for atom, delta in enumerate(drive.detunings):
            key = next((k for k, d in self.detunings.items() if d is delta or np.array_equal(d, delta)), atom)
            self.detunings.setdefault(key, delta)
            groups[key] = groups.get(key, np.zeros(digits.shape[1])) + (digits[atom] == drive.b)
        self.counts = groups
        self.still = all(not d.any() for d in self.detunings.values())

    def at(self, t: float) -> Array:
        """Return the diagonal (rows or 1, dimension) at a time."""
        if self.still:
            return self.energies
        made = self.energies
        for key, delta in self.detunings.items():
            now = np.array([np.interp(t, self.middles, row) for row in delta])
            made = made - now[:, None] * self.counts[key]
        return made


def _rotate(psi: State, drive: GlobalDrive, angle: Array, first: int) -> State:
    turn = _one_atom(drive, angle)
    left, right = _power(turn, first), _power(turn, drive.atoms - first)
    psi = np.matmul(left, psi)
    if len(right) == 1:
        rows, size = len(psi), psi.shape[2]
        return np.asarray((psi.reshape(-1, size) @ right[0].T).reshape(rows, -1, size))
    return np.asarray(np.matmul(psi, right.swapaxes(1, 2)))


def _one_atom(drive: GlobalDrive, angle: Array) -> Complex:
    """Return exp(-i angle/2 (exp(-iφ)|a⟩⟨b| + h.c.)) in each row (rows or 1, levels, levels)."""
    made = np.zeros((len(angle), drive.levels, drive.levels), dtype=complex)
    made[:, range(drive.levels), range(drive.levels)] = 1
    made[:, drive.a, drive.a] = made[:, drive.b, drive.b] = np.cos(angle / 2)
    made[:, drive.a, drive.b] = -1j * np.exp(-1j * drive.phase) * np.sin(angle / 2)
    made[:, drive.b, drive.a] = -1j * np.exp(1j * drive.phase) * np.sin(angle / 2)
    return made


def _power(turn: Complex, atoms: int) -> Complex:
    made = np.ones((len(turn), 1, 1), dtype=complex)
    for _ in range(atoms):
        size = made.shape[1] * turn.shape[1]
        made = np.einsum("nij,nkl->nikjl", made, turn).reshape(len(turn), size, size)
    return made
