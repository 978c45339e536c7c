"""How many steps many atoms under one drive need, and their evolution in so many.

Steps begin and end with holds and jumps; within a step that spans several samples, drives are polynomials that have the
samples' moments. How many there must be follows from a few of the states, evolved in fewer steps too, and from a bound
on what polynomials leave out; where that is too large, from the states evolved sample by sample. No error of any
interval is out of sight.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.exact import _grid as grid
from rydberg_qmem.emulators.exact._global_drive import GlobalDrive
from rydberg_qmem.emulators.exact._grid import Grid
from rydberg_qmem.emulators.exact._split_operator import evolve_in_steps
from rydberg_qmem.emulators.layout import State

Exactly = Callable[[State, NDArray[np.int64]], State]
"""Evolves states (some rows, dimension) sample by sample under the drives of those rows."""

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
    return None if steps is None else evolve_in_steps(states, drive, steps)


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

    def whole(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many steps that makes, where there are more than intervals and each of these is cut."""
        return grid.whole_parts(counts, self.edges, len(self.drive.dt_us))

    def by_counts(self, counts: NDArray[np.int64], allowed: float) -> float:
        """Return the error of steps, from what fewer in every stretch make and a bound on what is left out."""
        unseen = self.drive.unseen(self.steps(counts))
        if unseen >= allowed:
            return unseen
        if not self.made.size:
            return unseen + self._first(counts)
        now, ratio = self._change(counts)
        return unseen + self._told(now, ratio)

    def _first(self, counts: NDArray[np.int64]) -> float:
        """Return the error of the first steps, from steps about twice and four times as long."""
        longest, longer = self._run(np.maximum(counts // 4, 1)), self._run(counts // 2)
        was, (now, ratio) = _distance(longest, longer), self._change(counts)
        self.order = float(np.clip(np.log2(max(was, 1e-300) / max(now, 1e-300)), LEAST_ORDER, ORDER))
        return self._told(now, ratio)

    def _told(self, distance: float, ratio: float) -> float:
        """Return the error that is left, given the distance from what so many times fewer steps made."""
        return float(CAUTION * distance / (ratio**self.order - 1))

    def _change(self, counts: NDArray[np.int64]) -> tuple[float, float]:
        """Return how far steps take the states from where those before them did, and how many times more they are."""
        before, fewer = self.made, self.counts
        distance = _distance(self._run(counts), before)
        return distance, float((self.counts / fewer).min())

    def by_samples(self, counts: NDArray[np.int64], _: float) -> float:
        """Return the error of steps beside what samples one by one make."""
        return _distance(self._run(counts), self.wanted)

    def _run(self, counts: NDArray[np.int64]) -> State:
        self.counts = self.whole(counts)
        self.made = evolve_in_steps(self.states, self.drive, self.steps(counts))
        return self.made


def _search(
    error_of: Callable[[NDArray[np.int64], float], float], trials: Trials, maximum: int, allowed: float
) -> Grid | None:
    """Return the fewest steps whose error is allowed; None where there would be too many."""
    drive = trials.drive
    longest_us = min(FIRST_ANGLE / max(drive.width, 1e-12), float(drive.dt_us.sum()) / FEWEST)
    counts = trials.whole(2 * grid.halves(drive.dt_us, trials.edges, longest_us))
    while counts.sum() <= maximum:
        error = error_of(counts, allowed)
        if error < allowed:
            return trials.steps(counts)
        more = min(max(1.05 * (error / allowed) ** (1 / ORDER), LEAST_GROWTH), 2.0)
        counts = trials.whole(np.ceil(counts * more).astype(np.int64))
    return None


def _distance(one: State, two: State) -> float:
    return float(np.linalg.norm(one - two, axis=1).max())


def _mixed(states: State) -> State:
    """Return one state in which all rows have a part, so that their errors and their relative phases count."""
    rng = np.random.Generator(np.random.Philox(len(states)))
    made = (rng.standard_normal((1, len(states))) + 1j * rng.standard_normal((1, len(states)))) @ states
    return np.asarray(made / np.linalg.norm(made))
