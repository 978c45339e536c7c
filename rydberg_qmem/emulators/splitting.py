"""Many atoms under one global drive: a split-operator method of fourth order.

The drive Ω(t) Σ (|a⟩⟨b| + h.c.)/2 of steady phase commutes with itself at all times, so it is applied with its exact
pulse area, as two matrices on two halves of the atoms; detunings and interactions are diagonal. Coefficients: the
six-stage scheme S6 of Blanes and Moan, J. Comput. Appl. Math. 142, 313 (2002). The samples stay the 1 ns staircase;
the number of steps follows from a trial state.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.layout import State

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

TOLERANCE = 1e-5
"""Largest norm by which doubling the steps may change a trial state: an infidelity of 1e-10."""
MOST_STEPS = 512
ORDER = 4

_A = (0.0792036964311957, 0.353172906049774, -0.0420650803577195)
_B = (0.209515106613362, -0.143851773179818)
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

    def rows(self, wanted: NDArray[np.int64]) -> GlobalDrive:
        """Return the drives of some rows."""
        return GlobalDrive(
            self.levels, self.atoms, self.a, self.b, self.dt_us, _some(self.rabi, wanted), _some(self.phase, wanted),
            tuple(_some(d, wanted) for d in self.detunings), self.energies,
        )  # fmt: skip

    def extremes(self, rows: int) -> NDArray[np.int64]:
        """Return the rows of the strongest drive and of the largest detunings, and the first: the hardest ones."""
        chosen = {0}
        for values in (self.rabi, *self.detunings):
            if len(values) == rows:
                chosen.add(int(np.abs(values).max(axis=1).argmax()))
        return np.array(sorted(chosen))


def _some(values: Array, wanted: NDArray[np.int64]) -> Array:
    return values[wanted] if len(values) > 1 else values


def evolve(states: State, drive: GlobalDrive) -> State | None:
    """Evolve states (rows, dimension); None where no number of steps is accurate enough."""
    hardest = drive.extremes(len(states))
    trial, alone = states[hardest], drive.rows(hardest)
    steps = 4
    while steps <= MOST_STEPS:
        one, two = _run(trial, alone, steps), _run(trial, alone, 2 * steps)
        error = max(distance(a, b) for a, b in zip(one, two, strict=True))
        if error < TOLERANCE:
            return _run(states, drive, steps)
        wanted = int(np.ceil(1.05 * steps * (error / TOLERANCE) ** (1 / ORDER)))
        steps = min(max(wanted, steps + 1), 2 * steps)
    return None


def distance(one: State, two: State) -> float:
    """Return the distance of two states, their global phases aligned."""
    overlap = complex(np.vdot(one, two))
    return float(np.linalg.norm(one * (overlap / max(abs(overlap), 1e-300)) - two))


def _run(states: State, drive: GlobalDrive, steps: int) -> State:
    rows, first = len(states), drive.atoms // 2
    left, right = drive.levels**first, drive.levels ** (drive.atoms - first)
    psi = np.ascontiguousarray(states.reshape(rows, left, right).transpose(1, 0, 2))  # two plain products per stage
    edges = np.concatenate([[0.0], np.cumsum(drive.dt_us)])
    area = np.concatenate([np.zeros((len(drive.rabi), 1)), np.cumsum(drive.rabi * drive.dt_us, axis=1)], axis=1)
    h, t, pending = edges[-1] / steps, 0.0, np.zeros(len(drive.rabi))
    energies = drive.energies.reshape(left, 1, right)
    kicks = {kick: np.exp(-1j * kick * h * energies) for kick in set(KICKS)}
    detuning = _Detuning(drive, edges, left, right)
    for _ in range(steps):
        for k, drift in enumerate(DRIFTS):
            later = t + drift * h
            pending = pending + _at(area, edges, later) - _at(area, edges, t)
            t = later
            if k < len(KICKS):
                psi = _rotate(psi, drive, pending, first)
                pending = np.zeros(len(drive.rabi))
                psi *= kicks[KICKS[k]]
                detuning.kick(psi, KICKS[k] * h, t)
    psi = _rotate(psi, drive, pending, first)
    return np.ascontiguousarray(psi.transpose(1, 0, 2)).reshape(states.shape)


def _at(values: Array, edges: Array, t: float) -> Array:
    """Interpolate the running pulse area (rows, edges) at a time: exact for piecewise-constant samples."""
    k = int(np.clip(np.searchsorted(edges, t, side="right") - 1, 0, len(edges) - 2))
    share = (t - edges[k]) / (edges[k + 1] - edges[k])
    return np.asarray(values[:, k] + share * (values[:, k + 1] - values[:, k]))


class _Detuning:
    """Detunings of groups of atoms, as phases on the two halves of the register."""

    def __init__(self, drive: GlobalDrive, edges: Array, left: int, right: int) -> None:
        digits = np.indices((drive.levels,) * drive.atoms, dtype=np.int8).reshape(drive.atoms, left, right)
        self.middles = (edges[:-1] + edges[1:]) / 2
        self.groups: list[tuple[Array, Array, Array]] = []
        waiting = [(delta, digits[atom] == drive.b, 2 * atom < drive.atoms - drive.atoms % 2) for atom, delta in
                   enumerate(drive.detunings) if delta.any()]  # fmt: skip
        while waiting:
            delta = waiting[0][0]
            same = [item for item in waiting if item[0] is delta or np.array_equal(item[0], delta)]
            waiting = [item for item in waiting if not any(item is other for other in same)]
            on_left = sum((here[:, 0].astype(float) for _, here, first in same if first), np.zeros(left))
            on_right = sum((here[0].astype(float) for _, here, first in same if not first), np.zeros(right))
            self.groups.append((delta, on_left, on_right))

    def kick(self, psi: State, time_us: float, t: float) -> None:
        """Multiply psi (left, rows, right) by the detunings' phases of a time."""
        if not self.groups:
            return
        left: Array | float = 0.0
        right: Array | float = 0.0
        for delta, on_left, on_right in self.groups:
            now = time_us * _interpolated(delta, self.middles, t)
            left, right = left + np.outer(on_left, now), right + np.outer(now, on_right)
        psi *= np.exp(1j * np.asarray(left))[:, :, None]
        psi *= np.exp(1j * np.asarray(right))[None]


def _interpolated(values: Array, middles: Array, t: float) -> Array:
    """Interpolate samples (rows, intervals), known at the middles of their intervals, at a time."""
    if len(middles) == 1:
        return values[:, 0]
    k = int(np.clip(np.searchsorted(middles, t) - 1, 0, len(middles) - 2))
    share = np.clip((t - middles[k]) / (middles[k + 1] - middles[k]), 0.0, 1.0)
    return np.asarray(values[:, k] + share * (values[:, k + 1] - values[:, k]))


def _rotate(psi: State, drive: GlobalDrive, angle: Array, first: int) -> State:
    """Rotate all atoms of psi (left, rows, right) by an angle, the same for all rows or one each."""
    turn = _one_atom(drive, angle)
    on_left, on_right = _power(turn, first), _power(turn, drive.atoms - first)
    left, rows, right = psi.shape
    if len(turn) == 1:
        psi = (on_left[0] @ psi.reshape(left, -1)).reshape(left, rows, right)
        return np.asarray((psi.reshape(-1, right) @ on_right[0].T).reshape(left, rows, right))
    moved = np.matmul(on_left, psi.transpose(1, 0, 2))
    return np.ascontiguousarray(np.matmul(moved, on_right.swapaxes(1, 2)).transpose(1, 0, 2))


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
