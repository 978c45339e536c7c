"""Which stretches many decaying atoms go through in steps of the split operator, and in how many.

Drives and steps are those of vectors that do not decay, and so is what an error may be: the largest distance of a
trial state from the same taken sample by sample. What a row's steps are does not depend on how rows are cut.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.devices import DRIVEN, Strengths
from rydberg_qmem.emulators.exact import _grid as grid
from rydberg_qmem.emulators.exact._decaying_steps import DecayingDrive, DecayingSteps
from rydberg_qmem.emulators.exact._global_drive import GlobalDrive
from rydberg_qmem.emulators.exact._grid import Grid
from rydberg_qmem.emulators.exact._operators import OperatorSet
from rydberg_qmem.emulators.exact._segment import Stretch
from rydberg_qmem.emulators.exact._step_search import (
    FEWEST,
    FIRST_ANGLE,
    ORDER,
    TOLERANCE,
)  # fmt: skip
from rydberg_qmem.emulators.layout import State

Array = NDArray[np.float64]
Index = NDArray[np.int64]
DECAYING_DIMENSION = 64
"""Smallest states that are taken through steps; smaller ones have propagators that are exact to rounding."""
STEADY = 1e-12
"""Largest part of a drive, squared, that may be out of its phase."""
FINER = 4
"""So many times more steps are short ones, where samples are not."""
TRIALS = 4
"""So many rows at most are evolved to find the steps of all."""
SURE = 0.7
"""The part of what is allowed that an error of the trial states may be: other rows may be a little harder."""
ROOM, SAVED, LEAST_STEPS = 2, 0.1, 2
"""Steps are too many whose error is smaller than what is allowed by a factor, where fewer save a part of them at the
least; so few in a stretch are never too many."""
KEPT_COUNTS = 64
"""Stretches whose numbers of steps are remembered."""


def decaying_drive(space: OperatorSet, stretch: Stretch, found: Strengths | None) -> DecayingDrive | None:
    """Return the drive of a stretch, where one of steady phase is on all of many atoms and all else is diagonal."""
    alone = space.diagonals
    if alone is None or space.layout.dimension < DECAYING_DIMENSION:
        return None
    drives = stretch.drives()
    bases = {basis for _, basis in drives}
    if len(bases) != 1 or len(drives) != space.atoms:
        return None
    (basis,) = bases
    omegas, deltas = zip(*(drives[atom, basis] for atom in range(space.atoms)), strict=True)
    omega = omegas[0]
    if not all(other is omega or np.array_equal(other, omega) for other in omegas[1:]):
        return None
    lead = omega[np.arange(len(omega)), np.abs(omega).argmax(axis=1)]
    if np.any(np.abs((omega * lead[:, None].conj()).imag) > STEADY * max(1e-300, np.abs(lead).max() ** 2)):
        return None
    fixed, couplings = alone
    own = fixed[None] + space.strengths(found) @ couplings if found is not None else fixed[None]
    phase, (a, b) = -np.angle(lead), (space.target.levels.index(level) for level in DRIVEN[basis])
    rabi = (omega * np.exp(1j * phase)[:, None]).real
    strongest = own[np.abs(own.imag).max(axis=1).argmax()]
    return DecayingDrive(
        GlobalDrive(
            len(space.target.levels), space.atoms, a, b, stretch.times_us, rabi, phase, tuple(deltas), -strongest.imag
        ),
        own,
    )  # fmt: skip


@dataclass
class Trial:
    """A few decaying states under their drives, and what short steps make of them: one for each sample at the least."""

    states: State
    decaying: DecayingDrive
    edges: Index
    _short: Index = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    _wanted: State = field(default_factory=lambda: np.empty((0, 0), dtype=complex))

    def whole(self, counts: Index) -> Index:
        """Return how many steps that makes, where there are more than intervals and each of these is cut."""
        return grid.whole_parts(counts, self.edges, len(self.decaying.drive.dt_us))

    def error(self, counts: Index) -> float:
        """Return the largest distance of states after so many steps in each stretch from those after short ones."""
        sizes = np.diff(np.concatenate([[0], self.edges, [len(self.decaying.drive.dt_us)]]))
        short = self.whole(np.where(sizes >= 2 * counts, sizes, FINER * counts))
        if not np.array_equal(short, self._short):
            self._short, self._wanted = short, self._run(short)
        return float(np.linalg.norm(self._run(counts) - self._wanted, axis=1).max())

    def _run(self, counts: Index) -> State:
        steps = Grid.of(self.decaying.drive.dt_us, self.edges, counts)
        return DecayingSteps.of(self.decaying, steps).advance(self.states)


@dataclass
class StepCounts:
    """How many steps stretches needed, remembered from round to round."""

    known: dict[bytes, Index] = field(default_factory=dict)

    def steps(self, stretch: Stretch, decaying: DecayingDrive, states: State | None) -> DecayingSteps:
        """Return the steps of a stretch: searched for with some of the states it meets; without, as remembered."""
        key = f"{stretch.serial}:{stretch.target.atoms}:{stretch.share}:".encode() + np.asarray(stretch.cuts).tobytes()
        drive = decaying.drive
        edges = _edges(drive)
        known = self.known.get(key)
        if known is not None and len(known) != len(edges) + 1:
            known = None
        if states is None and known is None:
            states = _any_state(drive)
        if states is None:
            assert known is not None
            return DecayingSteps.of(decaying, Grid.of(drive.dt_us, edges, known))
        return DecayingSteps.of(decaying, self._searched(key, known, stretch.share, decaying, edges, states))

    def _searched(
        self, key: bytes, known: Index | None, share: float, decaying: DecayingDrive,
        edges: Index, states: State,
    ) -> Grid:  # fmt: skip
        drive, allowed = decaying.drive, SURE * share * TOLERANCE
        hardest = drive.extremes(states)[:TRIALS]
        trial = Trial(states[hardest], decaying.rows(hardest), edges)
        counts, found = known, np.empty(0, dtype=np.int64)
        if counts is None:
            longest_us = min(FIRST_ANGLE / max(drive.width, 1e-12), float(drive.dt_us.sum()) / FEWEST)
            counts = 2 * grid.halves(drive.dt_us, edges, longest_us)
        counts = trial.whole(counts)
        while True:
            error = trial.error(counts)
            more = float(np.clip(1.05 * (error / allowed) ** (1 / ORDER), 1 / 2, 2.0))
            changed = trial.whole(np.maximum(np.ceil(counts * more).astype(np.int64), LEAST_STEPS))
            if error >= allowed and not found.size:
                counts = trial.whole(np.maximum(changed, counts + 1))
                continue
            found = counts if error < allowed else found
            if error >= allowed / ROOM or changed.sum() > (1 - SAVED) * counts.sum():
                break
            counts = changed
        if len(self.known) >= KEPT_COUNTS:
            self.known.clear()
        self.known[key] = found
        return Grid.of(drive.dt_us, edges, found)


def _edges(drive: GlobalDrive) -> Index:
    """Return the intervals that begin with or after a hold, or with a jump or a kink of the drive."""
    if len(drive.dt_us) == 1:
        return np.empty(0, dtype=np.int64)
    return grid.edges(drive.dt_us, drive.rabi, *drive.distinct)


def _any_state(drive: GlobalDrive) -> State:
    """Return a state in which all basis states have a part."""
    rng = np.random.Generator(np.random.Philox(len(drive.energies)))
    made = rng.standard_normal((1, len(drive.energies))) + 1j * rng.standard_normal((1, len(drive.energies)))
    return np.asarray(made / np.linalg.norm(made))
