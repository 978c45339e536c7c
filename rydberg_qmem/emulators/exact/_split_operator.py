"""Many atoms under one global drive: a split-operator method of fourth order.

The drive Ω(t) Σ (|a⟩⟨b| + h.c.)/2 of steady phase commutes with itself at all times, so it is applied with its exact
pulse area: as two matrices on two halves of the atoms where states are small, as matrices on groups of a few atoms
where they are large; detunings and interactions are diagonal. Coefficients: the
six-stage scheme S6 of Blanes and Moan, J. Comput. Appl. Math. 142, 313 (2002). Steps begin and end with holds and
jumps; within a step that spans several samples, drives are polynomials that have the samples' moments. How long steps
may be follows from a few of the states, evolved with steps half as long, and from a bound on what polynomials leave
out; where that is too large, from the states evolved sample by sample. No error of any interval is out of sight.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
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
Rotate = Callable[[State, "GlobalDrive", Array], State]
"""Rotates all atoms of states (left, rows, right) by angles."""

TOLERANCE = 1e-5
"""Largest distance of a trial state from the one evolved sample by sample: an infidelity of 1e-10."""
FEW_ROWS = 8
"""So many rows are sooner evolved sample by sample than held against some that are."""
STEP_CALL, STEP_AMPLITUDE = 2e-4, 1e-7
"""Seconds that a step costs, and each amplitude in it; only their ratios to those of expansions matter."""
FIRST_ANGLE = 0.7
"""The steps that are tried first: by how much operators turn in one."""
FEWEST = 8
"""Fewest steps that are tried."""
ORDER, LEAST_ORDER, CAUTION = 4, 2, 1.5
"""Errors fall with the steps' length to the order, more slowly where curves bend much within a step, but at least to
another; so many times what the distance of two lengths makes of that is allowed for."""
LEAST_GROWTH = 1.2
"""Factor by which there are at least more steps where they were too few."""
LARGE_DIMENSION = 2**11
"""Smallest states that are rotated in groups of atoms, one row at a time."""
KEPT_PHASES = 8
"""So many kicks' phases are kept."""
GROUP = 9
"""Largest number of states of such a group: three atoms of two levels, two of three."""

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
        values, width = (self.rabi, *self.distinct), self.width
        wiggles = sum(steps.unseen(value, width) for value in values) / 2
        return self.atoms * (wiggles + sum(steps.turning(self.rabi, delta) for delta in self.distinct))

    @cached_property
    def width(self) -> float:
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


def evolve(states: State, drive: GlobalDrive, exactly: Exactly, cost_s: float, share: float = 1.0) -> State | None:
    """Evolve states (rows, dimension) to within `share` of the tolerance; None where samples one by one cost less.

    Those cost `cost_s`. Steps are held against longer ones where what they leave out of the samples is bounded; where
    it is not, and rows are many, against `exactly`, which evolves the hardest rows sample by sample.
    """
    hardest = drive.extremes(states)
    every = len(states) <= len(hardest)
    trial, alone = states[hardest], drive.rows(hardest)
    if not every and len(drive.rabi) == 1 and all(len(delta) == 1 for delta in drive.distinct):
        trial = np.concatenate([trial, _mixed(states)])
    allowed = share * TOLERANCE
    maximum = int(cost_s / (STEP_CALL + STEP_AMPLITUDE * states.size))
    trials = Trials(trial, alone, grid.edges(drive.dt_us, drive.rabi, *drive.distinct))
    steps = _search(trials.by_counts, trials, maximum, allowed)
    if steps is not None and every:
        return trials.made
    if steps is None and len(states) > FEW_ROWS:
        trials.wanted = exactly(trial, hardest)
        steps = _search(trials.by_samples, trials, maximum, allowed)
    return None if steps is None else _run(states, drive, steps)


@dataclass
class Trials:
    """A few states, their drives, the intervals where stretches begin, and what some steps made of the states."""

    states: State
    drive: GlobalDrive
    edges: NDArray[np.int64]
    made: State = field(default_factory=lambda: np.empty((0, 0), dtype=complex))
    counts: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    """How many steps there were in each stretch when they were made."""
    order: float = LEAST_ORDER
    """With which power of the steps' length errors were seen to fall."""
    wanted: State = field(default_factory=lambda: np.empty((0, 0), dtype=complex))
    """The states evolved sample by sample."""

    def steps(self, counts: NDArray[np.int64]) -> Grid:
        """Return so many steps in each stretch."""
        return Grid.of(self.drive.dt_us, self.edges, counts)

    def by_counts(self, counts: NDArray[np.int64], allowed: float) -> float:
        """Return the error of steps, from what fewer in every stretch make and a bound on what is left out."""
        unseen = self.drive.unseen(self.steps(counts))
        if unseen >= allowed:
            return unseen
        if not self.made.size:
            return unseen + self._first(counts)
        before, ratio = self.made, float((counts / self.counts).min())
        return float(unseen + CAUTION * _distance(self._run(counts), before) / (ratio**self.order - 1))

    def _first(self, counts: NDArray[np.int64]) -> float:
        """Return the error of the first steps, from steps twice and four times as long."""
        longest, longer = self._run(np.maximum(counts // 4, 1)), self._run(counts // 2)
        was, now = _distance(longest, longer), _distance(longer, self._run(counts))
        self.order = float(np.clip(np.log2(max(was, 1e-300) / max(now, 1e-300)), LEAST_ORDER, ORDER))
        return CAUTION * now / (2**self.order - 1)

    def by_samples(self, counts: NDArray[np.int64], _: float) -> float:
        """Return the error of steps beside what samples one by one make."""
        return _distance(self._run(counts), self.wanted)

    def _run(self, counts: NDArray[np.int64]) -> State:
        self.counts, self.made = counts, _run(self.states, self.drive, self.steps(counts))
        return self.made


def _search(
    error_of: Callable[[NDArray[np.int64], float], float], trials: Trials, maximum: int, allowed: float
) -> Grid | None:
    """Return the fewest steps whose error is allowed; None where there would be too many."""
    drive = trials.drive
    longest_us = min(FIRST_ANGLE / max(drive.width, 1e-12), float(drive.dt_us.sum()) / FEWEST)
    counts = 2 * grid.halves(drive.dt_us, trials.edges, longest_us)
    while counts.sum() <= maximum:
        error = error_of(counts, allowed)
        if error < allowed:
            return trials.steps(counts)
        more = min(max(1.05 * (error / allowed) ** (1 / ORDER), LEAST_GROWTH), 2.0)
        counts = np.ceil(counts * more).astype(np.int64)
    return None


def _distance(one: State, two: State) -> float:
    return float(np.linalg.norm(one - two, axis=1).max())


def _mixed(states: State) -> State:
    """Return one state in which all rows have a part, so that their errors and their relative phases count."""
    rng = np.random.Generator(np.random.Philox(len(states)))
    made = (rng.standard_normal((1, len(states))) + 1j * rng.standard_normal((1, len(states)))) @ states
    return np.asarray(made / np.linalg.norm(made))


def _run(states: State, drive: GlobalDrive, steps: Grid) -> State:
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
