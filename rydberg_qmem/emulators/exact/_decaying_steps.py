"""Many atoms that decay under one drive: the steps of the split operator, with decay among the kicks.

Relaxation and dephasing lose norm diagonally, so exp(-Σ C†C t/2) joins the phases of interactions and detunings. In a
frame in which the levels' phases make the drive's rotations real, these act on real and imaginary parts alike: half
the work of complex products, and no more where each row has an angle of its own. A step may be taken in part, and by
each row another part, so that jumps are found within steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.polynomial.legendre import legvander
from numpy.typing import NDArray

from rydberg_qmem.emulators.exact._global_drive import GlobalDrive
from rydberg_qmem.emulators.exact._grid import Grid, legendre_sums
from rydberg_qmem.emulators.exact._processors import each_in_threads
from rydberg_qmem.emulators.exact._split_operator import DRIFTS, GROUP, KICKS
from rydberg_qmem.emulators.layout import State

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Index = NDArray[np.int64]

BLOCK = 2**15
"""So many amplitudes go through all steps at a time: with what a stage makes of them they stay near the processor."""
KEPT_KICKS = 6
"""So many kicks are kept: those of two lengths of steps, by one interval apart."""
TURN_DIGITS = 13
"""Decimals of turns (rad) that tell kicks apart: those of detunings that stay as they are have other last bits."""
PLACES = np.concatenate([[0.0], np.cumsum(DRIFTS)])
"""Where in a step its drifts begin and end, 0 to 1; the kicks are between them."""


@dataclass(frozen=True, eq=False)
class DecayingDrive:
    """One drive on all atoms, and what these do on their own: -iE - Σ C†C/2, a diagonal (rows or 1, dimension)."""

    drive: GlobalDrive
    own: Complex

    def rows(self, wanted: Index) -> DecayingDrive:
        """Return the drives of some rows."""
        return DecayingDrive(self.drive.rows(wanted), _some(self.own, wanted))


@dataclass(frozen=True, eq=False)
class DecayingSteps:
    """Consecutive steps: drives as polynomials over each, Legendre coefficients (rows or 1, steps, 4).

    `detunings` holds those of atoms that share one, with how many of these are in level b in each basis state of the
    two halves of the register. `own` is what atoms do by themselves, `phase` that of the drive (rows or 1).
    """

    levels: int
    atoms: int
    pair: tuple[int, int]
    steps_us: Array
    rabi: Array
    detunings: tuple[tuple[Array, Array, Array], ...]
    phase: Array
    own: Complex

    @classmethod
    def of(cls, decaying: DecayingDrive, grid: Grid) -> DecayingSteps:
        """Return a drive in the steps of a grid."""
        drive = decaying.drive
        left, right = _counts(drive.levels, drive.atoms, drive.b)
        detunings = []
        for delta in drive.distinct:
            same = np.array([np.array_equal(other, delta) for other in drive.detunings], dtype=float)
            weights = grid.curves(delta).weights
            detunings.append((weights, same[: len(left)] @ left, same[len(left) :] @ right))
        rabi = grid.curves(drive.rabi).weights
        pair = (drive.a, drive.b)
        return cls(
            drive.levels, drive.atoms, pair, grid.steps_us, rabi, tuple(detunings), drive.phase, decaying.own
        )  # fmt: skip

    def rows(self, wanted: Index) -> DecayingSteps:
        """Return the steps of some rows."""
        detunings = tuple((_some(weights, wanted), left, right) for weights, left, right in self.detunings)
        return self._with(_some(self.rabi, wanted), detunings, wanted)

    def each(self) -> Iterator[DecayingSteps]:
        """Yield the steps one by one, each as the only one."""
        for k in range(len(self.steps_us)):
            here = slice(k, k + 1)
            detunings = tuple((weights[:, here], left, right) for weights, left, right in self.detunings)
            yield replace(self, steps_us=self.steps_us[here], rabi=self.rabi[:, here], detunings=detunings)

    def steps(self) -> Iterator[tuple[StepFlow, float]]:
        """Yield how rows decay in each step, and for how many µs."""
        for one in self.each():
            yield StepFlow(one, np.zeros(1)), float(one.steps_us[0])

    def _with(self, rabi: Array, detunings: tuple[tuple[Array, Array, Array], ...], wanted: Index) -> DecayingSteps:
        return replace(
            self, rabi=rabi, detunings=detunings, phase=_some(self.phase, wanted), own=_some(self.own, wanted)
        )  # fmt: skip

    # ------------------------------------------------------------ all steps

    def advance(self, states: State) -> State:
        """Return all rows (rows, dimension) after all steps."""
        return _in_blocks(states, lambda some: self.rows(some)._through(states[some]))

    def _through(self, states: State) -> State:
        half, ends = self.steps_us / 2, 2 * PLACES - 1
        angles = np.moveaxis(half * (self.rabi @ np.diff(legendre_sums(ends), axis=0)[:, None, :, None])[..., 0], 2, 0)
        times, basis = np.multiply.outer(self.steps_us, np.array(KICKS)), legvander(ends[1:-1], 3)
        turns = self._stacked([(weights @ basis.T) * times for weights, _, _ in self.detunings])
        psi, pending = states * self._frame.conj(), np.zeros(len(self.rabi))
        spare, kicks = _spare(psi), Kicks(self)
        for k, h in enumerate(np.round(self.steps_us, 12).tolist()):
            for stage, kick in enumerate(KICKS):
                self._rotate(psi, pending + angles[k, stage], spare)
                pending = np.zeros(len(self.rabi))
                psi *= kicks.of(kick * h, turns[:, k, stage])
            pending = angles[k, -1]
        self._rotate(psi, pending, spare)
        psi *= self._frame
        return psi

    # ------------------------------------------------------------ parts of one step

    def part(self, states: State, begin_us: Array, times_us: Array) -> State:
        """Return rows after a time each (rows or 1), from a place (µs) each in the only step there is."""

        def moved(some: Index) -> State:
            return self.rows(some)._part(states[some], _some(begin_us, some), _some(times_us, some))

        return _in_blocks(states, moved)

    def _part(self, states: State, begin_us: Array, times_us: Array) -> State:
        step_us = float(self.steps_us[0])
        ends = 2 * (begin_us + np.multiply.outer(PLACES, times_us)) / step_us - 1
        angles = step_us / 2 * (self.rabi[:, 0] * np.diff(legendre_sums(ends), axis=0)).sum(axis=-1)
        basis, times = legvander(ends[1:-1], 3), np.multiply.outer(np.array(KICKS), times_us)
        turns = self._stacked([((weights[:, 0] * basis).sum(axis=-1) * times).T for weights, _, _ in self.detunings])
        turns = turns.reshape(len(turns), len(KICKS), turns.shape[-1])
        psi = states * self._frame.conj()
        spare = _spare(psi)
        for stage, time_us in enumerate(times):
            self._rotate(psi, angles[stage], spare)
            psi *= self.kicked(time_us, turns[:, stage])
        self._rotate(psi, angles[-1], spare)
        psi *= self._frame
        return psi

    # ------------------------------------------------------------ what a stage does

    @cached_property
    def _frame(self) -> Complex:
        """The factors (rows or 1, dimension) of the states in whose frame rotations are real."""
        left, right = (counts.sum(axis=0) for counts in _counts(self.levels, self.atoms, self.pair[1]))
        excited = np.add.outer(left, right).ravel()
        return np.asarray(np.exp(1j * (self.phase[:, None] + np.pi / 2) * excited))

    def _rotate(self, psi: State, angles: Array, spare: tuple[Array, Array]) -> None:
        """Rotate all atoms of rows by an angle, the same for all or one each, in place.

        Each product moves a group of atoms from the front to the end; the parts of an amplitude, which are last in
        `psi`, are in front of all atoms then. `spare` are two arrays of the same size.
        """
        rows, groups = len(psi), _groups(self.levels, self.atoms)
        turns = _turns(self.levels, self.pair, angles)
        powers = {size: _power(turns, size) for size in set(groups)}
        moved = psi.view(np.float64)
        for k, size in enumerate(groups):
            front = moved.reshape(rows, self.levels**size, -1)
            moved = spare[k % 2].reshape(rows, -1, self.levels**size)
            np.matmul(front.swapaxes(1, 2), powers[size], out=moved)
        parts = moved.reshape(rows, 2, -1)
        psi.real, psi.imag = parts[:, 0], parts[:, 1]

    def _stacked(self, turns: list[Array]) -> Array:
        """Return the turns (rows or 1, …, stages, detunings) of all detunings, which may be none."""
        if not turns:
            return np.zeros((1, len(self.steps_us), len(KICKS), 0))
        return np.round(np.stack(np.broadcast_arrays(*turns), axis=-1), TURN_DIGITS)

    def kicked(self, times_us: Array, turns: Array) -> Complex:
        """Return what kicks of some times (rows or 1) do to basis states, with turns (rows or 1, detunings)."""
        own = np.exp(times_us[:, None] * self.own)
        if not self.detunings:
            return np.asarray(own)
        left, right = (
            np.exp(1j * (turns @ np.stack([detuning[side] for detuning in self.detunings]))) for side in (1, 2)
        )
        made = (left[:, :, None] * right[:, None, :]).reshape(len(turns), -1)
        return np.asarray(made * own) if len(own) > len(made) else np.multiply(made, own, out=made)


@dataclass
class Kicks:
    """What kicks do to basis states, kept while detunings stay as they are; few are, so that memory stays bounded."""

    steps: DecayingSteps
    kept: dict[float, tuple[Array, Complex]] = field(default_factory=dict)

    def of(self, time_us: float, turns: Array) -> Complex:
        """Return the factors (rows or 1, dimension) of a kick of some time (µs), with turns (rows or 1, detunings)."""
        found = self.kept.get(time_us)
        if found is not None and np.array_equal(found[0], turns):
            return found[1]
        if found is None and len(self.kept) == KEPT_KICKS:
            del self.kept[next(iter(self.kept))]
        made = self.steps.kicked(np.full(1, time_us), turns)
        self.kept[time_us] = (turns, made)
        return made


@dataclass(frozen=True, eq=False)
class StepFlow:
    """Decay from some place (µs; rows or 1) of a step on."""

    steps: DecayingSteps
    begin_us: Array

    def advance(self, states: State, time_us: float) -> State:
        """Return all rows after a time."""
        if not self.begin_us.any() and time_us == self.steps.steps_us[0]:
            return self.steps.advance(states)
        return self.to(states, np.full(1, time_us))

    def subset(self, rows: Index) -> StepFlow:
        """Return the decay of some of the rows."""
        return StepFlow(self.steps.rows(rows), _some(self.begin_us, rows))

    def to(self, states: State, times_us: Array) -> State:
        """Return all rows after a time each."""
        return self.steps.part(states, self.begin_us, times_us)

    def after(self, times_us: Array) -> StepFlow:
        """Return the decay of each row after a time."""
        return StepFlow(self.steps, self.begin_us + times_us)


def _some(values: NDArray[Any], wanted: Index) -> NDArray[Any]:
    return values[wanted] if len(values) > 1 else values


def _spare(psi: State) -> tuple[Array, Array]:
    """Return two arrays with room for the parts of states."""
    return np.empty(2 * psi.size), np.empty(2 * psi.size)


def _in_blocks(states: State, moved: Callable[[Index], State]) -> State:
    """Return what becomes of all rows, some of them at a time."""
    at_once = max(1, BLOCK // states.shape[1])
    blocks = [np.arange(k, min(k + at_once, len(states))) for k in range(0, len(states), at_once)]
    out = np.empty_like(states)

    def move(some: Index) -> None:
        out[some] = moved(some)

    each_in_threads(move, blocks)
    return out


@lru_cache(maxsize=64)
def _counts(levels: int, atoms: int, b: int) -> tuple[Array, Array]:
    """Return whether each atom is in level b in each basis state of its half of the register, for both halves."""
    first = atoms // 2
    halves = (np.indices((levels,) * n, dtype=np.int8).reshape(n, -1) for n in (first, atoms - first))
    left, right = ((digits == b).astype(float) for digits in halves)
    return left, right


@lru_cache(maxsize=64)
def _groups(levels: int, atoms: int) -> tuple[int, ...]:
    """Return sizes of groups of atoms that are rotated together, as equal as can be."""
    count = -(-atoms // int(np.log(GROUP) / np.log(levels) + 1e-9))
    return tuple(len(part) for part in np.array_split(range(atoms), count))


def _turns(levels: int, pair: tuple[int, int], angles: Array) -> Array:
    """Return the rotations (rows or 1, levels, levels) of one atom in that frame, transposed."""
    a, b = pair
    made = np.zeros((len(angles), levels, levels))
    made[:, range(levels), range(levels)] = 1.0
    made[:, a, a] = made[:, b, b] = np.cos(angles / 2)
    made[:, b, a] = np.sin(angles / 2)
    made[:, a, b] = -made[:, b, a]
    return made


def _power(turns: Array, atoms: int) -> Array:
    made = turns
    for _ in range(atoms - 1):
        size = made.shape[1] * turns.shape[1]
        made = np.einsum("nij,nkl->nikjl", made, turns).reshape(len(turns), size, size)
    return made
