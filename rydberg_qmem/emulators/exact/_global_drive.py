"""One drive of steady phase on all atoms, and bounds on what it does to states."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.emulators.exact._grid import Grid
from rydberg_qmem.emulators.layout import State

Array = NDArray[np.float64]


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
