"""Steps of a split-operator method of fourth order, for many atoms under one drive.

The drive Ω(t) Σ (|a⟩⟨b| + h.c.)/2 of steady phase commutes with itself at all times, so it is applied with its exact
pulse area: as two matrices on two halves of the atoms where states are small, as matrices on groups of a few atoms
where they are large; detunings and interactions are diagonal. Coefficients: the six-stage scheme S6 of Blanes and
Moan, J. Comput. Appl. Math. 142, 313 (2002).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.exact._global_drive import GlobalDrive
from rydberg_qmem.emulators.exact._grid import Grid
from rydberg_qmem.emulators.layout import State

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Rotate = Callable[[State, GlobalDrive, Array], State]
"""Rotates all atoms of states (left, rows, right) by angles."""

LARGE_DIMENSION = 2**11
"""Smallest states that are rotated in groups of atoms, one row at a time."""
GROUP = 9
"""Largest number of states of such a group: three atoms of two levels, two of three."""
KEPT_PHASES = 3
"""So many kicks' phases are kept: those of one length of steps."""

_A = (0.0792036964311957, 0.353172906049774, -0.0420650803577195)
_B = (0.209515106613362, -0.143851773179818)
DRIFTS = (*_A, 1 - 2 * sum(_A), *_A[::-1])
KICKS = (*_B, 0.5 - sum(_B), 0.5 - sum(_B), *_B[::-1])


def evolve_in_steps(states: State, drive: GlobalDrive, steps: Grid) -> State:
    """Return states (rows, dimension) after all steps: rows together where they are short, one by one where long."""
    if states.shape[1] < LARGE_DIMENSION:
        return _stepped(states, drive, steps, _rotate_halves)
    made = [_stepped(row[None], drive.rows(np.array([k])), steps, _rotate_groups) for k, row in enumerate(states)]
    return np.concatenate(made)


def _stepped(states: State, drive: GlobalDrive, steps: Grid, rotate: Rotate) -> State:
    rows, first = len(states), drive.atoms // 2
    left, right = drive.levels**first, drive.levels ** (drive.atoms - first)
    psi = np.array(states.reshape(rows, left, right).transpose(1, 0, 2), order="C")  # two plain products per stage
    energies, rabi = drive.energies.reshape(left, 1, right), steps.curves(drive.rabi)
    places = np.concatenate([[-1.0], 2 * np.cumsum(DRIFTS) - 1])
    areas = [steps.steps_us / 2 * rabi.between(u, v) for u, v in pairwise(places.tolist())]
    detuning = _Detuning(drive, steps, places[1:-1], left, right)
    phases = _Phases(energies)
    pending = np.zeros(len(drive.rabi))
    for k, h in enumerate(np.round(steps.steps_us, 12).tolist()):
        for stage, kick in enumerate(KICKS):
            psi = rotate(psi, drive, pending + areas[stage][:, k])
            pending = np.zeros(len(drive.rabi))
            psi *= phases.of(kick, h)
            detuning.kick(psi, k, stage)
        pending = areas[-1][:, k]
    psi = rotate(psi, drive, pending)
    return np.ascontiguousarray(psi.transpose(1, 0, 2)).reshape(states.shape)


class _Phases:
    """The phases of interactions in a kick of some weight and time (µs); few are kept, so that memory stays bounded."""

    def __init__(self, energies: Array) -> None:
        self.energies = energies
        self.kept: dict[tuple[float, float], Complex] = {}

    def of(self, kick: float, h: float) -> Complex:
        """Return the phases, shaped as the energies."""
        if (kick, h) not in self.kept:
            if len(self.kept) == KEPT_PHASES:
                del self.kept[next(iter(self.kept))]
            self.kept[kick, h] = np.exp(-1j * (kick * h) * self.energies)
        return self.kept[kick, h]


class _Detuning:
    """Detunings of groups of atoms, as phases on the two halves of the register."""

    def __init__(self, drive: GlobalDrive, steps: Grid, places: Array, left: int, right: int) -> None:
        digits = np.indices((drive.levels,) * drive.atoms, dtype=np.int8).reshape(drive.atoms, left, right)
        half = drive.atoms // 2
        self.groups: list[tuple[list[Array], Array, Array]] = []
        for delta in drive.distinct:
            same = [atom for atom, other in enumerate(drive.detunings) if np.array_equal(other, delta)]
            on_left = sum(((digits[k] == drive.b)[:, 0].astype(float) for k in same if k < half), np.zeros(left))
            on_right = sum(((digits[k] == drive.b)[0].astype(float) for k in same if k >= half), np.zeros(right))
            curves = steps.curves(delta)
            turns = [kick * steps.steps_us * curves.at(u) for kick, u in zip(KICKS, places.tolist(), strict=True)]
            self.groups.append((turns, on_left, on_right))

    def kick(self, psi: State, step: int, stage: int) -> None:
        """Multiply psi (left, rows, right) by the detunings' phases of a stage."""
        if not self.groups:
            return
        left: Array | float = 0.0
        right: Array | float = 0.0
        for turns, on_left, on_right in self.groups:
            now = turns[stage][:, step]
            left, right = left + np.outer(on_left, now), right + np.outer(now, on_right)
        psi *= np.exp(1j * np.asarray(left))[:, :, None]
        psi *= np.exp(1j * np.asarray(right))[None]


def _rotate_halves(psi: State, drive: GlobalDrive, angle: Array) -> State:
    """Rotate all atoms of psi (left, rows, right) by an angle, the same for all rows or one each."""
    turn, first = _one_atom(drive, angle), drive.atoms // 2
    on_left, on_right = _power(turn, first), _power(turn, drive.atoms - first)
    left, rows, right = psi.shape
    if len(turn) == 1:
        psi = (on_left[0] @ psi.reshape(left, -1)).reshape(left, rows, right)
        return np.asarray((psi.reshape(-1, right) @ on_right[0].T).reshape(left, rows, right))
    moved = np.matmul(on_left, psi.transpose(1, 0, 2))
    return np.ascontiguousarray(np.matmul(moved, on_right.swapaxes(1, 2)).transpose(1, 0, 2))


def _rotate_groups(psi: State, drive: GlobalDrive, angle: Array) -> State:
    """Rotate all atoms of one row (left, 1, right): each product moves a group of atoms from the front to the end."""
    turn, groups = _one_atom(drive, angle), _groups(drive.levels, drive.atoms)
    powers = {size: _power(turn, size)[0].T for size in set(groups)}
    moved = psi
    for size in groups:
        moved = moved.reshape(drive.levels**size, -1).T @ powers[size]
    return moved.reshape(psi.shape)


def _groups(levels: int, atoms: int) -> list[int]:
    """Return sizes of groups of atoms, as equal as can be.

    >>> _groups(2, 10), _groups(3, 5)
    ([3, 3, 2, 2], [2, 2, 1])
    """
    count = -(-atoms // int(np.log(GROUP) / np.log(levels) + 1e-9))
    return [len(part) for part in np.array_split(range(atoms), count)]


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
