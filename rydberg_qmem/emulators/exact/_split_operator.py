"""Many atoms under one global drive: a split-operator method of fourth order.

The drive Ω(t) Σ (|a⟩⟨b| + h.c.)/2 of steady phase commutes with itself at all times, so it is applied with its exact
pulse area, as two matrices on two halves of the atoms; detunings and interactions are diagonal. Coefficients: the
six-stage scheme S6 of Blanes and Moan, J. Comput. Appl. Math. 142, 313 (2002). Steps begin and end with holds and
jumps; within a step that spans several samples, drives are polynomials that have the samples' moments. How long steps
may be follows from a few of the states, evolved with steps half as long, and from a bound on what polynomials leave
out; where that is too large, from the states evolved sample by sample. No error of any interval is out of sight.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.exact import _grid as grid
from rydberg_qmem.emulators.exact._grid import Grid
from rydberg_qmem.emulators.layout import State

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Exactly = Callable[[State, NDArray[np.int64]], State]
"""Evolves states (some rows, dimension) sample by sample under the drives of those rows."""

TOLERANCE = 1e-5
"""Largest distance of a trial state from the one evolved sample by sample: an infidelity of 1e-10."""
FEW_ROWS = 8
"""So many rows are sooner evolved sample by sample than held against some that are."""
STEP_CALL, EXPANSION_CALL = 12.0, 2.0
"""What a step, and an expansion in its place, cost beside the rows they act on, in rows."""
FIRST = 4
"""So many steps are tried first."""
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

    @cached_property
    def distinct(self) -> tuple[Array, ...]:
        """The detunings that differ, without those that are zero."""
        found: list[Array] = []
        for delta in self.detunings:
            if delta.any() and not any(delta is other or np.array_equal(delta, other) for other in found):
                found.append(delta)
        return tuple(found)

    def unseen(self, steps: Grid) -> float:
        """Bound what the polynomials of steps leave out of the samples, for all atoms together."""
        values, width = (self.rabi, *self.distinct), self._width
        wiggles = sum(steps.unseen(value, width) for value in values) / 2
        return self.atoms * (wiggles + sum(steps.turning(self.rabi, delta) for delta in self.distinct))

    @cached_property
    def _width(self) -> float:
        """How fast the operators of the drive turn (rad/µs): by interactions, detunings and the drive itself."""
        grids = self.energies.reshape((self.levels,) * self.atoms)
        by_others = [
            float(np.sqrt(np.mean((np.take(grids, self.b, axis=k) - np.take(grids, self.a, axis=k)) ** 2)))
            for k in range(self.atoms)
        ]
        largest = max((float(np.abs(delta).max()) for delta in self.distinct), default=0.0)
        return max(by_others) + largest + float(np.abs(self.rabi).max())

    def extremes(self, states: State) -> NDArray[np.int64]:
        """Return the first row, those of the strongest drive and of the largest detunings, and the most excited."""
        chosen = {0, int((np.abs(states) ** 2 @ np.abs(self.energies)).argmax())}
        for values in (self.rabi, *self.distinct):
            if len(values) == len(states):
                chosen.add(int(np.abs(values).max(axis=1).argmax()))
        return np.array(sorted(chosen))


def _some(values: Array, wanted: NDArray[np.int64]) -> Array:
    return values[wanted] if len(values) > 1 else values


def evolve(states: State, drive: GlobalDrive, exactly: Exactly, share: float = 1.0) -> State | None:
    """Evolve states (rows, dimension) to within `share` of the tolerance; None where samples one by one cost less.

    Steps are held against steps half as long where what both leave out of the samples is bounded; where it is not, and
    rows are many, against `exactly`, which evolves the hardest rows sample by sample.
    """
    hardest = drive.extremes(states)
    trial, alone = states[hardest], drive.rows(hardest)
    if len(states) > len(hardest) and len(drive.rabi) == 1 and all(len(delta) == 1 for delta in drive.distinct):
        trial = np.concatenate([trial, _mixed(states)])
    edges, allowed = grid.edges(drive.dt_us, drive.rabi, *drive.distinct), share * TOLERANCE
    maximum = len(drive.dt_us) * (EXPANSION_CALL + len(states)) / (STEP_CALL + len(states))

    def by_halves(longest_us: float) -> tuple[Grid, float]:
        steps, fine = (Grid.of(drive.dt_us, edges, size) for size in (longest_us, longest_us / 2))
        error = drive.unseen(fine)
        if error < allowed and len(steps.steps_us) <= maximum:
            error += _distance(_run(trial, alone, steps), _run(trial, alone, fine))
        return steps, error

    steps = _search(by_halves, drive, maximum, allowed)
    if steps is None and len(states) > FEW_ROWS:
        wanted = exactly(trial, hardest)

        def by_samples(longest_us: float) -> tuple[Grid, float]:
            steps = Grid.of(drive.dt_us, edges, longest_us)
            return steps, _distance(_run(trial, alone, steps), wanted) if len(steps.steps_us) <= maximum else 1.0

        steps = _search(by_samples, drive, maximum, allowed)
    return None if steps is None else _run(states, drive, steps)


def _search(
    attempt: Callable[[float], tuple[Grid, float]], drive: GlobalDrive, maximum: float, allowed: float
) -> Grid | None:
    """Return the longest steps whose error is allowed; None where there would be too many."""
    longest_us = float(drive.dt_us.sum()) / FIRST
    while True:
        steps, error = attempt(longest_us)
        if len(steps.steps_us) > maximum:
            return None
        if error < allowed:
            return steps
        longest_us /= min(max(1.05 * (error / allowed) ** (1 / ORDER), 1.1), 2.0)


def _distance(one: State, two: State) -> float:
    return float(np.linalg.norm(one - two, axis=1).max())


def _mixed(states: State) -> State:
    """Return one state in which all rows have a part, so that their errors and their relative phases count."""
    rng = np.random.Generator(np.random.Philox(len(states)))
    made = (rng.standard_normal((1, len(states))) + 1j * rng.standard_normal((1, len(states)))) @ states
    return np.asarray(made / np.linalg.norm(made))


def _run(states: State, drive: GlobalDrive, steps: Grid) -> State:
    rows, first = len(states), drive.atoms // 2
    left, right = drive.levels**first, drive.levels ** (drive.atoms - first)
    psi = np.ascontiguousarray(states.reshape(rows, left, right).transpose(1, 0, 2))  # two plain products per stage
    energies, rabi = drive.energies.reshape(left, 1, right), steps.curves(drive.rabi)
    places = np.concatenate([[-1.0], 2 * np.cumsum(DRIFTS) - 1])
    areas = [steps.steps_us / 2 * rabi.between(u, v) for u, v in pairwise(places.tolist())]
    detuning = _Detuning(drive, steps, places[1:-1], left, right)
    kept: dict[tuple[float, float], Complex] = {}
    pending = np.zeros(len(drive.rabi))
    for k, h in enumerate(np.round(steps.steps_us, 12).tolist()):
        for stage, kick in enumerate(KICKS):
            psi = _rotate(psi, drive, pending + areas[stage][:, k], first)
            pending = np.zeros(len(drive.rabi))
            if (kick, h) not in kept:
                kept[kick, h] = np.exp(-1j * kick * h * energies)
            psi *= kept[kick, h]
            detuning.kick(psi, k, stage)
        pending = areas[-1][:, k]
    psi = _rotate(psi, drive, pending, first)
    return np.ascontiguousarray(psi.transpose(1, 0, 2)).reshape(states.shape)


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
