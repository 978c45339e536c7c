"""The one door for randomness: counter-based generators, one per point, cohort and stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem.execute.sharing import Index

COHORT = 1000
"""Shots in a cohort: the unit of work, of randomness and of ensemble feedback."""

MEASURING, PROGRAM = 0, 1

Array = NDArray[np.float64]


def generator(seed: int, point: int, cohort: int, stream: int) -> np.random.Generator:
    """Return the generator of one stream of one cohort: the same whoever runs it, and when."""
    sequence = np.random.SeedSequence(seed, spawn_key=(point, cohort, stream))
    return np.random.Generator(np.random.Philox(sequence))


@dataclass(frozen=True)
class Draws:
    """Numbers for the shots of some consecutive cohorts of one point."""

    seed: int
    point: int
    cohorts: tuple[int, ...]
    size: int

    def __post_init__(self) -> None:
        made = {
            stream: [generator(self.seed, self.point, cohort, stream) for cohort in self.cohorts]
            for stream in (MEASURING, PROGRAM)
        }
        object.__setattr__(self, "_generators", made)

    def uniform(self, shots: Index, stream: int) -> Array:
        """Draw one number in [0, 1) for every shot of the cohorts and return those of `shots`."""
        generators = self._generators[stream]  # type: ignore[attr-defined]  # set in __post_init__
        return np.concatenate([g.random(self.size) for g in generators])[shots]

    def normal(self, shots: Index, stream: int) -> Array:
        """Draw one standard normal number for every shot of the cohorts and return those of `shots`."""
        generators = self._generators[stream]  # type: ignore[attr-defined]  # set in __post_init__
        return np.concatenate([g.standard_normal(self.size) for g in generators])[shots]


@dataclass(frozen=True)
class RowSource:
    """The program's own random numbers, one for each row at hand."""

    draws: Draws
    shots: Index

    def uniform(self) -> Array:
        """Return one uniform number per row."""
        return self.draws.uniform(self.shots, PROGRAM)

    def normal(self) -> Array:
        """Return one standard normal number per row."""
        return self.draws.normal(self.shots, PROGRAM)
